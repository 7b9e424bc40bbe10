/* SPDX-License-Identifier: MIT */
/* System time: a record is consistent when its version is even and did not change while it was read. */
#include <lib/event.h>
#include <lib/hypercall.h>
#include <lib/time.h>

u64 time_from_record(const volatile struct vcpu_time_info *time)
{
    u32 version;
    u64 ns;

    do {
        u64 delta;

        version = time->version & ~1u;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        delta = rdtsc() - time->tsc_timestamp;
        delta = time->tsc_shift < 0 ? delta >> -time->tsc_shift : delta << time->tsc_shift;
        ns = time->system_time + (u64)((unsigned __int128)delta * time->tsc_to_system_mul >> 32);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (version != time->version);
    return ns;
}

u64 time_ns(void)
{
    return time_from_record(&vcpu_info_self()->time);
}

void time_sleep(u64 ns)
{
    struct sched_poll poll = {.timeout = time_ns() + ns};

    hypercall_sched_op(SCHEDOP_poll, &poll);
}
