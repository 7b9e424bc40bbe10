/* SPDX-License-Identifier: MIT */
/* vcpu_op, sched_op and set_timer_op as a guest makes them. */
#include "hcall_fixture.h"

static long op(unsigned cmd, u32 vcpu, u64 arg) { return hypercall(__HYPERVISOR_vcpu_op, cmd, vcpu, arg); }
static long op_with(unsigned cmd, u32 vcpu, const void *arg, size_t bytes) { return op(cmd, vcpu, put_arg(arg, bytes)); }
static struct vcpu *other(void) { return domain_vcpu(g->d, 1); }

static void vcpus_and_operations_that_do_not_exist(void **state)
{
    (void)state;
    for (unsigned cmd = 0; cmd < 14; cmd++) {
        assert_int_equal(op(cmd, 2, WINDOW), -ENOENT);              /* allowed, not made */
        assert_int_equal(op(cmd, GUEST_VCPUS, WINDOW), -ENOENT);
        assert_int_equal(op(cmd, ~0u, WINDOW), -ENOENT);
    }
    assert_int_equal(op(VCPUOP_get_physid, 0, WINDOW), -ENOSYS);
    assert_int_equal(op(14, 0, WINDOW), -ENOSYS);
    assert_int_equal(op(~0u, 0, WINDOW), -ENOSYS);
}

static void pointers_of_all_operations(void **state)
{
    static const unsigned reading[] = {
        VCPUOP_register_runstate_memory_area, VCPUOP_set_periodic_timer, VCPUOP_set_singleshot_timer,
        VCPUOP_register_vcpu_info, VCPUOP_register_vcpu_time_memory_area, VCPUOP_get_runstate_info,
    };
    u64 area;

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(reading); i++)
        assert_efault(op(reading[i], 0, bad));
    assert_efault(op(VCPUOP_initialise, 1, bad));
    for (unsigned i = 0; i < 3; i++) {          /* areas in the hole are refused when they are named */
        area = bad_pointers[i];
        assert_int_equal(op_with(VCPUOP_register_runstate_memory_area, 0, &area, 8), -EFAULT);
        assert_int_equal(op_with(VCPUOP_register_vcpu_time_memory_area, 0, &area, 8), -EFAULT);
    }
}

/* ---- bringing up ---- */

static struct vcpu_guest_context *context(void)
{
    struct vcpu_guest_context *c = page_at(10);     /* and the page behind it */

    memset(c, 0, sizeof(*c));
    c->flags = VGCF_in_kernel;
    c->user_regs.rip = CODE;
    c->ctrlreg[3] = xen_pfn_to_cr3(g->l4.n);
    return c;
}

static long initialise(void) { return op(VCPUOP_initialise, 1, va_of(page_at(10))); }

static void a_vcpu_comes_up_and_goes_down(void **state)
{
    (void)state;
    context()->ctrlreg[1] = xen_pfn_to_cr3(g->l4.n);
    assert_int_equal(op(VCPUOP_up, 1, 0), -EINVAL);             /* no context yet */
    assert_int_equal(op(VCPUOP_is_up, 1, 0), 0);
    assert_int_equal(initialise(), 0);
    assert_int_equal(initialise(), -EEXIST);
    assert_int_equal(other()->regs.rip, CODE);
    assert_true(mfn_eq(other()->pv.root_kernel, g->l4) && mfn_eq(other()->pv.root_user, g->l4));
    assert_int_equal(op(VCPUOP_down, 1, 0), 0);                 /* it is */
    assert_int_equal(op(VCPUOP_up, 1, 0), 0);
    assert_int_equal(op(VCPUOP_up, 1, 0), 0);
    assert_int_equal(other()->unit.pause_count, 0);
    assert_int_equal(op(VCPUOP_is_up, 1, 0), 1);
    assert_int_equal(op(VCPUOP_down, 1, 0), 0);
    assert_int_equal(op(VCPUOP_down, 1, 0), 0);
    assert_int_equal(other()->unit.pause_count, 1);
    assert_int_equal(op(VCPUOP_is_up, 0, 0), 1);
    other()->initialised = false;
    other()->initialising = true;                               /* another vcpu is at it */
    assert_int_equal(initialise(), -EBUSY);
    other()->initialised = true;
    other()->initialising = false;
}

