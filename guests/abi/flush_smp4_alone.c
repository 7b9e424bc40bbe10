/* SPDX-License-Identifier: MIT */
/*
 * flush_smp4_alone - flushes that reach other vcpus
 *
 * vcpu 0 moves an address to another frame without a flush, then flushes in one of the ways that name several vcpus,
 * then says so. The others read the address all the time: once it has been said, none may see the old frame. At last
 * all four flush at once, which must not lock them up.
 */
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/smp.h>
#include <lib/test.h>
#include <lib/time.h>

#define VCPUS 4
#define MOVES 140
#define STORM 50

static const u64 everyone = (1u << VCPUS) - 1;
static u64 *pages[2];
static volatile u64 said, reads[VCPUS], stale[VCPUS];
static volatile bool over;

static long flush_mmuext(unsigned int cmd)
{
    struct mmuext_op op = {.cmd = cmd, .arg1.linear_addr = SCRATCH_VA};

    set_xen_guest_handle(op.arg2.vcpumask, (void *)(unsigned long)&everyone);
    return hypercall_mmuext_op(&op, 1, NULL, DOMID_SELF);
}

/* Map the frame at SCRATCH_VA and flush it everywhere: seven ways. */
#define WAYS 7
static long move(u64 pte, unsigned int way)
{
    static const unsigned int commands[] = {MMUEXT_INVLPG_ALL, MMUEXT_INVLPG_MULTI, MMUEXT_TLB_FLUSH_ALL,
                                            MMUEXT_TLB_FLUSH_MULTI};
    const unsigned long flags[] = {UVMF_INVLPG | UVMF_ALL, UVMF_TLB_FLUSH | UVMF_ALL,
                                   UVMF_TLB_FLUSH | UVMF_MULTI | (unsigned long)&everyone};
    long ret;

    if (way >= ARRAY_SIZE(commands))
        return hypercall_update_va_mapping(SCRATCH_VA, pte, flags[way - ARRAY_SIZE(commands)]);
    ret = pte_write(pte_maddr(1, SCRATCH_VA), pte);
    return ret != 0 ? ret : flush_mmuext(commands[way]);
}

/* Each of the others has looked at least once since now. */
static bool all_have_read(void)
{
    u64 before[VCPUS], end = time_ns() + 5000 * MS;

    for (u32 i = 1; i < VCPUS; i++)
        before[i] = reads[i];
    for (u32 i = 1; i < VCPUS; i++)
        while (reads[i] < before[i] + 2)
            if (time_ns() > end)
                return false;
    return true;
}

static void move_often(void)
{
    bool alive = true;
    long ret = 0;

    for (u64 i = 1; i <= MOVES && ret == 0 && alive; i++) {
        u64 *page = pages[i % 2];

        *page = i;
        ret = move(page_mfn(page) * PAGE_SIZE | PTE_KERNEL_RO, (unsigned int)(i % WAYS));
        __atomic_store_n(&said, i, __ATOMIC_SEQ_CST);
        alive = all_have_read();
    }
    over = true;
    check_equal(ret, 0, "move a page and flush it everywhere");
    check(alive, "the others go on reading");
}

static void read_or_move(u32 vcpu)
{
    if (vcpu == 0)
        move_often();
    while (!over) {
        u64 expected = said;

        if (*(volatile u64 *)SCRATCH_VA < expected)
            stale[vcpu]++;
        reads[vcpu]++;
    }
}

static volatile long refused;

static void flush_often(u32 vcpu)
{
    (void)vcpu;
    for (u32 i = 0; i < STORM; i++)
        if (flush_mmuext(i % 2 ? MMUEXT_TLB_FLUSH_ALL : MMUEXT_INVLPG_MULTI) != 0)
            refused++;
}

TEST(flush_smp4_alone, "flush the TLBs of four vcpus")
{
    if (!vcpus_start(VCPUS))
        return;
    pages[0] = page_alloc();
    pages[1] = page_alloc();
    if (!check_equal(map_page(SCRATCH_VA, page_mfn(pages[0]), PTE_KERNEL_RO), 0, "map a page"))
        return;
    if (!check(vcpus_run(read_or_move, 60000 * MS), "all vcpus come back"))
        guest_panic("a vcpu is locked up");
    check_equal((long)(stale[1] + stale[2] + stale[3]), 0, "reads of the old page");
    if (!check(vcpus_run(flush_often, 60000 * MS), "all vcpus flush at once"))
        guest_panic("a vcpu is locked up");
    check_equal(refused, 0, "flushes that were refused");
}
