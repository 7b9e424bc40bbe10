/* SPDX-License-Identifier: MIT */
/* What a guest sees of traps: frames on its kernel stack, page faults that are dealt with, CPUID and model-specific
 * registers, the way back. */
#include "hcall_fixture.h"

#include <core/panic.h>
#include <machine/extable.h>
#include <pv/cpu_policy.h>
#include <pv/cpuid.h>
#include <pv/descriptor.h>
#include <pv/msr.h>
#include <pv/traps.h>
#include <x86/cr.h>
#include <x86/msr_policy.h>

#define HANDLER  0x500000UL
#define USER_RIP 0x7000UL
#define STACK    (WINDOW + (WINDOW_PAGES << PAGE_SHIFT))        /* grows down through the window's last page */

static u64 *stack_top(void) { return (u64 *)(g->mem + (WINDOW_PAGES << PAGE_SHIFT)); }

/* The kernel runs at CODE with its stack at the window's end; every vector has a handler of its own. */
static void kernel_ready(void)
{
    struct regs *r = guest_regs();

    for (unsigned i = 0; i < 256; i++)
        g->v->pv.traps[i] = (struct pv_trap){ .addr = HANDLER + i, .cs = SEL_GUEST_CS64, .dpl = i == 3 ? 3 : 0,
                                              .mask = i == 2 };
    g->v->pv.kernel_sp = STACK;
    g->v->pv.in_kernel = true;
    *r = (struct regs){ .rip = CODE, .cs = SEL_GUEST_CS64, .ss = SEL_GUEST_DS, .rsp = STACK, .rcx = 0xc, .r11 = 0xb,
                        .rflags = X86_RFLAGS_IF | X86_RFLAGS_MBS | X86_RFLAGS_TF };
    evtchn_upcall_set_mask(&g->v->ev, false);
}

/* Goes to user mode: another L4, which shares the kernel's tables below. */
static void user_ready(void)
{
    mfn_t l4 = populate(0);

    kernel_ready();
    memcpy(frame_map(l4), frame_map(g->l4), PAGE_SIZE);
    memset((u64 *)frame_map(l4) + HOLE_FIRST_SLOT, 0, 16 * sizeof(u64));
    assert_int_equal(pv_set_user_root(g->v, l4), 0);
    pv_toggle_mode(g->v);
    guest_regs()->rip = USER_RIP;
    guest_regs()->rsp = 0x1234560;
}

static void trap(unsigned vector, u32 error)
{
    guest_regs()->vector = vector;
    guest_regs()->error_code = error;
    entry_trap(guest_regs());
}

static void page_fault(u64 address, u32 error)
{
    fake_cpus[g->cpu].cr2 = address;
    trap(X86_PF, error);
}

static bool crashed(void) { return g->d->shutting_down && g->d->shutdown_code == SHUTDOWN_crash; }

/* ---- frames ---- */

static void exception_without_error_code(void **state)
{
    struct regs *r = guest_regs();
    u64 *top = stack_top();

    (void)state;
    kernel_ready();
    trap(X86_DE, 0);
    assert_int_equal(r->rip, HANDLER + X86_DE);
    assert_int_equal(r->rsp, STACK - 7 * 8);
    assert_int_equal(top[-7], 0xc);
    assert_int_equal(top[-6], 0xb);
    assert_int_equal(top[-5], CODE);
    assert_int_equal(top[-4], SEL_GUEST_CS64 & ~3u);
    assert_int_equal(top[-3], X86_RFLAGS_IF | X86_RFLAGS_MBS | X86_RFLAGS_TF);
    assert_int_equal(top[-2], STACK);
    assert_int_equal(top[-1], SEL_GUEST_DS);
    assert_int_equal(r->rflags, X86_RFLAGS_IF | X86_RFLAGS_MBS);
    assert_true(r->rcx == r->rip && r->r11 == r->rflags && r->vector == REGS_SYSCALL);
    assert_false(evtchn_upcall_masked(&g->v->ev));
}

