/* SPDX-License-Identifier: MIT */
/* Starting a virtual CPU: it shares the boot CPU's page tables, takes no traps, and has a stack page of its own. */
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/smp.h>
#include <lib/string.h>
#include <lib/trap.h>

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
    context.event_callback_eip = (unsigned long)event_entry;
    context.failsafe_callback_eip = (unsigned long)failsafe_entry;
    context.syscall_callback_eip = (unsigned long)syscall_entry;
    ret = hypercall_vcpu_op(VCPUOP_initialise, vcpu, &context);
    if (ret == 0)
        ret = hypercall_vcpu_op(VCPUOP_up, vcpu, NULL);
    if (ret != 0)
        page_free(stack);
    return ret;
}
