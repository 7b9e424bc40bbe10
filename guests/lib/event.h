/* SPDX-License-Identifier: MIT */
/*
 * Event channels, 2-level or (after fifo_init) FIFO. Calls return a port, 0, or -errno. Upcalls are those of the vcpu
 * that calls; only vcpu 0 may use event_wait().
 */
#pragma once

#include <lib/types.h>
#include <xen/xen.h>

/* Called with upcalls masked; the event is acknowledged already. */
typedef void event_handler(u32 port);

#define EVENT_PORTS 4096

extern struct vcpu_info *vcpu_info; /* of vcpu 0: shared_info's, until somebody registers another */
struct vcpu_info *vcpu_info_self(void); /* of the vcpu that calls */

void event_init(void);
/* Handler of a port (or NULL), and how many times the port was delivered. */
void event_set_handler(u32 port, event_handler *handler);
u32 event_count(u32 port);

long event_alloc_unbound(u16 domain, u16 remote);
long event_bind_interdomain(u16 remote, u32 remote_port);
long event_bind_virq(u32 virq, u32 vcpu);
long event_bind_ipi(u32 vcpu);
long event_close(u32 port);
long event_send(u32 port);
/* Unmask by hypercall, which raises the event again if it is pending. New ports are masked. */
long event_unmask(u32 port);
void event_mask(u32 port);
bool event_is_pending(u32 port);
bool event_is_masked(u32 port);
void event_clear(u32 port);

/* Accept or refuse upcalls, as sti and cli do for interrupts. Accepting delivers what is pending at once. */
void upcalls_enable(void);
void upcalls_disable(void);
/* Sleep until the port has been delivered more than `count` times, for at most `ns`; false: time is up. */
bool event_wait(u32 port, u32 count, u64 ns);

/* Change the domain to FIFO event channels. There is no way back. */
long fifo_init(void);
/* The same for one more vcpu, after fifo_init() and before it has events. */
long fifo_init_vcpu(u32 vcpu);
extern bool fifo_active;