static void exception_with_error_code_and_events_masked(void **state)
{
    u64 *top = stack_top();

    (void)state;
    kernel_ready();
    evtchn_upcall_set_mask(&g->v->ev, true);
    guest_regs()->rsp = STACK - 4;                      /* not aligned: 16 bytes are */
    trap(X86_NP, 0x1238);
    assert_int_equal(guest_regs()->rip, HANDLER + X86_NP);
    assert_int_equal(guest_regs()->rsp, STACK - 16 - 8 * 8);
    assert_int_equal(top[-2 - 6], 0x1238);
    assert_int_equal(top[-2 - 4], (SEL_GUEST_CS64 & ~3u) | 1UL << 32);
    assert_int_equal(top[-2 - 3], X86_RFLAGS_MBS | X86_RFLAGS_TF);
}

static void exception_from_user_mode(void **state)
{
    u64 *top = stack_top();

    (void)state;
    user_ready();
    trap(X86_BP, 0);
    assert_true(g->v->pv.in_kernel);
    assert_int_equal(guest_regs()->rip, HANDLER + X86_BP);
    assert_int_equal(guest_regs()->rsp, STACK - 7 * 8);
    assert_int_equal(top[-5], USER_RIP);
    assert_int_equal(top[-4], SEL_GUEST_CS64);
    assert_int_equal(top[-2], 0x1234560);
}

static void without_handler_the_domain_crashes(void **state)
{
    (void)state;
    as(&g5);
    kernel_ready();
    g->v->pv.traps[X86_DE].addr = 0;
    trap(X86_DE, 0);
    assert_true(crashed());
}

static void without_stack_the_domain_crashes(void **state)
{
    static const u64 stacks[] = { NOT_MAPPED, HOLE_START + 0x1000, 0x800000000100UL, 8 };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(stacks); i++) {
        as(&g5);
        kernel_ready();
        g->d->shutting_down = false;
        guest_regs()->rsp = stacks[i];
        trap(X86_DE, 0);
        assert_true(crashed());
        assert_int_equal(guest_regs()->rip, CODE);
    }
}

static void each_vector_reaches_its_handler(void **state)
{
    (void)state;
    for (unsigned vector = 0; vector < 32; vector++) {
        if (vector == X86_NMI || vector == X86_MC)
            continue;
        kernel_ready();
        memcpy(page_at(30), "\x0f\x0b\xf4", 3);         /* ud2, hlt: nothing to emulate */
        guest_regs()->rip = va_of(page_at(30)) + (vector == X86_GP ? 2 : 0);
        fake_cpus[g->cpu].cr2 = NOT_MAPPED;
        trap(vector, 0);
        assert_int_equal(guest_regs()->rip, HANDLER + vector);
    }
    kernel_ready();
    expect_panic(trap(X86_MC, 0));
}

static void virtual_ts_is_clear_in_the_handler(void **state)
{
    (void)state;
    kernel_ready();
    g->v->pv.cr0_ts = X86_CR0_TS;
    trap(X86_NM, 0);
    assert_int_equal(g->v->pv.cr0_ts, 0);
    fake_cpus[g->cpu].dr[6] = 0xffff0ff1;
    kernel_ready();
    trap(X86_DB, 0);
    assert_int_equal(g->v->pv.dr6, 0xffff0ff1);
}

/* ---- NMI, events ---- */

static void nmis_come_one_at_a_time(void **state)
{
    struct regs *r = guest_regs();

    (void)state;
    kernel_ready();
    g->v->nmi_pending = 1;
    exit_path(r);
    assert_int_equal(r->rip, HANDLER + X86_NMI);
    assert_int_equal(g->v->nmi_pending, 2);             /* masked until iret */
    assert_true(evtchn_upcall_masked(&g->v->ev));
    kernel_ready();
    g->v->nmi_pending = 3;
    r->rip = CODE;
    exit_path(r);
    assert_int_equal(r->rip, CODE);                     /* not yet */
    g->v->nmi_pending = 0;
}

/* ---- the way back ---- */

static void put_iret_frame(u64 flags, u64 cs, u64 rflags)
{
    u64 *top = stack_top();
    const u64 frame[9] = { 0xaa, 0xb11, 0xc11, flags, USER_RIP, cs, rflags, 0x4440, SEL_GUEST_DS };

    memcpy(top - 9, frame, sizeof(frame));
    guest_regs()->rsp = STACK - sizeof(frame);
    guest_regs()->rax = __HYPERVISOR_iret;
    guest_regs()->vector = REGS_SYSCALL;
}

