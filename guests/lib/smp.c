/* SPDX-License-Identifier: MIT */
/*
 * Virtual CPUs: each shares the boot CPU's page tables and trap handlers, and has a stack page of its own, by which it
 * is known.
 */
#include <lib/event.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/smp.h>
#include <lib/string.h>
#include <lib/test.h>
#include <lib/time.h>
#include <lib/trap.h>

static u8 *stacks[GUEST_VCPUS];
static u32 workers = 1; /* vcpus below it take jobs */

static void (*volatile current_job)(u32 vcpu);
static volatile u32 round, finished;

u32 vcpu_self(void)
{
    unsigned long at = (unsigned long)__builtin_frame_address(0);

    for (u32 vcpu = 1; vcpu < GUEST_VCPUS; vcpu++)
        if (stacks[vcpu] != NULL && at - (unsigned long)stacks[vcpu] < PAGE_SIZE)
            return vcpu;
    return 0;
}

static void set_traps(struct vcpu_guest_context *context)
{
    for (unsigned int vector = 0; vector < 32; vector++)
        context->trap_ctxt[vector] = (trap_info_t){
            .vector = (u8)vector, .cs = FLAT_KERNEL_CS, .address = (unsigned long)trap_stubs[vector]};
    context->event_callback_eip = (unsigned long)event_entry;
    context->failsafe_callback_eip = (unsigned long)failsafe_entry;
    context->syscall_callback_eip = (unsigned long)syscall_entry;
}

long vcpu_start(u32 vcpu, void (*run)(void))
{
    static struct vcpu_guest_context context;
    u8 *stack = page_alloc();
    long ret;

    memset(&context, 0, sizeof(context));
    context.flags = VGCF_in_kernel; /* not VGCF_online: VCPUOP_up would find the vcpu up and not wake it */
    context.user_regs.rip = (unsigned long)run;
    context.user_regs.rsp = (unsigned long)stack + PAGE_SIZE - 8;
    context.user_regs.rflags = 0x1200; /* IOPL 1: it may use ports */
    context.user_regs.cs = FLAT_KERNEL_CS;
    context.user_regs.ss = FLAT_KERNEL_SS;
    context.kernel_ss = FLAT_KERNEL_SS;
    context.kernel_sp = context.user_regs.rsp;
    context.ctrlreg[3] = root_mfn() * PAGE_SIZE;
    set_traps(&context);
    ret = hypercall_vcpu_op(VCPUOP_initialise, vcpu, &context);
    if (ret == 0) {
        stacks[vcpu] = stack; /* before it runs */
        ret = hypercall_vcpu_op(VCPUOP_up, vcpu, NULL);
    }
    if (ret != 0)
        page_free(stack);
    return ret;
}

/* What a worker does for ever. Between jobs it only yields, so that it needs nothing that a test tries. */
static void work(void)
{
    u32 vcpu = vcpu_self();

    for (u32 done = 0;; done++) {
        while (round == done)
            hypercall_sched_op(SCHEDOP_yield, NULL);
        current_job(vcpu);
        upcalls_disable();
        __atomic_fetch_add(&finished, 1, __ATOMIC_SEQ_CST);
    }
}

bool vcpus_start(u32 count)
{
    for (; workers < count; workers++) {
        long ret = vcpu_start(workers, work);

        if (ret == -XEN_ENOENT) {
            test_skip("the domain has %u of %u vcpus", workers, count);
            return false;
        }
        if (!check_equal(ret, 0, "start a vcpu"))
            return false;
    }
    return true;
}

bool vcpus_run(void (*job)(u32 vcpu), u64 ns)
{
    u64 end = time_ns() + ns;

    current_job = job;
    finished = 0;
    __atomic_fetch_add(&round, 1, __ATOMIC_SEQ_CST);
    job(0);
    upcalls_disable();
    while (finished < workers - 1)
        if (time_ns() > end)
            return false;
        else
            hypercall_sched_op(SCHEDOP_yield, NULL);
    return true;
}
