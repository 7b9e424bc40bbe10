/* SPDX-License-Identifier: MIT */
/* Privileged and other special instructions, as the hypervisor emulates them for a paravirtual kernel. */
#pragma once

#include <lib/types.h>

#define MSR_APIC_BASE 0x1b
#define MSR_PAT 0x277
#define MSR_EFER 0xc0000080
#define MSR_LSTAR 0xc0000082
#define MSR_FS_BASE 0xc0000100
#define MSR_GS_BASE 0xc0000101
#define MSR_SHADOW_GS_BASE 0xc0000102

#define CR0_TS (1ul << 3)
#define CR0_EM (1ul << 2)
#define CR0_WP (1ul << 16)
#define CR4_TSD (1ul << 2)
#define CR4_PAE (1ul << 5)
#define CR4_PGE (1ul << 7)
#define CR4_FSGSBASE (1ul << 16)
#define CR4_SMEP (1ul << 20)

struct cpuid {
    u32 eax, ebx, ecx, edx;
};

/* With the prefix that asks the hypervisor for its answer instead of the CPU's. */
static inline struct cpuid cpuid_forced(u32 leaf, u32 subleaf)
{
    struct cpuid r;

    __asm__ volatile(".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(subleaf));
    return r;
}

static inline u64 rdmsr(u32 msr)
{
    u32 low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (u64)high << 32 | low;
}

static inline void wrmsr(u32 msr, u64 value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

#define DEFINE_CONTROL_REGISTER(n)                                                                                     \
    static inline u64 read_cr##n(void)                                                                                 \
    {                                                                                                                  \
        u64 value;                                                                                                     \
                                                                                                                       \
        __asm__ volatile("mov %%cr" #n ", %0" : "=r"(value));                                                          \
        return value;                                                                                                  \
    }                                                                                                                  \
    static inline void write_cr##n(u64 value)                                                                          \
    {                                                                                                                  \
        __asm__ volatile("mov %0, %%cr" #n : : "r"(value) : "memory");                                                 \
    }
DEFINE_CONTROL_REGISTER(0)
DEFINE_CONTROL_REGISTER(2)
DEFINE_CONTROL_REGISTER(3)
DEFINE_CONTROL_REGISTER(4)

static inline void clts(void)
{
    __asm__ volatile("clts");
}

static inline u8 inb(u16 port)
{
    u8 value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline u32 inl(u16 port)
{
    u32 value;

    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void outb(u16 port, u8 value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void outl(u16 port, u32 value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline u64 read_gs(void)
{
    u64 value;

    __asm__ volatile("mov %%gs:0, %0" : "=r"(value));
    return value;
}

static inline u64 read_fs(void)
{
    u64 value;

    __asm__ volatile("mov %%fs:0, %0" : "=r"(value));
    return value;
}