static void iret_to_kernel_and_user(void **state)
{
    struct regs *r = guest_regs();

    (void)state;
    user_ready();
    pv_toggle_mode(g->v);
    put_iret_frame(0, SEL_GUEST_CS64 & ~3u, X86_RFLAGS_IOPL | X86_RFLAGS_VM);
    g->v->nmi_pending = 2;
    entry_syscall(r);
    assert_true(g->v->pv.in_kernel);
    assert_true(r->rip == USER_RIP && r->rsp == 0x4440 && r->rax == 0xaa && r->rcx == 0xc11 && r->r11 == 0xb11);
    assert_true(r->cs == SEL_GUEST_CS64 && r->ss == SEL_GUEST_DS);
    assert_int_equal(r->rflags, X86_RFLAGS_IF | X86_RFLAGS_MBS);
    assert_true(evtchn_upcall_masked(&g->v->ev));       /* IF was off in the frame */
    assert_int_equal(g->v->nmi_pending, 0);
    assert_int_equal(r->vector, 0);

    put_iret_frame(VGCF_in_syscall, SEL_GUEST_CS64, X86_RFLAGS_IF);
    entry_syscall(r);
    assert_false(g->v->pv.in_kernel);
    assert_true(r->rcx == r->rip && r->r11 == r->rflags && r->vector == REGS_SYSCALL);
    assert_false(evtchn_upcall_masked(&g->v->ev));
}

static void iret_that_cannot_be(void **state)
{
    (void)state;
    as(&g5);
    kernel_ready();
    guest_regs()->rsp = NOT_MAPPED;
    guest_regs()->rax = __HYPERVISOR_iret;
    entry_syscall(guest_regs());
    assert_true(crashed());
    g->d->shutting_down = false;
    kernel_ready();
    put_iret_frame(0, SEL_GUEST_CS64, 0);               /* to user mode, which it has not */
    entry_syscall(guest_regs());
    assert_true(crashed());
}

void pv_iret_fault(struct regs *regs);

static void failed_return_goes_to_the_failsafe_callback(void **state)
{

    (void)state;
    user_ready();
    g->v->pv.failsafe = (struct pv_callback){ HANDLER + 0x1000, true };
    fake_cpus[g->cpu].seg[SEG_ES] = 0x2b;
    pv_iret_fault(guest_regs());
    assert_int_equal(guest_regs()->rip, HANDLER + 0x1000);
    assert_int_equal(guest_regs()->rsp, STACK - 11 * 8);
    assert_true(evtchn_upcall_masked(&g->v->ev));
    as(&g5);
    kernel_ready();
    pv_iret_fault(guest_regs());
    assert_true(crashed());
}

/* ---- system calls of the guest's user mode ---- */

static void user_system_calls(void **state)
{
    struct regs *r = guest_regs();

    (void)state;
    user_ready();
    r->rflags |= X86_RFLAGS_DF;
    entry_syscall(r);                                   /* no callback: undefined instruction */
    assert_int_equal(r->rip, HANDLER + X86_UD);
    assert_int_equal(stack_top()[-5], USER_RIP - 2);
    user_ready();
    entry_syscall32(r);
    assert_int_equal(r->rip, HANDLER + X86_UD);
    user_ready();
    r->rflags |= X86_RFLAGS_NT;
    entry_sysenter(r);
    assert_int_equal(r->rip, HANDLER + X86_GP);
    g->v->pv.syscall = (struct pv_callback){ HANDLER + 0x2000, false };
    g->v->pv.syscall32 = (struct pv_callback){ HANDLER + 0x2001, true };
    g->v->pv.sysenter = (struct pv_callback){ HANDLER + 0x2002, false };
    user_ready();
    entry_syscall(r);
    assert_int_equal(r->rip, HANDLER + 0x2000);
    assert_false(evtchn_upcall_masked(&g->v->ev));
    user_ready();
    entry_syscall32(r);
    assert_int_equal(r->rip, HANDLER + 0x2001);
    assert_true(evtchn_upcall_masked(&g->v->ev));
    user_ready();
    entry_sysenter(r);
    assert_int_equal(r->rip, HANDLER + 0x2002);
    assert_false(stack_top()[-3] & X86_RFLAGS_NT);
}

/* ---- interrupts ---- */

