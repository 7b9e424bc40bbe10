/* SPDX-License-Identifier: MIT */
/* The stubs keep rcx and r11, which SYSCALL overwrites; the one for iret leaves them on the stack for the hypervisor. */
#include <lib/string.h>
#include <pv/hypercall_page.h>
#include <x86/pte.h>
#include <xen/xen.h>

#define SLOT_BYTES 32u
#define INT3 0xcc
#define NUMBER_AT 4u        /* in call_stub, of the low byte of the immediate */
#define IRET_NUMBER_AT 5u

static const u8 call_stub[] = {
    0x51,                   /* push %rcx */
    0x41, 0x53,             /* push %r11 */
    0xb8, 0, 0, 0, 0,       /* mov $number, %eax */
    0x0f, 0x05,             /* syscall */
    0x41, 0x5b,             /* pop %r11 */
    0x59,                   /* pop %rcx */
    0xc3,                   /* ret */
};

static const u8 iret_stub[] = {
    0x51,                   /* push %rcx */
    0x41, 0x53,             /* push %r11 */
    0x50,                   /* push %rax */
    0xb8, 0, 0, 0, 0,       /* mov $number, %eax */
    0x0f, 0x05,             /* syscall */
};

void pv_hypercall_page_fill(u8 *page)
{
    memset(page, INT3, PAGE_SIZE);
    for (unsigned nr = 0; nr < PAGE_SIZE / SLOT_BYTES; nr++) {
        u8 *slot = page + nr * SLOT_BYTES;
        bool iret = nr == __HYPERVISOR_iret;

        memcpy(slot, iret ? iret_stub : call_stub, iret ? sizeof(iret_stub) : sizeof(call_stub));
        slot[iret ? IRET_NUMBER_AT : NUMBER_AT] = (u8)nr;
    }
}
