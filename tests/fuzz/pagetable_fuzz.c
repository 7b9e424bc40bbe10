/* SPDX-License-Identifier: MIT */
/*
 * Bytes as what paravirtual guests do with page tables: domain 0 and two vcpus of domain 5 change entries, pin, unpin and
 * load tables, make descriptor tables, exchange and give away memory, and access what is mapped, also while another's
 * hypercall is preempted. Audited on the way; no CPU may ever be able to write a table.
 *
 * The first byte: bit 0 preemption at every point, bit 1 others act then, bits 7:2 an allocation that fails. Then
 * operations: a byte that chooses, and what it needs.
 */
#include "fuzz_guest.h"

#include <xen/memory.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX   200
#define STEPS_AUDIT 16

static bool others_act;
static void step(struct input *in, unsigned depth);

static void act_between(void *ctx)
{
    struct input *in = ctx;

    if (others_act && in->p < in->end) {
        as(actors[take(in, 1) % ARRAY_SIZE(actors)]);
        if (!is_over(g))
            step(in, 1);
    }
}

static void call(struct input *in, unsigned depth, u64 nr, u64 a0, u64 a1, u64 a2, u64 a3)
{
    (void)fuzz_call(nr, (const u64[5]){ a0, a1, a2, a3 }, depth ? NULL : act_between, in);
}

static u64 take_foreign(struct input *in)
{
    static const u32 known[] = { DOMID_SELF, DOMID_SELF, 0, 5, DOMID_IO, DOMID_XEN, DOMID_SELF | 6u << 16, 77 };

    return known[take(in, 1) % ARRAY_SIZE(known)];
}

static void update_entries(struct input *in, unsigned depth)
{
    struct mmu_update u[4];
    unsigned n = 1 + (unsigned)take(in, 1) % ARRAY_SIZE(u);
    u64 foreign = n & 1 ? DOMID_SELF : take_foreign(in);

    for (unsigned i = 0; i < n; i++) {
        u[i].ptr = (take_frame(in).n << PAGE_SHIFT) + take_index(in) * sizeof(pte_t) % PAGE_SIZE;
        u[i].ptr |= take(in, 1) & 0x80 ? take(in, 1) % 8 : 0;
        u[i].val = take_entry(in);
    }
    (void)guest_poke(PARAMETERS(g), u, n * sizeof(u[0]));
    call(in, depth, __HYPERVISOR_mmu_update, PARAMETERS(g), n, 0, foreign);
}

static void update_mapping(struct input *in, unsigned depth)
{
    u64 va = take_va(in), entry = take_entry(in);

    call(in, depth, __HYPERVISOR_update_va_mapping, va, entry, take(in, 1) % 8, 0);
}

static void extended(struct input *in, unsigned depth)
{
    struct mmuext_op op[3];
    unsigned n = 1 + (unsigned)take(in, 1) % ARRAY_SIZE(op);

    for (unsigned i = 0; i < n; i++) {
        u64 second;

        op[i].cmd = (unsigned)take(in, 1) % 19;
        op[i].arg1.mfn = op[i].cmd == MMUEXT_SET_LDT || op[i].cmd == MMUEXT_INVLPG_LOCAL ? take_va(in) & PAGE_MASK
                                                                                         : take_frame(in).n;
        second = op[i].cmd == MMUEXT_COPY_PAGE ? take_frame(in).n : op[i].cmd == MMUEXT_SET_LDT ? take_index(in) : 0;
        memcpy(&op[i].arg2, &second, sizeof(second));
    }
    (void)guest_poke(PARAMETERS(g), op, n * sizeof(op[0]));
    call(in, depth, __HYPERVISOR_mmuext_op, PARAMETERS(g), n, 0, n == 2 ? take_foreign(in) : DOMID_SELF);
}

/* As instructions of the guest do: through its tables and what its CPU remembers of them. */
static void access_memory(struct input *in, bool write)
{
    u64 va = take_va(in), v = take_entry(in);

    if (write)
        (void)guest_poke(va, &v, sizeof(v));
    else
        (void)fake_guest_read(g->cpu, va, &v, sizeof(v));
}

