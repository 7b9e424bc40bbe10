/* SPDX-License-Identifier: MIT */
/*
 * Descriptor tables. Each CPU has one page of GDT entries that sits at offset 0xe000 of whatever GDT is loaded: its
 * own before the first guest (GDTR.base is then the page minus 0xe000), the running vcpu's later. TSS and LDT
 * descriptors are the CPU's own. The IDT is shared and read-only. Ring-1 entries for 32-bit guests need a page of
 * their own layout and come with those guests.
 */
#include <machine/boot.h>
#include <machine/entry.h>
#include <machine/internal.h>
#include <machine/map.h>
#include <machine/msr.h>
#include <x86/regs.h>

struct tss {
    u32 reserved0;
    u64 rsp[3], reserved1, ist[7], reserved2;
    u16 reserved3, io_bitmap;           /* beyond the limit: no port is allowed in ring 3 */
} packed aligned(128);

struct gate {
    u16 offset_low, selector;
    u8 ist, type;
    u16 offset_mid;
    u32 offset_high, reserved;
};

struct table_pointer {
    u16 limit;
    u64 base;
} packed;

#define GATE_INTERRUPT 0x8e             /* present, DPL 0, 64-bit interrupt gate */
#define GATE_DPL3      0x60
#define DESC_CODE64    0x00af9b000000ffffUL
#define DESC_CODE32    0x00cf9b000000ffffUL
#define DESC_DATA      0x00cf93000000ffffUL
#define DESC_DPL3      (3UL << 45)
#define TYPE_LDT       0x82
#define TYPE_TSS       0x89

static struct gate idt[256] ro_after_init;
static struct tss tss[NR_CPUS];
static u64 gdt_boot_page[PTES_PER_PAGE] aligned(4096);
static mfn_t gdt_pages[NR_CPUS];

mfn_t cpu_gdt_page(unsigned cpu)
{
    return gdt_pages[cpu];
}

static u64 *gdt_entry(unsigned cpu, unsigned selector)
{
    return (u64 *)((u8 *)frame_map(gdt_pages[cpu]) + ((selector & ~7u) - GDT_RESERVED));
}

static void set_system_desc(u64 *entry, u64 base, u64 limit, u64 type)
{
    entry[1] = base >> 32;
    WRITE_ONCE(entry[0], (limit & 0xffff) | ((base & 0xffffff) << 16) | (type << 40) | ((limit >> 16 & 15) << 48) |
                             ((base >> 24 & 0xff) << 56));
}

void cpu_load_gdt(u64 base, u16 limit_bytes)
{
    struct table_pointer p = { limit_bytes, base };

    __asm__ volatile("lgdt %0" ::"m"(p));
}

void cpu_load_ldt(u64 base, unsigned entries)
{
    u16 selector = 0;

    if (entries) {
        set_system_desc(gdt_entry(cpu_id(), SEL_LDT), base, entries * 8UL - 1, TYPE_LDT);
        selector = SEL_LDT;
    }
    __asm__ volatile("lldt %0" ::"r"(selector) : "memory");
}

static void build_idt(void)
{
    static const struct { u8 vector, ist; } own_stack[] = {
        { X86_DF, IST_DF }, { X86_NMI, IST_NMI }, { X86_MC, IST_MC }, { X86_DB, IST_DB },
    };

    for (unsigned v = 0; v < 256; v++) {
        u64 to = idt_entry_points[v];

        idt[v] = (struct gate){ .offset_low = (u16)to, .offset_mid = (u16)(to >> 16), .offset_high = (u32)(to >> 32),
                                .selector = SEL_HV_CS, .type = GATE_INTERRUPT };
    }
    idt[X86_BP].type |= GATE_DPL3;
    idt[X86_OF].type |= GATE_DPL3;
    for (unsigned i = 0; i < ARRAY_SIZE(own_stack); i++)
        idt[own_stack[i].vector].ist = own_stack[i].ist;
}

static void build_tables(unsigned cpu)
{
    struct tss *t = &tss[cpu];

    *gdt_entry(cpu, SEL_HV_CS) = DESC_CODE64;
    *gdt_entry(cpu, SEL_HV_DS) = DESC_DATA;
    *gdt_entry(cpu, SEL_GUEST_CS32) = DESC_CODE32 | DESC_DPL3;
    *gdt_entry(cpu, SEL_GUEST_DS) = DESC_DATA | DESC_DPL3;
    *gdt_entry(cpu, SEL_GUEST_CS64) = DESC_CODE64 | DESC_DPL3;
    set_system_desc(gdt_entry(cpu, SEL_TSS), (u64)t, offsetof(struct tss, io_bitmap) + 1, TYPE_TSS);
    t->rsp[0] = (u64)(&cpu_info_at(cpu)->guest_regs + 1);
    for (unsigned ist = 1; ist < ARRAY_SIZE(ist_stacks); ist++)
        t->ist[ist - 1] = cpu_block(cpu) + (u64)(ist_stacks[ist].first + ist_stacks[ist].pages) * PAGE_SIZE;
    t->io_bitmap = sizeof(*t);
}

void desc_init_cpu(unsigned cpu)
{
    struct table_pointer idt_pointer = { sizeof(idt) - 1, (u64)idt };

    cpu_load_gdt((u64)frame_map(gdt_pages[cpu]) - GDT_RESERVED, GDT_LIMIT);
    __asm__ volatile("pushq %0\n\t"
                     "lea 1f(%%rip), %%rax\n\t"
                     "push %%rax\n\t"
                     "lretq\n"
                     "1:\tmov %k1, %%ss" ::"i"(SEL_HV_CS), "r"(0) : "rax", "memory");
    __asm__ volatile("lidt %0" ::"m"(idt_pointer));
    __asm__ volatile("ltr %w0" ::"r"(SEL_TSS));
    cpu_load_ldt(0, 0);
}

void desc_init_syscall(void)
{
    unsigned cpu = cpu_id();
    u64 rsp0 = tss[cpu].rsp[0];

    entry_stacks[cpu].stack = rsp0;
    wrmsr(MSR_STAR, (u64)SEL_SYSRET << 48 | (u64)SEL_HV_CS << 32);
    wrmsr(MSR_LSTAR, (u64)&syscall_stubs[cpu * SYSCALL_STUB_SIZE]);
    wrmsr(MSR_CSTAR, (u64)&syscall32_stubs[cpu * SYSCALL_STUB_SIZE]);
    wrmsr(MSR_FMASK, X86_RFLAGS_IF | X86_RFLAGS_TF | X86_RFLAGS_DF | X86_RFLAGS_NT | X86_RFLAGS_AC | X86_RFLAGS_RF |
                         X86_RFLAGS_IOPL | X86_RFLAGS_VM);
    if (!cpu_features.sysenter)
        return;
    wrmsr(MSR_SYSENTER_CS, SEL_HV_CS);
    wrmsr(MSR_SYSENTER_ESP, rsp0);
    wrmsr(MSR_SYSENTER_EIP, (u64)sysenter_entry);
}

void desc_prepare_cpu(unsigned cpu)
{
    gdt_pages[cpu] = boot_alloc_pages(1, 1, 0);
    build_tables(cpu);
}

void desc_init_boot(void)
{
    gdt_pages[0] = maddr_to_mfn(image_to_maddr(gdt_boot_page));
    build_idt();
    build_tables(0);
    desc_init_cpu(0);
}
