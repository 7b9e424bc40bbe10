/* SPDX-License-Identifier: MIT */
/* Domains and vcpus: creation with each failure, look-up, rights, ends, timers, time as guests see it, debug keys. */
#include <core/panic.h>
#include <core/timer.h>
#include <pv/pv.h>

#include <ipc/evtchn_port.h>
#include <sched/ops.h>

#include "dom_fixture.h"

/* ---- creation ---- */

static void arguments_are_checked(void **state)
{
    struct domain_config c = config_of(DOMID_FIRST_RESERVED);
    struct domain *d = NULL;
    struct vcpu *v = NULL;

    (void)state;
    assert_int_equal(domain_create(&c, &d), -EINVAL);
    c = config_of(6);
    c.max_vcpus = 0;
    assert_int_equal(domain_create(&c, &d), -EINVAL);
    c.max_vcpus = MAX_VCPUS + 1;
    assert_int_equal(domain_create(&c, &d), -EINVAL);
    assert_null(d);
    assert_int_equal(vcpu_create(d5, VCPUS, 0, &v), -EINVAL);
    new_vcpu(d5, 1, 0);
    assert_int_equal(vcpu_create(d5, 1, 0, &v), -EEXIST);
    assert_null(v);
}

static void new_domain_is_empty_and_has_a_shared_page(void **state)
{
    struct frame *f = frame_entry(d5->shared_mfn);

    (void)state;
    assert_int_equal(d5->mm.tot_pages, 0);
    assert_int_equal(d5->mm.max_pages, 100);
    assert_int_equal(frame_owner(f), 5);
    assert_true(f->refs & FRAME_HEAP);
    for (unsigned i = 0; i < ARRAY_SIZE(d5->shared->vcpu_info); i++)
        assert_int_equal(d5->shared->vcpu_info[i].evtchn_upcall_mask, 1);
    assert_false(d5->mm.cache_attributes);
    assert_true(domain0->mm.cache_attributes);          /* with the hardware */
    assert_null(evtchn_audit(&d5->evtchn));
    assert_null(grant_audit(&d5->grants));
    assert_null(audit_frames());
}

/* Fails each allocation of a call in turn; nothing may be left behind. The second time no pool needs a new page. */
#define fail_each(call, undo) ({                                        \
    unsigned failures = 0;                                              \
    for (bool done = false; !done; failures += !done)                   \
        for (unsigned time = 0; time < 2 && !done; time++) {            \
            u64 had = mem_objects(), had_pages = heap_free_pages();    \
            int rc;                                                     \
            fake_fail_alloc(failures + 1);                              \
            rc = (call);                                                \
            fake_fail_alloc(0);                                         \
            done = rc == 0;                                             \
            if (done)                                                   \
                break;                                                  \
            assert_int_equal(rc, -ENOMEM);                              \
            undo;                                                       \
            assert_int_equal(mem_objects(), had);                       \
            if (time)                                                   \
                assert_int_equal(heap_free_pages(), had_pages);         \
            assert_null(heap_audit());                                  \
            assert_null(audit_frames());                                \
        }                                                               \
    failures; })

static void each_allocation_of_a_domain_fails_once(void **state)
{
    struct domain_config c = config_of(6);
    struct domain *d = NULL;

    (void)state;
    c.rights = RIGHT_HARDWARE;
    assert_true(fail_each(domain_create(&c, &d), assert_null(d)) >= 8);
    assert_non_null(d);
    assert_null(domain_lookup(6));                      /* not before it is published */
}

static void each_allocation_of_a_vcpu_fails_once(void **state)
{
    struct vcpu *v = NULL;

    (void)state;
    assert_true(fail_each(vcpu_create(d5, 2, 1, &v), assert_null(v)) >= 1);
    assert_null(domain_vcpu(d5, 2));
    assert_true(v->down);
    assert_int_equal(v->loaded_cpu, NO_CPU);
    assert_int_equal(v->runstate.state, RUNSTATE_offline);
    assert_int_equal(v->unit.pause_count, 1);
    vcpu_publish(v);
    assert_ptr_equal(domain_vcpu(d5, 2), v);
    assert_null(domain_vcpu(d5, VCPUS));
}

static void each_allocation_of_paravirtual_parts_fails_once(void **state)
{
    struct domain_config c = config_of(6);
    struct domain *d = NULL;
    struct vcpu *v = NULL;
    u64 objects, pages;

    (void)state;
    c.max_vcpus = 40;                                   /* three tables for their areas */
    assert_int_equal(domain_create(&c, &d), 0);
    pages = heap_free_pages();
    assert_true(fail_each(pv_domain_init(d), (void)0) >= 5);
    assert_int_equal(vcpu_create(d, 39, 0, &v), 0);
    objects = mem_objects();
    assert_true(fail_each(pv_vcpu_init(v), (void)0) >= 1);
    assert_true(mfn_is_invalid(v->pv.root_kernel));
    pv_vcpu_fini(v);
    assert_int_equal(mem_objects(), objects);
    pv_domain_fini(d);
    pv_domain_fini(d);                                  /* again is harmless */
    assert_true(heap_free_pages() + 4 >= pages);        /* pools, and the page that stands for an absent GDT */
}