static void contexts_that_are_refused(void **state)
{
    struct memory_state before = memory_state();
    u32 l4_types = type_count(frame_entry(g->l4));

    (void)state;
#define refused(error, ...) do { struct vcpu_guest_context *c = context(); __VA_ARGS__;                       \
        assert_int_equal(initialise(), error); assert_false(other()->initialised);                           \
        assert_int_equal(type_count(frame_entry(g->l4)), l4_types); hcall_audit(); } while (0)
    for (unsigned round = 0; round < 2; round++) {
        refused(-EINVAL, c->user_regs.rip = HOLE_START);
        refused(-EINVAL, c->trap_ctxt[255].address = HOLE_START);
        refused(-EINVAL, c->event_callback_eip = 0x800000000000);
        refused(-EINVAL, c->failsafe_callback_eip = HOLE_START);
        refused(-EINVAL, c->syscall_callback_eip = HOLE_START);
        refused(-EINVAL, c->ldt_ents = 8193);
        refused(-EINVAL, c->ldt_base = 8);
        refused(-EINVAL, c->ldt_base = HOLE_START; c->ldt_ents = 1);
        refused(-EINVAL, c->fs_base = 0x800000000000);
        refused(-EINVAL, c->gs_base_kernel = 0x800000000000);
        refused(-EINVAL, c->gs_base_user = 0x800000000000);
        refused(-EINVAL, c->gdt_ents = 14 * 512 + 1);
        refused(-EINVAL, c->gdt_ents = 1; c->gdt_frames[0] = g5.window.n);
        refused(-EINVAL, c->ctrlreg[3] = xen_pfn_to_cr3(g5.l4.n));
        refused(-EINVAL, c->ctrlreg[1] = xen_pfn_to_cr3(g->l1.n));
        refused(-EINVAL, c->debugreg[0] = HOLE_START);
        refused(-EINVAL, c->debugreg[7] = 1UL << 32);
        refused(-EINVAL, c->debugreg[2] = HOLE_END - 1; c->ctrlreg[1] = xen_pfn_to_cr3(g->l4.n);
                c->gdt_ents = 1; c->gdt_frames[0] = populate(0).n; before.pages0++; before.free--);
    }
#undef refused
    assert_memory_is(before);
    context();
    assert_int_equal(initialise(), 0);
}

static long initialise_call(void) { return initialise(); }

static void a_context_when_memory_runs_out(void **state)
{
    (void)state;
    context();
    each_allocation_fails(initialise_call, -ENOMEM, 0);
}

/* Tables that are not validated yet: the call is continued and ends as in one run. */
static void a_context_with_new_tables(void **state)
{
    mfn_t l4 = populate(0);

    (void)state;
    ((pte_t *)frame_map(l4))[0] = pte_make(g->l3, PTE_P | PTE_RW | PTE_US);
    context()->ctrlreg[3] = xen_pfn_to_cr3(l4.n);
    preempt_always = true;
    assert_int_equal(initialise(), 0);
    assert_true(restarts > 0);
    assert_int_equal(type_count(frame_entry(l4)), 1);
}

static void where_information_is_kept(void **state)
{
    struct vcpu_register_vcpu_info info = { .mfn = frame_at(20).n, .offset = 64 };
    struct vcpu_info *theirs = page_at(20) + 64;

    (void)state;
    assert_int_equal(op_with(VCPUOP_register_vcpu_info, 0, &(struct vcpu_register_vcpu_info){ info.mfn, 4088, 0 },
                             sizeof(info)), -ENXIO);
    assert_int_equal(op_with(VCPUOP_register_vcpu_info, 0, &(struct vcpu_register_vcpu_info){ g5.window.n, 0, 0 },
                             sizeof(info)), -EINVAL);
    assert_int_equal(op_with(VCPUOP_register_vcpu_info, 0, &info, sizeof(info)), 0);
    assert_int_equal(theirs->evtchn_upcall_mask, 1);
    assert_int_equal(theirs->evtchn_upcall_pending, 1);
    assert_true(theirs->time.version && !(theirs->time.version & 1));
    assert_int_equal(op_with(VCPUOP_register_vcpu_info, 0, &info, sizeof(info)), -EINVAL);
    /* A vcpu that the shared page has no room for starts only then. */
    domain_vcpu(g->d, LATE_VCPU)->initialised = true;
    assert_int_equal(op(VCPUOP_up, LATE_VCPU, 0), -EINVAL);
    info.offset = 128;
    assert_int_equal(op_with(VCPUOP_register_vcpu_info, LATE_VCPU, &info, sizeof(info)), 0);
    domain_vcpu(g->d, 1)->down = false;         /* as if it ran: its block is not moved under it */
    assert_int_equal(op_with(VCPUOP_register_vcpu_info, 1, &info, sizeof(info)), -EINVAL);
    domain_vcpu(g->d, 1)->down = true;
}