static void interrupts_do_not_reach_the_guest(void **state)
{
    static const u8 vectors[] = { VECTOR_TIMER, VECTOR_FLUSH, VECTOR_KICK, VECTOR_SPURIOUS, VECTOR_ERROR, 0x31 };

    (void)state;
    kernel_ready();
    for (unsigned i = 0; i < ARRAY_SIZE(vectors); i++) {
        trap(vectors[i], 0);
        assert_int_equal(guest_regs()->rip, CODE);
        entry_trap_hypervisor(&(struct regs){ .vector = vectors[i] });
    }
    assert_int_equal(fake_cpus[g->cpu].eois, 10);       /* all but the spurious one, from either place */
    trap(X86_NMI, 0);
    assert_int_equal(guest_regs()->rip, CODE);
}

/* ---- faults of the hypervisor itself ---- */

static void own_faults(void **state)
{
    struct regs r = { .vector = X86_NMI, .rip = 1 };

    (void)state;
    entry_trap_hypervisor(&r);
    r = (struct regs){ .vector = X86_DB, .rip = 1, .rflags = X86_RFLAGS_TF };
    entry_trap_hypervisor(&r);
    assert_int_equal(r.rflags, 0);
    r = (struct regs){ .vector = X86_GP, .rip = 1 };
    expect_panic(entry_trap_hypervisor(&r));
}

/* ---- page faults ---- */

static void page_fault_is_handed_on(void **state)
{
    (void)state;
    kernel_ready();
    page_fault(NOT_MAPPED + 5, PFEC_USER | PFEC_WRITE);
    assert_int_equal(guest_regs()->rip, HANDLER + X86_PF);
    assert_int_equal(stack_top()[-6], PFEC_WRITE);      /* the guest's kernel is no user */
    assert_int_equal(evtchn_info(&g->v->ev)->arch.cr2, NOT_MAPPED + 5);
    user_ready();
    page_fault(NOT_MAPPED, PFEC_USER);
    assert_int_equal(stack_top()[-6], PFEC_USER);
    kernel_ready();
    page_fault(HV_START, PFEC_USER);                    /* the hypervisor's half */
    assert_int_equal(guest_regs()->rip, HANDLER + X86_PF);
    kernel_ready();
    page_fault(PV_GDT_VA(0) + 0x58, 0);                 /* a selector beyond the GDT */
    assert_int_equal(guest_regs()->rip, HANDLER + X86_GP);
    assert_int_equal(stack_top()[-6], 0x58);
    kernel_ready();
    page_fault(PERDOMAIN_START + 0x300000, 0);
    assert_int_equal(guest_regs()->rip, HANDLER + X86_PF);
}

static void ldt_pages_come_on_demand(void **state)
{
    u64 *ldt = page_at(20);

    (void)state;
    kernel_ready();
    memset(ldt, 0, PAGE_SIZE);
    ldt[1] = 0x00cff3000000ffffUL;
    ((pte_t *)frame_map(g->l1))[20] &= ~PTE_RW;         /* descriptors are not writable: drop its reference, too */
    type_put(frame_entry(frame_at(20)));
    assert_int_equal(pv_set_ldt(g->v, WINDOW + 20 * PAGE_SIZE, 1024), 0);
    page_fault(PV_LDT_VA(0) + 8, 0);
    assert_int_equal(guest_regs()->rip, CODE);          /* try again */
    assert_int_equal(g->v->pv.ldt_mapped, 1);
    page_fault(PV_LDT_VA(0) + PAGE_SIZE + 8, 0);        /* the second page is writable: no descriptors */
    assert_int_equal(guest_regs()->rip, HANDLER + X86_PF);
    assert_int_equal(g->v->pv.cr2, WINDOW + 21 * PAGE_SIZE + 8);
    assert_int_equal(pv_set_ldt(g->v, WINDOW + 1, 8), -EINVAL);
    assert_int_equal(pv_set_ldt(g->v, WINDOW, 8193), -EINVAL);
    assert_int_equal(pv_set_ldt(g->v, HOLE_START, 8), -EINVAL);
    assert_int_equal(pv_set_ldt(g->v, 0, 0), 0);
    assert_int_equal(g->v->pv.ldt_mapped, 0);
    assert_int_equal(frame_get_type(&g->d->mm, frame_at(20), TYPE_WRITABLE), 0);
    frame_put(frame_entry(frame_at(20)));
    ((pte_t *)frame_map(g->l1))[20] |= PTE_RW;
}

