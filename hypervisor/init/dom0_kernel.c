/* SPDX-License-Identifier: MIT */
/* Finds, unpacks and reads domain 0's kernel from the first module. */
#include <init/dom0.h>
#include <init/image/bzimage.h>
#include <machine/boot.h>
#include <machine/map.h>
#include <mm/heap.h>
#include <xen/elfnote.h>
#include <xen/features.h>

static boot_text mfn_t scratch_alloc(u64 bytes, unsigned *order)
{
    mfn_t m;

    for (*order = 0; PAGE_SIZE << *order < bytes;)
        (*order)++;
    m = *order <= HEAP_MAX_ORDER ? heap_alloc(*order, HEAP_ANY_WIDTH) : MFN_INVALID;
    if (mfn_is_invalid(m))
        panic("domain 0: no %lu MiB in one piece to unpack its kernel: give the machine more memory",
              (unsigned long)(bytes >> 20) + 1);
    return m;
}

static boot_text void unpack(struct dom0_kernel *k, const struct kernel_payload *p)
{
    unsigned arena_order;
    mfn_t arena = scratch_alloc(DECOMPRESS_ARENA_BYTES, &arena_order);
    const char *why;

    k->buffer = scratch_alloc(p->unpacked_size, &k->buffer_order);
    decompress_init(frame_map(arena), PAGE_SIZE << arena_order);
    if (decompress(p->format, p->data, p->size, frame_map(k->buffer), p->unpacked_size, &why))
        panic("domain 0 kernel: %s", why);
    heap_free(arena, arena_order);
}

boot_text void dom0_load_kernel(struct dom0_kernel *k)
{
    const struct boot_module *m = &boot_info.modules[0];
    struct kernel_payload p;
    const char *why;

    if (boot_info.nr_modules == 0)
        panic("no domain 0 kernel: give the boot loader a kernel image (and an initrd) as modules");
    if (kernel_find_payload(frame_map(maddr_to_mfn(m->start)), m->end - m->start, &p, &why))
        panic("domain 0 kernel: %s", why);
    k->buffer = MFN_INVALID;
    if (p.format != IMAGE_RAW) {
        unpack(k, &p);
        p.data = frame_map(k->buffer);
        p.size = p.unpacked_size;
    }
    if (elf_open(&k->elf, p.data, p.size, &why) || elf_xen_parse(&k->elf, &k->xen, &why))
        panic("domain 0 kernel: %s", why);
    if (elf_xen_has(&k->xen, XEN_ELFNOTE_SUPPORTED_FEATURES) && !(k->xen.supported_features & BIT(XENFEAT_dom0)))
        panic("domain 0 kernel: it was built without support for being domain 0: use one with CONFIG_XEN_PV_DOM0");
}

boot_text u64 dom0_kernel_pages(const struct dom0_kernel *k)
{
    return mfn_is_invalid(k->buffer) ? 0 : BIT(k->buffer_order);
}

boot_text void dom0_free_kernel(struct dom0_kernel *k)
{
    if (!mfn_is_invalid(k->buffer))
        heap_free(k->buffer, k->buffer_order);
}
