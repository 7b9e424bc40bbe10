/* SPDX-License-Identifier: MIT */
/* The way of a hypercall: which numbers exist, what registers look like afterwards, continuations, multicalls. */
#include "hcall_fixture.h"

#include <hcall/hcall.h>
#include <xen/version.h>

static void numbers_that_do_not_exist(void **state)
{
    static const u64 missing[] = {
#define X(nr, name, nargs, flags) nr,
        HCALLS_NONE(X)
#undef X
        11, 38, 43, 44, 45, 46, 47, 49, 55, 63, 64, 65, 1000, 1UL << 32, (1UL << 32) + __HYPERVISOR_xen_version,
        (1UL << 63) + __HYPERVISOR_xen_version, ~0UL,
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(missing); i++) {
        assert_int_equal(hypercall(missing[i], 0), -ENOSYS);
        assert_int_equal(hypercall(missing[i], ~0UL, ~0UL, ~0UL, ~0UL, ~0UL, ~0UL), -ENOSYS);
    }
}

/* Every row with every argument bad: an error or a harmless answer, never a dead hypervisor. */
static void rows_with_senseless_arguments(void **state)
{
    static const u64 words[] = { 0, 1, 7, 0x7ff0, 0x80000000, 0xffffffff, HOLE_START, HOLE_END - 1, ~0UL, NOT_MAPPED };
    static const u8 numbers[] = {
#define X(nr, name, nargs, flags) nr,
        HCALLS_IMPL(X)
#undef X
    };

    (void)state;
    as(&g5);                                    /* no rights, so that it cannot end the machine */
    for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++)
        for (unsigned a = 0; a < ARRAY_SIZE(words); a++)
            for (unsigned b = 0; b < ARRAY_SIZE(words); b++) {
                if (numbers[i] == __HYPERVISOR_sched_op && words[a] == SCHEDOP_block)
                    continue;
                (void)hypercall(numbers[i], words[a], words[b], words[b], words[a], 0, 0);
                assert_false(g5.d->shutting_down);
            }
}

static void user_mode_makes_no_hypercall(void **state)
{
    struct regs *r = guest_regs();

    (void)state;
    g->v->pv.in_kernel = false;
    g->v->pv.kernel_ss = SEL_GUEST_DS;
    g->v->pv.kernel_sp = WINDOW + 2 * PAGE_SIZE;
    g->v->pv.syscall = (struct pv_callback){ CODE + 0x1000, false };
    *r = (struct regs){ .rax = __HYPERVISOR_xen_version, .rip = CODE, .rcx = CODE, .cs = SEL_GUEST_CS64,
                        .ss = SEL_GUEST_DS, .rsp = 0x1234, .rflags = 0x202, .r11 = 0x202, .vector = REGS_SYSCALL };
    entry_syscall(r);
    assert_true(g->v->pv.in_kernel);            /* bounced to the kernel's own handler */
    assert_int_equal(r->rip, CODE + 0x1000);
    assert_int_equal(r->rax, __HYPERVISOR_xen_version);
}

/* ---- continuations ---- */

static void a_continued_call_goes_on_where_it_stopped(void **state)
{
    struct trap_info *t = page_at(1);

    (void)state;
    for (unsigned i = 0; i < 5; i++)
        t[i] = (struct trap_info){ .vector = (u8)(3 + i), .flags = 3, .cs = SEL_GUEST_CS64, .address = CODE + i };
    t[5].address = 0;
    preempt_always = true;
    assert_int_equal(hypercall(__HYPERVISOR_set_trap_table, va_of(t)), 0);
    assert_int_equal(restarts, 5);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(g->v->pv.traps[3 + i].addr, CODE + i);
}

/* Work that became pending stops a long call as well, and is done before the call goes on. */
static void pending_work_stops_a_long_call(void **state)
{
    struct trap_info *t = page_at(1);

    (void)state;
    t[0] = (struct trap_info){ .vector = 3, .address = CODE };
    t[1] = (struct trap_info){ .vector = 4, .address = CODE };
    t[2].address = 0;
    work_raise(WORK_TIMER);
    assert_int_equal(hypercall(__HYPERVISOR_set_trap_table, va_of(t)), 0);
    assert_int_equal(restarts, 1);
    assert_false(work_pending());
}

/* ---- multicalls ---- */

static struct multicall_entry *entry(unsigned i) { return (struct multicall_entry *)page_at(1) + i; }

static void set_entry(unsigned i, u64 op, u64 a0, u64 a1, u64 a2)
{
    *entry(i) = (struct multicall_entry){ .op = op, .result = 0x5555, .args = { a0, a1, a2 } };
}

static long multicall(unsigned n) { return hypercall(__HYPERVISOR_multicall, va_of(entry(0)), n); }

