/* SPDX-License-Identifier: MIT */
/* More vcpus: brought up one by one, they add up numbers under a lock and without one, wake each other, and go down. */
#include <lib/event.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/string.h>
#include <lib/time.h>
#include <lib/trap.h>

#define VCPUS  4
#define ROUNDS 20000u

static u8 stacks[VCPUS][2 * PAGE_SIZE] __attribute__((aligned(16)));
static volatile u32 running, finished, unlocked_sum, locked_sum;
static volatile bool go;
static u32 next_ticket, serving;

static void lock(void)
{
    u32 ticket = __atomic_fetch_add(&next_ticket, 1, __ATOMIC_SEQ_CST);

    while (__atomic_load_n(&serving, __ATOMIC_ACQUIRE) != ticket)
        hypercall_sched_op(SCHEDOP_yield, NULL); /* its holder may not have a CPU just now */
}

static void unlock(void)
{
    __atomic_store_n(&serving, serving + 1, __ATOMIC_RELEASE);
}

static void add_up(void)
{
    for (u32 i = 0; i < ROUNDS; i++) {
        unlocked_sum = unlocked_sum + 1; /* read, add, write: another may come in between */
        lock();
        locked_sum = locked_sum + 1;
        unlock();
    }
    __atomic_fetch_add(&finished, 1, __ATOMIC_SEQ_CST);
}

static void secondary(u32 vcpu)
{
    __atomic_fetch_add(&running, 1, __ATOMIC_SEQ_CST);
    while (!go)
        hypercall_sched_op(SCHEDOP_yield, NULL);
    add_up();
    hypercall_vcpu_op(VCPUOP_down, vcpu, NULL); /* does not return */
    guest_panic("vcpu %u runs though it is down", vcpu);
}

/* A whole set of registers, as the domain builder made one for vcpu 0. */
static long start(u32 vcpu)
{
    static struct vcpu_guest_context context; /* more than a page */
    struct vcpu_guest_context *c = &context;
    long ret;

    memset(c, 0, sizeof(*c));
    c->flags = VGCF_in_kernel;
    c->user_regs.rip = (unsigned long)secondary;
    c->user_regs.rdi = vcpu;
    c->user_regs.rsp = (unsigned long)stacks[vcpu] + sizeof(stacks[vcpu]) - 8;
    c->user_regs.cs = FLAT_KERNEL_CS;
    c->user_regs.ss = FLAT_KERNEL_SS;
    c->kernel_ss = FLAT_KERNEL_SS;
    c->kernel_sp = c->user_regs.rsp;
    c->ctrlreg[3] = root_mfn() * PAGE_SIZE;
    c->event_callback_eip = (unsigned long)event_entry;
    c->failsafe_callback_eip = (unsigned long)failsafe_entry;
    ret = hypercall_vcpu_op(VCPUOP_initialise, vcpu, c);
    if (ret == 0)
        ret = hypercall_vcpu_op(VCPUOP_up, vcpu, NULL);
    return ret;
}

void guest_main(void)
{
    u32 up = 1;

    upcalls_enable();
    printf("Starting a vcpu that is not there: %ld\n", (long)hypercall_vcpu_op(VCPUOP_up, VCPUS, NULL));
    while (up < VCPUS && start(up) == 0)
        up++;
    while (running < up - 1)
        hypercall_sched_op(SCHEDOP_yield, NULL);
    printf("%u vcpus run.\n", up);
    go = true;
    add_up();
    while (finished < up)
        hypercall_sched_op(SCHEDOP_yield, NULL);
    printf("Under the lock they counted to %u; without it to %s.\n", locked_sum,
           unlocked_sum <= locked_sum ? "no more than that" : "more?");
    for (u32 vcpu = 1; vcpu < up; vcpu++)
        while (hypercall_vcpu_op(VCPUOP_is_up, vcpu, NULL) == 1)
            hypercall_sched_op(SCHEDOP_yield, NULL);
    printf("All but one are down again.\n");
}