static void areas_of_the_guest(void **state)
{
    struct vcpu_runstate_info *rs = page_at(21), got;
    struct vcpu_time_info *t = page_at(22);
    u64 area = va_of(rs);

    (void)state;
    fake_time_advance(1000);
    assert_int_equal(op_with(VCPUOP_register_runstate_memory_area, 0, &area, 8), 0);
    assert_int_equal(rs->state, RUNSTATE_running);
    assert_int_equal(op(VCPUOP_get_runstate_info, 0, va_of(page_at(23))), 0);
    memcpy(&got, page_at(23), sizeof(got));
    assert_int_equal(got.state, RUNSTATE_running);
    assert_int_equal(got.time[RUNSTATE_running], 1000);
    assert_int_equal(op(VCPUOP_get_runstate_info, 1, va_of(page_at(23))), 0);
    memcpy(&got, page_at(23), sizeof(got));
    assert_int_equal(got.state, RUNSTATE_offline);
    area = va_of(t);
    assert_int_equal(op_with(VCPUOP_register_vcpu_time_memory_area, 0, &area, 8), 0);
    assert_true(t->version && !(t->version & 1));
    t->version = 0;
    assert_int_equal(op_with(VCPUOP_register_vcpu_time_memory_area, 1, &area, 8), 0);  /* written when it runs */
    assert_int_equal(t->version, 0);
    assert_int_equal(op_with(VCPUOP_register_runstate_memory_area, 1, &area, 8), 0);
}

/* ---- timers ---- */

static void take_timer(void)
{
    fake_deliver(g->cpu);
    run_work();
}

static u32 timer_port(void)
{
    struct evtchn_bind_virq b = { .virq = VIRQ_TIMER, .vcpu = 0 };

    assert_int_equal(command(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_virq, &b, sizeof(b)), 0);
    return b.port;
}

static bool fired(u32 port)
{
    bool was = g->d->shared->evtchn_pending[0] & BIT(port);

    g->d->shared->evtchn_pending[0] &= ~BIT(port);
    return was;
}

static void one_shot_timers(void **state)
{
    struct vcpu_set_singleshot_timer set = { .timeout_abs_ns = 5000 };
    u32 port = timer_port();

    (void)state;
    fake_time_set(1000);
    assert_int_equal(op_with(VCPUOP_set_singleshot_timer, 0, &set, sizeof(set)), 0);
    fake_time_set(4999);
    take_timer();
    assert_false(fired(port));
    fake_time_set(5000);
    take_timer();
    assert_true(fired(port));
    set.flags = VCPU_SSHOTTMR_future;
    set.timeout_abs_ns = 4000;
    assert_int_equal(op_with(VCPUOP_set_singleshot_timer, 0, &set, sizeof(set)), -ETIME);
    assert_int_equal(op_with(VCPUOP_set_singleshot_timer, 1, &set, sizeof(set)), -EINVAL);
    assert_int_equal(op(VCPUOP_stop_singleshot_timer, 1, 0), -EINVAL);
    set.timeout_abs_ns = 7000;
    assert_int_equal(op_with(VCPUOP_set_singleshot_timer, 0, &set, sizeof(set)), 0);
    assert_int_equal(op(VCPUOP_stop_singleshot_timer, 0, 0), 0);
    assert_int_equal(hypercall(__HYPERVISOR_set_timer_op, 8000), 0);
    fake_time_set(7500);
    take_timer();
    assert_false(fired(port));
    fake_time_set(8000);
    take_timer();
    assert_true(fired(port));
    assert_int_equal(hypercall(__HYPERVISOR_set_timer_op, 9000), 0);
    assert_int_equal(hypercall(__HYPERVISOR_set_timer_op, 0), 0);
    fake_time_set(10000);
    take_timer();
    assert_false(fired(port));
    assert_int_equal(hypercall(__HYPERVISOR_set_timer_op, -5L), 0);     /* long ago: now */
    take_timer();
    assert_true(fired(port));
}

static void periodic_timers(void **state)
{
    struct vcpu_set_periodic_timer set = { .period_ns = 999999 };
    u32 port = timer_port();

    (void)state;
    assert_int_equal(op_with(VCPUOP_set_periodic_timer, 0, &set, sizeof(set)), -EINVAL);
    set.period_ns = (1UL << 62) + 1;
    assert_int_equal(op_with(VCPUOP_set_periodic_timer, 0, &set, sizeof(set)), -EINVAL);
    set.period_ns = 1000000;
    assert_int_equal(op_with(VCPUOP_set_periodic_timer, 0, &set, sizeof(set)), 0);
    for (unsigned i = 1; i < 4; i++) {
        fake_time_set(i * 1000000);
        take_timer();
        assert_true(fired(port));
    }
    assert_int_equal(op(VCPUOP_stop_periodic_timer, 0, 0), 0);
    fake_time_set(10000000);
    take_timer();
    assert_false(fired(port));
}

