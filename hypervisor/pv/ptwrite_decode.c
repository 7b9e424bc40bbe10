/* SPDX-License-Identifier: MIT */
/*
 * Writes of a guest's kernel to its own page tables: what an instruction would make of the entry it names, without
 * doing it. The caller (pv/pagefault.c) validates and stores the new entry. Takes no lock; the compare-and-swap of
 * the caller makes the read here and the write there one.
 */
#include <pv/emulate.h>
#include <x86/cr.h>

#define ARITHMETIC (X86_RFLAGS_CF | X86_RFLAGS_PF | X86_RFLAGS_AF | X86_RFLAGS_ZF | X86_RFLAGS_SF | X86_RFLAGS_OF)

/* PF, ZF and SF of a result of the given size. */
static u64 result_flags(u64 r, unsigned bytes)
{
    u64 flags = __builtin_parity((u8)r) ? 0 : X86_RFLAGS_PF;

    if (!(r & bytes_mask(bytes)))
        flags |= X86_RFLAGS_ZF;
    return flags | (r >> (8 * bytes - 1) & 1 ? X86_RFLAGS_SF : 0);
}

/* carries: bit i set where bit i carried (or borrowed) into bit i + 1. */
static u64 carry_flags(u64 r, u64 carries, unsigned bytes)
{
    unsigned top = 8 * bytes - 1;
    u64 flags = result_flags(r, bytes);

    if (carries >> top & 1)
        flags |= X86_RFLAGS_CF;
    if (((carries >> top) ^ (carries >> (top - 1))) & 1)
        flags |= X86_RFLAGS_OF;
    return flags | (carries & BIT(3) ? X86_RFLAGS_AF : 0);
}

static u64 alu_add(u64 a, u64 b, bool carry, unsigned bytes, u64 *flags)
{
    u64 r = a + b + carry;

    *flags = carry_flags(r, (a & b) | ((a | b) & ~r), bytes);
    return r;
}

static u64 alu_sub(u64 a, u64 b, bool borrow, unsigned bytes, u64 *flags)
{
    u64 r = a - b - borrow;

    *flags = carry_flags(r, (~a & b) | ((~a | b) & r), bytes);
    return r;
}

/* New value of the operand; *flags holds the old arithmetic flags and gets the new ones. */
static u64 alu(enum insn_op op, u64 a, u64 b, unsigned bytes, u64 *flags)
{
    u64 old = *flags, r;
    bool carry = old & X86_RFLAGS_CF;

    switch (op) {
    case INSN_ADD: case INSN_XADD: return alu_add(a, b, false, bytes, flags);
    case INSN_ADC: return alu_add(a, b, carry, bytes, flags);
    case INSN_SUB: return alu_sub(a, b, false, bytes, flags);
    case INSN_SBB: return alu_sub(a, b, carry, bytes, flags);
    case INSN_NEG: return alu_sub(0, a, false, bytes, flags);
    case INSN_OR: r = a | b; break;
    case INSN_AND: r = a & b; break;
    case INSN_XOR: r = a ^ b; break;
    case INSN_INC: case INSN_DEC:
        r = op == INSN_INC ? alu_add(a, 1, false, bytes, flags) : alu_sub(a, 1, false, bytes, flags);
        *flags = (*flags & ~X86_RFLAGS_CF) | (old & X86_RFLAGS_CF);
        return r;
    case INSN_NOT: return ~a;
    default: return b;                          /* MOV, STOS, XCHG */
    }
    *flags = result_flags(r, bytes);
    return r;
}

static u64 bit_op(enum insn_op op, u64 a, unsigned bit, u64 *flags)
{
    u64 mask = BIT(bit);

    *flags = (*flags & ~X86_RFLAGS_CF) | (a & mask ? X86_RFLAGS_CF : 0);
    return op == INSN_BTS ? a | mask : op == INSN_BTR ? a & ~mask : a ^ mask;
}

static bool is_bit_op(const struct insn *insn) { return insn->op >= INSN_BTS && insn->op <= INSN_BTC; }

/* The bit number; where it comes from a register it may lie outside the operand, which then moves. */
static s64 bit_number(const struct insn *insn, struct regs *regs)
{
    unsigned unused_bits = 64 - 8 * insn->op_bytes;

    if (insn->imm_source)
        return (s64)(insn->imm & (8u * insn->op_bytes - 1));
    return (s64)(insn_reg_read(insn, regs, insn->reg) << unused_bits) >> unused_bits;
}

