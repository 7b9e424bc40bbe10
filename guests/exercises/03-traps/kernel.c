/* SPDX-License-Identifier: MIT */
/* Three faults, taken and survived. */
#include <lib/event.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/string.h>

struct frame { /* as entry.S leaves it */
    u64 r10, r9, r8, rdx, rsi, rdi, rax, r11, rcx;
    u32 error, vector;
    u64 rip, cs, rflags, rsp, ss;
};

void trap_divide(void);
void trap_invalid_opcode(void);
void trap_page_fault(void);
void trap(struct frame *frame);

static void *missing = (void *)SCRATCH_VA;

void trap(struct frame *frame)
{
    switch (frame->vector) {
    case 0:
        printf("Divided by zero; let us say the result is 42.\n");
        frame->rax = 42;
        frame->rip += 2; /* the length of the instruction below */
        break;
    case 6:
        printf("Not an instruction; on with the next one.\n");
        frame->rip += 2;
        break;
    case 14:
        printf("Page fault at %lx, error %x; there will be a page.\n", vcpu_info->arch.cr2, frame->error);
        map_page((unsigned long)missing, page_mfn(page_alloc()), PTE_KERNEL_RW);
        break;
    }
}

static void install(void)
{
    struct trap_info table[] = {
        {.vector = 0, .cs = FLAT_KERNEL_CS, .address = (unsigned long)trap_divide},
        {.vector = 6, .cs = FLAT_KERNEL_CS, .address = (unsigned long)trap_invalid_opcode},
        {.vector = 14, .cs = FLAT_KERNEL_CS, .address = (unsigned long)trap_page_fault},
        {.address = 0},
    };
    long ret = hypercall_set_trap_table(table);

    if (ret != 0)
        guest_panic("the trap table is refused: %ld", ret);
}

void guest_main(void)
{
    u32 result = 0;

    upcalls_enable();
    install();
    __asm__ volatile("div %2" : "=a"(result) : "a"(1), "r"(0), "d"(0) : "cc");
    printf("1 / 0 = %u\n", result);
    __asm__ volatile("ud2");
    *(volatile u64 *)missing = 7;
    printf("What I wrote where nothing was: %lu\n", *(volatile u64 *)missing);
}
