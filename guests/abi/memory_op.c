/* SPDX-License-Identifier: MIT */
/*
 * memory_op - giving frames back, getting others, and the maps
 *
 * A frame that is given back loses its machine-to-frame entry; a new one gets it. An exchange does both at once,
 * under a limit for the address.
 */
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>

static domid_t self = DOMID_SELF;

static long reservation_op(unsigned int cmd, xen_pfn_t *frame, unsigned int order)
{
    struct xen_memory_reservation reservation = {.nr_extents = 1, .extent_order = order, .domid = DOMID_SELF};

    set_xen_guest_handle(reservation.extent_start, frame);
    return hypercall_memory_op(cmd, &reservation);
}

static void check_maps(void)
{
    static struct e820 { u64 start, bytes; u32 type; } __attribute__((packed)) entries[128];
    struct xen_memory_map map = {.nr_entries = ARRAY_SIZE(entries)};
    struct xen_machphys_mapping mapping;
    unsigned int ram = 0;

    set_xen_guest_handle(map.buffer, (void *)entries);
    check_equal(hypercall_memory_op(XENMEM_machine_memory_map, &map), is_domain0() ? 0 : -XEN_EPERM,
                "machine_memory_map");
    for (unsigned int i = 0; i < map.nr_entries && is_domain0(); i++)
        ram += entries[i].type == 1;
    check(!is_domain0() || (map.nr_entries > 2 && ram >= 2), "%u entries, %u of RAM", map.nr_entries, ram);
    check_equal(hypercall_memory_op(XENMEM_memory_map, &map), -XEN_ENOSYS, "nobody has given it a memory map");
    check_equal(hypercall_memory_op(XENMEM_machphys_mapping, &mapping), 0, "machphys_mapping");
    check(mapping.v_start == (unsigned long)M2P && mapping.v_end > mapping.v_start, "the table is at %lx",
          mapping.v_start);
    check(hypercall_memory_op(XENMEM_maximum_ram_page, NULL) <= (long)mapping.max_mfn + 1, "its last frame is %lx",
          mapping.max_mfn);
}

static void check_give_and_get(void)
{
    void *page = page_alloc();
    u64 pfn = page_pfn(page), old = page_mfn(page);
    long count = hypercall_memory_op(XENMEM_current_reservation, &self);
    xen_pfn_t frame = old;

    map_set(page, 0);
    check_equal(reservation_op(XENMEM_decrease_reservation, &frame, 0), 1, "give a frame back");
    check(M2P[old] == ~0ul, "its machine-to-frame entry is invalid");
    check_equal(hypercall_memory_op(XENMEM_current_reservation, &self), count - 1, "one frame less");
    frame = old;
    check_equal(reservation_op(XENMEM_decrease_reservation, &frame, 0), 0, "it cannot be given back twice");
    frame = pfn;
    check_equal(reservation_op(XENMEM_populate_physmap, &frame, 0), 1, "get a frame");
    check(frame != pfn && M2P[frame] == pfn, "it is %lx", frame);
    check_equal(map_set(page, frame * PAGE_SIZE | PTE_KERNEL_RW), 0, "map it");
    check_equal(*(volatile int *)page, 0, "it is scrubbed");
    *p2m_slot(pfn) = frame;
    check_equal(hypercall_memory_op(XENMEM_current_reservation, &self), count, "as many frames as before");
    page_free(page);
}

static void check_exchange(void)
{
    void *page = page_alloc();
    u64 pfn = page_pfn(page);
    xen_pfn_t in = page_mfn(page), out = pfn;
    struct xen_memory_exchange exchange = {
        .in = {.nr_extents = 1, .domid = DOMID_SELF},
        .out = {.nr_extents = 1, .domid = DOMID_SELF, .mem_flags = XENMEMF_address_bits(32)},
    };

    set_xen_guest_handle(exchange.in.extent_start, &in);
    set_xen_guest_handle(exchange.out.extent_start, &out);
    map_set(page, 0);
    check_equal(hypercall_memory_op(XENMEM_exchange, &exchange), 0, "exchange a frame");
    check_equal((long)exchange.nr_exchanged, 1, "nr_exchanged");
    check(out != pfn && M2P[out] == pfn && out < 1ul << 20, "the new frame is %lx", out);
    check_equal(map_set(page, out * PAGE_SIZE | PTE_KERNEL_RW), 0, "map it");
    *p2m_slot(pfn) = out;
    page_free(page);
}

/* What the frame list has. */
static long frames_listed(void)
{
    long frames = 0;

    for (u64 pfn = 0; pfn < start_info->nr_pages; pfn++)
        frames += *p2m_slot(pfn) != ~0ul;
    return frames;
}

TEST(memory_op, "reservations, exchange, maps")
{
    domid_t nobody = 1234;

    check_equal(hypercall_memory_op(XENMEM_current_reservation, &self), frames_listed(), "current_reservation");
    check(hypercall_memory_op(XENMEM_maximum_reservation, &self) >= frames_listed(), "maximum_reservation");
    check_equal(hypercall_memory_op(XENMEM_current_reservation, &nobody), -XEN_ESRCH, "of a domain that is not there");
    check_equal(hypercall_memory_op(XENMEM_current_reservation, (void *)8), -XEN_EFAULT, "with a bad pointer");
    check_equal(hypercall_memory_op(60, NULL), -XEN_ENOSYS, "an unknown operation");
    check_maps();
    check_give_and_get();
    check_exchange();
}
