/* SPDX-License-Identifier: MIT */
/* The guest's console: the hypervisor's own, by hypercall. */
#pragma once

#include <lib/types.h>

void console_write(const char *text, size_t bytes);
