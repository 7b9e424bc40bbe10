/* SPDX-License-Identifier: MIT */
/* Ports as a paravirtual guest sees them: its own (rights), devices of the hypervisor's that it sees virtually, none. */
#ifndef PV_IOPORT_H
#define PV_IOPORT_H

#include <dom/domain.h>

/* Does the guest's current mode have the I/O privilege level: may it use every port, CLI and STI? */
bool iopl_allowed(const struct vcpu *v);
/* May the guest's current mode use these ports at all (I/O privilege level, bitmap)? Else #GP. bytes: 1, 2, 4. */
bool ioport_allowed(struct vcpu *v, u16 port, unsigned bytes);
/* Ports that are nobody's read as ones and ignore writes. */
u32 ioport_read(struct vcpu *v, u16 port, unsigned bytes);
void ioport_write(struct vcpu *v, u16 port, unsigned bytes, u32 value);

#endif
