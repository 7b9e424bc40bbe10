/* SPDX-License-Identifier: MIT */
/*
 * Mapping, unmapping, transfer and passing on of grants as guests make them: domain 5 grants, domain 0 maps into its own
 * page tables. What holds after any sequence: the marks are gone, and every frame has the references it had.
 */
#include "hcall_fixture.h"

#define PAGE_5  3                               /* of domain 5's window, which it grants */
#define SPOT    20                              /* page of domain 0's window that a mapping takes the place of */
#define HOST    GNTMAP_host_map
#define RO      GNTMAP_readonly
#define PTE     GNTMAP_contains_pte
#define spot_va(i) (WINDOW + (SPOT + (u64)(i)) * PAGE_SIZE)
#define assert_frame(m, nr_refs, nr_types) do { assert_int_equal(frame_refs(frame_entry(m)), nr_refs);           \
                                                assert_int_equal(type_count(frame_entry(m)), nr_types); } while (0)

static mfn_t page5(unsigned i) { return mfn_add(g5.window, PAGE_5 + i); }
static struct grant_entry_v1 *entry5(u32 ref) { return (struct grant_entry_v1 *)g5.d->grants.shared[0] + ref; }
static u16 marks(u32 ref) { return entry5(ref)->flags & (GTF_reading | GTF_writing); }

static void offer(u32 ref, mfn_t m, u16 flags)
{
    *entry5(ref) = (struct grant_entry_v1){ GTF_permit_access | flags, 0, (u32)m.n };
}

static long grants(unsigned op, const void *p, u32 n) { return hypercall(__HYPERVISOR_grant_table_op, op, va_of(p), n); }

