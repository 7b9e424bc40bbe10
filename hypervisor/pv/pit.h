/* SPDX-License-Identifier: MIT */
/*
 * Channel 2 of the interval timer (Intel 8254) and its gate at port 0x61, as a guest's own: it counts system time at
 * 1193182 Hz and can be read back. Channel 0 and 1 are the machine's and are not shown. Ports 0x42, 0x43 and 0x61.
 */
#ifndef PV_PIT_H
#define PV_PIT_H

#include <dom/pv_state.h>

#define PORT_PIT_COUNTER2 0x42
#define PORT_PIT_CONTROL  0x43
#define PORT_PIT_GATE     0x61

u8 pit_read(struct pv_pit *p, u16 port);
void pit_write(struct pv_pit *p, u16 port, u8 value);

#endif