/* mov %rax,(%rdi) */
static void store_at(u64 va, u64 value)
{
    u8 *code = page_at(30);

    memcpy(code, "\x48\x89\x07", 3);
    guest_regs()->rip = va_of(code);
    guest_regs()->rflags &= ~X86_RFLAGS_TF;
    guest_regs()->rdi = va;
    guest_regs()->rax = value;
    page_fault(va, PFEC_PRESENT | PFEC_WRITE | PFEC_USER);
}

#define L1_VA (NO_PAGE + 4 * PAGE_SIZE)                 /* where the guest sees its L1 */

static void table_writes_are_checked(void **state)
{
    (void)state;
    kernel_ready();
    store_at(L1_VA + 8 * 40, 0);
    assert_int_equal(guest_regs()->rip, HANDLER + X86_PF);      /* it has not asked for the assist */
    g->d->pv.writable_pagetables = true;
    kernel_ready();
    store_at(L1_VA + 8 * 40, 0);
    assert_int_equal(guest_regs()->rip, va_of(page_at(30)) + 3);
    assert_int_equal(entry_of(g->l1, 40), 0);
    kernel_ready();
    store_at(L1_VA + 8 * 40, pte_make(frame_at(40), PTE_P | PTE_RW));
    assert_int_equal(pte_mfn(entry_of(g->l1, 40)).n, frame_at(40).n);
    kernel_ready();
    store_at(L1_VA + 8 * 41, pte_make(g->l2, PTE_P | PTE_RW));  /* a table, writable: refused */
    assert_int_equal(guest_regs()->rip, HANDLER + X86_PF);
    assert_int_equal(pte_mfn(entry_of(g->l1, 41)).n, frame_at(41).n);
    kernel_ready();
    store_at(NO_PAGE + PAGE_SIZE, 0);                           /* its L4: only hypercalls write that */
    assert_int_equal(guest_regs()->rip, HANDLER + X86_PF);
}

static void writes_to_protected_devices_are_dropped(void **state)
{
    const u64 device = 0x100055;

    (void)state;
    kernel_ready();
    assert_int_equal(rangeset_add(&mmio_ro_ranges, device, device), 0);
    assert_int_equal(hypercall(__HYPERVISOR_update_va_mapping, NO_PAGE, pte_make(mfn(device), PTE_P | PTE_RW | PTE_PCD), 0), 0);
    assert_false(entry_of(g->l1, WINDOW_PAGES) & PTE_RW);
    kernel_ready();
    store_at(NO_PAGE + 0x10, 7);
    assert_int_equal(guest_regs()->rip, va_of(page_at(30)) + 3);
    assert_int_equal(hypercall(__HYPERVISOR_update_va_mapping, NO_PAGE, 0, 0), 0);
    rangeset_fini(&mmio_ro_ranges);
    memset(&mmio_ro_ranges, 0, sizeof(mmio_ro_ranges));
}

/* ---- CPUID ---- */

/* The domains of the fixture are older than the machine that a test sets up. */
static void same_cpus_for_all(void)
{
    cpu_policy_system(CPU_POLICY_PV_DEFAULT, &g0.d->pv.cpu);
    cpu_policy_system(CPU_POLICY_PV_DEFAULT, &g5.d->pv.cpu);
}

static void an_amd_machine(void)
{
    fake_cpuid_set(0, 0, (struct cpuid_regs){ 0xd, 0x68747541, 0x444d4163, 0x69746e65 });
    fake_cpuid_set(1, 0, (struct cpuid_regs){ 0x800f12, 0x00100800, ~0u, ~0u });
    fake_cpuid_set(7, 0, (struct cpuid_regs){ 5, ~0u, ~0u, ~0u });
    fake_cpuid_set(0xd, 0, (struct cpuid_regs){ 7, 832, 832, 0 });
    fake_cpuid_set(0xd, 1, (struct cpuid_regs){ 0xf, 0, 0, 0 });
    fake_cpuid_set(0xd, 2, (struct cpuid_regs){ 256, 576, 0, 0 });
    fake_cpuid_set(0x80000000, 0, (struct cpuid_regs){ 0x80000021, 0, 0, 0 });
    fake_cpuid_set(0x80000001, 0, (struct cpuid_regs){ 0, 0, ~0u, ~0u });
    fake_cpuid_set(0x80000008, 0, (struct cpuid_regs){ 0x3028, ~0u, ~0u, 0 });
    same_cpus_for_all();
}

