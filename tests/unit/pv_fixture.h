/* SPDX-License-Identifier: MIT */
/* A current paravirtual vcpu on a new machine for tests of pv/: guest pointers are host pointers. Include once. */
#ifndef PV_FIXTURE_H
#define PV_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <dom/domain.h>
#include <fake/fake.h>
#include <machine/boot.h>
#include <mm/flush.h>
#include <x86/cr.h>
#include <xen/xen.h>

static struct domain dom;
static struct vcpu vcpu;
static struct vcpu *const v = &vcpu;
static struct range port_ranges[8];
static u8 guest_pages[4 * PAGE_SIZE] aligned(PAGE_SIZE);

/* What the layers above give mm/. */
void domain_memory_gone(void) {}
struct mm_domain *mm_domain_of(u16 domid) { return domid == dom.mm.domid ? &dom.mm : NULL; }
void flush_drop_root(void) {}

static void pv_fixture_start(void)
{
    fake_start(2, 64);
    memset(&dom, 0, sizeof(dom));
    memset(&vcpu, 0, sizeof(vcpu));
    memset(guest_pages, 0, sizeof(guest_pages));
    dom.id = 7;
    dom.mm.domid = 7;
    dom.rights = RIGHT_HARDWARE;
    spin_lock_init(&dom.lock, RANK_DOMAIN);
    spin_lock_init(&dom.mm.lock, RANK_MM_DOMAIN);
    rangeset_init_fixed(&dom.mm.ioports, port_ranges, ARRAY_SIZE(port_ranges));
    vcpu.domain = &dom;
    vcpu.pv.in_kernel = true;
    vcpu.pv.dr6 = X86_DR6_FIXED;
    vcpu.pv.dr7 = X86_DR7_FIXED;
    vcpu.pv.xcr0 = 1;
    cpu_info()->current = v;
    fake_flat_guest(true);
}

/* A register block of the guest's 64-bit code at code. */
static inline struct regs regs_at(const void *code)
{
    return (struct regs){ .rip = (u64)code, .cs = FLAT_RING3_CS64, .ss = FLAT_RING3_SS64, .rflags = 0x202 };
}

#endif
