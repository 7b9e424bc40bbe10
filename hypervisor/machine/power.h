/* SPDX-License-Identifier: MIT */
/* Ends of the machine. */
#ifndef MACHINE_POWER_H
#define MACHINE_POWER_H

#include <lib/types.h>

/* ACPI S5 with the PM1 values dom0 gave (or the FADT's own); returns only when the hardware ignored it. */
void power_off(void);
/* ACPI reset register, keyboard controller, 0xcf9, triple fault: in this order. */
void noreturn power_reset(void);
void noreturn power_halt(void);         /* this CPU, for ever, interrupts off */
void cpus_stop_others(void);            /* NMI the other CPUs into power_halt() */
extern bool cpus_stopping;              /* what such an NMI looks at */
/* Remembers what XENPF_enter_acpi_sleep passed: PM1a/b control values. */
void power_set_sleep(u16 pm1a_val, u16 pm1b_val);

#endif