/* One element, through guest memory. */
#define GRANT(name, elem) do { void *grant_p = page_at(1); memcpy(grant_p, &(elem), sizeof(elem));               \
                               assert_int_equal(grants(GNTTABOP_##name, grant_p, 1), 0);                         \
                               memcpy(&(elem), grant_p, sizeof(elem)); } while (0)

static struct gnttab_map_grant_ref mapped;

static s16 map_at(u32 ref, u32 flags, u64 host_addr)
{
    mapped = (struct gnttab_map_grant_ref){ .host_addr = host_addr, .flags = flags, .ref = ref, .dom = 5, .status = 99,
                                            .handle = 0xbad };
    GRANT(map_grant_ref, mapped);
    return mapped.status;
}

static s16 unmap_all(u32 handle, u64 host_addr, u64 dev_bus_addr)
{
    struct gnttab_unmap_grant_ref op = { .host_addr = host_addr, .dev_bus_addr = dev_bus_addr, .handle = handle,
                                         .status = 99 };

    GRANT(unmap_grant_ref, op);
    return op.status;
}

static s16 unmap(u32 handle, u64 host_addr) { return unmap_all(handle, host_addr, 0); }
static pte_t spot_pte(unsigned i) { return entry_of(g0.l1, SPOT + i); }

static void pins_audit(void)
{
    for (unsigned i = 0; i < 2; i++)
        grant_maps_tally(i ? &g5.d->grants : &g0.d->grants, false);
    for (unsigned i = 0; i < 2; i++)
        assert_null(grant_pins_audit(i ? &g5.d->grants : &g0.d->grants));
    for (unsigned i = 0; i < 2; i++)
        grant_maps_tally(i ? &g5.d->grants : &g0.d->grants, true);
    hcall_audit();
}

/* ---- mapping ---- */

static void mapped_by_address(void **state)
{
    u8 byte = 0x77;
    mfn_t old = frame_at(SPOT);

    (void)state;
    offer(9, page5(0), 0);
    assert_frame(page5(0), 2, 1);               /* its owner's, and his mapping */
    assert_int_equal(map_at(9, HOST, spot_va(0)), GNTST_okay);
    assert_int_equal(mapped.dev_bus_addr, mfn_to_maddr(page5(0)).a);
    assert_int_equal(marks(9), GTF_reading | GTF_writing);
    assert_frame(page5(0), 4, 3);               /* the entry's and the handle's */
    assert_frame(old, 1, 0);
    pins_audit();
    assert_int_equal(fake_guest_write(0, spot_va(0) + 5, &byte, 1), 0);
    assert_int_equal(g5.mem[PAGE_5 * PAGE_SIZE + 5], 0x77);
    assert_int_equal(fake_tlb_holder(page5(0), true), 0);
    assert_int_equal(unmap(mapped.handle, spot_va(0)), GNTST_okay);
    assert_int_equal(spot_pte(0), 0);
    assert_int_equal(fake_tlb_holder(page5(0), true), -1);
    assert_int_equal(marks(9), 0);
    assert_frame(page5(0), 2, 1);
    assert_int_equal(unmap(mapped.handle, spot_va(0)), GNTST_bad_handle);
}

static void mapped_by_entry(void **state)
{
    u64 at = entry_maddr(g0.l1, SPOT);
    u8 byte = 1;

    (void)state;
    offer(9, page5(0), GTF_readonly);
    assert_int_equal(map_at(9, HOST | PTE | RO | GNTMAP_application_map | 1u << 16 | 1u << 18 | 1u << 20, at), GNTST_okay);
    assert_int_equal(spot_pte(0), pte_make(page5(0), PTE_P | PTE_A | PTE_D | PTE_US | PTE_G | BIT(9) | BIT(11)));
    assert_int_equal(marks(9), GTF_reading);
    assert_frame(page5(0), 4, 1);
    assert_int_equal(fake_guest_read(0, spot_va(0), &byte, 1), 0);
    assert_int_equal(fake_guest_write(0, spot_va(0), &byte, 1), -EFAULT);
    assert_int_equal(unmap(mapped.handle, spot_va(0)), GNTST_general_error);    /* an address is no entry */
    assert_int_equal(unmap(mapped.handle, at), GNTST_okay);
    assert_int_equal(fake_tlb_holder(page5(0), false), -1);
    assert_frame(page5(0), 2, 1);
    assert_int_equal(map_at(9, HOST | PTE | RO, at), GNTST_okay);
    assert_int_equal(spot_pte(0), pte_make(page5(0), PTE_P | PTE_A | PTE_D | PTE_US | PTE_GUEST_KERNEL));
    assert_int_equal(unmap(mapped.handle, at), GNTST_okay);
    assert_int_equal(marks(9), 0);
}

static void mappings_that_are_refused(void **state)
{
    const struct {
        u32 ref, flags;
        u64 at;
        u16 dom;
        s16 status;
    } refused[] = {
        { 9, 0, spot_va(0), 5, GNTST_bad_gntref },              { 9, RO | PTE, spot_va(0), 5, GNTST_bad_gntref },
        { 9, HOST, spot_va(0), 77, GNTST_bad_domain },          { 9, HOST, spot_va(0), 0x7ff1, GNTST_bad_domain },
        { 512, HOST, spot_va(0), 5, GNTST_bad_gntref },         { ~0u, HOST, spot_va(0), 5, GNTST_bad_gntref },
        { 10, HOST, spot_va(0), 5, GNTST_general_error },       /* not an entry */
        { 11, HOST, spot_va(0), 5, GNTST_general_error },       /* somebody else's */
        { 12, HOST, spot_va(0), 5, GNTST_general_error },       /* only to be read */
        { 13, HOST, spot_va(0), 5, GNTST_bad_page },            /* not the granter's */
        { 14, HOST, spot_va(0), 5, GNTST_bad_page },            /* his page table, writable */
        { 15, HOST, spot_va(0), 5, GNTST_bad_page },            /* no memory */
        { 9, HOST, HOLE_START, 5, GNTST_general_error },        { 9, HOST, HOLE_END - 1, 5, GNTST_general_error },
        { 9, HOST, 0x800000000000, 5, GNTST_general_error },    { 9, HOST, NOT_MAPPED, 5, GNTST_general_error },
        { 9, HOST | PTE, entry_maddr(g0.l1, SPOT) + 4, 5, GNTST_general_error },
        { 9, HOST | PTE, entry_maddr(g0.l1, SPOT) + 1, 5, GNTST_general_error },
        { 9, HOST | PTE, entry_maddr(g0.l2, SPOT), 5, GNTST_general_error },
        { 9, HOST | PTE, entry_maddr(g0.l4, HOLE_FIRST_SLOT), 5, GNTST_general_error },
        { 9, HOST | PTE, entry_maddr(frame_at(4), 0), 5, GNTST_general_error },
        { 9, HOST | PTE, entry_maddr(g5.l1, SPOT), 5, GNTST_general_error },
        { 9, HOST | PTE, ~7UL, 5, GNTST_general_error },        { 9, HOST | PTE, 0, 5, GNTST_general_error },
    };
    pte_t before = spot_pte(0);

    (void)state;
    offer(9, page5(0), 0);
    offer(11, page5(0), 0);
    entry5(11)->domid = 3;
    offer(12, page5(0), GTF_readonly);
    offer(13, frame_at(8), 0);
    offer(14, g5.l1, 0);
    offer(15, mfn(0xfffffff), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(refused); i++) {
        mapped = (struct gnttab_map_grant_ref){ .host_addr = refused[i].at, .flags = refused[i].flags, .ref = refused[i].ref,
                                                .dom = refused[i].dom, .status = 99, .handle = 0xbad };
        GRANT(map_grant_ref, mapped);
        assert_int_equal(mapped.status, refused[i].status);
        assert_int_equal(mapped.handle, 0xbad);
        assert_int_equal(g0.d->grants.maps_used, 0);
        for (u32 ref = 9; ref < 16; ref++)
            assert_int_equal(marks(ref), 0);
        assert_frame(page5(0), 2, 1);
        assert_int_equal(spot_pte(0), before);
    }
    pins_audit();
    assert_int_equal(map_at(14, HOST | RO, spot_va(0)), GNTST_okay);        /* a page table may be read */
    assert_int_equal(unmap(mapped.handle, spot_va(0)), GNTST_okay);
    assert_efault(hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, bad, 1));
    assert_efault(hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, bad, 1));
}

