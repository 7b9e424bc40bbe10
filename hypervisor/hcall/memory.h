/* SPDX-License-Identifier: MIT */
/* Parts of memory_op in files of their own. */
#ifndef HCALL_MEMORY_H
#define HCALL_MEMORY_H

#include <dom/domain.h>

/* XENMEM_exchange. -EFAULT handle, -EINVAL sizes or frames in use, -EPERM order or domain, -ENOMEM, -ERESTART (progress
 * is in the guest's structure). */
long memory_exchange(guest_ptr_t arg);

/* ---- hcall/memory_tools.c: what a toolstack prepares for a domain ---- */
struct e820 {
    u64 start, bytes;
    u32 type;
} packed;

/* XENMEM_set_memory_map, for another domain: -EINVAL too long; and XENMEM_memory_map, of the caller: -ENOSYS none set. */
long memory_map_set(guest_ptr_t arg);
long memory_map_get(guest_ptr_t arg);
/* XENMEM_claim_pages: -EINVAL, -ENOMEM. */
long memory_claim(guest_ptr_t arg);
/* XENMEM_acquire_resource: frames that belong to no guest memory, for the caller to map. -EOPNOTSUPP type; -EINVAL range. */
long memory_acquire_resource(guest_ptr_t arg);

#endif
