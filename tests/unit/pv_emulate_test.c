/* SPDX-License-Identifier: MIT */
/* #GP and #UD of a paravirtual guest: fetching, privileged instructions, ports, INT n, single steps, 32-bit code. */
#include "pv_fixture.h"

#include <lib/errno.h>
#include <pv/cpu_policy.h>
#include <pv/emulate.h>
#include <pv/ioport.h>
#include <pv/privop.h>
#include <x86/desc.h>

static struct regs regs;
static struct pv_event event;

static int setup(void **state)
{
    (void)state;
    pv_fixture_start();
    fake_cpuid_set(1, 0, (struct cpuid_regs){ .c = BIT(26) });
    fake_cpuid_set(7, 0, (struct cpuid_regs){ .b = BIT(0) });
    return 0;
}

/* Puts the bytes into the guest and takes a #GP there. */
static enum emul_result gp_bytes(const void *bytes, size_t n, u32 error_code)
{
    memcpy(guest_pages, bytes, n);
    regs.rip = (u64)guest_pages;
    regs.cs = regs.cs ? regs.cs : FLAT_RING3_CS64;
    regs.rflags |= 0x202;
    regs.error_code = error_code;
    return pv_emulate_gp(v, &regs, &event);
}
#define GP(bytes) gp_bytes(bytes, sizeof(bytes) - 1, 0)
#define NEW_REGS(...) (regs = (struct regs){ __VA_ARGS__ })
/* Emulated, and RIP is behind it. */
#define assert_done(bytes)                                                    \
    do {                                                                      \
        assert_int_equal(GP(bytes), EMUL_DONE);                               \
        assert_int_equal(regs.rip - (u64)guest_pages, sizeof(bytes) - 1);     \
    } while (0)
#define assert_refused(bytes)                                                 \
    do {                                                                      \
        struct regs before_ = (GP(bytes), regs);                              \
        assert_int_equal(GP(bytes), EMUL_REFUSED);                            \
        assert_memory_equal(&before_, &regs, sizeof(regs));                   \
        assert_int_equal(regs.rip, (u64)guest_pages);                         \
    } while (0)

static void control_registers(void **state)
{
    (void)state;
    NEW_REGS(0);
    write_cr0(0x80050033);
    v->pv.cr0_ts = X86_CR0_TS;
    assert_done("\x0f\x20\xc0");                                /* mov %cr0, %rax */
    assert_int_equal(regs.rax, 0x8005003b);
    assert_done("\x0f\x06");                                    /* clts */
    assert_int_equal(v->pv.cr0_ts, 0);
    assert_false(read_cr0() & X86_CR0_TS);
    assert_done("\x0f\x22\xc0");                                /* mov %rax, %cr0: TS again */
    assert_true(v->pv.cr0_ts && read_cr0() & X86_CR0_TS);
    regs.rax ^= BIT(16);
    assert_refused("\x0f\x22\xc0");
    regs.rcx = 0x3;                                             /* PE, MP as they are, TS off */
    assert_done("\x0f\x01\xf1");                                /* lmsw %cx */
    assert_int_equal(v->pv.cr0_ts, 0);
    regs.rcx = 0x7;
    assert_refused("\x0f\x01\xf1");

    v->pv.cr2 = 0x1234;
    assert_done("\x41\x0f\x20\xd1");                            /* mov %cr2, %r9 */
    assert_int_equal(regs.r9, 0x1234);
    regs.r9 = 0x5678;
    assert_done("\x41\x0f\x22\xd1");
    assert_int_equal(v->pv.cr2, 0x5678);
    v->pv.root_kernel = mfn(0x77);
    assert_done("\x0f\x20\xd8");                                /* mov %cr3, %rax */
    assert_int_equal(regs.rax, 0x77000);
    assert_refused("\x0f\x22\xd8");
    assert_refused("\x44\x0f\x20\xc0");                         /* cr8 */
    assert_refused("\x44\x0f\x22\xc0");
}

