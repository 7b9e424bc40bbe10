/* SPDX-License-Identifier: MIT */
/*
 * callbacks - addresses at which the hypervisor will enter the guest (XSA-7)
 *
 * Attack: register entries and kernel stacks that are not canonical; a return with sysret to such an address faults in
 * the hypervisor.
 */
#include <lib/hypercall.h>
#include <lib/test.h>

#define NOT_CANONICAL 0x0000800000000000ul

static long set_callback(u16 type, unsigned long address)
{
    struct callback_register op = {.type = type, .address = address};

    return hypercall_callback_op(CALLBACKOP_register, &op);
}

TEST(callbacks, "entry points that are not canonical")
{
    static const trap_info_t traps[] = {{.vector = 77, .cs = FLAT_KERNEL_CS, .address = NOT_CANONICAL}, {0}};
    struct callback_unregister unregister = {.type = CALLBACKTYPE_event};

    check_equal(set_callback(CALLBACKTYPE_event, NOT_CANONICAL), -XEN_EINVAL, "event callback");
    check_equal(set_callback(CALLBACKTYPE_failsafe, NOT_CANONICAL), -XEN_EINVAL, "failsafe callback");
    check_equal(set_callback(CALLBACKTYPE_syscall, NOT_CANONICAL), -XEN_EINVAL, "syscall callback");
    check_equal(set_callback(CALLBACKTYPE_syscall32, NOT_CANONICAL), -XEN_EINVAL, "syscall32 callback");
    check_equal(set_callback(CALLBACKTYPE_sysenter, NOT_CANONICAL), -XEN_EINVAL, "sysenter callback");
    check_equal(set_callback(CALLBACKTYPE_nmi, NOT_CANONICAL), -XEN_EINVAL, "NMI callback");
    check_equal(set_callback(99, (unsigned long)event_entry), -XEN_ENOSYS, "an unknown callback");
    check_equal(hypercall_callback_op(CALLBACKOP_unregister, &unregister), -XEN_EINVAL, "no event callback at all");
    check_equal(hypercall_callback_op(99, &unregister), -XEN_ENOSYS, "an unknown operation");
    check_equal(hypercall_set_trap_table(traps), -XEN_EINVAL, "a trap entry");
    check_equal(hypercall_set_trap_table((void *)0xffff820000000000ul), -XEN_EFAULT, "a trap table in the hypervisor");
}
