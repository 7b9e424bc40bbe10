/* SPDX-License-Identifier: MIT */
/*
 * Copies that may fault. Eight-byte loops with an exception-table entry for each access: string instructions are no
 * faster for the sizes that occur, and an emulator that counts instructions charges one per iteration.
 */
#include <lib/errno.h>
#include <machine/copy.h>
#include <machine/extable.h>

/* One move between memory and RAX at offset; either may fault. */
#define LOAD(label, offset)  #label ":\tmov " #offset "(%1), %%rax\n\t" EX_TABLE(label ## b, 9f)
#define STORE(label, offset) #label ":\tmov %%rax, " #offset "(%0)\n\t" EX_TABLE(label ## b, 9f)

/* n bytes; -EFAULT when one of them could not be read or written. */
static int copy(void *dst, const void *src, size_t n)
{
    int err = -EFAULT;

    __asm__ volatile(ASM_STAC
                     "sub $32, %2\n\t"
                     "jb 3f\n"
                     "2:\n\t"
                     LOAD(11, 0) STORE(12, 0) LOAD(13, 8) STORE(14, 8)
                     LOAD(15, 16) STORE(16, 16) LOAD(17, 24) STORE(18, 24)
                     "add $32, %1\n\t"
                     "add $32, %0\n\t"
                     "sub $32, %2\n\t"
                     "jae 2b\n"
                     "3:\tadd $24, %2\n\t"
                     "js 5f\n"
                     "4:\n\t"
                     LOAD(21, 0) STORE(22, 0)
                     "add $8, %1\n\t"
                     "add $8, %0\n\t"
                     "sub $8, %2\n\t"
                     "jns 4b\n"
                     "5:\tadd $8, %2\n\t"
                     "jz 7f\n"
                     "6:\n\t"
                     "31:\tmovb (%1), %%al\n\t" EX_TABLE(31b, 9f)
                     "32:\tmovb %%al, (%0)\n\t" EX_TABLE(32b, 9f)
                     "inc %1\n\t"
                     "inc %0\n\t"
                     "dec %2\n\t"
                     "jnz 6b\n"
                     "7:\txor %3, %3\n"
                     "9:\n\t"
                     ASM_CLAC
                     : "+r"(dst), "+r"(src), "+r"(n), "+r"(err) : : "rax", "cc", "memory");
    return err;
}

int machine_copy_from_any(void *dst, u64 va, size_t n)
{
    return copy(dst, (const void *)va, n);
}

int machine_copy_to_any(u64 va, const void *src, size_t n)
{
    return copy((void *)va, src, n);
}

int machine_clear(u64 va, size_t n)
{
    int err = -EFAULT;

    __asm__ volatile(ASM_STAC
                     "sub $8, %1\n\t"
                     "jb 3f\n"
                     "2:\n\t"
                     "11:\tmovq $0, (%0)\n\t" EX_TABLE(11b, 9f)
                     "add $8, %0\n\t"
                     "sub $8, %1\n\t"
                     "jae 2b\n"
                     "3:\tadd $8, %1\n\t"
                     "jz 7f\n"
                     "6:\n\t"
                     "12:\tmovb $0, (%0)\n\t" EX_TABLE(12b, 9f)
                     "inc %0\n\t"
                     "dec %1\n\t"
                     "jnz 6b\n"
                     "7:\txor %2, %2\n"
                     "9:\n\t"
                     ASM_CLAC
                     : "+r"(va), "+r"(n), "+r"(err) : : "cc", "memory");
    return err;
}