static void cr4(void **state)
{
    (void)state;
    NEW_REGS(0);
    v->domain->pv.cpu.r[cpu_policy_slot(1, 0)].c = 1u << 26;        /* XSAVE */
    v->domain->pv.cpu.r[cpu_policy_slot(7, 0)].b = 1;               /* FSGSBASE */
    v->domain->pv.cpu.r[cpu_policy_slot(0, 0)].a = 0xd;
    write_cr4(X86_CR4_PAE | BIT(7) | X86_CR4_OSXSAVE | BIT(20));
    assert_done("\x0f\x20\xe0");
    assert_int_equal(regs.rax, X86_CR4_PAE);
    regs.rax = ~0UL;
    assert_done("\x0f\x22\xe0");
    assert_int_equal(v->pv.cr4, PV_CR4_GUEST);
    assert_int_equal(read_cr4(), X86_CR4_PAE | BIT(7) | X86_CR4_OSXSAVE | BIT(20) | PV_CR4_LOADED);
    assert_done("\x0f\x20\xe0");
    assert_int_equal(regs.rax, X86_CR4_PAE | PV_CR4_GUEST);
    memset(&v->domain->pv.cpu, 0, sizeof(v->domain->pv.cpu));
    assert_int_equal(pv_cr4_sanitise(v, ~0UL), X86_CR4_TSD | X86_CR4_DE);
}

static void debug_registers(void **state)
{
    u64 value;

    (void)state;
    NEW_REGS(.rdi = 0x401000);
    assert_done("\x0f\x23\xc7");                                /* mov %rdi, %db0 */
    assert_int_equal(fake_cpus[0].dr[0], 0x401000);
    assert_done("\x0f\x21\xc6");                                /* mov %db0, %rsi */
    assert_int_equal(regs.rsi, 0x401000);
    regs.rdi = HOLE_START;
    assert_refused("\x0f\x23\xc7");
    assert_int_equal(pv_debugreg_set(v, 1, HOLE_START - 1), -EPERM);    /* not canonical */
    assert_int_equal(pv_debugreg_set(v, 2, HOLE_END), 0);
    assert_int_equal(pv_debugreg_set(v, 3, HOLE_END - 8), -EPERM);
    assert_int_equal(pv_debugreg_set(v, 8, 0), -ENODEV);
    assert_int_equal(pv_debugreg_get(v, 9, &value), -ENODEV);
    regs.rdi = BIT(13) | BIT(14) | BIT(15) | BIT(12) | 1;       /* general detect off, reserved bits off */
    assert_done("\x0f\x23\xff");
    assert_int_equal(v->pv.dr7, X86_DR7_FIXED | 1);
    assert_int_equal(fake_cpus[0].dr[7], X86_DR7_FIXED | 1);
    assert_int_equal(pv_debugreg_set(v, 6, 0xf), 0);
    assert_int_equal(pv_debugreg_get(v, 4, &value), 0);         /* DR4 is DR6 */
    assert_int_equal(value, X86_DR6_FIXED | 0xf);
    assert_int_equal(pv_debugreg_set(v, 5, BIT(32)), -EINVAL);

    assert_int_equal(pv_debugreg_set(v, 7, 1 | 2 << 16), -EPERM);       /* a port, without CR4.DE */
    v->pv.cr4 = X86_CR4_DE;
    assert_int_equal(pv_debugreg_set(v, 7, 5 | 2 << 16), 0);
    assert_int_equal(pv_debugreg_get(v, 7, &value), 0);
    assert_int_equal(value, X86_DR7_FIXED | 5 | 2 << 16);
    assert_int_equal(fake_cpus[0].dr[7], X86_DR7_FIXED | 4 | 2 << 16);  /* never in the CPU */
    assert_int_equal(pv_debugreg_set(v, 4, 0), -ENODEV);
    assert_refused("\x0f\x21\xe0");                             /* mov %db4, %rax */

    cpu_info()->current = NULL;                                 /* of a vcpu that is not loaded */
    assert_int_equal(pv_debugreg_set(v, 0, 0x1000), 0);
    assert_int_equal(fake_cpus[0].dr[0], 0x401000);
    assert_int_equal(v->pv.dr[0], 0x1000);
}

