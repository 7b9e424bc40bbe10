/* SPDX-License-Identifier: MIT */
/* Builds domains: see builder.h. All that is mapped of a child while it is built lies in one window. */
#include <elf.h>
#include <lib/builder.h>
#include <lib/event.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/string.h>
#include <lib/test.h>
#include <lib/time.h>

#define MODULE_VA 0x20000000000ul                    /* the children's image */
#define BUILD_VA 0x20040000000ul                     /* page n: frame number n of the child that is built */
#define SLOTS_VA 0x20080000000ul                     /* two pages for each child */
#define NO_FRAME (~0ul)

GUEST_NOTE(16, 1); /* XEN_ELFNOTE_MOD_START_PFN: the module need not be mapped */

static bool slot_taken[CHILD_SLOTS];

long domctl(struct xen_domctl *op, u32 cmd, u16 domid)
{
    op->cmd = cmd;
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op->domain = domid;
    return hypercall_domctl(op);
}

long domain_info(u16 domid, struct xen_domctl_getdomaininfo *info)
{
    struct xen_domctl op = {.cmd = 0};
    long ret = domctl(&op, XEN_DOMCTL_getdomaininfo, domid);

    *info = op.u.getdomaininfo;
    return ret == 0 && op.domain != domid ? -XEN_ESRCH : ret;
}

long map_foreign(unsigned long va, u64 mfn, u64 flags, u16 domid)
{
    long ret = map_tables(va);

    return ret != 0 ? ret : hypercall_update_va_mapping_otherdomain(va, mfn * PAGE_SIZE | flags, UVMF_INVLPG, domid);
}

u64 child_frame(const struct child *c, u64 pfn)
{
    return c->frames[pfn - CHILD_FIRST_PFN];
}

static void *at(u64 pfn)
{
    return (void *)(BUILD_VA + pfn * PAGE_SIZE);
}

static u64 va(u64 pfn)
{
    return GUEST_VIRT_BASE + pfn * PAGE_SIZE;
}

/* ---- the image ---- */

static const u8 *module(void)
{
    static bool mapped;
    u64 pages = (start_info->mod_len + PAGE_SIZE - 1) / PAGE_SIZE;

    if (start_info->mod_len == 0)
        guest_panic("the builder needs an image as module");
    for (u64 i = 0; i < pages && !mapped; i++)
        if (map_page(MODULE_VA + i * PAGE_SIZE, *p2m_slot(start_info->mod_start + i), PTE_KERNEL_RO) != 0)
            guest_panic("cannot map the module");
    mapped = true;
    return (const u8 *)MODULE_VA;
}

static const Elf64_Phdr *segment(u32 i)
{
    const Elf64_Ehdr *head = (const void *)module();

    return i < head->e_phnum ? (const void *)(module() + head->e_phoff + i * sizeof(Elf64_Phdr)) : NULL;
}

static u64 image_end_pfn(void)
{
    u64 end = 0;

    for (u32 i = 0; segment(i) != NULL; i++)
        if (segment(i)->p_type == PT_LOAD && segment(i)->p_paddr + segment(i)->p_memsz > end)
            end = segment(i)->p_paddr + segment(i)->p_memsz;
    return (end + PAGE_SIZE - 1) / PAGE_SIZE;
}

/* ---- the steps ---- */

static long create(struct child *c)
{
    struct xen_domctl op = {.u.createdomain = {.max_vcpus = c->vcpus, .max_evtchn_port = 1023, .max_grant_frames = 4,
                                               .max_maptrack_frames = 4, .grant_opts = XEN_DOMCTL_GRANT_version(2)}};
    long ret = domctl(&op, XEN_DOMCTL_createdomain, 0);

    if (ret != 0)
        return ret;
    c->domid = op.domain;
    op.u.max_vcpus.max = c->vcpus;
    ret = domctl(&op, XEN_DOMCTL_max_vcpus, c->domid);
    op.u.max_mem.max_memkb = (c->pages + 16) * (PAGE_SIZE / 1024); /* and what the hypervisor shares with it */
    return ret != 0 ? ret : domctl(&op, XEN_DOMCTL_max_mem, c->domid);
}

static long populate(struct child *c)
{
    struct xen_memory_reservation r = {.nr_extents = c->pages, .domid = c->domid};
    long done;

    for (u32 i = 0; i < c->pages; i++)
        c->frames[i] = CHILD_FIRST_PFN + i;
    set_xen_guest_handle(r.extent_start, c->frames);
    done = hypercall_memory_op(XENMEM_populate_physmap, &r);
    return done == (long)c->pages ? 0 : done < 0 ? done : -XEN_ENOMEM;
}

