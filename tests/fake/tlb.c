/* SPDX-License-Identifier: MIT */
/*
 * Guest memory as the hardware sees it: each CPU walks the page tables under its root with user rights, sets A and D
 * bits, and keeps every translation until it is told to drop it. A walk happens only on a TLB miss, or for a write
 * through an entry that is not writable and dirty, as on hardware; so a stale entry goes on working.
 */
#include <string.h>

#include <lib/errno.h>
#include <machine/copy.h>

#include "fake.h"

#define TLB_SLOTS 1024

struct entry {
    u64 page;               /* virtual page number + 1; 0: empty */
    mfn_t frame;
    bool rw, dirty, global;
};

static struct entry tlbs[NR_CPUS][TLB_SLOTS];
static bool flat;
static u64 fault_first, fault_last;

void fake_tlb_reset(void)
{
    memset(tlbs, 0, sizeof(tlbs));
    flat = false;
    fake_fault_range(1, 0);
}

void fake_flat_guest(bool on) { flat = on; }

void fake_fault_range(u64 first, u64 last)
{
    fault_first = first;
    fault_last = last;
}

static void drop(unsigned cpu, bool keep_global)
{
    for (unsigned i = 0; i < TLB_SLOTS; i++)
        if (!keep_global || !tlbs[cpu][i].global)
            tlbs[cpu][i].page = 0;
}

static struct entry *slot_of(unsigned cpu, u64 va)
{
    u64 page = va >> PAGE_SHIFT;

    return &tlbs[cpu][(page ^ (page >> 9) ^ (page >> 18) ^ (page >> 27)) % TLB_SLOTS];
}

void tlb_flush_local(void)
{
    drop(cpu_id(), false);
    fake_cpus[cpu_id()].tlb_flushes++;
}

void tlb_flush_page_local(u64 va)
{
    struct entry *e = slot_of(cpu_id(), va);

    if (e->page == (va >> PAGE_SHIFT) + 1)
        e->page = 0;
    fake_cpus[cpu_id()].page_flushes++;
}

static void root_set(mfn_t root, bool keep_global)
{
    if (!fake_is_ram(root))
        fake_die("CR3 loaded with frame %#lx, which is no RAM", (unsigned long)root.n);
    cpu_info()->cr3 = root.n << PAGE_SHIFT;
    fake_cpus[cpu_id()].root_loads++;
    drop(cpu_id(), keep_global);
}

void root_load(mfn_t root) { root_set(root, false); }
void root_toggle(mfn_t root) { root_set(root, true); }
void cache_flush_local(void) { fake_cpus[cpu_id()].cache_flushes++; }

/* Steps one level down: the entry for va, or NULL when the walk faults there. Sets A, and D where it maps for write. */
static pte_t *walk_step(mfn_t table, u64 va, unsigned level, bool write)
{
    pte_t *e = (pte_t *)frame_map(table) + pte_index(va, level);
    bool leaf = level == 1 || (level < 4 && (*e & PTE_PS));

    if ((~*e & (PTE_P | PTE_US)) || (write && !(*e & PTE_RW)))
        return NULL;
    if (!leaf && !fake_is_ram(pte_mfn(*e)))
        fake_die("page walk of %#lx reaches frame %#lx, which is no RAM", (unsigned long)va,
                 (unsigned long)pte_mfn(*e).n);
    *e |= PTE_A | (leaf && write ? PTE_D : 0);
    return e;
}

static bool walk(u64 cr3, u64 va, bool write, struct entry *out)
{
    mfn_t table = maddr_to_mfn(cr3);

    if (!cr3)
        return false;
    out->rw = true;
    for (unsigned level = 4;; level--) {
        pte_t *e = walk_step(table, va, level, write);

        if (!e)
            return false;
        out->rw &= (*e & PTE_RW) != 0;
        if (level > 1 && !(level < 4 && (*e & PTE_PS))) {
            table = pte_mfn(*e);
            continue;
        }
        u64 inside = (va >> PAGE_SHIFT) & (BIT(9 * (level - 1)) - 1);

        out->frame = mfn((pte_mfn(*e).n & ~(BIT(9 * (level - 1)) - 1)) + inside);
        out->dirty = (*e & PTE_D) != 0;
        out->global = (*e & PTE_G) != 0;
        out->page = (va >> PAGE_SHIFT) + 1;
        return true;
    }
}

