/* SPDX-License-Identifier: MIT */
/* Checks on segment descriptors; pure. mm/type.c calls them for pages, pv/descriptor.c for single entries. */
#include <x86/desc.h>

#define TYPE_CALL_GATE 0xc
#define SEL_LDT        BIT(2)
#define SEL_RPL        3u
#define SEL_RESERVED   0xe000u      /* the hypervisor's entries of each GDT, of which the flat ones are for all */

static bool gate_selector_ok(u16 sel)
{
    return (sel & SEL_LDT) || sel < SEL_RESERVED || (sel | SEL_RPL) == 0xe033 || (sel | SEL_RPL) == 0xe023;
}

bool desc_fix(u64 *desc)
{
    u64 d = *desc;
    unsigned type = (d >> DESC_TYPE_SHIFT) & 0xf;

    if (!(d & DESC_P))
        return true;                            /* faults when loaded */
    if (d & DESC_S) {
        *desc = d | DESC_DPL;
        return true;
    }
    if (type == 0) {
        *desc = d | DESC_DPL;                   /* upper half of a call gate; not loadable */
        return true;
    }
    if (type != TYPE_CALL_GATE || !gate_selector_ok((u16)(d >> 16)))
        return false;
    /* A gate would enter ring 3 code from ring 3 without a change of mode: let its use fault. The selector's RPL
     * keeps the DPL that was asked for, also when what stands there is written back. */
    if (d & DESC_DPL)
        *desc = (d & ~(DESC_DPL | (3UL << 16))) | ((d & DESC_DPL) >> 45 << 16);
    return true;
}

bool desc_page_fix(u64 *page)
{
    for (unsigned i = 0; i < DESCS_PER_PAGE; i++) {
        u64 d = page[i];

        if (!desc_fix(&d))
            return false;
        if (d != page[i])
            page[i] = d;
    }
    return true;
}

bool desc_covers(u64 d, u64 offset, unsigned bytes)
{
    u64 limit = desc_limit(d), last = offset + bytes - 1;

    if ((d & (DESC_P | DESC_S)) != (DESC_P | DESC_S))
        return false;
    if (!(d & DESC_CODE) && d & DESC_EXPAND_DOWN)
        return offset > limit && last <= (d & DESC_D ? 0xffffffffUL : 0xffffUL);
    return last <= limit;
}
