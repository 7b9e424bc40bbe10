/* SPDX-License-Identifier: MIT */
/* Start of day in C, and the ends of a guest. Runs on the library's own 16-KiB stack. */
#include <lib/event.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/string.h>
#include <lib/trap.h>

start_info_t *start_info;
shared_info_t *shared_info;

static u8 shared_info_window[PAGE_SIZE] PAGE_ALIGNED; /* its frame is lost to the mapping of shared_info */

void guest_exit(unsigned int reason)
{
    struct sched_shutdown shutdown = {.reason = reason};

    for (;;)
        hypercall_sched_op(SCHEDOP_shutdown, &shutdown);
}

void guest_panic(const char *format, ...)
{
    char line[200];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    printf("Guest panic: %s\n", line);
    guest_exit(SHUTDOWN_crash);
}

/* Called by entry.S. */
void guest_start(start_info_t *info);
void guest_start(start_info_t *info)
{
    start_info = info;
    memory_init();
    if (hypercall_update_va_mapping((unsigned long)shared_info_window, info->shared_info | PTE_KERNEL_RW,
                                    UVMF_INVLPG) != 0)
        guest_panic("cannot map shared_info");
    shared_info = (shared_info_t *)shared_info_window;
    event_init();
    trap_init();
    guest_main();
    guest_exit(is_domain0() ? SHUTDOWN_reboot : SHUTDOWN_poweroff);
}
