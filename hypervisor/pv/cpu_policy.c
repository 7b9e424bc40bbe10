/* SPDX-License-Identifier: MIT */
/* See pv/cpu_policy.h. */
#include <lib/string.h>
#include <pv/cpu_policy.h>
#include <x86/cpuid_policy.h>
#include <x86/cr.h>
#include <xen/xen.h>

#define EXTENDED    0x80000000u
#define HYPERVISOR  0x40000000u
#define XSAVE_HEADER_END 576u           /* legacy area and header: where the first other component can start */
#define CPUID_D_ECX_ALIGNED 2u          /* in the compacted format: at a multiple of 64 */

/* Leaves in a row, or the subleaves of one leaf. */
static const struct { u32 leaf; u8 leaves, subs; } runs[] = {
    { 0, 4, 0 }, { 4, 1, 6 }, { 5, 2, 0 }, { 7, 1, 3 }, { 8, 3, 0 }, { 0xb, 1, 2 }, { 0xc, 1, 0 }, { 0xd, 1, 63 },
    { HYPERVISOR, 1, 0 }, { HYPERVISOR + 0x100, 1, 0 }, { EXTENDED, 34, 0 },
};

/* In the order of the ABI's featuresets. Two words are an MSR that no guest has. */
static const struct { u32 leaf; u8 sub, reg; } words[CPU_FEATURE_WORDS] = {
    { 1, 0, 3 }, { 1, 0, 2 }, { EXTENDED + 1, 0, 3 }, { EXTENDED + 1, 0, 2 }, { 0xd, 1, 0 }, { 7, 0, 1 }, { 7, 0, 2 },
    { EXTENDED + 7, 0, 3 }, { EXTENDED + 8, 0, 1 }, { 7, 0, 3 }, { 7, 1, 0 }, { EXTENDED + 0x21, 0, 0 }, { 7, 1, 1 },
    { 7, 2, 3 }, { 7, 1, 2 }, { 7, 1, 3 }, [18] = { EXTENDED + 0x21, 0, 2 },
};

#define X(name) XEN_X86_FEATURE_##name
/* Each needs the next; those that others need come first. */
static const u16 needs[][2] = {
    { X(XSAVEOPT), X(XSAVE) }, { X(XSAVEC), X(XSAVE) }, { X(XGETBV1), X(XSAVE) }, { X(AVX), X(XSAVE) }, { X(FMA), X(AVX) },
    { X(F16C), X(AVX) }, { X(AVX2), X(AVX) }, { X(XOP), X(AVX) }, { X(FMA4), X(AVX) }, { X(VAES), X(AVX) },
    { X(VPCLMULQDQ), X(AVX) }, { X(AVX_VNNI), X(AVX2) }, { X(AVX512F), X(AVX2) }, { X(AVX512DQ), X(AVX512F) },
    { X(AVX512_IFMA), X(AVX512F) }, { X(AVX512PF), X(AVX512F) }, { X(AVX512ER), X(AVX512F) }, { X(AVX512CD), X(AVX512F) },
    { X(AVX512BW), X(AVX512F) }, { X(AVX512VL), X(AVX512F) }, { X(AVX512_VBMI), X(AVX512F) },
    { X(AVX512_VBMI2), X(AVX512F) }, { X(AVX512_VNNI), X(AVX512F) }, { X(AVX512_BITALG), X(AVX512F) },
    { X(AVX512_VPOPCNTDQ), X(AVX512F) }, { X(AVX512_4VNNIW), X(AVX512F) }, { X(AVX512_4FMAPS), X(AVX512F) },
    { X(AVX512_VP2INTERSECT), X(AVX512F) }, { X(AVX512_FP16), X(AVX512BW) }, { X(AVX512_BF16), X(AVX512F) },
};
/* A toolstack may give these, but has to say so: a false idea of the topology, and of time after a migration. */
static const u16 only_on_request[] = { X(HTT), X(CMP_LEGACY), X(ITSC) };
#undef X

static unsigned run_slots(unsigned run) { return runs[run].subs ? runs[run].subs : runs[run].leaves; }