static void unmappings_that_are_refused(void **state)
{
    u64 maddr = mfn_to_maddr(page5(0)).a;
    u32 handle;

    (void)state;
    offer(9, page5(0), 0);
    offer(10, page5(1), 0);
    offer(11, page5(0), 0);
    assert_int_equal(unmap(0, spot_va(0)), GNTST_bad_handle);
    assert_int_equal(map_at(9, HOST | GNTMAP_device_map, spot_va(0)), GNTST_okay);
    handle = mapped.handle;
    assert_int_equal(map_at(10, HOST, spot_va(1)), GNTST_okay);
    assert_int_equal(map_at(11, HOST | RO, spot_va(2)), GNTST_okay);
    as(&g5);
    assert_int_equal(unmap(handle, spot_va(0)), GNTST_bad_handle);          /* another domain's */
    as(&g0);
    assert_int_equal(unmap(~0u, spot_va(0)), GNTST_bad_handle);
    assert_int_equal(unmap(handle, spot_va(1)), GNTST_general_error);       /* another frame */
    assert_int_equal(unmap(handle, spot_va(2)), GNTST_general_error);       /* that frame, with other rights */
    assert_int_equal(unmap(handle, spot_va(3)), GNTST_general_error);
    assert_int_equal(unmap(handle, NOT_MAPPED), GNTST_general_error);
    assert_int_equal(unmap(handle, HOLE_START), GNTST_general_error);
    assert_int_equal(unmap_all(handle, 0, maddr + PAGE_SIZE), GNTST_bad_dev_addr);
    assert_int_equal(unmap_all(handle, spot_va(0), maddr + 1), GNTST_bad_dev_addr);     /* neither part */
    assert_frame(page5(0), 6, 3);
    assert_int_equal(unmap_all(handle, 0, 0), GNTST_okay);                  /* asked for no part */
    assert_int_equal(unmap_all(handle, 0, maddr), GNTST_okay);
    assert_int_equal(marks(9), GTF_reading | GTF_writing);                  /* the other part is still there */
    assert_int_equal(unmap(handle, spot_va(0)), GNTST_okay);
    assert_int_equal(marks(9), 0);
    assert_int_equal(unmap_all(handle, spot_va(0), maddr), GNTST_bad_handle);
    assert_int_equal(unmap(mapped.handle, spot_va(2)), GNTST_okay);
    assert_int_equal(unmap(1, spot_va(1)), GNTST_okay);
    assert_frame(page5(0), 2, 1);
    assert_frame(page5(1), 2, 1);
    assert_int_equal(g0.d->grants.maps_used, 0);
}

