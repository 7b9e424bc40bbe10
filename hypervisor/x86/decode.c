/* SPDX-License-Identifier: MIT */
/*
 * The decoder's tables and its one pass over the bytes: prefixes, opcode, ModRM with SIB and displacement, immediate.
 * Bytes that are not there read as 0 and are noticed at the end, so nothing in between needs an error path.
 */
#include <lib/string.h>
#include <x86/decode.h>

/* What follows an opcode. */
#define MODRM  BIT(0)
#define BYTE   BIT(1)   /* operands of one byte */
#define IMM8   BIT(2)   /* sign-extended */
#define IMMZ   BIT(3)   /* operand size, at most 4 bytes */
#define GROUP  BIT(4)   /* ModRM.reg chooses: op is a row of groups[] */
#define REGS   BIT(5)   /* ModRM names two registers, whatever mod says */
#define NOT64  BIT(6)   /* not in 64-bit mode */
#define DX     BIT(7)   /* the port is in DX */

struct opcode {
    u8 op, flags;
};

enum { GROUP_ALU, GROUP_MOV, GROUP_UNARY, GROUP_INC, GROUP_BIT, GROUP_CMPXCHG8B };

static const u8 groups[][8] = {
    [GROUP_ALU] = { INSN_ADD, INSN_OR, INSN_ADC, INSN_SBB, INSN_AND, INSN_SUB, INSN_XOR, INSN_UNKNOWN },
    [GROUP_MOV] = { INSN_MOV },
    [GROUP_UNARY] = { [2] = INSN_NOT, [3] = INSN_NEG },
    [GROUP_INC] = { INSN_INC, INSN_DEC },
    [GROUP_BIT] = { [5] = INSN_BTS, [6] = INSN_BTR, [7] = INSN_BTC },
    [GROUP_CMPXCHG8B] = { [1] = INSN_CMPXCHG8B },
};

#define ALU(row, op_) [8 * (row)] = { op_, MODRM | BYTE }, [8 * (row) + 1] = { op_, MODRM }

static const struct opcode one_byte[256] = {
    ALU(0, INSN_ADD), ALU(1, INSN_OR), ALU(2, INSN_ADC), ALU(3, INSN_SBB), ALU(4, INSN_AND), ALU(5, INSN_SUB),
    ALU(6, INSN_XOR),
    [0x6c] = { INSN_INS, BYTE | DX }, [0x6d] = { INSN_INS, DX },
    [0x6e] = { INSN_OUTS, BYTE | DX }, [0x6f] = { INSN_OUTS, DX },
    [0x80] = { GROUP_ALU, GROUP | MODRM | BYTE | IMM8 },
    [0x81] = { GROUP_ALU, GROUP | MODRM | IMMZ },
    [0x83] = { GROUP_ALU, GROUP | MODRM | IMM8 },
    [0x86] = { INSN_XCHG, MODRM | BYTE }, [0x87] = { INSN_XCHG, MODRM },
    [0x88] = { INSN_MOV, MODRM | BYTE }, [0x89] = { INSN_MOV, MODRM },
    [0xaa] = { INSN_STOS, BYTE }, [0xab] = { INSN_STOS, 0 },
    [0xc6] = { GROUP_MOV, GROUP | MODRM | BYTE | IMM8 }, [0xc7] = { GROUP_MOV, GROUP | MODRM | IMMZ },
    [0xcc] = { INSN_INT, 0 }, [0xcd] = { INSN_INT, IMM8 }, [0xce] = { INSN_INT, NOT64 },
    [0xe4] = { INSN_IN, BYTE | IMM8 }, [0xe5] = { INSN_IN, IMM8 },
    [0xe6] = { INSN_OUT, BYTE | IMM8 }, [0xe7] = { INSN_OUT, IMM8 },
    [0xec] = { INSN_IN, BYTE | DX }, [0xed] = { INSN_IN, DX },
    [0xee] = { INSN_OUT, BYTE | DX }, [0xef] = { INSN_OUT, DX },
    [0xf6] = { GROUP_UNARY, GROUP | MODRM | BYTE }, [0xf7] = { GROUP_UNARY, GROUP | MODRM },
    [0xfa] = { INSN_CLI, 0 }, [0xfb] = { INSN_STI, 0 },
    [0xfe] = { GROUP_INC, GROUP | MODRM | BYTE }, [0xff] = { GROUP_INC, GROUP | MODRM },
};

