/* SPDX-License-Identifier: MIT */
/*
 * Fault-safe access to the guest's linear addresses in the loaded address space. Only mm/guest.h calls these;
 * the caller has checked that [va, va+n) is outside the hypervisor's hole. A fault is -EFAULT, and then an unknown
 * prefix has been copied. SMAP is opened and closed inside. The commonest sizes are copied in line.
 */
#ifndef MACHINE_COPY_H
#define MACHINE_COPY_H

#include <lib/errno.h>
#include <machine/extable.h>

int must_check machine_copy_from_any(void *dst, u64 va, size_t n);
int must_check machine_copy_to_any(u64 va, const void *src, size_t n);
int must_check machine_clear(u64 va, size_t n);

typedef u64 copy_word_t aligned(1) __attribute__((may_alias));
typedef u32 copy_half_t aligned(1) __attribute__((may_alias));

static inline int must_check machine_copy_from_8(void *dst, u64 va)
{
    u64 v = 0;
    int err = -EFAULT;

    __asm__ volatile(ASM_STAC
                     "1:\tmov (%2), %1\n\t"
                     "xor %0, %0\n"
                     "2:\n\t" EX_TABLE(1b, 2b) ASM_CLAC
                     : "+r"(err), "+r"(v) : "r"(va) : "cc", "memory");
    *(copy_word_t *)dst = v;
    return err;
}

static inline int must_check machine_copy_to_8(u64 va, const void *src)
{
    int err = -EFAULT;

    __asm__ volatile(ASM_STAC
                     "1:\tmov %1, (%2)\n\t"
                     "xor %0, %0\n"
                     "2:\n\t" EX_TABLE(1b, 2b) ASM_CLAC
                     : "+r"(err) : "r"(*(const copy_word_t *)src), "r"(va) : "cc", "memory");
    return err;
}

static inline int must_check machine_copy_from_4(void *dst, u64 va)
{
    u32 v = 0;
    int err = -EFAULT;

    __asm__ volatile(ASM_STAC
                     "1:\tmov (%2), %1\n\t"
                     "xor %0, %0\n"
                     "2:\n\t" EX_TABLE(1b, 2b) ASM_CLAC
                     : "+r"(err), "+r"(v) : "r"(va) : "cc", "memory");
    *(copy_half_t *)dst = v;
    return err;
}

static inline int must_check machine_copy_to_4(u64 va, const void *src)
{
    int err = -EFAULT;

    __asm__ volatile(ASM_STAC
                     "1:\tmov %1, (%2)\n\t"
                     "xor %0, %0\n"
                     "2:\n\t" EX_TABLE(1b, 2b) ASM_CLAC
                     : "+r"(err) : "r"(*(const copy_half_t *)src), "r"(va) : "cc", "memory");
    return err;
}

static inline int must_check machine_copy_from_16(void *dst, u64 va)
{
    u64 low = 0, high = 0;
    int err = -EFAULT;

    __asm__ volatile(ASM_STAC
                     "1:\tmov (%3), %1\n\t"
                     "2:\tmov 8(%3), %2\n\t"
                     "xor %0, %0\n"
                     "3:\n\t" EX_TABLE(1b, 3b) EX_TABLE(2b, 3b) ASM_CLAC
                     : "+r"(err), "+&r"(low), "+&r"(high) : "r"(va) : "cc", "memory");
    ((copy_word_t *)dst)[0] = low;
    ((copy_word_t *)dst)[1] = high;
    return err;
}

static inline int must_check machine_copy_from(void *dst, u64 va, size_t n)
{
    if (__builtin_constant_p(n) && n == 8)
        return machine_copy_from_8(dst, va);
    if (__builtin_constant_p(n) && n == 4)
        return machine_copy_from_4(dst, va);
    if (__builtin_constant_p(n) && n == 16)
        return machine_copy_from_16(dst, va);
    return machine_copy_from_any(dst, va, n);
}

static inline int must_check machine_copy_to(u64 va, const void *src, size_t n)
{
    if (__builtin_constant_p(n) && n == 8)
        return machine_copy_to_8(va, src);
    if (__builtin_constant_p(n) && n == 4)
        return machine_copy_to_4(va, src);
    return machine_copy_to_any(va, src, n);
}

#endif