static void descriptors(struct input *in, unsigned depth)
{
    xen_pfn_t frames[3];
    u64 entries = take(in, 2) % 1600;

    if (entries & 1) {
        u64 at = (take_frame(in).n << PAGE_SHIFT) + take_index(in) * 8 % PAGE_SIZE;

        call(in, depth, __HYPERVISOR_update_descriptor, at, take(in, 8), 0, 0);
        return;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(frames); i++)
        frames[i] = take_frame(in).n;
    (void)guest_poke(PARAMETERS(g), frames, sizeof(frames));
    call(in, depth, __HYPERVISOR_set_gdt, PARAMETERS(g), entries, 0, 0);
}

static void reserve(struct input *in, unsigned depth)
{
    static const u8 commands[] = { XENMEM_increase_reservation, XENMEM_decrease_reservation, XENMEM_populate_physmap };
    struct xen_memory_reservation r = { .nr_extents = 1 + take(in, 1) % 4, .domid = DOMID_SELF };
    u64 at = PARAMETERS(g) + sizeof(r), frames[4];
    unsigned cmd = commands[take(in, 1) % ARRAY_SIZE(commands)];

    set_xen_guest_handle(r.extent_start, (xen_pfn_t *)at);
    for (unsigned i = 0; i < ARRAY_SIZE(frames); i++)
        frames[i] = take_frame(in).n;
    (void)guest_poke(PARAMETERS(g), &r, sizeof(r));
    (void)guest_poke(at, frames, sizeof(frames));
    call(in, depth, __HYPERVISOR_memory_op, cmd, PARAMETERS(g), 0, 0);
}

static void exchange(struct input *in, unsigned depth)
{
    unsigned order = (unsigned)take(in, 1) % 3;
    struct xen_memory_exchange x = {
        .in = { .nr_extents = 1ul << order, .domid = DOMID_SELF },
        .out = { .nr_extents = 1, .extent_order = order, .domid = DOMID_SELF },
    };
    u64 at = PARAMETERS(g) + sizeof(x), frames[5];

    set_xen_guest_handle(x.in.extent_start, (xen_pfn_t *)at);
    set_xen_guest_handle(x.out.extent_start, (xen_pfn_t *)(at + 32));
    for (unsigned i = 0; i < 4; i++)
        frames[i] = take_frame(in).n;
    frames[4] = take(in, 1);
    (void)guest_poke(PARAMETERS(g), &x, sizeof(x));
    (void)guest_poke(at, frames, sizeof(frames));
    call(in, depth, __HYPERVISOR_memory_op, XENMEM_exchange, PARAMETERS(g), 0, 0);
}

static void step(struct input *in, unsigned depth)
{
    switch (take(in, 1) % 12) {
    case 0: case 1: update_entries(in, depth); break;
    case 2: case 3: update_mapping(in, depth); break;
    case 4: case 5: extended(in, depth); break;
    case 6: access_memory(in, true); break;
    case 7: access_memory(in, false); break;
    case 8: descriptors(in, depth); break;
    case 9: reserve(in, depth); break;
    case 10: exchange(in, depth); break;
    default: call(in, depth, __HYPERVISOR_vm_assist, take(in, 1) % 2, VMASST_TYPE_writable_pagetables, 0, 0); break;
    }
}

static void run(struct input *in)
{
    for (unsigned i = 0; i < STEPS_MAX && in->p < in->end; i++) {
        unsigned who = (unsigned)take(in, 1);

        as(actors[who & 0xc0 ? 1 : who % ARRAY_SIZE(actors)]);
        if (is_over(g))
            break;
        step(in, 0);
        if (i % STEPS_AUDIT == STEPS_AUDIT - 1)
            fuzz_audit();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = { data, data + size };
    unsigned how;

    if (size < 2)
        return 0;
    how = (unsigned)take(&in, 1);
    fuzz_start();
    preempt_always = how & 1;
    others_act = how & 2;
    fuzz_fail_alloc(how >> 2);
    fuzz_run(run, &in);
    return 0;
}