/* Behind 0f. 0f 01 is chosen by its whole second byte, see system_insn(). */
static const struct opcode two_byte[256] = {
    [0x06] = { INSN_CLTS, 0 },
    [0x09] = { INSN_WBINVD, 0 },
    [0x20] = { INSN_MOV_FROM_CR, MODRM | REGS }, [0x21] = { INSN_MOV_FROM_DR, MODRM | REGS },
    [0x22] = { INSN_MOV_TO_CR, MODRM | REGS }, [0x23] = { INSN_MOV_TO_DR, MODRM | REGS },
    [0x30] = { INSN_WRMSR, 0 }, [0x31] = { INSN_RDTSC, 0 }, [0x32] = { INSN_RDMSR, 0 },
    [0xab] = { INSN_BTS, MODRM }, [0xb3] = { INSN_BTR, MODRM }, [0xbb] = { INSN_BTC, MODRM },
    [0xb0] = { INSN_CMPXCHG, MODRM | BYTE }, [0xb1] = { INSN_CMPXCHG, MODRM },
    [0xba] = { GROUP_BIT, GROUP | MODRM | IMM8 },
    [0xc0] = { INSN_XADD, MODRM | BYTE }, [0xc1] = { INSN_XADD, MODRM },
    [0xc7] = { GROUP_CMPXCHG8B, GROUP | MODRM },
};

struct cursor {
    const u8 *bytes;
    unsigned n, pos;
    bool long_mode;
    u8 rex;
    bool op16, addr_override;
    u8 seg_override;            /* enum insn_seg; INSN_REG_NONE: none */
};

#define REX_W 8
#define REX_R 4
#define REX_X 2
#define REX_B 1

static u8 next_byte(struct cursor *c)
{
    u8 byte = c->pos < c->n ? c->bytes[c->pos] : 0;

    c->pos++;
    return byte;
}

static s64 next_signed(struct cursor *c, unsigned bytes)
{
    u64 v = 0;

    for (unsigned i = 0; i < bytes; i++)
        v |= (u64)next_byte(c) << (8 * i);
    return (s64)(v << (64 - 8 * bytes)) >> (64 - 8 * bytes);
}

/* Takes the prefixes and returns the byte behind them. A REX prefix counts only directly before the opcode. */
static u8 take_prefixes(struct cursor *c, struct insn *insn)
{
    for (;;) {
        u8 byte = next_byte(c);

        if (c->long_mode && (byte & 0xf0) == 0x40) {
            c->rex = byte;
            continue;
        }
        switch (byte) {
        case 0x26: case 0x2e: case 0x36: case 0x3e:
            if (!c->long_mode)
                c->seg_override = (byte >> 3) & 3;
            break;
        case 0x64: c->seg_override = INSN_FS; break;
        case 0x65: c->seg_override = INSN_GS; break;
        case 0x66: c->op16 = true; break;
        case 0x67: c->addr_override = true; break;
        case 0xf0: insn->lock = true; break;
        case 0xf2: case 0xf3: insn->rep = true; break;
        default: return byte;
        }
        c->rex = 0;
    }
}