static void both_parts_in_one_call(void **state)
{
    struct gnttab_unmap_grant_ref *op = page_at(2);

    (void)state;
    offer(9, page5(0), 0);
    assert_int_equal(map_at(9, HOST | GNTMAP_device_map, spot_va(0)), GNTST_okay);
    op[0] = (struct gnttab_unmap_grant_ref){ .host_addr = spot_va(0), .handle = mapped.handle, .status = 99 };
    op[1] = (struct gnttab_unmap_grant_ref){ .dev_bus_addr = mapped.dev_bus_addr, .handle = mapped.handle, .status = 99 };
    op[2] = op[1];
    assert_int_equal(grants(GNTTABOP_unmap_grant_ref, op, 3), 0);
    assert_int_equal(op[0].status, GNTST_okay);
    assert_int_equal(op[1].status, GNTST_okay);
    assert_int_equal(op[2].status, GNTST_bad_handle);
    assert_int_equal(marks(9), 0);
    assert_frame(page5(0), 2, 1);
}

/* A guest that overwrites the entry loses the entry's references; the grant stays in use until it dies. */
static void an_entry_that_is_overwritten(void **state)
{
    pte_t own = pte_make(frame_at(SPOT), PTE_P | PTE_RW);
    pte_t more = pte_make(page5(0), PTE_P);

    (void)state;
    offer(9, page5(0), GTF_readonly);
    assert_int_equal(map_at(9, HOST | RO, spot_va(0)), GNTST_okay);
    assert_int_equal(hypercall(__HYPERVISOR_update_va_mapping, spot_va(0), more | PTE_RW, 0), -EBUSY);
    assert_int_equal(hypercall(__HYPERVISOR_update_va_mapping, spot_va(1), more, 0), -EBUSY);   /* no second one */
    assert_frame(page5(0), 4, 1);
    assert_int_equal(hypercall(__HYPERVISOR_update_va_mapping, spot_va(0), own, 0), 0);
    assert_frame(page5(0), 3, 1);
    assert_int_equal(unmap(mapped.handle, spot_va(0)), GNTST_general_error);
    assert_int_equal(marks(9), GTF_reading);
    pins_audit();
    assert_int_equal(grant_mappings_release(&g0.d->grants), 0);
    assert_int_equal(marks(9), 0);
    assert_frame(page5(0), 2, 1);
}

/* Forty at once: more than are kept for one flush; stopped between all of them, the result is the same. */
static void batches(void **state)
{
    struct gnttab_map_grant_ref *maps = page_at(1);
    struct gnttab_unmap_grant_ref *unmaps = page_at(2);
    u32 flushes, handles[40];

    (void)state;
    for (u32 i = 0; i < 40; i++)
        offer(9 + i, page5(i % 8), 0);
    for (unsigned always = 0; always < 2; always++) {
        preempt_always = always;
        for (u32 i = 0; i < 40; i++)
            maps[i] = (struct gnttab_map_grant_ref){ .host_addr = spot_va(i), .flags = HOST, .ref = 9 + i, .dom = 5 };
        assert_int_equal(grants(GNTTABOP_map_grant_ref, maps, 40), 0);
        for (u32 i = 0; i < 40; i++) {
            assert_int_equal(maps[i].status, GNTST_okay);
            handles[i] = maps[i].handle;
            unmaps[i] = (struct gnttab_unmap_grant_ref){ .host_addr = spot_va(i), .handle = handles[i], .status = 99 };
        }
        pins_audit();
        flushes = flush_clock_now();
        unmaps[3].handle = 0xbad;
        assert_int_equal(grants(GNTTABOP_unmap_grant_ref, unmaps, 40), 0);
        assert_int_equal(restarts, always ? 39 : 0);
        if (!always)
            assert_int_equal(flush_clock_now() - flushes, 2);
        for (u32 i = 0; i < 40; i++)
            assert_int_equal(unmaps[i].status, i == 3 ? GNTST_bad_handle : GNTST_okay);
        assert_int_equal(unmap(handles[3], spot_va(3)), GNTST_okay);
        for (u32 i = 0; i < 8; i++)
            assert_frame(page5(i), 2, 1);
        assert_int_equal(g0.d->grants.maps_used, 0);
    }
}

/* Whenever the granter sees his entry idle, no CPU has a translation that writes his page. */
static bool done;

static void flush_body(unsigned cpu, void *ctx)
{
    (void)ctx;
    if (cpu == 0) {
        u8 byte = 1;

        assert_int_equal(fake_guest_write(0, spot_va(0), &byte, 1), 0);
        assert_int_equal(unmap(mapped.handle, spot_va(0)), GNTST_okay);
        done = true;
        return;
    }
    while (!done) {
        if (!marks(9))
            assert_int_equal(fake_tlb_holder(page5(0), true), -1);
        interleave_point();
    }
}

