/* SPDX-License-Identifier: MIT */
/*
 * A pure decoder for the instructions a paravirtual guest may hand us: those that fault because the guest's kernel is
 * not privileged, and those by which it writes one of its page tables. Everything else is INSN_UNKNOWN; what decodes
 * is executed by pv/. No state; reads nothing but the bytes it is given.
 */
#ifndef X86_DECODE_H
#define X86_DECODE_H

#include <x86/regs.h>

#define INSN_MAX_BYTES 15

enum insn_op {
    INSN_UNKNOWN,
    /* privileged */
    INSN_IN, INSN_OUT, INSN_INS, INSN_OUTS, INSN_CLI, INSN_STI, INSN_MOV_FROM_CR, INSN_MOV_TO_CR, INSN_MOV_FROM_DR,
    INSN_MOV_TO_DR, INSN_CLTS, INSN_LMSW, INSN_RDMSR, INSN_WRMSR, INSN_WBINVD, INSN_XSETBV, INSN_RDTSC, INSN_RDTSCP,
    INSN_INT,
    INSN_PRIVILEGED_END,
    /* writes to memory; the first eight in the order of the ALU group's encoding */
    INSN_ADD = 32, INSN_OR, INSN_ADC, INSN_SBB, INSN_AND, INSN_SUB, INSN_XOR, INSN_CMP /* never decoded */,
    INSN_MOV, INSN_STOS, INSN_XCHG, INSN_XADD, INSN_CMPXCHG, INSN_CMPXCHG8B, INSN_BTS, INSN_BTR, INSN_BTC, INSN_INC,
    INSN_DEC, INSN_NOT, INSN_NEG,
    INSN_COUNT,
};

enum insn_seg { INSN_ES, INSN_CS, INSN_SS, INSN_DS, INSN_FS, INSN_GS };

/* Register numbers are the encoding's: 0 rax, 1 rcx, 2 rdx, 3 rbx, 4 rsp, 5 rbp, 6 rsi, 7 rdi, 8..15. */
#define INSN_REG_NONE 0xff
#define INSN_REG_RIP  16

struct insn {
    u8 op;              /* enum insn_op */
    u8 len;
    u8 op_bytes;        /* operand size: 1, 2, 4, 8; IN, OUT, INS, OUTS: 1, 2, 4 */
    u8 addr_bytes;      /* address size: 4 or 8 */
    bool rep, lock, rex;
    u8 seg;             /* enum insn_seg of the memory operand, with any override */
    u8 reg;             /* register operand: ModRM.reg, or the CR or DR number */
    u8 rm;              /* register operand of ModRM.rm when !mem, else undefined */
    bool mem;           /* ModRM names memory: base + (index << scale) + disp */
    u8 base, index;     /* register numbers, INSN_REG_RIP (base only: of the next instruction) or INSN_REG_NONE */
    u8 scale;
    bool imm_source;    /* the source operand is imm, not reg */
    bool port_dx;       /* IN, OUT: the port is in DX, not in imm */
    s64 disp;
    u64 imm;            /* sign-extended to 64 bits where the CPU does; INT: the vector */
};

/*
 * Decodes one instruction of a 64-bit (long_mode) or 32-bit code segment at bytes[0..n). True: *insn is complete and
 * its len <= n. False: not one of ours or not legal; insn->len > n then says that it is cut off at n.
 */
bool insn_decode(const u8 *bytes, unsigned n, bool long_mode, struct insn *insn);

/* The general register of the given number in a register block; number < 16. */
u64 *regs_gpr(struct regs *regs, unsigned number);
/* A register operand of bytes size, with AH..BH when there is no REX prefix; and its assignment by the CPU's rules. */
u64 insn_reg_read(const struct insn *insn, struct regs *regs, unsigned number);
void insn_reg_write(const struct insn *insn, struct regs *regs, unsigned number, u64 value);
/* Offset of the memory operand within its segment. */
u64 insn_mem_offset(const struct insn *insn, struct regs *regs);

/* All ones in the low bytes, 1..8. */
static inline u64 bytes_mask(unsigned bytes) { return ~0UL >> (64 - 8 * bytes); }

/* Moves a pointer or counter register of a string instruction. */
static inline void insn_step(const struct insn *insn, u64 *r, s64 delta)
{
    *r = (*r + (u64)delta) & bytes_mask(insn->addr_bytes);
}
/* How far RSI and RDI move per element. */
static inline s64 insn_stride(const struct insn *insn, const struct regs *regs)
{
    return regs->rflags & X86_RFLAGS_DF ? -(s64)insn->op_bytes : (s64)insn->op_bytes;
}

#endif
