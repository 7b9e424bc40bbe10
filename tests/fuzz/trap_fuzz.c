/* SPDX-License-Identifier: MIT */
/*
 * Bytes as code that traps: instructions and registers of a paravirtual guest's kernel or user mode, with the exception
 * that the CPU would raise, IRET frames, and writes to page tables by instructions. Whatever the guest does, it goes on as
 * ring 3 with interrupts on, without a breakpoint in the hypervisor, and nothing that the audit counts is wrong.
 *
 * The first byte: bit 0 the guest (domain 0, or domain 5), bit 1 writable page tables, bits 7:2 an allocation that fails.
 */
#include "fuzz_guest.h"

#include <pv/traps.h>
#include <x86/cr.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX   64
#define STEPS_AUDIT 16
#define CODE_PAGE   (WINDOW + 20 * PAGE_SIZE)   /* writable from the start */
#define HANDLER     (WINDOW + 21 * PAGE_SIZE)
#define STACK       (WINDOW + 40 * PAGE_SIZE)
#define FLAGS_FREE  (X86_RFLAGS_CF | X86_RFLAGS_PF | X86_RFLAGS_AF | X86_RFLAGS_ZF | X86_RFLAGS_SF | X86_RFLAGS_OF |   \
                     X86_RFLAGS_DF | X86_RFLAGS_TF | X86_RFLAGS_RF | X86_RFLAGS_NT | X86_RFLAGS_AC | X86_RFLAGS_ID)

static const u16 code_selectors[] = { SEL_GUEST_CS64, SEL_GUEST_CS64, SEL_GUEST_CS32, 0x0f, 0x13 };

static u64 take_value(struct input *in)
{
    switch (take(in, 1) % 7) {
    case 0: return take(in, 1);
    case 1: return take(in, 4);
    case 2: return take(in, 8);
    case 3: return HOLE_START + take(in, 2);
    case 4: return take_entry(in);
    default: return take_va(in);
    }
}

static void load_registers(struct input *in, struct regs *r)
{
    u64 *const some[] = { &r->rax, &r->rbx, &r->rcx, &r->rdx, &r->rsi, &r->rdi, &r->rbp, &r->r8 };
    unsigned which = (unsigned)take(in, 1);

    for (unsigned i = 0; i < ARRAY_SIZE(some); i++)
        if (which >> i & 1)
            *some[i] = take_value(in);
}

/* A trap frame as entry.S leaves it: what a CPU in ring 3 can have. */
static void enter(struct input *in, unsigned vector)
{
    struct regs *r = guest_regs();
    u64 rip = CODE_PAGE + take(in, 1) * 16;
    u8 code[16];

    for (unsigned i = 0; i < sizeof(code); i++)
        code[i] = (u8)take(in, 1);
    if (g->v->pv.in_kernel)
        (void)guest_poke(rip, code, sizeof(code));
    load_registers(in, r);
    r->rip = rip;
    r->cs = code_selectors[take(in, 1) % ARRAY_SIZE(code_selectors)];
    r->ss = SEL_GUEST_DS;
    r->rsp = STACK;
    r->rflags = (take(in, 3) & FLAGS_FREE) | X86_RFLAGS_IF | X86_RFLAGS_MBS;
    r->vector = vector;
    r->error_code = BIT(vector) & X86_ERROR_CODE_VECTORS ? (u32)take(in, 1) : 0;
}

static void trap(struct input *in)
{
    static const u8 vectors[] = { X86_GP, X86_GP, X86_GP, X86_GP, X86_UD, X86_NM, X86_DB, X86_BP, X86_DE, X86_SS, X86_AC };

    enter(in, vectors[take(in, 1) % ARRAY_SIZE(vectors)]);
    entry_trap(guest_regs());
}

/* What faults is mostly what the instruction may mean by its operand. */
static void page_fault(struct input *in)
{
    struct regs *r = guest_regs();
    unsigned how = (unsigned)take(in, 1);

    enter(in, X86_PF);
    fake_cpus[g->cpu].cr2 = how & 1 ? r->rdi : how & 2 ? r->rbx : how & 4 ? take_value(in) : r->rax;
    r->error_code = how & 0x80 ? r->error_code & 0x1f : PFEC_PRESENT | PFEC_WRITE | PFEC_USER;
    entry_trap(r);
}

static void iret(struct input *in)
{
    u64 frame[9];
    struct regs *r = guest_regs();

    for (unsigned i = 0; i < ARRAY_SIZE(frame); i++)
        frame[i] = take_value(in);
    *r = (struct regs){ .rax = __HYPERVISOR_iret, .rip = CODE, .cs = SEL_GUEST_CS64, .ss = SEL_GUEST_DS, .rsp = STACK - 512,
                        .rflags = X86_RFLAGS_IF | X86_RFLAGS_MBS, .vector = REGS_SYSCALL };
    if (g->v->pv.in_kernel)
        (void)guest_poke(r->rsp, frame, sizeof(frame));
    entry_syscall(r);
}