/* Base register number rm & 7 or a SIB byte, then the displacement. */
static void take_memory(struct cursor *c, struct insn *insn, u8 mod, u8 rm)
{
    bool disp32 = mod == 2;

    insn->mem = true;
    insn->base = rm | (c->rex & REX_B ? 8 : 0);
    if (rm == 4) {
        u8 sib = next_byte(c);
        u8 index = ((sib >> 3) & 7) | (c->rex & REX_X ? 8 : 0);

        insn->scale = sib >> 6;
        insn->index = index == 4 ? INSN_REG_NONE : index;
        rm = sib & 7;
        insn->base = rm | (c->rex & REX_B ? 8 : 0);
        if (mod == 0 && rm == 5) {
            insn->base = INSN_REG_NONE;
            disp32 = true;
        }
    } else if (mod == 0 && rm == 5) {
        insn->base = c->long_mode ? INSN_REG_RIP : INSN_REG_NONE;
        disp32 = true;
    }
    if (insn->base == 4 || insn->base == 5)
        insn->seg = INSN_SS;
    insn->disp = mod == 1 ? next_signed(c, 1) : disp32 ? next_signed(c, 4) : 0;
}

/* Returns ModRM.reg without REX, which chooses within a group. */
static u8 take_modrm(struct cursor *c, struct insn *insn, bool regs_only)
{
    u8 modrm = next_byte(c), mod = modrm >> 6, rm = modrm & 7;

    insn->reg = ((modrm >> 3) & 7) | (c->rex & REX_R ? 8 : 0);
    if (mod == 3 || regs_only)
        insn->rm = rm | (c->rex & REX_B ? 8 : 0);
    else
        take_memory(c, insn, mod, rm);
    return (modrm >> 3) & 7;
}

/* 0f 01 with a register-form ModRM byte. */
static void system_insn(struct cursor *c, struct insn *insn)
{
    u8 byte = next_byte(c);

    if (byte == 0xd1) {
        insn->op = INSN_XSETBV;
    } else if (byte == 0xf9) {
        insn->op = INSN_RDTSCP;
    } else if ((byte & 0xf8) == 0xf0) {
        insn->op = INSN_LMSW;
        insn->rm = (byte & 7) | (c->rex & REX_B ? 8 : 0);
    }
}

static void string_operand(struct insn *insn, u8 pointer, u8 default_seg)
{
    insn->mem = true;
    insn->base = pointer;
    insn->seg = default_seg;
}

static void take_operands(struct cursor *c, struct insn *insn, struct opcode o, u8 byte)
{
    insn->op = o.op;
    insn->op_bytes = o.flags & BYTE ? 1 : c->rex & REX_W ? 8 : c->op16 ? 2 : 4;
    insn->port_dx = o.flags & DX;
    if (o.flags & MODRM) {
        u8 row = take_modrm(c, insn, o.flags & REGS);

        if (o.flags & GROUP)
            insn->op = groups[o.op][row];
    }
    if (o.flags & (IMM8 | IMMZ)) {
        insn->imm_source = true;
        insn->imm = (u64)next_signed(c, o.flags & IMM8 ? 1 : min(insn->op_bytes, (u8)4));
    }
    if (insn->op == INSN_STOS || insn->op == INSN_INS)
        string_operand(insn, 7, INSN_ES);
    else if (insn->op == INSN_OUTS)
        string_operand(insn, 6, INSN_DS);
    if (insn->op >= INSN_IN && insn->op <= INSN_OUTS)
        insn->op_bytes = min(insn->op_bytes, (u8)4);
    if (insn->op == INSN_INT)
        insn->imm = byte == 0xcd ? insn->imm & 0xff : byte == 0xcc ? X86_BP : X86_OF;
}

/* Rules that span fields. */
static bool is_legal(const struct cursor *c, const struct insn *insn)
{
    bool writes = insn->op >= INSN_ADD;

    if (insn->op == INSN_UNKNOWN || (writes && !insn->mem))
        return false;
    if (insn->lock && (!writes || insn->op == INSN_MOV || insn->op == INSN_STOS))
        return false;
    if (insn->op == INSN_CMPXCHG8B && insn->op_bytes == 8)
        return false;                                           /* CMPXCHG16B: no page-table entry is that wide */
    return c->long_mode || !c->addr_override || !insn->mem;     /* 16-bit addressing */
}