/* The frame behind va for this access: from the TLB, else by a walk. MFN_INVALID: page fault. */
static mfn_t translate(unsigned cpu, u64 va, bool write)
{
    struct entry *e = slot_of(cpu, va), found;

    if (e->page == (va >> PAGE_SHIFT) + 1 && (!write || (e->rw && e->dirty)))
        return e->frame;
    if (!walk(fake_cpus[cpu].info.cr3, va, write, &found)) {
        if (e->page == (va >> PAGE_SHIFT) + 1)
            e->page = 0; /* a fault drops the entry it came from */
        return MFN_INVALID;
    }
    *e = found;
    return found.frame;
}

enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_CLEAR };

static void access_page(mfn_t m, u64 offset, void *buf, size_t n, enum access access)
{
    u8 *p = fake_is_ram(m) ? (u8 *)frame_map(m) + offset : NULL;

    if (access == ACCESS_READ)
        p ? memcpy(buf, p, n) : memset(buf, 0xff, n); /* nobody answers on the bus */
    else if (p)
        access == ACCESS_WRITE ? memcpy(p, buf, n) : memset(p, 0, n);
}

static int access_walked(unsigned cpu, u64 va, void *buf, size_t n, enum access access)
{
    while (n) {
        size_t part = min(n, PAGE_SIZE - (va & ~PAGE_MASK));
        mfn_t m = va_is_canonical(va) && !va_in_hole(va) ? translate(cpu, va, access != ACCESS_READ) : MFN_INVALID;

        if (mfn_is_invalid(m)) {
            fake_cpus[cpu].cr2 = va;
            return -EFAULT;
        }
        access_page(m, va & ~PAGE_MASK, buf, part, access);
        va += part;
        n -= part;
        if (access != ACCESS_CLEAR)
            buf = (u8 *)buf + part;
    }
    return 0;
}

/* Host pointers: the first page is no guest's either. */
static int access_flat(u64 va, void *buf, size_t n, enum access access)
{
    if (n && (va < PAGE_SIZE || va >= BIT(47) || (va <= fault_last && va + n > fault_first)))
        return -EFAULT;
    if (access == ACCESS_READ)
        memcpy(buf, (const void *)va, n);
    else if (access == ACCESS_WRITE)
        memcpy((void *)va, buf, n);
    else
        memset((void *)va, 0, n);
    return 0;
}

static int access_guest(u64 va, void *buf, size_t n, enum access access)
{
    if (va + n > HOLE_START && va < HOLE_END && n)
        fake_die("guest copy at %#lx + %zu reaches the hypervisor's addresses", (unsigned long)va, n);
    return flat ? access_flat(va, buf, n, access) : access_walked(cpu_id(), va, buf, n, access);
}

int machine_copy_from(void *dst, u64 va, size_t n) { return access_guest(va, dst, n, ACCESS_READ); }
int machine_copy_to(u64 va, const void *src, size_t n) { return access_guest(va, (void *)(u64)src, n, ACCESS_WRITE); }
int machine_clear(u64 va, size_t n) { return access_guest(va, NULL, n, ACCESS_CLEAR); }

int fake_guest_read(unsigned cpu, u64 va, void *dst, size_t n) { return access_walked(cpu, va, dst, n, ACCESS_READ); }

int fake_guest_write(unsigned cpu, u64 va, const void *src, size_t n)
{
    return access_walked(cpu, va, (void *)(u64)src, n, ACCESS_WRITE);
}

int fake_tlb_holder(mfn_t m, bool writable)
{
    for (unsigned cpu = 0; cpu < cpu_online_count; cpu++)
        for (unsigned i = 0; i < TLB_SLOTS; i++) {
            const struct entry *e = &tlbs[cpu][i];

            if (e->page && mfn_eq(e->frame, m) && (!writable || e->rw))
                return (int)cpu;
        }
    return -1;
}
