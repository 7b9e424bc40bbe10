/* SPDX-License-Identifier: MIT */
/*
 * frames - what exactly the hypervisor pushes for a trap
 *
 * From rsp up: rcx, r11, an error code for some vectors, rip, cs with the saved upcall mask in bits 39:32, rflags with
 * IF the inverse of that mask, rsp, ss. The stack pointer is rounded down to 16 bytes first. A trap whose entry has
 * flag 4 is entered with upcalls masked, others leave the mask as it is.
 */
#include <lib/event.h>
#include <lib/hypercall.h>
#include <lib/test.h>

extern u64 frame[9], frame_rsp, frame_flags, frame_mask_at;
extern const char entry_ud[], entry_pf[];
u64 frame[9], frame_rsp, frame_flags, frame_mask, frame_mask_at;

/* Copy the frame, the stack pointer, the flags and the upcall mask, then go on as an ordinary trap of the library. */
__asm__(".macro raw_entry name, vector\n"
        "\\name:\n"
        "mov %rsp, frame_rsp(%rip)\n"
        "pushfq\n"
        "pop frame_flags(%rip)\n"
        "push %rax\n"
        ".set i, 0\n"
        ".rept 9\n"
        "mov 8 + i * 8(%rsp), %rax\n"
        "mov %rax, frame + i * 8(%rip)\n"
        ".set i, i + 1\n"
        ".endr\n"
        "mov frame_mask_at(%rip), %rax\n"
        "mov (%rax), %rax\n"
        "mov %rax, frame_mask(%rip)\n"
        "pop %rax\n"
        "jmp trap_stubs + 32 * \\vector\n"
        ".endm\n"
        "raw_entry entry_ud, 6\n"
        "raw_entry entry_pf, 14\n");

static u64 stack_before, rip_before;

/* Fault with known registers and a stack pointer that is not aligned. */
static void fault_with_known_registers(bool page_fault)
{
    __asm__ volatile("push %%rbp\n"
                     "sub $24, %%rsp\n" /* whatever the alignment was, one of the two tests below has another */
                     "mov %%rsp, %1\n"
                     "lea 1f(%%rip), %%rax\n"
                     "mov %%rax, %2\n"
                     "mov $0xc0ffee, %%ecx\n"
                     "mov $0xdecade, %%r11d\n"
                     "pushq $0x40c55\n" /* CF, PF, ZF... and DF, AC */
                     "popfq\n"
                     "test %0, %0\n"
                     "std\n"
                     "mov $0x123000, %%eax\n"
                     "1: jz 2f\n"
                     "3: mov %%al, (%%rax)\n"
                     "2: ud2\n"
                     : : "r"((u32)page_fault), "m"(stack_before), "m"(rip_before)
                     : "rax", "rcx", "r11", "memory", "cc");
}

static void check_frame(const u64 *tail, const char *name, u8 mask)
{
    check_equal((long)frame[0], 0xc0ffee, "rcx");
    check_equal((long)frame[1], 0xdecade, "r11");
    check(tail[0] >= rip_before && tail[0] < rip_before + 8, "%s: rip %lx", name, tail[0]);
    check_equal((long)(tail[1] & 0xffff), FLAT_KERNEL_CS & ~3, "cs has privilege level 0");
    check_equal((long)(tail[1] >> 32 & 0xff), mask, "saved upcall mask");
    check_equal((long)(tail[2] >> 9 & 1), !mask, "rflags.IF in the frame");
    check((tail[2] & 0x40400) == 0x40400, "rflags %lx keep AC and DF", tail[2]);
    check(tail[3] == stack_before, "rsp");
    check_equal((long)(tail[4] & 0xffff), FLAT_KERNEL_SS, "ss");
    check(frame_rsp + (u64)((const u8 *)(tail + 5) - (const u8 *)frame) == (stack_before & ~15ul),
          "the frame ends at the aligned stack pointer");
    check((frame_flags & 0x44100) == 0 && (frame_flags & 0x200) != 0, "flags in the handler: %lx", frame_flags);
}

TEST(frames, "layout of a trap frame")
{
    frame_mask_at = (u64)&vcpu_info->evtchn_upcall_mask;
    trap_set_entry(VECTOR_UD, 0, entry_ud);
    trap_set_entry(VECTOR_PF, 4, entry_pf);
    check_fault(fault_of(fault_with_known_registers(false)), VECTOR_UD, 0, "#UD with upcalls masked");
    check_frame(frame + 2, "#UD", 1);
    upcalls_enable();
    check_fault(fault_of(fault_with_known_registers(false)), VECTOR_UD, 0, "#UD with upcalls accepted");
    check_frame(frame + 2, "#UD", 0);
    check_equal((long)(frame_mask & 0xff), 0, "upcalls are still accepted in the handler");
    check_fault(fault_of(fault_with_known_registers(true)), VECTOR_PF, 2, "#PF with upcalls accepted");
    check_equal((long)frame[2], 2, "error code");
    check_frame(frame + 3, "#PF", 0);
    check_equal((long)(frame_mask & 0xff), 1, "upcalls are masked in the handler");
    check_equal(vcpu_info->evtchn_upcall_mask, 0, "and accepted again after the return");
    upcalls_disable();
    trap_set_entry(VECTOR_UD, 0, trap_stubs[VECTOR_UD]);
    trap_set_entry(VECTOR_PF, 0, trap_stubs[VECTOR_PF]);
}