static void cpuid_shows_what_a_guest_can_use(void **state)
{
    struct cpuid_regs r;

    (void)state;
    an_amd_machine();
    r = pv_cpuid(g5.v, 1, 0, true);
    assert_int_equal(r.c & BIT(3), 0);                  /* MONITOR */
    assert_int_equal(r.c & BIT(5), 0);                  /* VMX */
    assert_int_equal(r.c & BIT(31), BIT(31));           /* a hypervisor */
    assert_int_equal(r.c & BIT(27), cpu_has_xsave() ? BIT(27) : 0);
    assert_int_equal(r.d & BIT(3), 0);                  /* PSE */
    assert_int_equal(r.d & BIT(28), 0);                 /* HTT */
    assert_int_equal(r.b >> 24, 0);
    assert_int_equal(pv_cpuid(g5.d->vcpus[1], 1, 0, true).b >> 24, 2);
    assert_int_equal(pv_cpuid(g5.v, 1, 0, false).c & BIT(27), 0);   /* user mode: as the guest's CR4 says */
    r = pv_cpuid(g5.v, 7, 0, true);
    assert_int_equal(r.a, 2);
    assert_int_equal(r.b & (BIT(7) | BIT(20)), 0);      /* SMEP SMAP */
    assert_int_equal(pv_cpuid(g5.v, 7, 5, true).b, 0);
    assert_int_equal(pv_cpuid(g5.v, 0, 0, true).a, 0xd);
    assert_int_equal(pv_cpuid(g5.v, 0x80000000, 0, true).a, 0x80000021);
    assert_int_equal(pv_cpuid(g5.v, 0x80000001, 0, true).c & BIT(2), 0);        /* SVM */
    assert_int_equal(pv_cpuid(g5.v, 0x12345, 0, true).a, 0);
    assert_int_equal(pv_cpuid(g5.v, 0x80000022, 0, true).a, 0);
    assert_int_equal(pv_cpuid(g5.v, 0x6, 0, true).a, 0);            /* power management */
    assert_int_equal(pv_cpuid(g5.v, 0xb, 1, true).c, 1 | 2 << 8);
    assert_int_equal(pv_cpuid(g5.v, 0xb, 7, true).c, 7);
}

static void the_same_features_are_shown_of_another_maker(void **state)
{
    (void)state;
    an_amd_machine();
    fake_cpuid_set(0, 0, (struct cpuid_regs){ 0x16, 0x756e6547, 0x6c65746e, 0x49656e69 });
    same_cpus_for_all();
    assert_int_equal(pv_cpuid(g5.v, 0, 0, true).a, 0xd);
    assert_true(pv_cpuid(g5.v, 0x80000000, 0, true).a <= 0x80000008);
}

static void extended_state_leaf(void **state)
{
    struct cpuid_regs r;
    u64 mask = xstate_mask;

    (void)state;
    an_amd_machine();
    r = pv_cpuid(g0.v, 0xd, 0, true);
    assert_int_equal(r.a, cpu_has_xsave() ? (u32)mask : 0);
    if (!cpu_has_xsave())
        return;
    assert_int_equal(r.b, 576);
    g0.v->pv.xcr0 = 7;
    assert_int_equal(pv_cpuid(g0.v, 0xd, 0, true).b, 832);
    assert_int_equal(pv_cpuid(g0.v, 0xd, 1, true).b, 832);
    assert_int_equal(pv_cpuid(g0.v, 0xd, 1, true).a & 8, 0);        /* XSAVES */
    assert_int_equal(pv_cpuid(g0.v, 0xd, 62, true).a, 0);
    g0.v->pv.xcr0 = 1;
}