static void flushed_before_it_is_idle(void **state)
{
    (void)state;
    offer(9, page5(0), 0);
    for (u64 seed = fake_seed_first(100); fake_seed_more(100, seed); seed++) {
        assert_int_equal(map_at(9, HOST, spot_va(0)), GNTST_okay);
        done = false;
        fake_interleave(seed, 2, flush_body, NULL);
        as(&g0);
        assert_int_equal(marks(9), 0);
    }
}

static void grants_to_oneself(void **state)
{
    struct grant_entry_v1 *e = (struct grant_entry_v1 *)g0.d->grants.shared[0] + 9;
    const u16 names[] = { 0, DOMID_SELF };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        *e = (struct grant_entry_v1){ GTF_permit_access, 0, (u32)frame_at(8).n };
        mapped = (struct gnttab_map_grant_ref){ .host_addr = spot_va(0), .flags = HOST, .ref = 9, .dom = names[i] };
        GRANT(map_grant_ref, mapped);
        assert_int_equal(mapped.status, GNTST_okay);
        assert_frame(frame_at(8), 4, 3);
        pins_audit();
        assert_int_equal(unmap(mapped.handle, spot_va(0)), GNTST_okay);
        assert_int_equal(e->flags, GTF_permit_access);
        assert_frame(frame_at(8), 2, 1);
    }
}

static long map_call(void) { return map_at(9, HOST, spot_va(0)); }

static void when_memory_runs_out(void **state)
{
    (void)state;
    offer(9, page5(0), 0);
    each_allocation_fails(map_call, GNTST_no_space, GNTST_okay);
    assert_int_equal(unmap(mapped.handle, spot_va(0)), GNTST_okay);
}

static void replaced_when_unmapped(void **state)
{
    struct gnttab_unmap_and_replace op;
    pte_t other = spot_pte(1);
    const struct {
        u32 handle;
        u64 host, new;
        s16 status;
    } bad[] = {
        { 7, spot_va(0), spot_va(1), GNTST_bad_handle },         { 0, spot_va(2), spot_va(1), GNTST_general_error },
        { 0, spot_va(0), HOLE_START, GNTST_general_error },      { 0, spot_va(0), NOT_MAPPED, GNTST_general_error },
        { 0, spot_va(0), spot_va(0), GNTST_general_error },      /* a grant cannot be moved */
    };

    (void)state;
    offer(9, page5(0), 0);
    assert_int_equal(map_at(9, HOST, spot_va(0)), GNTST_okay);
    assert_int_equal(mapped.handle, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        op = (struct gnttab_unmap_and_replace){ .host_addr = bad[i].host, .new_addr = bad[i].new, .handle = bad[i].handle };
        GRANT(unmap_and_replace, op);
        assert_int_equal(op.status, bad[i].status);
        assert_frame(page5(0), 4, 3);
        assert_int_equal(spot_pte(1), other);
    }
    op = (struct gnttab_unmap_and_replace){ .host_addr = spot_va(0), .new_addr = spot_va(1), .handle = 0, .status = 99 };
    GRANT(unmap_and_replace, op);
    assert_int_equal(op.status, GNTST_okay);
    assert_int_equal(spot_pte(0), other);
    assert_int_equal(spot_pte(1), 0);
    assert_frame(page5(0), 2, 1);
    assert_frame(frame_at(SPOT + 1), 2, 1);
    assert_int_equal(map_at(9, HOST, spot_va(1)), GNTST_okay);
    op = (struct gnttab_unmap_and_replace){ .host_addr = spot_va(1), .handle = mapped.handle, .status = 99 };
    GRANT(unmap_and_replace, op);
    assert_int_equal(op.status, GNTST_okay);
    assert_int_equal(spot_pte(1), 0);
    assert_frame(page5(0), 2, 1);
}

/* ---- ends ---- */

static void let_cpus_pass(void)
{
    for (unsigned round = 0; round < 4; round++)
        for (unsigned cpu = 0; cpu < 4; cpu++) {
            fake_cpu_set(cpu);
            work_run();
        }
    as(&g0);
}

