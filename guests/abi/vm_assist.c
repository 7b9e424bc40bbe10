/* SPDX-License-Identifier: MIT */
/*
 * vm_assist - the assists that Linux switches on, and those that do not exist
 */
#include <lib/hypercall.h>
#include <lib/test.h>

static void check_assist(unsigned int type, long want, const char *name)
{
    check_equal(hypercall_vm_assist(VMASST_CMD_enable, type), want, name);
    check_equal(hypercall_vm_assist(VMASST_CMD_disable, type), want, name);
}

TEST(vm_assist, "vm_assist types")
{
    check_assist(VMASST_TYPE_4gb_segments, 0, "4gb_segments");
    check_assist(VMASST_TYPE_writable_pagetables, 0, "writable_pagetables");
    check_assist(VMASST_TYPE_pae_extended_cr3, 0, "pae_extended_cr3");
    check_assist(VMASST_TYPE_architectural_iopl, 0, "architectural_iopl");
    check_assist(VMASST_TYPE_runstate_update_flag, 0, "runstate_update_flag");
    /* A hypervisor may show the machine-to-frame table to user mode always, but must say so. */
    if (hypercall_vm_assist(VMASST_CMD_enable, VMASST_TYPE_m2p_strict) == -XEN_EINVAL)
        test_skip("m2p_strict is refused");
    else
        check_assist(VMASST_TYPE_m2p_strict, 0, "m2p_strict");
    check_assist(6, -XEN_EINVAL, "an unknown assist");
    check_assist(64, -XEN_EINVAL, "an assist beyond the word");
    check_equal(hypercall_vm_assist(2, 0), -XEN_ENOSYS, "an unknown command");
}