static void hypervisor_leaves(void **state)
{
    struct cpuid_regs r = pv_cpuid(g0.v, 0x40000000, 0, true);

    (void)state;
    assert_memory_equal(((u32[]){ r.b, r.c, r.d }), "XenVMMXenVMM", 12);
    assert_int_equal(pv_cpuid(g0.v, 0x40000001, 0, true).a, 0x00040011);
    r = pv_cpuid(g0.v, 0x40000002, 0, true);
    assert_true(r.a == 1 && r.b == MSR_HYPERCALL && (r.c & 1));
    assert_int_equal(pv_cpuid(g0.v, 0x40000003, 0, true).c, tsc_khz);
    assert_int_equal(pv_cpuid(g0.v, 0x40000003, 1, true).c, time_scale.mul);
    assert_int_equal(pv_cpuid(g0.v, 0x40000003, 2, true).a, tsc_khz);
    assert_int_equal(pv_cpuid(g0.v, 0x40000003, 3, true).a, 0);
    assert_true(pv_cpuid(g0.v, 0x40000005, 0, true).b >= 12);
    assert_int_equal(pv_cpuid(g0.v, 0x40000004, 0, true).a, 0);
}

/* ---- model-specific registers ---- */

#define READS(msr, expected) do {                       \
    u64 value = 0x5555;                                 \
    assert_int_equal(pv_msr_read(g->v, msr, &value), 0); \
    assert_int_equal(value, (u64)(expected));           \
} while (0)
#define READ_FAULTS(msr) assert_int_equal(pv_msr_read(g->v, msr, &(u64){ 0 }), -EPERM)
#define WRITES(msr, value) assert_int_equal(pv_msr_write(g->v, msr, value), 0)
#define WRITE_FAULTS(msr, value) assert_int_equal(pv_msr_write(g->v, msr, value), -EPERM)

static void registers_that_live(void **state)
{
    (void)state;
    kernel_ready();
    an_amd_machine();
    WRITES(MSR_FS_BASE, 0x7f0000001000);
    READS(MSR_FS_BASE, 0x7f0000001000);
    WRITES(MSR_GS_BASE, 0xffffffff80000000);
    READS(MSR_GS_BASE, 0xffffffff80000000);
    WRITES(MSR_KERNEL_GS, 0x1000);
    READS(MSR_KERNEL_GS, 0x1000);
    WRITE_FAULTS(MSR_GS_BASE, 0x800000000000);
    WRITES(MSR_TSC_AUX, 7);
    READS(MSR_TSC_AUX, 7);
    WRITE_FAULTS(MSR_TSC_AUX, BIT(32));
    READS(MSR_APIC_BASE, 0xfee00900);
    WRITE_FAULTS(MSR_APIC_BASE, 0xfee00900);
    assert_int_equal(pv_msr_read(g->v, MSR_TSC, &(u64){ 0 }), 0);
    fake_msr_set(MSR_PRED_CMD, 0);
    WRITES(MSR_PRED_CMD, 1);
    WRITE_FAULTS(MSR_PRED_CMD, 2);
    READ_FAULTS(MSR_PRED_CMD);
}

static void registers_by_table(void **state)
{
    (void)state;
    kernel_ready();
    an_amd_machine();
    fake_msr_set(MSR_EFER, 0x1d01);                     /* with SVME */
    READS(MSR_EFER, 0xd01);
    WRITES(MSR_EFER, 0xd01);
    WRITE_FAULTS(MSR_EFER, 0xd00);
    READS(0x277, 0x050100070406UL);
    READS(0xc0010015, 0);
    WRITES(0xc0010015, 1);
    fake_msr_set(0xc0010010, ~0UL);
    READS(0xc0010010, BIT(18) | BIT(20) | BIT(21) | BIT(22));
    fake_msr_remove(0xc001001a);
    READ_FAULTS(0xc001001a);
    READ_FAULTS(0x12345678);
    WRITE_FAULTS(0x12345678, 0);
    g->v->pv.traps[X86_GP].addr = 0;                    /* before it has a handler: what the machine has reads as 0 */
    fake_msr_set(0x12345678, 9);
    READS(0x12345678, 0);
    as(&g5);
    kernel_ready();
    READ_FAULTS(0xc0010010);                            /* the machine's memory map is not a guest's business */
}

static void hypercall_page_by_register(void **state)
{
    u8 *page = page_at(50);

    (void)state;
    kernel_ready();
    WRITES(MSR_HYPERCALL, frame_at(50).n << PAGE_SHIFT);
    assert_int_equal(page[0], 0x51);                    /* push %rcx */
    WRITE_FAULTS(MSR_HYPERCALL, g->l1.n << PAGE_SHIFT);
    WRITE_FAULTS(MSR_HYPERCALL, (frame_at(50).n << PAGE_SHIFT) + 1);
    READS(MSR_HYPERCALL, 0);
}