/* ---- look-up, rights ---- */

static void look_up(void **state)
{
    struct vcpu *v = new_vcpu(d5, 0, 0);

    (void)state;
    cpu_info()->current = v;
    assert_ptr_equal(domain_lookup(0), domain0);
    assert_ptr_equal(domain_lookup(5), d5);
    assert_null(domain_lookup(7));
    assert_null(domain_lookup(DOMID_FIRST_RESERVED));
    assert_null(domain_lookup(DOMID_SELF));
    assert_ptr_equal(domain_lookup_self(DOMID_SELF), d5);
    assert_ptr_equal(domain_lookup_self(0), domain0);
    assert_ptr_equal(mm_domain_of(5), &d5->mm);
    assert_null(mm_domain_of(DOMID_XEN));
    cpu_info()->current = NULL;
}

static void rights_are_all_or_nothing(void **state)
{
    (void)state;
    assert_int_equal(policy_check(d5, 0), 0);
    assert_int_equal(policy_check(d5, RIGHT_HARDWARE), -EPERM);
    assert_int_equal(policy_check(domain0, RIGHT_HARDWARE), 0);
    assert_int_equal(policy_check(domain0, RIGHT_HARDWARE | RIGHT_CONTROL), 0);
    assert_int_equal(policy_check(domain0, RIGHT_HARDWARE | RIGHT_STORE), -EPERM);
}

/* ---- ends ---- */

static void crash_stops_the_domain_once(void **state)
{
    struct vcpu *v = new_vcpu(d5, 0, 0), *v1 = new_vcpu(d5, 3, 1);
    u32 port = 0;

    (void)state;
    new_vcpu(domain0, 0, 0);
    assert_int_equal(evtchn_bind_virq(&domain0->evtchn, VIRQ_DOM_EXC, 0, &port), 0);
    sched_unpause(&v->unit);
    domain_crash(d5, "bad %s %u", "thing", 7);
    assert_true(was_shown("Domain 5 crashed: bad thing 7"));
    assert_true(d5->shutting_down);
    assert_int_equal(d5->shutdown_code, SHUTDOWN_crash);
    assert_int_equal(v->unit.pause_count, 1);
    assert_int_equal(v1->unit.pause_count, 2);
    assert_true(bit_test(domain0->shared->evtchn_pending, port));
    domain_shutdown(d5, SHUTDOWN_poweroff);             /* too late */
    assert_int_equal(d5->shutdown_code, SHUTDOWN_crash);
    assert_int_equal(v->unit.pause_count, 1);
    assert_null(sched_audit());
}