/* Frame numbers, in the order in which the guest library finds them: free memory is what follows the stack. */
static u64 lay_out(struct child *c)
{
    u64 list = image_end_pfn(), end = CHILD_FIRST_PFN + c->pages;
    u64 list_pages = (end * sizeof(u64) + PAGE_SIZE - 1) / PAGE_SIZE, l1_pages = (end + 511) / 512;

    c->info = list + list_pages;
    c->console_pfn = c->info + 1;
    c->mailbox_pfn = c->info + 2;
    c->tables = c->info + 3;
    c->stack = c->tables + 3 + l1_pages;
    if (c->stack >= end)
        guest_panic("an image of %lu pages does not fit a child of %u", list - CHILD_FIRST_PFN, c->pages);
    return list;
}

static void load_image(struct child *c)
{
    for (u32 i = 0; segment(i) != NULL; i++)
        if (segment(i)->p_type == PT_LOAD) {
            const Elf64_Phdr *s = segment(i);

            memcpy((u8 *)BUILD_VA + s->p_paddr, module() + s->p_offset, s->p_filesz);
            memset((u8 *)BUILD_VA + s->p_paddr + s->p_filesz, 0, s->p_memsz - s->p_filesz);
        }
    c->entry = ((const Elf64_Ehdr *)(const void *)module())->e_entry;
}

static void fill_info(struct child *c, u64 list)
{
    start_info_t *info = memset(at(c->info), 0, PAGE_SIZE);
    struct xen_domctl_getdomaininfo d;

    memcpy(info->magic, "xen-3.0-x86_64", 15);
    domain_info(c->domid, &d);
    info->nr_pages = CHILD_FIRST_PFN + c->pages;
    info->shared_info = d.shared_info_frame * PAGE_SIZE;
    info->store_mfn = child_frame(c, c->mailbox_pfn);
    info->console.domU.mfn = child_frame(c, c->console_pfn);
    info->console.domU.evtchn = (u32)event_alloc_unbound(c->domid, DOMID_SELF);
    info->pt_base = va(c->tables);
    info->nr_pt_frames = c->stack - c->tables;
    info->mfn_list = va(list);
    snprintf((char *)info->cmd_line, sizeof(info->cmd_line), "%s", c->words);
    for (u64 pfn = 0; pfn < info->nr_pages; pfn++)
        ((u64 *)at(list))[pfn] = pfn < CHILD_FIRST_PFN ? NO_FRAME : child_frame(c, pfn);
}

static u64 table_entry(const struct child *c, u64 pfn)
{
    return child_frame(c, pfn) * PAGE_SIZE | PTE_TABLE;
}

/* Root, one L3 and one L2 table, then L1 tables: everything writable but the tables. */
static void fill_tables(struct child *c)
{
    u64 root = c->tables, l1 = root + 3;

    memset(at(root), 0, (c->stack - root) * PAGE_SIZE);
    ((u64 *)at(root))[511] = table_entry(c, root + 1);
    ((u64 *)at(root + 1))[510] = table_entry(c, root + 2);
    for (u64 i = 0; i < c->stack - l1; i++)
        ((u64 *)at(root + 2))[i] = table_entry(c, l1 + i);
    for (u64 pfn = CHILD_FIRST_PFN; pfn < CHILD_FIRST_PFN + c->pages; pfn++)
        ((u64 *)at(l1))[pfn] =
            child_frame(c, pfn) * PAGE_SIZE | (pfn >= root && pfn < c->stack ? PTE_KERNEL_RO : PTE_KERNEL_RW);
}

static long window(const struct child *c, u64 flags)
{
    long ret = 0;

    for (u64 pfn = CHILD_FIRST_PFN; pfn <= c->stack && ret == 0; pfn++)
        ret = flags != 0 ? map_foreign((unsigned long)at(pfn), child_frame(c, pfn), flags, c->domid)
                         : map_set(at(pfn), 0);
    return ret;
}

/* Events wait until the kernel wants them; whatever the hypervisor has done about it. */
static long mask_upcalls(const struct child *c)
{
    shared_info_t *shared = at(0);
    struct xen_domctl_getdomaininfo d;
    long ret = domain_info(c->domid, &d);

    if (ret == 0)
        ret = map_foreign((unsigned long)shared, d.shared_info_frame, PTE_KERNEL_RW, c->domid);
    if (ret != 0)
        return ret;
    for (u32 vcpu = 0; vcpu < XEN_LEGACY_MAX_VCPUS; vcpu++)
        shared->vcpu_info[vcpu].evtchn_upcall_mask = 1;
    return map_set(shared, 0);
}

