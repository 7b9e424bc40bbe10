/* SPDX-License-Identifier: MIT */
/* Any bytes as a kernel: parsing reads only inside them, and what it accepts lies inside them too. */
#include <stdint.h>
#include <stdlib.h>

#include <lib/elf.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct elf_image elf;
    struct elf_xen_info info;
    struct elf_segment seg;
    const char *why = NULL;
    unsigned index = 0;

    if (elf_open(&elf, data, size, &why))
        return why ? 0 : (abort(), 0);
    while (elf_next_load(&elf, &index, &seg))
        if (seg.data < data || seg.filesz > (size_t)(data + size - seg.data) || seg.filesz > seg.memsz ||
            seg.paddr < elf.paddr_first || seg.paddr + seg.memsz > elf.paddr_end)
            abort();
    if (elf_xen_parse(&elf, &info, &why))
        return why ? 0 : (abort(), 0);
    if (info.entry < info.virt_kstart || info.entry >= info.virt_kend || info.virt_kstart < info.virt_base)
        abort();
    return 0;
}