/* A domain that nobody can enter: created, given a page, and a grant of it to domain 0. */
static struct domain *short_lived(u16 id, mfn_t *page)
{
    struct domain_config config = { .id = id, .kind = DOMAIN_PV, .ops = &pv_guest_ops, .max_vcpus = 1, .max_pages = 16,
                                    .max_evtchns = 128, .max_grant_frames = 1, .max_maptrack_frames = 1 };
    struct domain *d;

    assert_int_equal(domid_take(id, &config.id), 0);
    assert_int_equal(domain_create(&config, &d), 0);
    assert_int_equal(domain_publish(d), 0);
    assert_int_equal(mm_populate(&d->mm, 0, HEAP_ANY_WIDTH, page), 0);
    ((struct grant_entry_v1 *)d->grants.shared[0])[9] = (struct grant_entry_v1){ GTF_permit_access, 0, (u32)page->n };
    return d;
}

static void kill_domain(struct domain *d)
{
    for (unsigned i = 0; domain_kill(d); i++)
        assert_true(i < 10000);
    let_cpus_pass();
}

static void the_granter_dies_first(void **state)
{
    struct memory_state before;
    mfn_t page;

    (void)state;
    for (unsigned round = 0; round < 2; round++) {          /* the first one warms everything up */
        before = memory_state();
        (void)short_lived(7, &page);
        mapped = (struct gnttab_map_grant_ref){ .host_addr = spot_va(0), .flags = HOST, .ref = 9, .dom = 7 };
        GRANT(map_grant_ref, mapped);
        assert_int_equal(mapped.status, GNTST_okay);
        kill_domain(domain_lookup(7));
        assert_non_null(domain_lookup(7));                  /* listed, as its page is mapped */
        assert_frame(page, 2, 2);
        pins_audit();
        {
            struct gnttab_map_grant_ref again = { .host_addr = spot_va(1), .flags = HOST, .ref = 9, .dom = 7 };

            GRANT(map_grant_ref, again);
            assert_int_equal(again.status, GNTST_bad_domain);
        }
        assert_int_equal(unmap(mapped.handle, spot_va(0)), GNTST_okay);
        let_cpus_pass();
        assert_null(domain_lookup(7));
    }
    assert_memory_is(before);
}

/* By hand what a hypercall of the domain's would do: it has no vcpu to make one. */
static void the_mapper_dies_first(void **state)
{
    struct grant_map wanted = { &g5.d->grants, 9, HOST };
    struct domain *d;
    u32 handle;
    mfn_t page, m;

    (void)state;
    d = short_lived(7, &page);
    offer(9, page5(0), 0);
    entry5(9)->domid = 7;
    assert_int_equal(grant_map_begin(&d->grants, &wanted, &handle, &m), GNTST_okay);
    grant_map_settle(&d->grants, handle, 0);
    assert_frame(page5(0), 3, 2);
    kill_domain(d);
    assert_null(domain_lookup(7));
    assert_int_equal(marks(9), 0);
    assert_frame(page5(0), 2, 1);
}

/* ---- transfer, swap, caches ---- */

static s16 transfer(u64 frame, u16 domid, u32 ref)
{
    struct gnttab_transfer op = { .mfn = frame, .domid = domid, .ref = ref, .status = 99 };

    GRANT(transfer, op);
    return op.status;
}

static void accept(u32 ref) { *entry5(ref) = (struct grant_entry_v1){ GTF_accept_transfer, 0, 0 }; }