static void nmis(void **state)
{
    (void)state;
    assert_int_equal(op(VCPUOP_send_nmi, 1, 0), 0);
    assert_int_equal(other()->nmi_pending & 1, 1);
    assert_int_equal(op(VCPUOP_send_nmi, 1, 0), 0);
    as(&g5);
    assert_int_equal(op(VCPUOP_send_nmi, 1, 0), 0);
}

/* ---- sched_op ---- */

static long sched(unsigned cmd, u64 arg) { return hypercall(__HYPERVISOR_sched_op, cmd, arg); }

static void scheduling_operations(void **state)
{
    const unsigned missing[] = { SCHEDOP_pin_override, 8, ~0u };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(missing); i++)
        assert_int_equal(sched(missing[i], WINDOW), -ENOSYS);
    assert_efault(sched(SCHEDOP_shutdown, bad));
    assert_efault(sched(SCHEDOP_shutdown_code, bad));
    assert_efault(sched(SCHEDOP_watchdog, bad));
    assert_efault(sched(SCHEDOP_poll, bad));
    assert_int_equal(sched(SCHEDOP_yield, 0), 0);
    assert_ptr_equal(current(), g->v);
}

static long watchdog(u32 id, u32 seconds)
{
    struct sched_watchdog w = { id, seconds };

    return sched(SCHEDOP_watchdog, put_arg(&w, sizeof(w)));
}

#define SECONDS(n) ((n) * 1000000000UL)
static void seconds_pass(u32 n)
{
    fake_time_advance(SECONDS(n));
    timer_run();
}

static void watchdogs_are_given_out(void **state)
{
    (void)state;
    as(&g5);
    assert_int_equal(watchdog(3, 10), -EINVAL);
    assert_int_equal(watchdog(~0u, 10), -EINVAL);               /* how drivers ask whether there are any */
    assert_int_equal(watchdog(1, 10), -EINVAL);
    assert_int_equal(watchdog(0, 10), 1);
    assert_int_equal(watchdog(0, 20), 2);
    assert_int_equal(watchdog(0, 30), -ENOSPC);
    assert_int_equal(watchdog(2, 0), 0);
    assert_int_equal(watchdog(2, 0), -EINVAL);
    assert_int_equal(watchdog(2, 5), -EINVAL);
    assert_int_equal(watchdog(0, 20), 2);
    as(&g0);
    assert_int_equal(watchdog(1, 1), -EINVAL);                  /* another domain's */
    as(&g5);
    assert_int_equal(watchdog(1, 0), 0);
    assert_int_equal(watchdog(2, 0), 0);
    seconds_pass(1000);
    assert_false(g5.d->shutting_down);
}

static void a_watchdog_that_is_not_set_again(void **state)
{
    (void)state;
    as(&g5);
    assert_int_equal(watchdog(0, 10), 1);
    seconds_pass(9);
    assert_int_equal(watchdog(1, 10), 0);
    seconds_pass(9);
    assert_false(g5.d->shutting_down);
    seconds_pass(2);
    assert_true(g5.d->shutting_down);
    assert_int_equal(g5.d->shutdown_code, SHUTDOWN_watchdog);
    domain_resume(g5.d);
    seconds_pass(100);                                          /* once is enough */
    assert_false(g5.d->shutting_down);
    domain_shutdown(g5.d, SHUTDOWN_suspend);
    assert_int_equal(watchdog(1, 1), 0);
    seconds_pass(2);                                            /* it is shut down already */
    assert_int_equal(g5.d->shutdown_code, SHUTDOWN_suspend);
}

static void the_reason_may_come_first(void **state)
{
    struct sched_shutdown s = { SHUTDOWN_MAX + 1 };

    (void)state;
    as(&g5);
    assert_int_equal(sched(SCHEDOP_shutdown_code, put_arg(&s, sizeof(s))), -EINVAL);
    s.reason = SHUTDOWN_crash;
    assert_int_equal(sched(SCHEDOP_shutdown_code, put_arg(&s, sizeof(s))), 0);
    assert_false(g5.d->shutting_down);
    s.reason = SHUTDOWN_reboot;
    assert_int_equal(sched(SCHEDOP_shutdown_code, put_arg(&s, sizeof(s))), 0);
    assert_int_equal(sched(SCHEDOP_shutdown, put_arg(&s, sizeof(s))), 0);
    assert_true(g5.d->shutting_down);
    assert_int_equal(g5.d->shutdown_code, SHUTDOWN_crash);
    domain_resume(g5.d);
    domain_shutdown(g5.d, SHUTDOWN_poweroff);
    assert_int_equal(g5.d->shutdown_code, SHUTDOWN_poweroff);   /* what was decided held for once */
}

