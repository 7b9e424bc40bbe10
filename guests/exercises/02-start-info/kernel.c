/* SPDX-License-Identifier: MIT */
/* What a domain is told without asking, and what it learns by asking. */
#include <lib/event.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/string.h>
#include <xen/features.h>

static void told(void)
{
    printf("I am told: I am a %s domain with %lu pages.\n", start_info->magic, start_info->nr_pages);
    printf("My command line is \"%s\".\n", (const char *)start_info->cmd_line);
    printf("My page tables begin at %lx and take %lu pages.\n", start_info->pt_base, start_info->nr_pt_frames);
    printf("My page 0 is machine frame %lx, and that is my page %lu.\n", *p2m_slot(0), (u64)M2P[*p2m_slot(0)]);
    printf("Flags %x: %s.\n", start_info->flags, is_domain0() ? "I am domain 0" : "I own no devices");
}

static void asked(void)
{
    xen_extraversion_t extra;
    xen_capabilities_info_t kinds;
    struct xen_feature_info features = {.submap_idx = 0};
    long version = hypercall_xen_version(XENVER_version, NULL);

    hypercall_xen_version(XENVER_extraversion, extra);
    hypercall_xen_version(XENVER_capabilities, kinds);
    hypercall_xen_version(XENVER_get_features, &features);
    printf("I ask: it is version %ld.%ld%s, and runs %s\n", version >> 16, version & 0xffff, extra, kinds);
    printf("My page tables are %s; I could write them %s.\n",
           features.submap & 1u << XENFEAT_auto_translated_physmap ? "translated" : "the machine's own",
           features.submap & 1u << XENFEAT_writable_page_tables ? "myself" : "by asking only");
}

static void refused(void)
{
    static char here[] = "hello\n";

    printf("I may not write to the machine's console: %d.\n", (int)hypercall_console_io(CONSOLEIO_write, 6, here));
    printf("I cannot be given what is not mine: %d.\n", (int)hypercall_set_trap_table((void *)0xffff800000000000));
    printf("There is no such operation: %d.\n", (int)hypercall_sched_op(4711, NULL));
}

void guest_main(void)
{
    upcalls_enable();
    told();
    asked();
    refused();
}