/* ---- what is loaded ---- */

static void a_switch_carries_everything(void **state)
{
    struct pv_vcpu *pv = &g0.v->pv;

    (void)state;
    kernel_ready();
    pv->dr7 = 0x401;
    pv->dr[0] = 0x1234;
    pv->cr0_ts = X86_CR0_TS;
    fake_cpus[0].seg[SEG_FS] = 0x33;
    wrmsr(MSR_FS_BASE, 0x77000);
    pv_save(g0.v);
    assert_int_equal(fake_cpus[0].dr[7] & 0xff, 0);     /* the guest's watchpoints are not ours */
    assert_int_equal(pv->fs_base, 0x77000);
    assert_int_equal(pv->fs, 0x33);
    fake_bad_selector = 0x33;
    wrmsr(MSR_FS_BASE, 0);
    pv_load(g0.v);
    fake_bad_selector = ~0u;
    assert_int_equal(pv->fs, 0);
    assert_int_equal(read_fs_base(), 0x77000);
    assert_int_equal(fake_cpus[0].dr[0], 0x1234);
    assert_true(fake_cpus[0].cr0 & X86_CR0_TS);
    pv->dr7 = X86_DR7_FIXED;
    pv->cr0_ts = 0;
    cpu_set_ts(false);
}

static void areas_follow_the_clock(void **state)
{
    struct vcpu_runstate_info *rs = page_at(52);
    struct vcpu_register_runstate_memory_area area = { 0 };
    struct vcpu_register_time_memory_area time = { 0 };
    struct vcpu_time_info *t = page_at(53);

    (void)state;
    user_ready();
    pv_toggle_mode(g->v);
    area.addr.p = (u64)va_of(rs);
    time.addr.p = (u64)va_of(t);
    assert_int_equal(hypercall(__HYPERVISOR_vm_assist, VMASST_CMD_enable, VMASST_TYPE_runstate_update_flag), 0);
    assert_int_equal(hypercall(__HYPERVISOR_vcpu_op, VCPUOP_register_runstate_memory_area, 0, put_arg(&area, sizeof(area))), 0);
    assert_int_equal(hypercall(__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_time_memory_area, 0, put_arg(&time, sizeof(time))), 0);
    assert_int_equal(rs->state, RUNSTATE_running);
    assert_false(rs->state_entry_time & XEN_RUNSTATE_UPDATE);
    assert_int_equal(t->version, evtchn_info(&g->v->ev)->time.version);
    pv_toggle_mode(g->v);                               /* user mode: the areas are the kernel's */
    memset(rs, 0, sizeof(*rs));
    g->v->areas_stale = true;
    g->d->ops->update_areas(g->v);
    assert_int_equal(rs->time[RUNSTATE_running], g->v->runstate.time_ns[RUNSTATE_running] + time_now_ns() -
                     g->v->runstate.entry_ns);
    assert_false(g->v->pv.in_kernel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(exception_without_error_code), TEST(exception_with_error_code_and_events_masked),
        TEST(exception_from_user_mode), TEST(without_handler_the_domain_crashes), TEST(without_stack_the_domain_crashes),
        TEST(each_vector_reaches_its_handler), TEST(virtual_ts_is_clear_in_the_handler), TEST(nmis_come_one_at_a_time),
        TEST(iret_to_kernel_and_user), TEST(iret_that_cannot_be), TEST(failed_return_goes_to_the_failsafe_callback),
        TEST(user_system_calls), TEST(interrupts_do_not_reach_the_guest), TEST(own_faults), TEST(page_fault_is_handed_on),
        TEST(ldt_pages_come_on_demand), TEST(table_writes_are_checked), TEST(writes_to_protected_devices_are_dropped),
        TEST(cpuid_shows_what_a_guest_can_use), TEST(the_same_features_are_shown_of_another_maker),
        TEST(extended_state_leaf), TEST(hypervisor_leaves), TEST(registers_that_live), TEST(registers_by_table),
        TEST(hypercall_page_by_register), TEST(a_switch_carries_everything), TEST(areas_follow_the_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