int cpu_policy_slot(u32 leaf, u32 sub)
{
    unsigned slot = 0, run = 0;
    u32 at;

    while (run < ARRAY_SIZE(runs) && leaf - runs[run].leaf >= runs[run].leaves)
        slot += run_slots(run++);
    if (run == ARRAY_SIZE(runs))
        return -1;
    at = runs[run].subs ? sub : leaf - runs[run].leaf;
    return at < run_slots(run) ? (int)(slot + at) : -1;
}

void cpu_policy_name(unsigned slot, u32 *leaf, u32 *sub)
{
    unsigned run = 0;

    while (slot >= run_slots(run))
        slot -= run_slots(run++);
    *leaf = runs[run].leaf + (runs[run].subs ? 0 : slot);
    *sub = runs[run].subs ? slot : XEN_CPUID_NO_SUBLEAF;
}

static struct cpuid_regs *at(struct cpu_policy *p, u32 leaf, u32 sub) { return &p->r[cpu_policy_slot(leaf, sub)]; }
static const struct cpuid_regs *see(const struct cpu_policy *p, u32 leaf, u32 sub) { return &p->r[cpu_policy_slot(leaf, sub)]; }

bool cpu_policy_shows(const struct cpu_policy *p, u32 leaf, u32 sub)
{
    u32 first = leaf & EXTENDED;

    if ((leaf & ~0xfffu) == HYPERVISOR)
        return true;
    if (leaf != first && leaf > see(p, first, 0)->a)
        return false;
    switch (leaf) {
    case 4: return sub == 0 || see(p, 4, sub - 1)->a & 0x1f;
    case 7: return sub <= see(p, 7, 0)->a;
    case 0xb: return sub == 0 || see(p, 0xb, sub - 1)->c & 0xff00;
    case 0xd: return sub < 2 || cpu_policy_xstates(p) >> sub & 1;
    default: return true;
    }
}

u32 cpu_policy_word(const struct cpu_policy *p, unsigned w)
{
    return words[w].leaf ? p->reg[cpu_policy_slot(words[w].leaf, words[w].sub)][words[w].reg] : 0;
}

static void drop(struct cpu_policy *p, unsigned feature)
{
    unsigned w = feature / 32;

    p->reg[cpu_policy_slot(words[w].leaf, words[w].sub)][words[w].reg] &= ~(1u << feature % 32);
}

u64 cpu_policy_xstates(const struct cpu_policy *p)
{
    const struct cpuid_regs *r = see(p, 0xd, 0);

    return r->a | (u64)r->d << 32;
}

u32 xstate_bytes(u64 xcr0, bool compacted)
{
    u32 bytes = XSAVE_HEADER_END;

    for (u32 i = 2; i < 63; i++) {
        struct cpuid_regs r;

        if (!(xcr0 & BIT(i)))
            continue;
        r = cpuid(0xd, i);
        if (compacted)
            bytes = (r.c & CPUID_D_ECX_ALIGNED ? round_up(bytes, 64u) : bytes) + r.a;
        else
            bytes = max(bytes, r.a + r.b);
    }
    return bytes;
}

/* Extended state follows from the features. */
static void set_xstates(struct cpu_policy *p)
{
    u32 optional = see(p, 0xd, 1)->a;
    u64 x = cpu_policy_has(p, XEN_X86_FEATURE_XSAVE) ? xstate_mask : 0;

    if (!cpu_policy_has(p, XEN_X86_FEATURE_AVX))
        x &= ~X86_XCR0_YMM;
    if (!cpu_policy_has(p, XEN_X86_FEATURE_AVX512F))
        x &= ~X86_XCR0_AVX512;
    memset(at(p, 0xd, 0), 0, 63 * sizeof(p->r[0]));
    if (x == 0)
        return;
    *at(p, 0xd, 0) = (struct cpuid_regs){ (u32)x, 0, xstate_bytes(x, false), (u32)(x >> 32) };
    at(p, 0xd, 1)->a = optional;
    for (u32 i = 2; i < 63; i++)
        if (x & BIT(i)) {
            struct cpuid_regs r = cpuid(0xd, i);

            *at(p, 0xd, i) = (struct cpuid_regs){ r.a, r.b, r.c & CPUID_D_ECX_ALIGNED, 0 };
        }
}