static void each_entry_has_its_own_result(void **state)
{
    (void)state;
    set_entry(0, __HYPERVISOR_xen_version, XENVER_version, 0, 0);
    set_entry(1, __HYPERVISOR_xen_version, XENVER_pagesize, 1, 0);
    set_entry(2, __HYPERVISOR_multicall, va_of(entry(0)), 1, 0);
    set_entry(3, __HYPERVISOR_iret, 0, 0, 0);
    set_entry(4, __HYPERVISOR_hypfs_op, 0, 0, 0);
    set_entry(5, ~0UL, 0, 0, 0);
    set_entry(6, __HYPERVISOR_xen_version, XENVER_version, 0, 0);
    for (unsigned always = 0; always < 2; always++) {
        for (unsigned i = 0; i < 7; i++)
            entry(i)->result = 0x5555;
        preempt_always = always;
        assert_int_equal(multicall(7), 0);
        assert_int_equal(restarts, always ? 6 : 0);
        assert_int_equal(entry(0)->result, 0x40011);
        assert_int_equal(entry(1)->result, -EINVAL);
        assert_int_equal(entry(2)->result, -EINVAL);
        assert_int_equal(entry(3)->result, -ENOSYS);
        assert_int_equal(entry(4)->result, -ENOSYS);
        assert_int_equal(entry(5)->result, -ENOSYS);
        assert_int_equal(entry(6)->result, 0x40011);
    }
}

static void multicalls_of_nothing_and_too_much(void **state)
{
    (void)state;
    assert_int_equal(multicall(0), 0);
    assert_int_equal(hypercall(__HYPERVISOR_multicall, HOLE_START - 64, 2), -EFAULT);
    assert_int_equal(hypercall(__HYPERVISOR_multicall, HOLE_START - 64, 1), -EFAULT);  /* allowed, not mapped */
    assert_int_equal(hypercall(__HYPERVISOR_multicall, ~0UL - 63, 2), -EFAULT);
    assert_int_equal(hypercall(__HYPERVISOR_multicall, WINDOW, ~0u), -EFAULT);
    assert_int_equal(hypercall(__HYPERVISOR_multicall, WINDOW, (1UL << 32)), 0);       /* 32 bits count */
    assert_efault(hypercall(__HYPERVISOR_multicall, bad, 1));
}

/* The list ends in the middle: what came before it was done. */
static void a_list_that_leaves_memory(void **state)
{
    struct multicall_entry *last = (struct multicall_entry *)(g->mem + (WINDOW_PAGES << PAGE_SHIFT)) - 1;

    (void)state;
    *last = (struct multicall_entry){ .op = __HYPERVISOR_xen_version, .args = { XENVER_version } };
    assert_int_equal(hypercall(__HYPERVISOR_multicall, va_of(last), 2), -EFAULT);
    assert_int_equal(last->result, 0x40011);
}

/* The guest cannot write its own list: the result is lost, and the call says so. */
static void a_list_that_is_read_only(void **state)
{
    pte_t *e = (pte_t *)frame_map(g->l1) + 1;

    (void)state;
    set_entry(0, __HYPERVISOR_xen_version, XENVER_version, 0, 0);
    assert_int_equal(hypercall(__HYPERVISOR_update_va_mapping, WINDOW + PAGE_SIZE, *e & ~PTE_RW, UVMF_INVLPG | UVMF_ALL),
                     0);
    assert_int_equal(multicall(1), -EFAULT);
    assert_int_equal(entry(0)->result, 0x5555);
    set_entry(0, __HYPERVISOR_set_trap_table, va_of(page_at(2)), 0, 0);
    ((struct trap_info *)page_at(2))[0] = (struct trap_info){ .vector = 3, .address = CODE };
    preempt_always = true;
    assert_int_equal(multicall(1), -EFAULT);    /* where to go on cannot be noted either */
}

/* An entry that stops half-way leaves its place in its arguments; the result slot is written once, at the end. */
static void an_entry_that_is_continued(void **state)
{
    struct trap_info *t = page_at(2);

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        t[i] = (struct trap_info){ .vector = (u8)(3 + i), .address = CODE + i };
    t[3].address = 0;
    set_entry(0, __HYPERVISOR_set_trap_table, va_of(t), 0, 0);
    set_entry(1, __HYPERVISOR_xen_version, XENVER_version, 0, 0);
    preempt_always = true;
    assert_int_equal(multicall(2), 0);
    assert_int_equal(restarts, 3 + 1);
    assert_int_equal(entry(0)->result, 0);
    assert_int_equal(entry(0)->args[0], va_of(t + 3));
    assert_int_equal(entry(1)->result, 0x40011);
    assert_int_equal(g->v->pv.traps[5].addr, CODE + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(numbers_that_do_not_exist), TEST(rows_with_senseless_arguments), TEST(user_mode_makes_no_hypercall),
        TEST(a_continued_call_goes_on_where_it_stopped), TEST(pending_work_stops_a_long_call),
        TEST(each_entry_has_its_own_result), TEST(multicalls_of_nothing_and_too_much), TEST(a_list_that_leaves_memory),
        TEST(a_list_that_is_read_only), TEST(an_entry_that_is_continued),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
