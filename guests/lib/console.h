/* SPDX-License-Identifier: MIT */
/* The guest's console: the hypervisor's own, by hypercall, or the ring of a domain that is not domain 0. */
#pragma once

#include <lib/types.h>

void console_write(const char *text, size_t bytes);