static void msrs_time_caches(void **state)
{
    (void)state;
    NEW_REGS(.rcx = MSR_GS_BASE, .rax = 0x12345678 | BIT(40), .rdx = 0xffff8880);
    assert_done("\x0f\x30");                                    /* the first instruction of Linux */
    assert_int_equal(read_gs_base(), 0xffff888012345678);
    assert_done("\x0f\x32");
    assert_true(regs.rax == 0x12345678 && regs.rdx == 0xffff8880);
    regs.rdx = 0x8000;
    assert_refused("\x0f\x30");                                 /* not canonical */
    regs.rcx = 0x12345;
    v->pv.traps[X86_GP].addr = 1;
    assert_refused("\x0f\x32");

    assert_done("\x0f\x09");
    assert_int_equal(fake_cpus[0].cache_flushes, 1);
    dom.rights = 0;
    assert_done("\x0f\x09");
    assert_int_equal(fake_cpus[0].cache_flushes, 1);
    v->pv.tsc_aux = 5;
    assert_done("\x0f\x01\xf9");
    assert_int_equal(regs.rcx, 5);
    assert_done("\x0f\x31");
    v->pv.in_kernel = false;
    assert_refused("\x0f\x31");
    assert_refused("\x0f\x09");
}

static void xstates_are(u32 mask) { v->domain->pv.cpu.r[cpu_policy_slot(0xd, 0)].a = mask; }

static void xsetbv(void **state)
{
    static const struct { u64 mask, value; bool ok; } cases[] = {
        { 7, 7, true }, { 7, 1, true }, { 7, 3, true }, { 7, 5, false }, { 7, 6, false }, { 7, 0xf, false },
        { 0xff, 0xe7, true }, { 0xff, 0xe3, false }, { 0xff, 0x67, false }, { 0xff, 0x1f, true }, { 0xff, 0xf, false },
    };

    (void)state;
    xstates_are(7);
    NEW_REGS(.rax = 7);
    assert_refused("\x0f\x01\xd1");                             /* OSXSAVE is off */
    v->pv.cr4 = X86_CR4_OSXSAVE;
    assert_done("\x0f\x01\xd1");
    assert_true(v->pv.xcr0 == 7 && fake_cpus[0].xcr0 == 7);
    regs.rcx = 1;
    assert_refused("\x0f\x01\xd1");
    regs.rcx = 0;
    regs.rax = 0;
    assert_refused("\x0f\x01\xd1");
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        xstates_are(cases[i].mask);
        assert_int_equal(pv_xcr0_ok(v, cases[i].value), cases[i].ok);
    }
}

