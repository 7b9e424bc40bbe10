/* SPDX-License-Identifier: MIT */
/* Every hypercall as a function: hypercall_NAME(...), generated from hypercalls.tbl, and the errno names (XEN_E...). */
#pragma once

#include <guest-stubs.gen.h>
#include <lib/types.h>
#include <xen/errno.h>
