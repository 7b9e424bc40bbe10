/* SPDX-License-Identifier: MIT */
/*
 * What the fuzz targets that act as guests share: the machine of tests/unit/hcall_fixture.h, small, with a second vcpu
 * of domain 5 running on CPU 2; the input's bytes as numbers, frames, addresses and page-table entries; a hypercall with
 * its continuations; what must hold afterwards. Include once.
 */
#ifndef TESTS_FUZZ_FUZZ_GUEST_H
#define TESTS_FUZZ_FUZZ_GUEST_H

#define MACHINE_MIB 8                   /* the audit looks at every frame */
#include "../unit/hcall_fixture.h"

#define RESTARTS_MAX 2000
#define RO_PAGES     16u                /* first pages of the window, mapped read-only: they can become tables */
#define PARAMETERS(a) (WINDOW + ((WINDOW_PAGES - 1 - (a)->cpu) << PAGE_SHIFT))  /* where an actor puts arguments */

struct input { const u8 *p, *end; };

static struct guest g5b;                /* vcpu 1 of domain 5 */
static struct guest *const actors[] = { &g0, &g5, &g5b };

static inline void require(bool ok)
{
    if (!ok)
        abort();
}

static inline u64 take(struct input *in, unsigned bytes)
{
    u64 v = 0;

    while (bytes-- && in->p < in->end)
        v = v << 8 | *in->p++;
    return v;
}

/* ---- what operations are made of ---- */
static inline mfn_t take_frame(struct input *in)
{
    const struct guest *other = g == &g0 ? &g5 : &g0;
    unsigned which = (unsigned)take(in, 1);
    const mfn_t known[] = { g->l4, g->l3, g->l2, g->l1, other->l4, other->l1, other->window, boot_root,
                            mfn(0), mfn(FAKE_MAX_MFN), mfn(0x100000), zero_frame };

    return which & 0x80 ? known[which % ARRAY_SIZE(known)] : frame_at(which % WINDOW_PAGES);
}

static inline unsigned take_index(struct input *in)
{
    static const u16 known[] = { 0, 1, 2, 64, 128, 255, 256, 257, 260, 271, 272, 511 };
    unsigned which = (unsigned)take(in, 1);

    return which & 0x80 ? known[which % ARRAY_SIZE(known)] : which;
}

/* An entry that is good for a table, with some of its bits the other way round. */
static inline pte_t take_entry(struct input *in)
{
    static const pte_t bits[] = { PTE_RW, PTE_P, PTE_US, PTE_A | PTE_D, PTE_PS, PTE_G, PTE_PCD, BIT(63) };
    pte_t e = pte_make(take_frame(in), PTE_P | PTE_US | PTE_RW);
    unsigned flip = (unsigned)take(in, 1);

    for (unsigned i = 0; i < ARRAY_SIZE(bits); i++)
        e ^= flip >> i & 1 ? bits[i] : 0;
    return e;
}

/* In the window, or in what maps the guest's tables behind it. */
static inline u64 take_va(struct input *in)
{
    u64 page = take(in, 1) % (WINDOW_PAGES + 8);

    return WINDOW + (page << PAGE_SHIFT) + (take_index(in) * sizeof(pte_t)) % PAGE_SIZE;
}

/* ---- doing it ---- */
static inline bool is_over(const struct guest *who)
{
    return who->d->shutting_down || who->d->dying || who->v->unit.pause_count || cpu_info_of(who->cpu)->current != who->v;
}

static inline bool guest_poke(u64 va, const void *src, size_t n) { return fake_guest_write((int)g->cpu, va, src, n) == 0; }