static void software_interrupts(void **state)
{
    (void)state;
    NEW_REGS(0);
    v->pv.traps[0x80] = (struct pv_trap){ .addr = 0x1000, .dpl = 3 };
    v->pv.traps[0x81] = (struct pv_trap){ .addr = 0x1000, .dpl = 1 };
    v->pv.in_kernel = false;
    assert_int_equal(gp_bytes("\xcd\x80", 2, 0x80 * 8 + 2), EMUL_SOFT_INT);
    assert_int_equal(event.vector, 0x80);
    assert_int_equal(regs.rip, (u64)guest_pages + 2);
    assert_int_equal(gp_bytes("\xcd\x80", 2, 0x80 * 16 + 2), EMUL_SOFT_INT);    /* QEMU before 8.0 */
    assert_int_equal(event.vector, 0x80);
    assert_int_equal(gp_bytes("\xcd\x81", 2, 0x81 * 16 + 2), EMUL_REFUSED);
    assert_int_equal(regs.error_code, 0x81 * 8 + 2);
    assert_int_equal(regs.rip, (u64)guest_pages);
    v->pv.in_kernel = true;
    assert_int_equal(gp_bytes("\xcd\x81", 2, 0x81 * 8 + 2), EMUL_SOFT_INT);
    assert_int_equal(gp_bytes("\xcd\x82", 2, 0x82 * 8 + 2), EMUL_REFUSED);      /* no handler */
    v->pv.traps[3].dpl = 3;
    assert_int_equal(gp_bytes("\xcc", 1, 3 * 8 + 2), EMUL_SOFT_INT);
    assert_int_equal(event.vector, 3);
    assert_int_equal(gp_bytes("\xcd\x80", 2, 0), EMUL_REFUSED);         /* some other reason for the #GP */
    assert_int_equal(gp_bytes("\x0f\x06", 2, 0x40 * 8 + 2), EMUL_REFUSED);
    assert_int_equal(gp_bytes("\x0f\x06", 2, 0x33), EMUL_REFUSED);      /* EXT */
    assert_int_equal(gp_bytes("\x0f\x06", 2, 0x30), EMUL_REFUSED);      /* a selector */
}

static void user_mode_and_fetch(void **state)
{
    u64 last;

    (void)state;
    NEW_REGS(0);
    v->pv.in_kernel = false;
    assert_refused("\x0f\x06");
    assert_refused("\x0f\x32");
    assert_refused("\x90");
    assert_refused("\x89\x00");                                 /* a page-table write is not for here */
    v->pv.in_kernel = true;
    NEW_REGS(.rip = 0x800000000000, .cs = FLAT_RING3_CS64);
    assert_int_equal(pv_emulate_gp(v, &regs, &event), EMUL_REFUSED);
    regs.rip = HOLE_START;
    assert_int_equal(pv_emulate_gp(v, &regs, &event), EMUL_REFUSED);

    /* The last bytes of a page whose successor is not there. */
    last = (u64)guest_pages + PAGE_SIZE - 1;
    fake_fault_range(last + 1, last + PAGE_SIZE);
    memcpy((void *)(last - 1), "\x0f\x06", 2);
    regs.rip = last - 1;
    assert_int_equal(pv_emulate_gp(v, &regs, &event), EMUL_DONE);
    assert_int_equal(regs.rip, last + 1);
    *(u8 *)last = 0x0f;
    regs.rip = last;
    assert_int_equal(pv_emulate_gp(v, &regs, &event), EMUL_DONE);       /* cut: the CPU shall fetch it again */
    assert_int_equal(regs.rip, last);
    fake_fault_range(last, last + PAGE_SIZE);
    assert_int_equal(pv_emulate_gp(v, &regs, &event), EMUL_DONE);
    assert_int_equal(regs.rip, last);
    fake_fault_range(1, 0);
}

static void single_step(void **state)
{
    (void)state;
    NEW_REGS(.rflags = X86_RFLAGS_TF | X86_RFLAGS_RF);
    assert_int_equal(GP("\x0f\x06"), EMUL_EXCEPTION);
    assert_int_equal(event.vector, X86_DB);
    assert_int_equal(regs.rip, (u64)guest_pages + 2);
    assert_int_equal(v->pv.dr6, X86_DR6_FIXED | X86_DR6_BS);
    assert_false(regs.rflags & X86_RFLAGS_RF);
}