static void frames_change_hands(void **state)
{
    u32 pages0 = g0.d->mm.tot_pages, pages5 = g5.d->mm.tot_pages, limit = g5.d->mm.max_pages;
    mfn_t m = frame_at(SPOT);
    u8 byte = 0x42;

    (void)state;
    accept(9);
    assert_int_equal(transfer(m.n, 5, 9), GNTST_bad_page);                  /* it is mapped */
    assert_int_equal(fake_guest_write(0, spot_va(0), &byte, 1), 0);
    assert_int_equal(hypercall(__HYPERVISOR_update_va_mapping, spot_va(0), 0, 0), 0);
    assert_int_equal(fake_tlb_holder(m, true), 0);                          /* nobody has flushed */
    assert_int_equal(transfer(page5(0).n, 5, 9), GNTST_bad_page);
    assert_int_equal(transfer(~0UL, 5, 9), GNTST_bad_page);
    assert_int_equal(transfer(m.n, 77, 9), GNTST_bad_domain);
    assert_int_equal(transfer(m.n, 5, 512), GNTST_bad_gntref);
    assert_int_equal(transfer(m.n, 5, 10), GNTST_general_error);            /* accepts nothing */
    entry5(9)->domid = 3;
    assert_int_equal(transfer(m.n, 5, 9), GNTST_general_error);
    entry5(9)->domid = 0;
    mm_limit_set(&g5.d->mm, pages5);
    assert_int_equal(transfer(m.n, 5, 9), GNTST_general_error);             /* no room in his account */
    mm_limit_set(&g5.d->mm, limit);
    assert_int_equal(entry5(9)->flags, GTF_accept_transfer);
    assert_frame(m, 1, 0);
    assert_int_equal(m2p_get(m), SPOT);
    assert_int_equal(g0.d->mm.tot_pages, pages0);
    assert_int_equal(transfer(m.n, 5, 9), GNTST_okay);
    assert_int_equal(entry5(9)->flags, GTF_accept_transfer | GTF_transfer_committed | GTF_transfer_completed);
    assert_int_equal(entry5(9)->frame, m.n);
    assert_int_equal(frame_owner(frame_entry(m)), 5);
    assert_true(g0.d->mm.tot_pages == pages0 - 1 && g5.d->mm.tot_pages == pages5 + 1);
    assert_int_equal(m2p_get(m), M2P_INVALID);
    assert_int_equal(fake_tlb_holder(m, false), -1);
    assert_int_equal(*(u8 *)frame_map(m), 0x42);
    hcall_audit();
    assert_int_equal(hypercall(__HYPERVISOR_update_va_mapping, spot_va(1), 0, 0), 0);
    assert_int_equal(transfer(frame_at(SPOT + 1).n, 5, 9), GNTST_general_error);    /* an entry takes one */
    assert_int_equal(grant_set_version(&g5.d->grants, 2), 0);
    ((union grant_entry_v2 *)g5.d->grants.shared[0])[9].hdr = (grant_entry_header_t){ GTF_accept_transfer, 0 };
    assert_int_equal(transfer(frame_at(SPOT + 1).n, 5, 9), GNTST_okay);
    assert_int_equal(((union grant_entry_v2 *)g5.d->grants.shared[0])[9].full_page.frame, frame_at(SPOT + 1).n);
}

static void entries_are_swapped(void **state)
{
    struct gnttab_swap_grant_ref op = { .ref_a = 9, .ref_b = 10 };
    struct grant_entry_v1 *e = g0.d->grants.shared[0];

    (void)state;
    e[9] = (struct grant_entry_v1){ GTF_permit_access, 0, (u32)frame_at(8).n };
    e[10] = (struct grant_entry_v1){ GTF_permit_access | GTF_readonly, 5, 1234 };
    GRANT(swap_grant_ref, op);
    assert_int_equal(op.status, GNTST_okay);
    assert_true(e[10].frame == frame_at(8).n && e[9].frame == 1234 && e[9].domid == 5 && e[9].flags & GTF_readonly);
    op.ref_b = 9;
    GRANT(swap_grant_ref, op);
    assert_int_equal(op.status, GNTST_okay);
    op.ref_b = 512;
    GRANT(swap_grant_ref, op);
    assert_int_equal(op.status, GNTST_bad_gntref);
    mapped = (struct gnttab_map_grant_ref){ .flags = GNTMAP_device_map, .ref = 10, .dom = 0 };
    GRANT(map_grant_ref, mapped);
    op.ref_b = 10;
    GRANT(swap_grant_ref, op);
    assert_int_equal(op.status, GNTST_eagain);
    assert_int_equal(e[9].frame, 1234);
    assert_int_equal(unmap_all(mapped.handle, 0, mapped.dev_bus_addr), GNTST_okay);
    assert_int_equal(grants(GNTTABOP_cache_flush, page_at(1), 1), -EOPNOTSUPP);
}

/* ---- copies ---- */

static s16 copy_by_ref(u32 source_ref, u32 dest_ref, u16 len)
{
    struct gnttab_copy op = { .source = { { .ref = source_ref }, 5, 0 }, .dest = { { .gmfn = frame_at(SPOT).n }, DOMID_SELF, 0 },
                              .len = len, .flags = GNTCOPY_source_gref, .status = 99 };

    if (dest_ref) {
        op.dest.u.ref = dest_ref;
        op.dest.domid = 5;
        op.flags |= GNTCOPY_dest_gref;
    }
    GRANT(copy, op);
    return op.status;
}

