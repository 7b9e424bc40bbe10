/* SPDX-License-Identifier: MIT */
/*
 * vcpu - vcpu_op on the vcpu that runs
 *
 * States, the runstate record, and moving vcpu_info out of the shared page: the contents move along and everything that
 * may be pending is looked at once more.
 */
#include <lib/event.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>
#include <lib/time.h>

static void check_states(void)
{
    static struct vcpu_guest_context context;

    check_equal(hypercall_vcpu_op(VCPUOP_is_up, 0, NULL), 1, "vcpu 0 is up");
    check_equal(hypercall_vcpu_op(VCPUOP_initialise, 0, &context), -XEN_EEXIST, "it is initialised");
    check_equal(hypercall_vcpu_op(VCPUOP_up, 0, NULL), 0, "up again");
    check_equal(hypercall_vcpu_op(VCPUOP_is_up, 4000, NULL), -XEN_ENOENT, "a vcpu that is not there");
    check_equal(hypercall_vcpu_op(99, 0, NULL), -XEN_ENOSYS, "an unknown operation");
}

static void check_runstate(void)
{
    static volatile struct vcpu_runstate_info runstate;
    struct vcpu_runstate_info copy;
    struct vcpu_register_runstate_memory_area area;
    u64 sum = 0;

    check_equal(hypercall_vcpu_op(VCPUOP_get_runstate_info, 0, &copy), 0, "get_runstate_info");
    check_equal(copy.state, RUNSTATE_running, "running");
    for (unsigned int i = 0; i < ARRAY_SIZE(copy.time); i++)
        sum += copy.time[i];
    check(sum > 0 && sum <= time_ns(), "the times add up to no more than the system time: %lu", sum);
    set_xen_guest_handle(area.addr.h, (void *)(unsigned long)&runstate);
    check_equal(hypercall_vcpu_op(VCPUOP_register_runstate_memory_area, 0, &area), 0, "register a runstate area");
    check(runstate.state == RUNSTATE_running && runstate.state_entry_time != 0, "it is filled in");
    sum = runstate.time[RUNSTATE_blocked];
    /* An emulator that stands still meanwhile leaves nothing to sleep for: more than once, then. */
    for (unsigned int i = 0; i < 20 && runstate.time[RUNSTATE_blocked] + runstate.time[RUNSTATE_runnable] < sum + 4 * MS; i++)
        check(!event_wait(0, event_count(0), 5 * MS), "sleep 5 ms");
    check(runstate.time[RUNSTATE_blocked] + runstate.time[RUNSTATE_runnable] >= sum + 4 * MS,
          "they are in the area as time blocked");
    area.addr.p = 0;
    check_equal(hypercall_vcpu_op(VCPUOP_register_runstate_memory_area, 0, &area), 0, "no runstate area");
}

static void check_vcpu_info(void)
{
    u8 *page = page_alloc();
    struct vcpu_register_vcpu_info info = {.mfn = page_mfn(page), .offset = 128};
    struct vcpu_info *old = vcpu_info;
    u32 ipi = (u32)event_bind_ipi(0), count = event_count(ipi);

    info.offset = 132;
    check_equal(hypercall_vcpu_op(VCPUOP_register_vcpu_info, 0, &info), -XEN_ENXIO, "a record that is not aligned");
    info.offset = PAGE_SIZE - 32;
    check_equal(hypercall_vcpu_op(VCPUOP_register_vcpu_info, 0, &info), -XEN_ENXIO, "a record across pages");
    info.offset = 128;
    info.mfn = root_mfn();
    check(hypercall_vcpu_op(VCPUOP_register_vcpu_info, 0, &info) < 0, "a record in a page table");
    info.mfn = page_mfn(page);
    check_equal(hypercall_vcpu_op(VCPUOP_register_vcpu_info, 4000, &info), -XEN_ENOENT, "of a vcpu that is not there");
    check_equal(hypercall_vcpu_op(VCPUOP_register_vcpu_info, 0, &info), 0, "move vcpu_info");
    vcpu_info = (struct vcpu_info *)(page + 128);
    check(vcpu_info->evtchn_upcall_mask == old->evtchn_upcall_mask, "its contents moved");
    check(vcpu_info->evtchn_upcall_pending == 1 && vcpu_info->evtchn_pending_sel == ~0ul, "all may be pending");
    check(vcpu_info->time.tsc_to_system_mul != 0, "it has the time");
    check_equal(hypercall_vcpu_op(VCPUOP_register_vcpu_info, 0, &info), -XEN_EINVAL, "move it twice");
    event_unmask(ipi);
    upcalls_enable();
    event_send(ipi);
    check_equal(event_count(ipi), count + 1, "events arrive by the new one");
    upcalls_disable();
    event_close(ipi);
}

TEST(vcpu, "vcpu_op")
{
    check_states();
    hypercall_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
    check_runstate();
    check_vcpu_info();
}