static void forced_cpuid(void **state)
{
    static const char code[] = "\x0f\x0bxen\x0f\xa2";

    (void)state;
    memcpy(guest_pages, code, sizeof(code));
    regs = regs_at(guest_pages);
    regs.rax = 0xffffffff40000000;
    assert_int_equal(pv_emulate_ud(v, &regs, &event), EMUL_DONE);
    assert_int_equal(regs.rip, (u64)guest_pages + 7);
    assert_true(regs.rax == 0x40000005 && regs.rbx == 0x566e6558 && regs.rcx == 0x65584d4d && regs.rdx == 0x4d4d566e);
    assert_int_equal(pv_emulate_ud(v, &regs, &event), EMUL_REFUSED);
    guest_pages[4] = 'm';
    regs.rip = (u64)guest_pages;
    assert_int_equal(pv_emulate_ud(v, &regs, &event), EMUL_REFUSED);
    fake_fault_range((u64)guest_pages, (u64)guest_pages);
    assert_int_equal(pv_emulate_ud(v, &regs, &event), EMUL_REFUSED);
    fake_fault_range(1, 0);
}

/* ---- ports ---- */

static struct { u16 port; unsigned bytes; u32 value; unsigned reads, writes; } seen;

static u32 note_read(void *ctx, u16 port, unsigned bytes)
{
    (void)ctx;
    seen.port = port;
    seen.bytes = bytes;
    return 0xa0b0c000 + seen.reads++;
}

static void note_write(void *ctx, u16 port, unsigned bytes, u32 value)
{
    (void)ctx;
    seen.port = port;
    seen.bytes = bytes;
    seen.value = value;
    seen.writes++;
}

static void own_ports(u16 first, u16 last)
{
    static const struct fake_port_ops ops = { note_read, note_write };

    memset(&seen, 0, sizeof(seen));
    v->pv.iopl = 1;
    fake_port_hook(first, last, &ops, NULL);
    assert_int_equal(rangeset_add(&dom.mm.ioports, first, last), 0);
}

static void in_out(void **state)
{
    (void)state;
    own_ports(0x3f8, 0x3ff);
    NEW_REGS(.rdx = 0x3f8, .rax = 0x1111111122222233);
    assert_done("\xec");                                        /* in %dx, %al */
    assert_int_equal(regs.rax, 0x1111111122222200);
    assert_done("\xed");                                        /* in %dx, %eax */
    assert_int_equal(regs.rax, 0xa0b0c001);
    assert_done("\x66\xef");                                    /* out %ax, %dx */
    assert_true(seen.port == 0x3f8 && seen.bytes == 2 && seen.value == 0xc001);
    assert_done("\xe6\x80");                                    /* nobody's */
    assert_int_equal(seen.writes, 1);
    assert_done("\xe5\x80");
    assert_int_equal(regs.rax, 0xffffffff);
    regs.rdx = 0x3ff;                                           /* half ours: byte by byte */
    assert_done("\x66\xed");
    assert_int_equal(regs.rax & 0xffff, 0xff02);
    regs.rax = 0x1234;
    assert_done("\x66\xef");
    assert_true(seen.port == 0x3ff && seen.bytes == 1 && seen.value == 0x34);
}

static void privilege(void **state)
{
    u8 *bitmap = guest_pages + PAGE_SIZE;

    (void)state;
    own_ports(0x3f8, 0x3ff);
    NEW_REGS(.rdx = 0x3f8);
    v->pv.iopl = 0;
    assert_refused("\xec");
    assert_refused("\xee");
    assert_refused("\x6c");
    assert_refused("\xfa");
    dom.pv.vm_assist = BIT(VMASST_TYPE_architectural_iopl);
    assert_done("\xec");
    dom.pv.vm_assist = 0;
    v->pv.iopl = 1;
    assert_done("\xfa");                                        /* cli, sti: allowed and without effect */
    assert_done("\xfb");
    v->pv.in_kernel = false;
    assert_refused("\xec");
    assert_refused("\xfb");
    v->pv.iopl = 3;
    assert_done("\xec");
    v->pv.iopl = 1;

    /* The bitmap, read through the kernel's address space. */
    v->pv.root_kernel = mfn(10);
    v->pv.root_user = mfn(11);
    v->pv.iobmp = guest_ptr((u64)bitmap);
    v->pv.iobmp_ports = 0x400;
    memset(bitmap, 0xff, 128);
    assert_false(ioport_allowed(v, 0x3f8, 1));
    bitmap[0x3f8 / 8] = 0x0f;
    assert_true(ioport_allowed(v, 0x3fc, 4));
    assert_false(ioport_allowed(v, 0x3fb, 2));
    assert_false(ioport_allowed(v, 0x3ff, 2));                  /* beyond the bitmap */
    bitmap[0x2ff / 8] = 0x7f;
    bitmap[0x300 / 8] = 0xfe;
    assert_true(ioport_allowed(v, 0x2ff, 2));
    assert_false(ioport_allowed(v, 0x2ff, 4));
    assert_int_equal(cpu_info()->cr3, mfn_to_maddr(v->pv.root_user).a);
    fake_fault_range((u64)bitmap, (u64)bitmap + 127);
    assert_false(ioport_allowed(v, 0x3fc, 4));
    fake_fault_range(1, 0);
}

