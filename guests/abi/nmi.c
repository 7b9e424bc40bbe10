/* SPDX-License-Identifier: MIT */
/*
 * nmi - non-maskable interrupts from one vcpu to another, here to itself
 *
 * They come through entry 2 of the trap table, also when upcalls are masked, and not again before the handler returns
 * with the iret hypercall.
 */
#include <lib/hypercall.h>
#include <lib/test.h>

static volatile u32 nmis, depth, deepest;

static bool on_nmi(struct regs *regs)
{
    (void)regs;
    depth++;
    if (depth > deepest)
        deepest = depth;
    if (nmis++ == 0)
        hypercall_vcpu_op(VCPUOP_send_nmi, 0, NULL);
    depth--;
    return true;
}

TEST(nmi, "send_nmi")
{
    trap_set_handler(VECTOR_NMI, on_nmi);
    check_equal(hypercall_vcpu_op(VCPUOP_send_nmi, 0, NULL), 0, "send an NMI");
    check_equal(nmis, 2, "it came, and the one that its handler sent");
    check_equal(deepest, 1, "after the handler's return");
    trap_set_handler(VECTOR_NMI, NULL);
}