static u64 operand_offset(const struct insn *insn, struct regs *regs)
{
    u64 offset = insn_mem_offset(insn, regs);

    if (is_bit_op(insn))                        /* whole operands, rounded down */
        offset += (u64)(bit_number(insn, regs) >> 3 & -(s64)insn->op_bytes);
    return offset & bytes_mask(insn->addr_bytes);
}

/* CMPXCHG and CMPXCHG8B: the value compared with. */
static u64 comparand(const struct insn *insn, struct regs *regs)
{
    if (insn->op == INSN_CMPXCHG8B)
        return regs->rdx << 32 | (u32)regs->rax;
    return insn_reg_read(insn, regs, 0);
}

static u64 source(const struct insn *insn, struct regs *regs)
{
    if (insn->op == INSN_CMPXCHG8B)
        return regs->rcx << 32 | (u32)regs->rbx;
    if (insn->op == INSN_STOS)
        return insn_reg_read(insn, regs, 0);
    return insn->imm_source ? insn->imm & bytes_mask(insn->op_bytes) : insn_reg_read(insn, regs, insn->reg);
}

/* New value of the operand of bytes size whose old value is w->operand; sets flags and write. */
static u64 operand_result(struct pv_pt_write *w, struct regs *regs, unsigned bytes)
{
    const struct insn *insn = &w->insn;
    u64 flags = regs->rflags & ARITHMETIC, result;

    if (is_bit_op(insn)) {
        result = bit_op(insn->op, w->operand, (unsigned)bit_number(insn, regs) & (8 * bytes - 1), &flags);
    } else if (insn->op == INSN_CMPXCHG || insn->op == INSN_CMPXCHG8B) {
        w->write = w->operand == comparand(insn, regs);
        result = w->write ? source(insn, regs) : w->operand;
        if (insn->op == INSN_CMPXCHG)
            alu_sub(comparand(insn, regs), w->operand, false, bytes, &flags);
        else
            flags = (flags & ~X86_RFLAGS_ZF) | (w->write ? X86_RFLAGS_ZF : 0);
    } else {
        result = alu(insn->op, w->operand, source(insn, regs), bytes, &flags);
    }
    w->flags = (regs->rflags & ~ARITHMETIC) | flags;
    return result;
}

bool pv_decode_pt_write(struct vcpu *v, struct regs *regs, struct pv_pt_write *w)
{
    struct insn *insn = &w->insn;
    unsigned bytes, shift;
    u64 va, mask;

    if (!v->pv.in_kernel || !emul_long_mode(v, regs) || emul_fetch(v, regs, insn) != FETCH_OK || insn->op < INSN_ADD)
        return false;
    if (insn->rep && insn->op == INSN_STOS && !(regs->rcx & bytes_mask(insn->addr_bytes)))
        return false;
    bytes = insn->op == INSN_CMPXCHG8B ? 8 : insn->op_bytes;
    if (!emul_linear(v, regs, insn->seg, operand_offset(insn, regs), bytes, true, &va) || (va & 7) + bytes > 8)
        return false;
    w->va = va & ~7UL;
    if (guest_read(&w->old, guest_ptr(w->va), sizeof(w->old)))
        return false;
    shift = 8 * (va & 7);
    mask = bytes_mask(bytes) << shift;
    w->operand = (w->old & mask) >> shift;
    w->write = true;
    w->new = (w->old & ~mask) | (operand_result(w, regs, bytes) << shift & mask);
    w->conditional = bytes != 8 || (insn->op != INSN_MOV && insn->op != INSN_STOS);
    return true;
}

enum emul_result pv_pt_write_commit(struct vcpu *v, struct regs *regs, const struct pv_pt_write *w,
                                    struct pv_event *event)
{
    const struct insn *insn = &w->insn;
    unsigned len = insn->len;

    if (insn->op == INSN_XCHG || insn->op == INSN_XADD)
        insn_reg_write(insn, regs, insn->reg, w->operand);
    if (insn->op == INSN_CMPXCHG && !w->write)
        insn_reg_write(insn, regs, 0, w->operand);
    if (insn->op == INSN_CMPXCHG8B && !w->write) {
        regs->rax = (u32)w->operand;
        regs->rdx = w->operand >> 32;
    }
    if (insn->op == INSN_STOS) {
        insn_step(insn, &regs->rdi, insn_stride(insn, regs));
        if (insn->rep)
            insn_step(insn, &regs->rcx, -1);
        if (insn->rep && regs->rcx)
            len = 0;                            /* one element at a time */
    }
    regs->rflags = w->flags;
    return emul_complete(v, regs, len, event);
}
