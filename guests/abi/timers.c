/* SPDX-License-Identifier: MIT */
/*
 * timers - system time, one-shot timers, and the secondary time record
 */
#include <lib/event.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/test.h>
#include <lib/time.h>

static void check_monotonic(void)
{
    u64 start = time_ns(), last = start, now;
    unsigned int backwards = 0;

    do {
        now = time_ns();
        backwards += now < last;
        last = now;
    } while (now < start + 20 * MS);
    check_equal(backwards, 0, "steps backwards in 20 ms");
    check((vcpu_info->time.version & 1) == 0, "the record's version is even");
    check(shared_info->wc_sec > 1500000000 || shared_info->wc_sec_hi > 0, "the wall clock is past 2017");
}

static void check_timer(u32 port)
{
    struct vcpu_set_singleshot_timer timer = {.timeout_abs_ns = time_ns() + 5 * MS};
    u64 deadline = timer.timeout_abs_ns;
    u32 count = event_count(port);
    long ret;

    check_equal(hypercall_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL), 0, "stop the periodic timer");
    check_equal(hypercall_vcpu_op(VCPUOP_set_singleshot_timer, 0, &timer), 0, "set a one-shot timer");
    check(event_wait(port, count, 1000 * MS), "it fires");
    check(time_ns() >= deadline, "not before its time");
    timer.timeout_abs_ns = time_ns() - MS;
    timer.flags = VCPU_SSHOTTMR_future;
    ret = hypercall_vcpu_op(VCPUOP_set_singleshot_timer, 0, &timer);
    check(ret == 0 || ret == -XEN_ETIME, "a time past, which must not be: %ld (old versions refuse)", ret);
    timer.flags = 0;
    count = event_count(port);
    check_equal(hypercall_vcpu_op(VCPUOP_set_singleshot_timer, 0, &timer), 0, "a time past, which may be");
    check(event_wait(port, count, 1000 * MS), "it fires at once");
    timer.timeout_abs_ns = time_ns() + 10 * MS;
    check_equal(hypercall_vcpu_op(VCPUOP_set_singleshot_timer, 0, &timer), 0, "set it");
    check_equal(hypercall_vcpu_op(VCPUOP_stop_singleshot_timer, 0, NULL), 0, "stop it");
    count = event_count(port);
    check(!event_wait(port, count, 30 * MS), "it does not fire");
    count = event_count(port);
    check_equal(hypercall_set_timer_op((s64)(time_ns() + 5 * MS)), 0, "set_timer_op");
    check(event_wait(port, count, 1000 * MS), "it fires");
    check_equal(hypercall_set_timer_op((s64)(time_ns() + 10 * MS)) | hypercall_set_timer_op(0), 0, "set it and cancel");
    count = event_count(port);
    check(!event_wait(port, count, 30 * MS), "it does not fire");
}

static void check_secondary(void)
{
    static struct vcpu_time_info record;
    struct vcpu_register_time_memory_area area;
    u64 before, second, after;

    set_xen_guest_handle(area.addr.h, &record);
    check_equal(hypercall_vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &area), 0, "register a time record");
    check(record.tsc_timestamp != 0 && record.tsc_to_system_mul != 0, "it is filled in");
    before = time_ns();
    second = time_from_record(&record);
    after = time_ns();
    check(before <= second && second <= after, "it tells the same time");
    area.addr.p = 0xffff820000000000ul;
    check_equal(hypercall_vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &area), -XEN_EFAULT,
                "a record in the hypervisor's memory");
    area.addr.p = 0;
    check_equal(hypercall_vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &area), 0, "no record");
}

TEST(timers, "time and timers")
{
    long port = event_bind_virq(VIRQ_TIMER, 0);

    check(port > 0, "bind VIRQ_TIMER: %ld", port);
    event_unmask((u32)port);
    upcalls_enable();
    check_monotonic();
    check_timer((u32)port);
    check_secondary();
    upcalls_disable();
    event_close((u32)port);
}