static long load(struct child *c)
{
    u64 list = lay_out(c), slot = SLOTS_VA + c->slot * 2 * PAGE_SIZE;
    long ret = window(c, PTE_KERNEL_RW);

    if (ret != 0)
        return ret;
    load_image(c);
    fill_info(c, list);
    fill_tables(c);
    memset(at(c->console_pfn), 0, 2 * PAGE_SIZE);
    ret = map_foreign(slot, child_frame(c, c->console_pfn), PTE_KERNEL_RW, c->domid);
    if (ret == 0)
        ret = map_foreign(slot + PAGE_SIZE, child_frame(c, c->mailbox_pfn), PTE_KERNEL_RW, c->domid);
    c->console = (void *)slot;
    c->mailbox = (void *)(slot + PAGE_SIZE);
    if (ret == 0)
        ret = mask_upcalls(c);
    return ret != 0 ? ret : window(c, 0);
}

static long pin(struct child *c)
{
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L4_TABLE, .arg1.mfn = child_frame(c, c->tables)};

    return hypercall_mmuext_op(&op, 1, NULL, c->domid);
}

static long set_context(struct child *c)
{
    static vcpu_guest_context_t context;
    struct xen_domctl op = {.u.vcpucontext = {.vcpu = 0}};

    memset(&context, 0, sizeof(context));
    context.flags = VGCF_in_kernel | VGCF_online;
    context.user_regs.rip = c->entry;
    context.user_regs.rsp = va(c->stack + 1);
    context.user_regs.rsi = va(c->info);
    context.user_regs.rflags = 0x200;
    context.user_regs.cs = FLAT_KERNEL_CS;
    context.user_regs.ds = context.user_regs.es = context.user_regs.fs = context.user_regs.gs = FLAT_KERNEL_DS;
    context.user_regs.ss = FLAT_KERNEL_SS;
    context.kernel_ss = FLAT_KERNEL_SS;
    context.kernel_sp = va(c->stack + 1);
    context.ctrlreg[3] = xen_pfn_to_cr3(child_frame(c, c->tables));
    set_xen_guest_handle(op.u.vcpucontext.ctxt, &context);
    return domctl(&op, XEN_DOMCTL_setvcpucontext, c->domid);
}

long child_build(struct child *c, const char *words, u32 pages, u32 vcpus, enum child_step last)
{
    static long (*const steps[])(struct child *) = {create, populate, load, pin, set_context};
    long ret = 0;

    *c = (struct child){.words = words, .pages = pages != 0 ? pages : CHILD_PAGES, .vcpus = vcpus != 0 ? vcpus : 1};
    while (slot_taken[c->slot])
        if (++c->slot == CHILD_SLOTS)
            guest_panic("too many children");
    slot_taken[c->slot] = true;
    c->frames = page_alloc();
    for (u32 step = 0; step < last && ret == 0; step++)
        ret = steps[step](c);
    return ret;
}

long child_start(struct child *c, const char *words)
{
    struct xen_domctl op = {.cmd = 0};
    long ret = child_build(c, words, 0, 0, CHILD_READY);

    return ret != 0 ? ret : domctl(&op, XEN_DOMCTL_unpausedomain, c->domid);
}

/* ---- its end ---- */

long child_kill(struct child *c)
{
    struct xen_domctl op = {.cmd = 0};

    if (c->console != NULL) {
        child_drain(c);
        map_set(c->console, 0);
        map_set((const void *)c->mailbox, 0);
        c->console = NULL;
    }
    if (c->frames != NULL) {
        page_free(c->frames);
        c->frames = NULL;
        slot_taken[c->slot] = false;
    }
    return domctl(&op, XEN_DOMCTL_destroydomain, c->domid);
}

bool domain_gone(u16 domid, u64 ns)
{
    struct xen_domctl_getdomaininfo info;
    u64 end = time_ns() + ns;

    while (domain_info(domid, &info) != -XEN_ESRCH)
        if (time_ns() > end)
            return false;
        else
            time_sleep(MS / 4);
    return true;
}

void child_end(struct child *c)
{
    long ret = child_kill(c);

    if (ret != 0 || !domain_gone(c->domid, 5000 * MS))
        check(false, "domain %u does not end: %ld", c->domid, ret);
}