static void strings(void **state)
{
    u16 *buf = (u16 *)(guest_pages + PAGE_SIZE);

    (void)state;
    own_ports(0x1f0, 0x1f7);
    NEW_REGS(.rdx = 0x1f0, .rdi = (u64)buf, .rcx = 300);
    assert_int_equal(GP("\x66\xf3\x6d"), EMUL_DONE);            /* rep insw: in batches of 256 */
    assert_true(regs.rcx == 44 && regs.rdi == (u64)(buf + 256) && regs.rip == (u64)guest_pages);
    assert_int_equal(buf[255], 0xc0ff);
    assert_done("\x66\xf3\x6d");
    assert_true(regs.rcx == 0 && seen.reads == 300);
    assert_done("\x66\xf3\x6d");                                /* nothing left to do */
    assert_int_equal(seen.reads, 300);

    regs.rsi = (u64)buf + 4;
    regs.rflags |= X86_RFLAGS_DF;
    buf[2] = 0x55aa;
    assert_done("\x66\x6f");                                    /* outsw, downwards */
    assert_true(seen.value == 0x55aa && regs.rsi == (u64)buf + 2);

    regs.rflags = X86_RFLAGS_TF;
    regs.rcx = 3;
    assert_int_equal(GP("\xf3\x6e"), EMUL_EXCEPTION);           /* a trap after each element */
    assert_true(event.vector == X86_DB && regs.rcx == 2 && regs.rip == (u64)guest_pages);
}

static void string_faults(void **state)
{
    u8 *edge = guest_pages + 2 * PAGE_SIZE;

    (void)state;
    own_ports(0x1f0, 0x1f7);
    fake_fault_range((u64)edge, (u64)edge + PAGE_SIZE - 1);
    NEW_REGS(.rdx = 0x1f0, .rdi = (u64)edge - 6, .rcx = 4);
    assert_int_equal(GP("\xf3\x6d"), EMUL_EXCEPTION);           /* the second one crosses into the missing page */
    assert_true(event.vector == X86_PF && event.cr2 == (u64)edge && event.error_code == PFEC_WRITE);
    assert_true(regs.rcx == 3 && regs.rdi == (u64)edge - 2 && regs.rip == (u64)guest_pages);
    v->pv.in_kernel = false;
    v->pv.iopl = 3;
    regs.rsi = (u64)edge;
    assert_int_equal(GP("\x6e"), EMUL_EXCEPTION);
    assert_true(event.cr2 == (u64)edge && event.error_code == PFEC_USER && seen.writes == 0);
    fake_fault_range(1, 0);
    regs.rsi = 0x800000000000;
    assert_refused("\x6e");
}