/* One hypercall to its end, or until it was continued very often. between: what others do when it is preempted. */
static inline long fuzz_call(u64 nr, const u64 a[5], void (*between)(void *ctx), void *ctx)
{
    struct guest *self = g;
    struct regs *r = guest_regs();

    *r = (struct regs){ .rax = nr, .rdi = a[0], .rsi = a[1], .rdx = a[2], .r10 = a[3], .r8 = a[4], .rip = CODE + 2,
                        .cs = SEL_GUEST_CS64, .ss = SEL_GUEST_DS, .rflags = X86_RFLAGS_IF | X86_RFLAGS_MBS,
                        .rsp = WINDOW, .vector = REGS_SYSCALL };
    for (unsigned i = 0; i < RESTARTS_MAX; i++) {
        entry_syscall(r);
        require(lock_none_held());
        if (r->rip != CODE)
            break;
        work_run();
        if (between) {
            struct regs preempted = *r;         /* a handler of this vcpu, too, may make hypercalls now */

            between(ctx);
            as(self);
            *r = preempted;
        }
        if (is_over(self))
            break;
        r->rip = CODE + 2;
    }
    if (g->v->unit.blocked)
        sched_wake(&g->v->unit);
    return (long)r->rax;
}
#define FUZZ_CALL(nr, ...) fuzz_call((nr), (const u64[5]){ __VA_ARGS__ }, NULL, NULL)

/* ---- what must hold ---- */

/* No CPU can write what is used as a page table or a descriptor table, not even through a stale translation. */
static inline void tables_are_read_only(void)
{
    for (u64 n = 0; n < frame_max; n++) {
        const struct frame *f = frame_entry(mfn(n));

        if (!frame_valid(mfn(n)) || (f->refs & FRAME_FREE) || !(f->type & TYPE_COUNT_MASK))
            continue;
        if ((frame_type(f) >= TYPE_L1 && frame_type(f) <= TYPE_L4) || frame_type(f) == TYPE_SEGDESC)
            require(fake_tlb_holder(mfn(n), true) < 0);
    }
}

static unsigned fails_at;               /* value of fake_allocs at which an allocation is to fail; 0: none */

static inline void fuzz_fail_alloc(unsigned nth)
{
    fails_at = nth ? fake_allocs + nth : 0;
    fake_fail_alloc(nth);
}

/* The audit's own allocations do not fail, and do not count. */
static inline void fuzz_audit(void)
{
    unsigned left = fails_at > fake_allocs ? fails_at - fake_allocs : 0;

    fake_fail_alloc(0);
    hcall_audit();
    tables_are_read_only();
    fuzz_fail_alloc(left);
}

/* ---- the frame of a run ---- */
static inline void start_second_vcpu(void)
{
    g5b = g5;
    g5b.cpu = 2;
    g5b.v = g5.d->vcpus[1];
    as(&g5b);
    require(table_get(&g5b.v->pv.mmu, g5.l4, TYPE_L4) == 0);
    g5b.v->pv.root_kernel = g5.l4;
    g5b.v->initialised = true;
    g5b.v->down = false;
    guest_start(&g5b);
}

static inline void protect_first_pages(void)
{
    for (u64 i = 0; i < RO_PAGES; i++)
        require(FUZZ_CALL(__HYPERVISOR_update_va_mapping, WINDOW + (i << PAGE_SHIFT),
                          pte_make(frame_at((unsigned)i), PTE_P | PTE_US), UVMF_INVLPG | UVMF_ALL) == 0);
}

static inline void fuzz_start(void)
{
    hcall_setup(NULL);
    start_second_vcpu();
    as(&g0);
    protect_first_pages();
    as(&g5);
    protect_first_pages();
}

/* Runs body on the input. The machine may end in it (domain 0 may switch it off), but not by a panic. */
static inline void fuzz_run(void (*body)(struct input *in), struct input *in)
{
    if (fake_ends(body(in)) && strstr(shown, "Panic on CPU"))
        abort();
    fuzz_fail_alloc(0);
    preempt_always = false;
    for (unsigned i = 0; i < ARRAY_SIZE(actors); i++) {
        as(actors[i]);
        lock_reset_cpu();
    }
    fuzz_audit();
}

#endif
