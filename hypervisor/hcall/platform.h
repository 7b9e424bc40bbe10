/* SPDX-License-Identifier: MIT */
/* Parts of platform_op in files of their own. */
#ifndef HCALL_PLATFORM_H
#define HCALL_PLATFORM_H

struct xen_platform_op;
/* Boot: finds the EFI system table, if there is one. */
void platform_firmware_init(void);
/* XENPF_firmware_info: what only the boot loader's and firmware's data can say. */
int platform_firmware_info(struct xen_platform_op *op);

#endif
