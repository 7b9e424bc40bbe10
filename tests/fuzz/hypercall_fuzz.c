/* SPDX-License-Identifier: MIT */
/*
 * Bytes as what paravirtual guests do: domain 0 and two vcpus of domain 5 write to memory they may write to, grant
 * frames, and make hypercalls. Half of these are raw registers; the others are commands of hypercalls.tbl with a
 * structure where the call wants it. Every invariant is audited on the way and at the end.
 *
 * The first byte: bit 0 who begins (domain 0, or domain 5 without rights), bit 1 preemption at every point, bits 7:2
 * an allocation that fails. Then operations: a byte that chooses, and what it needs.
 */
#include "fuzz_guest.h"

#include <hypercalls.gen.h>
#include <hypercall-names.gen.h>
#include <xen/domctl.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/platform.h>
#include <xen/sysctl.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define X(number, name, args, flags) number,
static const u8 calls[] = { HCALLS_IMPL(X) };
#undef X
#define X(call, sub, name) { call, sub },
static const struct { u8 call, sub; } commands[] = { HCALL_SUB_NAMES(X) };
#undef X

#define CALLS_MAX   64
#define CALLS_AUDIT 16
#define FIELDS_MAX  24

static u64 take_argument(struct input *in)
{
    switch (take(in, 1) % 10) {
    case 0: return take(in, 1);
    case 1: return take(in, 2);
    case 2: return take(in, 8);
    case 3: return take_va(in);
    case 4: return PARAMETERS(g);
    case 5: return take_frame(in).n;
    case 6: return (take_frame(in).n << PAGE_SHIFT) | take(in, 2) % PAGE_SIZE;
    case 7: return take_entry(in);
    case 8: return take(in, 1) & 1 ? 5 : DOMID_SELF;
    default: return DOMID_SELF - take(in, 1);
    }
}

/* A structure: fields of two, four or eight bytes, each aligned. Bytes written. */
static unsigned write_fields(struct input *in, u8 *at, unsigned room)
{
    unsigned bytes = 0, fields = (unsigned)take(in, 1) % FIELDS_MAX;

    while (fields--) {
        unsigned width = 2u << take(in, 1) % 3;
        u64 v = take_argument(in);

        bytes = (unsigned)round_up(bytes, width);
        if (bytes + width > room)
            break;
        memcpy(at + bytes, &v, width);
        bytes += width;
    }
    return bytes;
}

static void write_memory(struct input *in)
{
    u64 va = take_va(in);
    u8 bytes[256] = { 0 };
    unsigned n = write_fields(in, bytes, sizeof(bytes));

    (void)guest_poke(va, bytes, n);
}

/* Domain 5's and domain 0's vcpus stand on CPUs that do not move here: who waits for one to stop waits for ever. */
static void spare_the_actors(u64 nr, u64 va)
{
    struct xen_domctl op;
    const struct { u32 version; } sysctl = { XEN_SYSCTL_INTERFACE_VERSION };

    if (nr == __HYPERVISOR_sysctl)
        (void)guest_poke(va + offsetof(struct xen_sysctl, interface_version), &sysctl, sizeof(sysctl));
    if (nr != __HYPERVISOR_domctl || fake_guest_read(g->cpu, va, &op, sizeof(op)))
        return;
    op.domain = op.domain == 5 ? 6 : op.domain;
    op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    (void)guest_poke(va, &op, sizeof(op));
}

static void make_call(u64 nr, const u64 a[5])
{
    spare_the_actors(nr, a[0]);
    (void)fuzz_call(nr, a, NULL, NULL);
}

static void raw_call(struct input *in)
{
    u64 nr = calls[take(in, 1) % ARRAY_SIZE(calls)], a[5];

    for (unsigned i = 0; i < ARRAY_SIZE(a); i++)
        a[i] = take_argument(in);
    make_call(nr, a);
}

/* A command of the table, its structure at PARAMETERS, and the registers as its call wants them. */
static void command_call(struct input *in)
{
    unsigned which = (unsigned)take(in, 2) % ARRAY_SIZE(commands);
    u64 nr = commands[which].call, sub = commands[which].sub, at = PARAMETERS(g);
    u8 arg[256] = { 0 };
    unsigned head = 0;

    if (nr == __HYPERVISOR_platform_op) {
        struct xen_platform_op *op = (void *)arg;

        *op = (struct xen_platform_op){ .cmd = (u32)sub, .interface_version = XENPF_INTERFACE_VERSION };
        head = offsetof(struct xen_platform_op, u);
    } else if (nr == __HYPERVISOR_domctl || nr == __HYPERVISOR_sysctl) {
        memcpy(arg, &(u32){ (u32)sub }, 4);     /* the version and the domain are looked after below */
        arg[8] = (u8)take(in, 1) & 7;
        head = nr == __HYPERVISOR_domctl ? offsetof(struct xen_domctl, u) : offsetof(struct xen_sysctl, u);
    }
    (void)write_fields(in, arg + head, (unsigned)sizeof(arg) - head);
    if (nr == __HYPERVISOR_mmuext_op)
        memcpy(arg, &(u32){ (u32)sub }, 4);
    (void)guest_poke(at, arg, sizeof(arg));
    if (head)
        make_call(nr, (const u64[5]){ at });
    else if (nr == __HYPERVISOR_mmuext_op || nr == __HYPERVISOR_mmu_update)
        make_call(nr, (const u64[5]){ at, 1 + take(in, 1) % 3, 0, DOMID_SELF });
    else if (nr == __HYPERVISOR_vcpu_op)
        make_call(nr, (const u64[5]){ sub, take(in, 1) % GUEST_VCPUS, at });
    else if (nr == __HYPERVISOR_console_io)
        make_call(nr, (const u64[5]){ sub, take(in, 1), at });
    else if (nr == __HYPERVISOR_set_segment_base || nr == __HYPERVISOR_vm_assist)
        make_call(nr, (const u64[5]){ sub, take_argument(in) });
    else
        make_call(nr, (const u64[5]){ sub, at, 1 + take(in, 1) % 3 });
}

/* As a guest writes into its grant table, once it has one. */
static void grant(struct input *in)
{
    struct grant_table *gt = &g->d->grants;
    unsigned ref = (unsigned)take(in, 1) % 32;
    struct grant_entry_v1 *e = gt->nr_frames ? gt->shared[0] : NULL;

    if (e)
        e[ref] = (struct grant_entry_v1){ .flags = (u16)take(in, 2), .domid = take(in, 1) & 1 ? 5 : 0,
                                          .frame = (u32)take_frame(in).n };
}

static void run(struct input *in)
{
    for (unsigned i = 0; i < CALLS_MAX && in->p < in->end && !is_over(g); i++) {
        switch (take(in, 1) % 8) {
        case 0: write_memory(in); break;
        case 1: grant(in); break;
        case 2: as(actors[take(in, 1) % ARRAY_SIZE(actors)]); break;
        case 3: case 4: raw_call(in); break;
        default: command_call(in); break;
        }
        if (i % CALLS_AUDIT == CALLS_AUDIT - 1)
            fuzz_audit();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = { data, data + size };
    unsigned how;

    if (size < 2)
        return 0;
    how = (unsigned)take(&in, 1);
    fuzz_start();
    as(how & 1 ? &g0 : &g5);
    preempt_always = how & 2;
    fuzz_fail_alloc(how >> 2);
    fuzz_run(run, &in);
    return 0;
}