static void copies_between_grants(void **state)
{
    (void)state;
    offer(9, page5(0), GTF_readonly);
    offer(10, page5(1), 0);
    memset(frame_map(page5(0)), 0x5a, PAGE_SIZE);
    assert_int_equal(copy_by_ref(9, 10, PAGE_SIZE), GNTST_okay);
    assert_memory_equal(frame_map(page5(0)), frame_map(page5(1)), PAGE_SIZE);
    assert_int_equal(copy_by_ref(10, 9, 8), GNTST_general_error);
    assert_int_equal(copy_by_ref(10, 10, 8), GNTST_okay);
    assert_true(marks(9) == 0 && marks(10) == 0);
    assert_frame(page5(0), 2, 1);
}

/* Domain 5 passes on to domain 0 what domain 0 has granted to it. */
static void copies_of_grants_passed_on(void **state)
{
    union grant_entry_v2 *e = g5.d->grants.shared[0];
    struct grant_entry_v1 *first = (struct grant_entry_v1 *)g0.d->grants.shared[0] + 20;
    const struct {
        u16 trans_domid, flags, domid;
        u32 gref;
        s16 status;
    } bad[] = {
        { 5, 0, 0, 20, GNTST_general_error },           { 77, 0, 0, 20, GNTST_general_error },
        { DOMID_SELF, 0, 0, 20, GNTST_general_error },  { DOMID_INVALID, 0, 0, 20, GNTST_general_error },
        { 0, 0, 0, 5000, GNTST_bad_gntref },            { 0, 0, 0, 21, GNTST_general_error },
        { 0, 0, 3, 20, GNTST_general_error },           { 0, 0, 0, 22, GNTST_general_error },
    };

    (void)state;
    assert_int_equal(grant_set_version(&g5.d->grants, 2), 0);
    *first = (struct grant_entry_v1){ GTF_permit_access | GTF_readonly, 5, (u32)frame_at(8).n };
    first[2] = (struct grant_entry_v1){ GTF_permit_access, 3, (u32)frame_at(8).n };
    memset(page_at(8), 0x21, PAGE_SIZE);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        e[9].transitive.trans_domid = bad[i].trans_domid;
        e[9].transitive.gref = bad[i].gref;
        e[9].hdr = (grant_entry_header_t){ GTF_transitive, bad[i].domid };
        assert_int_equal(copy_by_ref(9, 0, 8), bad[i].status);
        assert_int_equal(g5.d->grants.status[0][9], 0);
        assert_true(first->flags == (GTF_permit_access | GTF_readonly) && first[2].flags == GTF_permit_access);
    }
    e[9].transitive.trans_domid = 0;
    e[9].transitive.gref = 20;
    e[9].hdr = (grant_entry_header_t){ GTF_transitive, 0 };
    assert_int_equal(copy_by_ref(9, 0, PAGE_SIZE), GNTST_okay);
    assert_int_equal(*(u8 *)page_at(SPOT), 0x21);
    assert_int_equal(copy_by_ref(9, 9, 8), GNTST_general_error);            /* the grant itself is to be read only */
    assert_int_equal(map_at(9, HOST | RO, spot_va(0)), GNTST_general_error);
    /* Passed on twice. */
    assert_int_equal(grant_set_version(&g0.d->grants, 2), 0);
    e = g0.d->grants.shared[0];
    e[20].transitive.trans_domid = 5;
    e[20].transitive.gref = 30;
    e[20].hdr = (grant_entry_header_t){ GTF_transitive, 5 };
    assert_int_equal(copy_by_ref(9, 0, 8), GNTST_general_error);
    assert_true(g0.d->grants.status[0][20] == 0 && g5.d->grants.status[0][9] == 0);
    pins_audit();
    assert_frame(frame_at(8), 2, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(mapped_by_address), TEST(mapped_by_entry), TEST(mappings_that_are_refused),
        TEST(unmappings_that_are_refused), TEST(both_parts_in_one_call), TEST(an_entry_that_is_overwritten),
        TEST(batches), TEST(flushed_before_it_is_idle), TEST(grants_to_oneself), TEST(when_memory_runs_out),
        TEST(replaced_when_unmapped), TEST(the_granter_dies_first), TEST(the_mapper_dies_first),
        TEST(frames_change_hands), TEST(entries_are_swapped), TEST(copies_between_grants),
        TEST(copies_of_grants_passed_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