static void end_of_domain_0_is_the_machines(void **state)
{
    static const struct { u8 reason; bool noreboot; enum fake_end end; const char *says; } ends[] = {
        { SHUTDOWN_poweroff, false, FAKE_OFF, "switching the machine off" },
        { SHUTDOWN_reboot, false, FAKE_RESET, "asked for a reboot" },
        { SHUTDOWN_crash, false, FAKE_RESET, "Domain 0 crashed: rebooting the machine" },
        { SHUTDOWN_crash, true, FAKE_HALT, "Domain 0 crashed: 'noreboot' was given" },
        { SHUTDOWN_watchdog, false, FAKE_RESET, "watchdog of domain 0 expired: rebooting" },
        { SHUTDOWN_soft_reset, false, FAKE_RESET, "soft reset, which does not exist: rebooting" },
        { SHUTDOWN_suspend, false, FAKE_RESET, "suspended, and nothing can resume it: rebooting the machine" },
        { SHUTDOWN_suspend, true, FAKE_HALT, "suspended, and nothing can resume it: 'noreboot' was given" },
        { 6, false, FAKE_RESET, "ended for an unknown reason (6): rebooting the machine" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(ends); i++) {
        dom_setup(state);
        panic_noreboot = ends[i].noreboot;
        assert_true(fake_ends(domain_shutdown(domain0, ends[i].reason)));
        assert_int_equal(fake_ended, ends[i].end);
        assert_int_equal(fake_others_stopped, ends[i].noreboot);
        assert_true(was_shown(ends[i].says));
    }
    panic_noreboot = false;
}

/* ---- timers ---- */

static bool timer_event(u32 port)
{
    bool was = bit_test(d5->shared->evtchn_pending, port);

    bit_clear(d5->shared->evtchn_pending, port);
    return was;
}

static void pass(u64 ns)
{
    fake_time_advance(ns);
    fake_deliver(0);
    work_run();
}

static void timers_raise_the_virq(void **state)
{
    struct vcpu *v = new_vcpu(d5, 0, 0);
    u32 port = 0;

    (void)state;
    assert_int_equal(evtchn_bind_virq(&d5->evtchn, VIRQ_TIMER, 0, &port), 0);
    timer_set(&v->singleshot_timer, 1000000);
    work_run();
    pass(999999);
    assert_false(timer_event(port));
    pass(100000);
    assert_true(timer_event(port));
    pass(10000000);
    assert_false(timer_event(port));                    /* once */
    v->periodic_ns = 5000000;
    timer_set(&v->periodic_timer, 20000000);
    work_run();
    for (unsigned i = 0; i < 3; i++) {
        pass(10000000 - (i ? 5000000 : 0));
        assert_true(timer_event(port));
    }
    v->periodic_ns = 0;                                 /* stopped: the one under way is the last */
    pass(10000000);
    assert_true(timer_event(port));
    pass(10000000);
    assert_false(timer_event(port));
}

static void poll_ends_with_its_timer(void **state)
{
    struct vcpu *v = new_vcpu(d5, 0, 0);

    (void)state;
    sched_unpause(&v->unit);
    cpu_info()->current = v;
    v->unit.blocked = true;
    evtchn_poll_begin(&v->ev, 0);
    assert_true(bit_test(d5->evtchn.poll_mask, 0));
    timer_set(&v->poll_timer, 1000000);
    work_run();
    pass(2000000);
    assert_false(bit_test(d5->evtchn.poll_mask, 0));
    assert_false(v->unit.blocked);
    cpu_info()->current = NULL;
}

/* ---- time ---- */

static void runstate_adds_up(void **state)
{
    struct vcpu *v = new_vcpu(d5, 0, 0);
    struct vcpu_runstate_info info;

    (void)state;
    fake_time_set(100);
    runstate_change(v, RUNSTATE_running, 100);
    runstate_change(v, RUNSTATE_blocked, 350);
    runstate_change(v, RUNSTATE_runnable, 300);         /* clocks of two CPUs may differ a little: never backwards */
    assert_true(v->areas_stale);
    fake_time_set(1000);
    runstate_get(v, &info);
    assert_int_equal(info.state, RUNSTATE_runnable);
    assert_int_equal(info.state_entry_time, 300);
    assert_int_equal(info.time[RUNSTATE_offline], 100);
    assert_int_equal(info.time[RUNSTATE_running], 250);
    assert_int_equal(info.time[RUNSTATE_blocked], 0);
    assert_int_equal(info.time[RUNSTATE_runnable], 700);
    v->runstate.entry_ns = 5000;
    runstate_get(v, &info);
    assert_int_equal(info.time[RUNSTATE_runnable], 0);
}

static void clock_is_written_when_it_changes(void **state)
{
    struct vcpu *v = new_vcpu(d5, 0, 0);
    volatile struct vcpu_time_info *t = &d5->shared->vcpu_info[0].time;
    u32 version;

    (void)state;
    time_scale = (struct time_scale){ .version = 2, .mul = 77, .shift = -1, .base_tsc = 5, .base_ns = 6 };
    v->areas_stale = false;
    vcpu_time_update(v);
    assert_true(v->areas_stale);
    assert_int_equal(t->tsc_to_system_mul, 77);
    assert_int_equal(t->tsc_shift, -1);
    assert_int_equal(t->tsc_timestamp, 5);
    assert_int_equal(t->system_time, 6);
    assert_int_equal(t->flags, XEN_PVCLOCK_TSC_STABLE_BIT);
    version = t->version;
    assert_true(version && !(version & 1));
    time_scale.mul = 78;
    vcpu_time_update(v);                                /* same version: nothing to do */
    assert_int_equal(t->tsc_to_system_mul, 77);
    assert_int_equal(t->version, version);
    time_scale.version = 4;
    tsc_stable = false;
    t->version |= 1;                                    /* a guest may scribble there */
    vcpu_time_update(v);
    assert_int_equal(t->tsc_to_system_mul, 78);
    assert_int_equal(t->flags, 0);
    assert_int_equal(t->version & 1, 0);
    t->version = 0;                                     /* a new page: written even though nothing changed */
    vcpu_time_update(v);
    assert_int_not_equal(t->version, 0);
}

static void wall_clock(void **state)
{
    struct shared_info *s = d5->shared;

    (void)state;
    wall_base_ns = 5000000000UL * 1000000000;           /* beyond 32 bits of seconds */
    d5->wall_offset_ns = -999999999;
    domain_wallclock_update(d5);
    assert_int_equal(((u64)s->wc_sec_hi << 32) + s->wc_sec, 4999999999UL);
    assert_int_equal(s->wc_nsec, 1);
    assert_int_equal(s->wc_version & 1, 0);
    assert_int_not_equal(s->wc_version, 0);
    s->wc_version |= 1;
    domain_wallclock_update(d5);
    assert_int_equal(s->wc_version & 1, 0);
}

/* ---- keys and roots ---- */

static void press(char c)
{
    shown_clear();
    keys_press(c);
    keys_run();
}

/* The audit asks every layer, so each kind of damage shows. */
static void the_audit_key_asks_all(void **state)
{
    u32 port = 0;

    (void)state;
    new_vcpu(d5, 0, 0);
    assert_int_equal(evtchn_bind_ipi(&d5->evtchn, 0, &port), 0);
    domain_keys_init();
    fake_online(1);                                     /* nobody has to stand still */
    press('A');
    assert_true(was_shown("audit: clean"));
    d5->mm.tot_pages++;
    press('A');
    assert_true(was_shown("audit: domain-pages\n"));
    d5->mm.tot_pages--;
    sched_queue_of(0)->waiting++;
    press('A');
    assert_true(was_shown("audit: sched-waiting-counted\n"));
    sched_queue_of(0)->waiting--;
    evtchn_lookup(&d5->evtchn, port)->port++;
    press('A');
    assert_true(was_shown("audit: evtchn-"));
    evtchn_lookup(&d5->evtchn, port)->port--;
    press('A');
    assert_true(was_shown("audit: clean"));
}

static void keys_show_domains(void **state)
{
    struct vcpu *v = new_vcpu(domain0, 0, 0);
    u32 port = 0;

    new_vcpu(d5, 1, 2);
    assert_int_equal(evtchn_bind_ipi(&d5->evtchn, 1, &port), 0);
    domain_keys_init();
    press('q');
    assert_true(was_shown("domain 0: rights 3") && was_shown("domain 5: rights 0, 0 of at most 100 pages"));
    assert_true(was_shown("vcpu 1: offline on CPU 2"));
    assert_false(was_shown("shut down"));
    domain_crash(d5, "test");
    press('q');
    assert_true(was_shown("shut down"));
    press('e');
    assert_true(was_shown("Event channels of domain 5") && was_shown("ipi"));
    press('g');
    assert_true(was_shown("Grant table of domain 5"));
    press('m');
    assert_true(was_shown("memory: ") && was_shown("heap: "));
    v->regs.rip = 0x123456;
    press('0');
    assert_true(was_shown("domain 0 vcpu 0:") && was_shown("123456"));
    v->loaded_cpu = 3;                                  /* its registers are on that CPU's stack */
    cpu_info_of(3)->guest_regs.rip = 0xabcdef;
    press('0');
    assert_true(was_shown("abcdef"));
    cpu_info()->current = v;
    cpu_info()->guest_regs.rip = 0x777777;
    press('q');
    assert_true(was_shown("777777"));
    cpu_info()->current = NULL;
    domain0 = NULL;
    press('0');
    assert_false(was_shown("vcpu"));
    dom_setup(state);
}

static unsigned roots_seen;
static void see_root(mfn_t root, void *ctx)
{
    roots_seen++;
    assert_true(root.n == 300 || root.n == 301 || root.n == 302);
    assert_ptr_equal(ctx, &roots_seen);
}

static void every_root_is_told(void **state)
{
    (void)state;
    new_vcpu(domain0, 0, 0)->pv.root_kernel = mfn(300);
    new_vcpu(d5, 0, 0)->pv.root_kernel = mfn(301);
    d5->vcpus[0]->pv.root_user = mfn(302);
    new_vcpu(d5, 1, 0);
    roots_seen = 0;
    audit_for_each_root(see_root, &roots_seen);
    assert_int_equal(roots_seen, 3);
}

#define T(f) cmocka_unit_test_setup(f, dom_setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(arguments_are_checked), T(new_domain_is_empty_and_has_a_shared_page),
        T(each_allocation_of_a_domain_fails_once),
        T(each_allocation_of_a_vcpu_fails_once), T(look_up), T(rights_are_all_or_nothing),
        T(crash_stops_the_domain_once), T(end_of_domain_0_is_the_machines), T(timers_raise_the_virq),
        T(poll_ends_with_its_timer), T(runstate_adds_up), T(clock_is_written_when_it_changes), T(wall_clock),
        T(the_audit_key_asks_all), T(keys_show_domains), T(every_root_is_told), T(each_allocation_of_paravirtual_parts_fails_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