bool insn_decode(const u8 *bytes, unsigned n, bool long_mode, struct insn *insn)
{
    struct cursor c = { .bytes = bytes, .n = min(n, (unsigned)INSN_MAX_BYTES), .long_mode = long_mode,
                        .seg_override = INSN_REG_NONE };
    struct opcode o;
    u8 byte;

    memset(insn, 0, sizeof(*insn));
    insn->index = insn->base = INSN_REG_NONE;
    insn->seg = INSN_DS;
    insn->op_bytes = 4;
    byte = take_prefixes(&c, insn);
    insn->rex = c.rex;
    insn->addr_bytes = long_mode && !c.addr_override ? 8 : 4;
    o = one_byte[byte];
    if (byte == 0x0f) {
        byte = next_byte(&c);
        o = two_byte[byte];
        if (byte == 0x01)
            system_insn(&c, insn);
    }
    if (o.flags & NOT64 && long_mode)
        o = (struct opcode){ 0 };
    if (o.op || o.flags)
        take_operands(&c, insn, o, byte);
    if (c.seg_override != INSN_REG_NONE && insn->op != INSN_STOS && insn->op != INSN_INS)
        insn->seg = c.seg_override;
    if (c.pos > c.n) {
        insn->len = c.n < INSN_MAX_BYTES ? (u8)(c.n + 1) : 0;
        return false;
    }
    if (!is_legal(&c, insn))
        return false;
    insn->len = (u8)c.pos;
    return true;
}

u64 *regs_gpr(struct regs *regs, unsigned number)
{
    static const u8 offsets[16] = {
        offsetof(struct regs, rax), offsetof(struct regs, rcx), offsetof(struct regs, rdx), offsetof(struct regs, rbx),
        offsetof(struct regs, rsp), offsetof(struct regs, rbp), offsetof(struct regs, rsi), offsetof(struct regs, rdi),
        offsetof(struct regs, r8), offsetof(struct regs, r9), offsetof(struct regs, r10), offsetof(struct regs, r11),
        offsetof(struct regs, r12), offsetof(struct regs, r13), offsetof(struct regs, r14), offsetof(struct regs, r15),
    };

    return (u64 *)((u8 *)regs + offsets[number & 15]);
}

/* AH, CH, DH, BH: encoded as registers 4..7 of byte instructions without REX. */
static bool is_high_byte(const struct insn *insn, unsigned number)
{
    return insn->op_bytes == 1 && !insn->rex && number >= 4;
}

u64 insn_reg_read(const struct insn *insn, struct regs *regs, unsigned number)
{
    if (is_high_byte(insn, number))
        return (*regs_gpr(regs, number - 4) >> 8) & 0xff;
    return *regs_gpr(regs, number) & bytes_mask(insn->op_bytes);
}

void insn_reg_write(const struct insn *insn, struct regs *regs, unsigned number, u64 value)
{
    unsigned shift = is_high_byte(insn, number) ? 8 : 0;
    u64 *r = regs_gpr(regs, shift ? number - 4 : number);
    u64 mask = insn->op_bytes == 4 ? ~0UL : bytes_mask(insn->op_bytes) << shift;

    /* A 32-bit result clears the upper half. */
    *r = (*r & ~mask) | (((value & bytes_mask(insn->op_bytes)) << shift) & mask);
}

u64 insn_mem_offset(const struct insn *insn, struct regs *regs)
{
    u64 offset = (u64)insn->disp;

    if (insn->base == INSN_REG_RIP)
        offset += regs->rip + insn->len;
    else if (insn->base != INSN_REG_NONE)
        offset += *regs_gpr(regs, insn->base);
    if (insn->index != INSN_REG_NONE)
        offset += *regs_gpr(regs, insn->index) << insn->scale;
    return offset & bytes_mask(insn->addr_bytes);
}
