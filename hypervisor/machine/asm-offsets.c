/* SPDX-License-Identifier: MIT */
/* Numbers that entry.S and boot.S need from C structs: compiled to assembly, from which the Makefile makes a header. */
#include <dom/domain.h>

#define DEFINE(name, value) __asm__ volatile("\n.ascii \"->" #name " %0\"" : : "i"(value))

void asm_offsets(void);
void asm_offsets(void)
{
    DEFINE(REGS_SIZE, sizeof(struct regs));
    DEFINE(REGS_rax, offsetof(struct regs, rax));
    DEFINE(REGS_rcx, offsetof(struct regs, rcx));
    DEFINE(REGS_r11, offsetof(struct regs, r11));
    DEFINE(REGS_vector, offsetof(struct regs, vector));
    DEFINE(REGS_error_code, offsetof(struct regs, error_code));
    DEFINE(REGS_rip, offsetof(struct regs, rip));
    DEFINE(REGS_cs, offsetof(struct regs, cs));
    DEFINE(REGS_rflags, offsetof(struct regs, rflags));
    DEFINE(REGS_rsp, offsetof(struct regs, rsp));
    DEFINE(CPU_INFO_SIZE, sizeof(struct cpu_info));
    DEFINE(CPU_INFO_current, offsetof(struct cpu_info, current));
    DEFINE(CPU_INFO_work, offsetof(struct cpu_info, work));
    DEFINE(VCPU_in_kernel, offsetof(struct vcpu, pv.in_kernel));
}
