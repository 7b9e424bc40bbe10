/* SPDX-License-Identifier: MIT */
/*
 * stale_translation_smp - another CPU still remembers (XSA-401)
 *
 * Attack: a second vcpu writes a page all the time; the first makes it read-only without a flush, then a page table.
 * The second's next write must fault.
 */
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/smp.h>
#include <lib/test.h>
#include <lib/time.h>

static volatile u64 *volatile target;
static volatile u64 value, writes;
static volatile bool faulted;

/* Entered by the hypervisor for the second vcpu's fault; never returns. */
static void on_fault(void)
{
    faulted = true;
    for (;;)
        hypercall_vcpu_op(VCPUOP_down, 1, NULL);
}

static void writer(void)
{
    const trap_info_t traps[] = {{.vector = VECTOR_PF, .cs = FLAT_KERNEL_CS, .address = (unsigned long)on_fault}, {0}};

    hypercall_set_trap_table(traps);
    for (;;) {
        *target = value;
        writes++;
    }
}

static void wait_for_writes(u64 more)
{
    u64 start = writes, end = time_ns() + 2000 * MS;

    while (writes < start + more && !faulted && time_ns() < end)
        hypercall_sched_op(SCHEDOP_yield, NULL);
}

TEST(stale_translation_smp, "change a page's type while another CPU writes it")
{
    void *page = page_alloc();
    u64 mfn = page_mfn(page);
    long ret;

    target = (volatile u64 *)page + 3;
    ret = vcpu_start(1, writer);
    if (ret != 0) {
        test_skip("the domain has one vcpu only");
        return;
    }
    wait_for_writes(1000);
    check(writes > 0 && !faulted, "the second vcpu writes");
    check_equal(hypercall_update_va_mapping((unsigned long)page, mfn * PAGE_SIZE | PTE_KERNEL_RO, UVMF_NONE), 0,
                "map it read-only without a flush");
    check_equal(mmuext(MMUEXT_PIN_L1_TABLE, mfn), 0, "pin it as an L1");
    value = mfn * PAGE_SIZE | PTE_KERNEL_RW;
    wait_for_writes(1000);
    check(faulted, "the second vcpu's write faults");
    check_equal((long)*target, 0, "the table is unchanged");
    while (hypercall_vcpu_op(VCPUOP_is_up, 1, NULL) == 1)
        hypercall_sched_op(SCHEDOP_yield, NULL);
    check_equal(mmuext(MMUEXT_UNPIN_TABLE, mfn), 0, "unpin it");
}
