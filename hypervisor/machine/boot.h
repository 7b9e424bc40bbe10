/* SPDX-License-Identifier: MIT */
/*
 * What the boot loader told us, in one form for multiboot 1 and 2, and the machine's boot steps in the order
 * init/main.c calls them. All of it runs on the boot CPU before any guest.
 *
 *   boot.S -> boot_main(magic, info) -> machine_init_early(magic, info)    loader's information, GDT, IDT
 *   (command line, uart_init(), machine_set_report())  -> machine_cpu_features() -> machine_init_memory()
 *   -> machine_init_platform() -> machine_start_aps() -> machine_seal()
 */
#ifndef MACHINE_BOOT_H
#define MACHINE_BOOT_H

#include <lib/acpi.h>
#include <lib/multiboot.h>

extern struct boot_info boot_info;              /* lib/multiboot.h: command line, modules, memory map, rsdp, fb, efi */
extern struct acpi_info acpi_info;              /* lib/acpi.h: cpus, ioapics, overrides, timers, sleep, mcfg */

/* init/main.c: called by boot.S on the boot CPU's final stack, interrupts off, low 4 GiB reachable by frame_map(). */
void noreturn boot_main(u32 magic, u64 info_maddr);

/* Page allocation before the heap exists: from the top of usable RAM below limit (0: none). Zeroed, never freed.
 * Halts with a message that names the remedy when memory is exhausted. What is left goes to the heap. */
mfn_t boot_alloc_pages(u64 pages, u64 align_pages, u64 limit_maddr);
/* Calls fn for each range of RAM that is neither used by the image, modules, firmware nor boot_alloc_pages(); from
 * now on boot_alloc_pages() must not be called. */
void boot_for_each_free(void (*fn)(mfn_t first, u64 pages));
/* All RAM ranges (usable type in the map), for frame table and M2P. Ascending, disjoint. */
void boot_for_each_ram(void (*fn)(mfn_t first, u64 pages));
u64 boot_max_mfn(void);                         /* highest RAM frame + 1 */

/* Maps [va, va + pages) in the hypervisor's own tables (slot 256 or 261; tables from boot_alloc_pages), global.
 * flags: PTE_RW, PTE_NX, PTE_US, cache bits; uses 2 MiB pages where everything is aligned. */
void boot_map(u64 va, mfn_t first, u64 pages, u64 flags);
/* The same with one frame behind every page of the range. */
void boot_map_same(u64 va, mfn_t frame, u64 pages, u64 flags);
/* The hypervisor's own L4 (idle address space); slots 256..271 of it are what every guest L4 gets (slot 260 is filled
 * per domain). Only slot 256, 261 and those of the direct map are used; they never change after machine_init_memory. */
extern mfn_t boot_root;

void machine_init_early(u32 magic, u64 info_maddr); /* halts with a message when the loader's information is no good */
void machine_cpu_features(bool smep, bool smap);    /* what is there and allowed; patches stac and clac in */
void machine_init_memory(void);                 /* boot allocator, direct map, W^X, stacks; boot_map() works now */
void machine_init_platform(void);               /* ACPI, LAPIC, IO-APICs, clock; screen */

extern unsigned machine_max_cpus;               /* option maxcpus=; set before machine_init_platform() */
/* Starts the other CPUs; each ends in entry() on its own stack, interrupts off. Returns how many are online. */
unsigned machine_start_aps(void (*entry)(void));

/* Takes .init away: unmapped from the image, writable through the direct map, to be given to the heap. Nothing in
 * .init may be used any more. The caller flushes the other CPUs' TLBs (mm/flush.h). */
void machine_seal(void);
struct boot_range { mfn_t first; u64 pages; };
struct boot_range boot_init_range(void);        /* the frames of .init */

#endif