/* The other instructions that enter, and segments, tables and breakpoints by hypercall. */
static void prepare(struct input *in)
{
    struct regs *r = guest_regs();
    unsigned which = (unsigned)take(in, 1);

    switch (which % 6) {
    case 0: entry_syscall32(r); break;
    case 1: entry_sysenter(r); break;
    case 2: if (!g->v->pv.in_kernel) entry_syscall(r); break;
    case 3: FUZZ_CALL(__HYPERVISOR_set_debugreg, take(in, 1) % 9, take_value(in)); break;
    case 4: FUZZ_CALL(__HYPERVISOR_set_segment_base, take(in, 1) % 5, take_value(in)); break;
    default:
        g->v->pv.traps[take(in, 1)] = (struct pv_trap){ .addr = which & 0x80 ? 0 : HANDLER, .cs = SEL_GUEST_CS64,
                                                        .dpl = which >> 5 & 3, .mask = which & 8 };
    }
}

static void update_mapping(struct input *in)
{
    u64 va = take_va(in), entry = take_entry(in);

    if (g->v->pv.in_kernel)
        (void)FUZZ_CALL(__HYPERVISOR_update_va_mapping, va, entry, UVMF_INVLPG | UVMF_ALL);
}

/* What the hypervisor leaves in the CPU for the guest. */
static void guest_is_confined(void)
{
    const struct fake_cpu *cpu = &fake_cpus[g->cpu];
    const struct regs *r = guest_regs();
    bool sysret;

    if (is_over(g))
        return;
    sysret = exit_path(guest_regs());
    if (is_over(g))
        return;
    require(!sysret || (va_is_canonical(r->rip) && r->rip == r->rcx && r->rflags == r->r11));
    require((r->cs & 3) == 3 && (r->ss & 3) == 3);
    require(r->rflags & X86_RFLAGS_IF);
    require(!(r->rflags & (X86_RFLAGS_IOPL | X86_RFLAGS_VM | X86_RFLAGS_VIF | X86_RFLAGS_VIP)));
    for (unsigned i = 0; i < 4; i++) {
        require(!va_in_hole(cpu->dr[i]) || !(cpu->dr[7] >> 2 * i & 3));
        require(!(cpu->dr[7] >> 2 * i & 3) || (cpu->dr[7] >> (16 + 4 * i) & 3) != X86_DR7_IO);
    }
    require(!(cpu->dr[7] & X86_DR7_GD));
    require(va_is_canonical(read_fs_base()) && va_is_canonical(read_gs_base()) && va_is_canonical(read_gs_shadow()));
    require(cpu->info.cr3 >> PAGE_SHIFT == (g->v->pv.in_kernel ? g->v->pv.root_kernel : g->v->pv.root_user).n);
}

static void run(struct input *in)
{
    for (unsigned i = 0; i < STEPS_MAX && in->p < in->end && !is_over(g); i++) {
        switch (take(in, 1) % 8) {
        case 0: case 1: case 2: trap(in); break;
        case 3: case 4: page_fault(in); break;
        case 5: iret(in); break;
        case 6: update_mapping(in); break;
        default: prepare(in); break;
        }
        require(lock_none_held());
        guest_is_confined();
        if (i % STEPS_AUDIT == STEPS_AUDIT - 1)
            fuzz_audit();
    }
}

static void kernel_ready(bool writable_tables)
{
    mfn_t user = populate(0);
    struct pv_vcpu *pv = &g->v->pv;

    memcpy(frame_map(user), frame_map(g->l4), PAGE_SIZE);
    memset((u64 *)frame_map(user) + HOLE_FIRST_SLOT, 0, 16 * sizeof(u64));
    require(pv_set_user_root(g->v, user) == 0);
    for (unsigned i = 0; i < ARRAY_SIZE(pv->traps); i++)
        pv->traps[i] = (struct pv_trap){ .addr = HANDLER + i, .cs = SEL_GUEST_CS64, .dpl = i & 3, .mask = i & 4 };
    pv->failsafe = pv->syscall = pv->sysenter = (struct pv_callback){ HANDLER, true };
    pv->kernel_sp = STACK;
    pv->kernel_ss = SEL_GUEST_DS;
    g->d->pv.writable_pagetables = writable_tables;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = { data, data + size };
    unsigned how;

    if (size < 2)
        return 0;
    how = (unsigned)take(&in, 1);
    fuzz_start();
    as(how & 1 ? &g5 : &g0);
    kernel_ready(how & 2);
    fuzz_fail_alloc(how >> 2);
    fuzz_run(run, &in);
    return 0;
}
