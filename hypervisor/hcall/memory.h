/* SPDX-License-Identifier: MIT */
/* Parts of memory_op in files of their own. */
#ifndef HCALL_MEMORY_H
#define HCALL_MEMORY_H

#include <mm/guest.h>

/* XENMEM_exchange. -EFAULT handle, -EINVAL sizes or frames in use, -EPERM order or domain, -ENOMEM, -ERESTART (progress
 * is in the guest's structure). */
long memory_exchange(guest_ptr_t arg);

#endif