/* Hidden leaves are zeros, so that a policy is the same after a way through its serialised form. */
static void settle(struct cpu_policy *p)
{
    u32 leaf, sub;

    for (unsigned i = 0; i < ARRAY_SIZE(needs); i++)
        if (!cpu_policy_has(p, needs[i][1]))
            drop(p, needs[i][0]);
    set_xstates(p);
    for (unsigned slot = 0; slot < CPU_POLICY_SLOTS; slot++) {
        cpu_policy_name(slot, &leaf, &sub);
        if (!cpu_policy_shows(p, leaf, sub))
            p->r[slot] = (struct cpuid_regs){ 0 };
    }
}

static void read_machine(struct cpu_policy *p)
{
    u32 leaf, sub;

    memset(p, 0, sizeof(*p));
    for (unsigned slot = 0; slot < CPU_POLICY_SLOTS; slot++) {
        cpu_policy_name(slot, &leaf, &sub);
        if ((leaf & ~0xfffu) != HYPERVISOR && cpu_policy_shows(p, leaf, sub))
            p->r[slot] = cpuid(leaf, sub == XEN_CPUID_NO_SUBLEAF ? 0 : sub);
    }
}

static void limit(struct cpu_policy *p, u32 leaf, u32 most)
{
    if (at(p, leaf, 0)->a > most)
        at(p, leaf, 0)->a = most;
}

static void mask_by_table(struct cpu_policy *p)
{
    u32 leaf, sub;

    for (unsigned slot = 0; slot < CPU_POLICY_SLOTS; slot++) {
        const struct cpuid_policy *mask;
        struct cpuid_regs *r = &p->r[slot];

        cpu_policy_name(slot, &leaf, &sub);
        mask = cpuid_policy_find(leaf, sub);
        *r = mask ? (struct cpuid_regs){ r->a & mask->a, r->b & mask->b, r->c & mask->c, r->d & mask->d }
                  : (struct cpuid_regs){ 0 };
    }
}

void cpu_policy_system(enum cpu_policy_kind kind, struct cpu_policy *p)
{
    bool amd;

    read_machine(p);
    if (kind == CPU_POLICY_RAW)
        return;
    amd = cpu_vendor_of(see(p, 0, 0)->b) == CPU_AMD;
    limit(p, 0, CPUID_MAX_BASIC);
    limit(p, 7, 2);
    limit(p, EXTENDED, amd ? CPUID_MAX_EXTENDED_AMD : CPUID_MAX_EXTENDED);
    if (kind != CPU_POLICY_HOST)
        mask_by_table(p);
    if (kind != CPU_POLICY_HOST && amd)
        drop(p, XEN_X86_FEATURE_SEP);           /* their SYSENTER is for 32-bit kernels only */
    for (unsigned i = 0; kind == CPU_POLICY_PV_DEFAULT && i < ARRAY_SIZE(only_on_request); i++)
        drop(p, only_on_request[i]);
    settle(p);
}

static u32 clip(u32 value, u32 mask, u32 max) { return mask == ~0u ? value : value & max; }

/* What is all bits in the table is no set of features but the toolstack's to choose. */
void cpu_policy_clip(struct cpu_policy *p, const struct cpu_policy *max)
{
    u32 leaf, sub;

    for (unsigned slot = 0; slot < CPU_POLICY_SLOTS; slot++) {
        static const struct cpuid_policy all = { .leaf = 0 };
        const struct cpuid_policy *mask;
        struct cpuid_regs *r = &p->r[slot];
        const struct cpuid_regs *m = &max->r[slot];

        cpu_policy_name(slot, &leaf, &sub);
        if ((leaf & ~0xfffu) == HYPERVISOR)
            continue;
        mask = cpuid_policy_find(leaf, sub);
        mask = mask ? mask : &all;
        *r = (struct cpuid_regs){ clip(r->a, mask->a, m->a), clip(r->b, mask->b, m->b), clip(r->c, mask->c, m->c),
                                  clip(r->d, mask->d, m->d) };
    }
    if ((at(p, EXTENDED + 8, 0)->a & 0xff) > (see(max, EXTENDED + 8, 0)->a & 0xff))
        at(p, EXTENDED + 8, 0)->a = see(max, EXTENDED + 8, 0)->a;       /* no wider addresses than there are */
    settle(p);
}
