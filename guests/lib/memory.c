/* SPDX-License-Identifier: MIT */
/* Pages and page tables: see memory.h. Free pages are a list threaded through the pages themselves. */
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/string.h>

static void *free_pages;

u64 *p2m_slot(u64 pfn)
{
    return (u64 *)start_info->mfn_list + pfn;
}

u64 page_pfn(const void *page)
{
    return ((unsigned long)page - GUEST_VIRT_BASE) / PAGE_SIZE;
}

void *mfn_page(u64 mfn)
{
    return (void *)(GUEST_VIRT_BASE + M2P[mfn] * PAGE_SIZE);
}

u64 page_mfn(const void *page)
{
    return (pte_read(1, (unsigned long)page) & PTE_FRAME) / PAGE_SIZE;
}

u64 root_mfn(void)
{
    return *p2m_slot(page_pfn((void *)start_info->pt_base));
}

static u64 table_index(unsigned int level, unsigned long va)
{
    return va >> (12 + 9 * (level - 1)) & 511;
}

u64 pte_maddr(unsigned int level, unsigned long va)
{
    u64 mfn = root_mfn();

    for (unsigned int at = 4; at > level; at--) {
        u64 entry = ((const volatile u64 *)mfn_page(mfn))[table_index(at, va)];

        if ((entry & PTE_P) == 0)
            return 0;
        mfn = (entry & PTE_FRAME) / PAGE_SIZE;
    }
    return mfn * PAGE_SIZE + table_index(level, va) * sizeof(u64);
}

u64 pte_read(unsigned int level, unsigned long va)
{
    u64 maddr = pte_maddr(level, va);

    if (maddr == 0)
        return 0;
    return *(const volatile u64 *)((u8 *)mfn_page(maddr / PAGE_SIZE) + maddr % PAGE_SIZE);
}

long pte_write(u64 maddr, u64 value)
{
    mmu_update_t update = {.ptr = maddr | MMU_NORMAL_PT_UPDATE, .val = value};

    return hypercall_mmu_update(&update, 1, NULL, DOMID_SELF);
}

long mmuext(unsigned int cmd, u64 mfn_or_va)
{
    struct mmuext_op op = {.cmd = cmd, .arg1.mfn = mfn_or_va};

    return hypercall_mmuext_op(&op, 1, NULL, DOMID_SELF);
}

long map_set(const void *va, u64 pte)
{
    return hypercall_update_va_mapping((unsigned long)va, pte, UVMF_INVLPG);
}

long page_protect(void *page, bool writable)
{
    return map_set(page, page_mfn(page) * PAGE_SIZE | (writable ? PTE_KERNEL_RW : PTE_KERNEL_RO));
}

long map_tables(unsigned long va)
{
    for (unsigned int level = 4; level > 1; level--) {
        void *table;
        long ret;

        if (pte_read(level, va) & PTE_P)
            continue;
        table = page_alloc();
        ret = page_protect(table, false);
        if (ret == 0)
            ret = pte_write(pte_maddr(level, va), page_mfn(table) * PAGE_SIZE | PTE_TABLE);
        if (ret != 0)
            return ret;
    }
    return 0;
}

long map_page(unsigned long va, u64 mfn, u64 flags)
{
    long ret = map_tables(va);

    return ret != 0 ? ret : map_set((const void *)va, mfn * PAGE_SIZE | flags);
}

void *page_alloc(void)
{
    void *page = free_pages;

    if (page == NULL)
        guest_panic("out of pages");
    memcpy(&free_pages, page, sizeof(free_pages));
    return memset(page, 0, PAGE_SIZE);
}

void page_free(void *page)
{
    memcpy(page, &free_pages, sizeof(free_pages));
    free_pages = page;
}

/* What follows the boot stack is mapped and free, up to the end of the builder's mapping. */
void memory_init(void)
{
    unsigned long boot_stack = start_info->pt_base + start_info->nr_pt_frames * PAGE_SIZE;

    for (unsigned long va = boot_stack + PAGE_SIZE; pte_read(1, va) & PTE_P; va += PAGE_SIZE)
        page_free((void *)va);
}