static void pci_configuration(void **state)
{
    struct fake_pci *dev = fake_pci_add(0x0018, 0x8086, 0x1234);

    (void)state;
    v->pv.iopl = 1;
    dev->writable[0x3c] = 0xff;
    NEW_REGS(.rdx = 0xcf8, .rax = 0x80001800);
    assert_done("\xef");
    assert_int_equal(dom.pv.cf8, 0x80001800);
    regs.rax = 0;
    assert_done("\xed");
    assert_int_equal(regs.rax, 0x80001800);
    regs.rdx = 0xcfc;
    assert_done("\xed");
    assert_int_equal(regs.rax, 0x12348086);
    regs.rdx = 0xcfe;
    assert_done("\x66\xed");
    assert_int_equal(regs.rax & 0xffff, 0x1234);
    assert_done("\xed");                                        /* four bytes from 0xcfe: the last two are nobody's */
    assert_int_equal(regs.rax, 0xffff1234);
    ioport_write(v, 0xcf8, 4, 0x8000183c);
    ioport_write(v, 0xcfc, 1, 11);
    assert_int_equal(dev->config[0x3c], 11);
    ioport_write(v, 0xcfd, 4, 0x44332211);                      /* not aligned: in pieces */
    assert_int_equal(dev->config[0x3c], 11);
    dom.rights = 0;
    assert_int_equal(ioport_read(v, 0xcfc, 4), ~0u);
    ioport_write(v, 0xcfc, 1, 12);
    assert_int_equal(dev->config[0x3c], 11);
    dom.rights = RIGHT_HARDWARE;
    ioport_write(v, 0xcf8, 4, 0x1800);                          /* not enabled */
    assert_int_equal(ioport_read(v, 0xcfc, 1), 0xff);
    ioport_write(v, 0xcf8, 1, 0);                               /* the latch takes whole words */
    assert_int_equal(ioport_read(v, 0xcf8, 4), 0x1800);
}

static void clock_and_speaker(void **state)
{
    u32 first;

    (void)state;
    fake_cmos[0x0a] = 0x26;
    ioport_write(v, 0x70, 1, 0x8a);
    assert_int_equal(ioport_read(v, 0x70, 1), 0x8a);
    assert_int_equal(ioport_read(v, 0x71, 1), 0x26);
    ioport_write(v, 0x71, 1, 0x27);
    assert_int_equal(fake_cmos[0x0a], 0x27);
    dom.rights = 0;
    ioport_write(v, 0x71, 1, 0x28);
    assert_int_equal(fake_cmos[0x0a], 0x27);
    assert_int_equal(ioport_read(v, 0x71, 1), 0xff);
    ioport_write(v, 0x61, 1, 0xff);
    first = ioport_read(v, 0x61, 1);
    assert_int_equal(first & 0x03, 0x03);
    assert_int_equal(ioport_read(v, 0x61, 1) ^ first, 0x10);
    ioport_write(v, 0x43, 1, 0x90);
    ioport_write(v, 0x42, 1, 0x12);
    assert_int_equal(ioport_read(v, 0x42, 1), 0x12);
    assert_int_equal(ioport_read(v, 0x40, 4), 0xff12ffffu);
}

/* ---- 32-bit code of the guest's user space ---- */

#define CODE32 0x00cffb000000ffffUL         /* flat */
#define DATA16 0x0000f30000000fffUL         /* base 0, limit 0xfff, writable */

static u64 *gdt;

static void compat_setup(u64 data_desc)
{
    mfn_t l1 = boot_alloc_pages(1, 1, 0), page = boot_alloc_pages(1, 1, 0);

    dom.pv.perdomain_l1[0] = l1;
    ((pte_t *)frame_map(l1))[0] = pte_make(page, PTE_P);
    gdt = frame_map(page);
    gdt[4] = CODE32;
    gdt[5] = data_desc;
    NEW_REGS(.cs = 0x23, .rdx = 0x1f0);
    fake_cpus[0].seg[SEG_DS] = fake_cpus[0].seg[SEG_ES] = 0x2b;
    own_ports(0x1f0, 0x1f7);
    v->pv.iopl = 3;
    v->pv.in_kernel = false;
}