static void blocking(void **state)
{
    (void)state;
    assert_int_equal(sched(SCHEDOP_block, 0), 0);
    assert_true(g->v->unit.blocked);
    assert_false(evtchn_upcall_masked(&g->v->ev));
    sched_wake(&g->v->unit);
    evtchn_info(&g->v->ev)->evtchn_upcall_pending = 1;          /* what is pending is not slept over */
    g->v->pv.event = (struct pv_callback){ CODE, true };
    *guest_regs() = (struct regs){ .rax = __HYPERVISOR_sched_op, .rdi = SCHEDOP_block, .rip = CODE, .cs = SEL_GUEST_CS64,
                                   .ss = SEL_GUEST_DS, .rsp = WINDOW + PAGE_SIZE, .rflags = 0x202, .vector = REGS_SYSCALL };
    entry_syscall(guest_regs());
    assert_false(g->v->unit.blocked);
}

static long poll(u32 nr, u64 timeout)
{
    struct sched_poll p = { .ports = { (void *)va_of(page_at(2)) }, .nr_ports = nr, .timeout = timeout };

    return sched(SCHEDOP_poll, put_arg(&p, sizeof(p)));
}

static void polling(void **state)
{
    u32 port = timer_port(), *ports = page_at(2);

    (void)state;
    ports[0] = port;
    ports[1] = port;
    g->d->shared->evtchn_pending[0] |= BIT(port);
    assert_int_equal(poll(1, 0), 0);
    assert_false(g->v->unit.blocked);
    assert_int_equal(poll(2, 0), 0);
    assert_false(g->v->unit.blocked);
    ports[1] = 4096;
    assert_int_equal(poll(2, 0), -EINVAL);
    assert_int_equal(poll(129, 0), -EINVAL);
    g->d->shared->evtchn_pending[0] = 0;
    assert_int_equal(poll(1, 0), 0);
    assert_true(g->v->unit.blocked);
    evtchn_raise_virq(&g->v->ev, VIRQ_TIMER);
    assert_false(g->v->unit.blocked);
    g->d->shared->evtchn_pending[0] = 0;
    assert_int_equal(poll(1, 100), 0);                          /* or until a time */
    assert_true(g->v->unit.blocked);
    fake_time_set(100);
    fake_deliver(0);
    work_run();
    assert_false(g->v->unit.blocked);
    assert_int_equal(poll(0, 1000), 0);                         /* no port: a sleep */
    assert_true(g->v->unit.blocked);
    sched_wake(&g->v->unit);
    evtchn_poll_end(&g->v->ev);
}

static void shutting_down(void **state)
{
    struct sched_shutdown s = { .reason = SHUTDOWN_MAX + 1 };

    (void)state;
    as(&g5);
    assert_int_equal(sched(SCHEDOP_shutdown, put_arg(&s, sizeof(s))), -EINVAL);
    s.reason = SHUTDOWN_crash;
    assert_int_equal(sched(SCHEDOP_shutdown, put_arg(&s, sizeof(s))), 0);
    assert_true(g->d->shutting_down);
    assert_int_equal(g->d->shutdown_code, SHUTDOWN_crash);
    as(&g0);
    s.reason = SHUTDOWN_reboot;
    put_arg(&s, sizeof(s));
    assert_true(fake_ends((void)sched(SCHEDOP_shutdown, WINDOW)));
    assert_int_equal(fake_ended, FAKE_RESET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(vcpus_and_operations_that_do_not_exist), TEST(pointers_of_all_operations), TEST(a_vcpu_comes_up_and_goes_down),
        TEST(contexts_that_are_refused), TEST(a_context_when_memory_runs_out), TEST(a_context_with_new_tables),
        TEST(where_information_is_kept), TEST(areas_of_the_guest), TEST(one_shot_timers), TEST(periodic_timers), TEST(nmis),
        TEST(scheduling_operations), TEST(watchdogs_are_given_out),
        TEST(a_watchdog_that_is_not_set_again), TEST(the_reason_may_come_first), TEST(blocking), TEST(polling), TEST(shutting_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
