/* SPDX-License-Identifier: MIT */
/* Output through the console_io hypercall: domain 0 always may, others only where the hypervisor logs guests. */
#include <lib/console.h>
#include <lib/hypercall.h>

void console_write(const char *text, size_t bytes)
{
    hypercall_console_io(CONSOLEIO_write, (int)bytes, (char *)(uintptr_t)text);
}