static void compat_segments(void **state)
{
    u64 linear;

    (void)state;
    compat_setup(DATA16);
    assert_false(emul_long_mode(v, &regs));
    assert_true(emul_linear(v, &regs, INSN_ES, 0xffe, 2, true, &linear) && linear == 0xffe);
    assert_false(emul_linear(v, &regs, INSN_ES, 0xfff, 2, true, &linear));
    assert_true(emul_linear(v, &regs, INSN_CS, 0x1000, 1, false, &linear));
    assert_false(emul_linear(v, &regs, INSN_CS, 0x1000, 1, true, &linear));     /* code is not writable */
    gdt[4] &= ~DESC_WRITE_READ;
    assert_false(emul_linear(v, &regs, INSN_CS, 0x1000, 1, false, &linear));    /* nor this one readable */
    gdt[5] &= ~DESC_WRITE_READ;
    assert_true(emul_linear(v, &regs, INSN_DS, 0x10, 4, false, &linear));
    assert_false(emul_linear(v, &regs, INSN_DS, 0x10, 4, true, &linear));
    gdt[5] = DATA16 | DESC_EXPAND_DOWN;
    assert_false(emul_linear(v, &regs, INSN_DS, 0xfff, 1, true, &linear));
    assert_true(emul_linear(v, &regs, INSN_DS, 0x1000, 1, true, &linear));
    assert_false(emul_linear(v, &regs, INSN_DS, 0xffff, 2, true, &linear));
    gdt[5] |= DESC_D;
    assert_true(emul_linear(v, &regs, INSN_DS, 0xffff, 2, true, &linear));
    gdt[5] = (DATA16 & ~0xffUL) | 0x1200UL << 24 | 0x34UL << 56 | 0x80UL << 16;
    assert_true(emul_linear(v, &regs, INSN_DS, 4, 4, true, &linear) && linear == 0x34120084);
    gdt[5] &= ~DESC_P;
    assert_false(emul_linear(v, &regs, INSN_DS, 4, 4, true, &linear));
    assert_false(emul_linear(v, &regs, INSN_FS, 4, 4, true, &linear));          /* null */
    assert_false(emul_linear(v, &regs, INSN_GS, 4, 4, true, &linear));
    regs.ss = 0x2b;
    gdt[5] = DATA16;
    assert_true(emul_linear(v, &regs, INSN_SS, 4, 4, true, &linear));
}

static void compat_fetch(void **state)
{
    (void)state;
    compat_setup(DATA16);
    gdt[4] |= DESC_P | 0;
    regs.rip = 0x10;
    assert_int_equal(pv_emulate_gp(v, &regs, &event), EMUL_DONE);       /* nothing is mapped down there: try again */
    assert_int_equal(regs.rip, 0x10);
    gdt[4] &= ~DESC_D;                                          /* 16-bit code is not ours */
    assert_int_equal(pv_emulate_gp(v, &regs, &event), EMUL_REFUSED);
    gdt[4] = CODE32 | DESC_L;
    assert_true(emul_long_mode(v, &regs));
    gdt[4] = CODE32;
    regs.rip = 0xffffffff;
    assert_int_equal(emul_complete(v, &regs, 1, &event), EMUL_DONE);
    assert_int_equal(regs.rip, 0);                              /* wraps at 32 bits */
    regs.cs = 0x33;
    assert_int_equal(pv_emulate_gp(v, &regs, &event), EMUL_REFUSED);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, setup)
    const struct CMUnitTest tests[] = {
        TEST(control_registers), TEST(cr4), TEST(debug_registers), TEST(msrs_time_caches), TEST(xsetbv),
        TEST(software_interrupts), TEST(user_mode_and_fetch), TEST(single_step), TEST(forced_cpuid), TEST(in_out),
        TEST(privilege), TEST(strings), TEST(string_faults), TEST(pci_configuration), TEST(clock_and_speaker),
        TEST(compat_segments), TEST(compat_fetch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
