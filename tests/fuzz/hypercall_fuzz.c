/* SPDX-License-Identifier: MIT */
/*
 * Bytes as what a paravirtual guest does: writes to its memory and hypercalls, with pointers into its memory, its frames,
 * its tables and other domains among the arguments. Every invariant is audited on the way and at the end.
 *
 * The first byte: bit 0 the guest (domain 0, or domain 5 without rights), bit 1 preemption at every point, bits 7:2
 * an allocation that fails. Then operations: a byte that chooses, and what it needs.
 */
#include "../unit/hcall_fixture.h"

#include <hypercalls.gen.h>
#include <xen/domctl.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define X(number, name, args, flags) number,
static const u8 calls[] = { HCALLS_IMPL(X) };
#undef X

#define CALLS_MAX    64
#define CALLS_AUDIT  16
#define RESTARTS_MAX 2000

struct input { const u8 *p, *end; };

static u64 take(struct input *in, unsigned bytes)
{
    u64 v = 0;

    while (bytes-- && in->p < in->end)
        v = v << 8 | *in->p++;
    return v;
}

static u64 take_frame(struct input *in)
{
    unsigned which = (unsigned)take(in, 1);
    const mfn_t tables[] = { g->l4, g->l3, g->l2, g->l1, g5.window, g5.l4, mfn(0), mfn(FAKE_MAX_MFN) };

    return which < WINDOW_PAGES ? frame_at(which).n : tables[which % ARRAY_SIZE(tables)].n;
}

static u64 take_argument(struct input *in)
{
    switch (take(in, 1) % 8) {
    case 0: return take(in, 1);
    case 1: return take(in, 2);
    case 2: return take(in, 8);
    case 3: return WINDOW + take(in, 2) * 8 % (WINDOW_PAGES << PAGE_SHIFT);
    case 4: return WINDOW;
    case 5: return take_frame(in);
    case 6: return (take_frame(in) << PAGE_SHIFT) | take(in, 2) % PAGE_SIZE;
    default: return DOMID_SELF - take(in, 1);
    }
}

/* Memory gets what an argument can be, or plain bytes. */
static void write_memory(struct input *in)
{
    u32 at = (u32)take(in, 2) * 8 % (u32)((WINDOW_PAGES << PAGE_SHIFT) - 256), words = (u32)take(in, 1) % 16;

    for (u32 i = 0; i < words; i++) {
        u64 v = take_argument(in);

        memcpy(g->mem + at + 8 * i, &v, 8);
    }
}

/* Domain 5 stands on a CPU that does not move here: whoever waits for it to stop waits for ever. */
static void spare_domain_5(u64 nr, u64 arg)
{
    if (nr == __HYPERVISOR_domctl && arg >= WINDOW && arg < WINDOW + (WINDOW_PAGES << PAGE_SHIFT) - sizeof(struct xen_domctl)) {
        struct xen_domctl *op = (void *)(g->mem + (arg - WINDOW));

        if (op->domain == 5)
            op->domain = 6;
        op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    }
}

static void call(struct input *in)
{
    struct regs *r = guest_regs();
    u64 nr = calls[take(in, 1) % ARRAY_SIZE(calls)], a[5];

    for (unsigned i = 0; i < ARRAY_SIZE(a); i++)
        a[i] = take_argument(in);
    spare_domain_5(nr, a[0]);
    *r = (struct regs){ .rax = nr, .rdi = a[0], .rsi = a[1], .rdx = a[2], .r10 = a[3], .r8 = a[4], .rip = CODE + 2,
                        .cs = SEL_GUEST_CS64, .ss = SEL_GUEST_DS, .rflags = X86_RFLAGS_IF | X86_RFLAGS_MBS,
                        .rsp = WINDOW, .vector = REGS_SYSCALL };
    for (unsigned i = 0; i < RESTARTS_MAX; i++) {
        entry_syscall(r);
        if (!lock_none_held())
            abort();
        if (r->rip == CODE + 2)
            break;
        work_run();
        r->rip = CODE + 2;
    }
    if (g->v->unit.blocked)
        sched_wake(&g->v->unit);
}

static bool over(void) { return g->d->shutting_down || current() != g->v || g->v->unit.pause_count; }

static void run(struct input *in)
{
    for (unsigned i = 0; i < CALLS_MAX && in->p < in->end && !over(); i++) {
        if (take(in, 1) % 3 == 0)
            write_memory(in);
        else
            call(in);
        if (i % CALLS_AUDIT == CALLS_AUDIT - 1)
            hcall_audit();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = { data, data + size };
    unsigned how;

    if (!size)
        return 0;
    how = (unsigned)take(&in, 1);
    hcall_setup(NULL);
    as(how & 1 ? &g0 : &g5);
    preempt_always = how & 2;
    fake_fail_alloc(how >> 2);
    if (fake_ends(run(&in)) && strstr(shown, "Panic on CPU"))
        abort();                    /* domain 0 may switch the machine off, but nobody may break it */
    fake_fail_alloc(0);
    preempt_always = false;
    lock_reset_cpu();
    hcall_audit();
    return 0;
}
