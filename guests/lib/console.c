/* SPDX-License-Identifier: MIT */
/*
 * Output. Domain 0 writes by the console_io hypercall; others, who may not, into the ring that their builder gave them.
 * A full ring is waited for: whoever reads it is another domain.
 */
#include <lib/console.h>
#include <lib/event.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <xen/io/console.h>

static void ring_write(struct xencons_interface *ring, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        while (ring->out_prod - *(volatile XENCONS_RING_IDX *)&ring->out_cons >= sizeof(ring->out)) {
            event_send(start_info->console.domU.evtchn);
            hypercall_sched_op(SCHEDOP_yield, NULL);
        }
        ring->out[MASK_XENCONS_IDX(ring->out_prod, ring->out)] = text[i];
        __atomic_store_n(&ring->out_prod, ring->out_prod + 1, __ATOMIC_RELEASE);
    }
    event_send(start_info->console.domU.evtchn);
}

void console_write(const char *text, size_t bytes)
{
    if (is_domain0())
        hypercall_console_io(CONSOLEIO_write, (int)bytes, (char *)(uintptr_t)text);
    else
        ring_write(mfn_page(start_info->console.domU.mfn), text, bytes);
}
