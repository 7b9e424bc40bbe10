/* SPDX-License-Identifier: MIT */
/*
 * Privileged instructions, one small function each, chosen by table. They act on the loaded vcpu and take no lock of
 * their own. What is refused the guest gets as the #GP that the CPU raised.
 */
#include <machine/tlb.h>
#include <pv/emulate.h>
#include <pv/ioport.h>
#include <pv/msr.h>
#include <pv/privop.h>
#include <x86/cr.h>

/* Elements of one string instruction before it is left to run again: interrupts and events get their turn there. */
#define STRING_BATCH 256

#define PRIVOP(name) \
    static enum emul_result name(struct vcpu *v, struct regs *regs, struct insn *insn, struct pv_event *event)

static u16 port_of(const struct insn *insn, const struct regs *regs)
{
    return insn->port_dx ? (u16)regs->rdx : (u8)insn->imm;
}

PRIVOP(do_in)
{
    u16 port = port_of(insn, regs);

    if (!ioport_allowed(v, port, insn->op_bytes))
        return EMUL_REFUSED;
    insn_reg_write(insn, regs, 0, ioport_read(v, port, insn->op_bytes));
    return EMUL_DONE;
}

PRIVOP(do_out)
{
    u16 port = port_of(insn, regs);

    if (!ioport_allowed(v, port, insn->op_bytes))
        return EMUL_REFUSED;
    ioport_write(v, port, insn->op_bytes, (u32)insn_reg_read(insn, regs, 0));
    return EMUL_DONE;
}

/* One element of INS or OUTS. A fault when INS stores loses what the port gave, as the port cannot take it back. */
static enum emul_result string_element(struct vcpu *v, struct regs *regs, const struct insn *insn,
                                       struct pv_event *event)
{
    bool in = insn->op == INSN_INS;
    u64 *pointer = in ? &regs->rdi : &regs->rsi;
    u16 port = (u16)regs->rdx;
    enum emul_result result;
    u32 value = 0;
    u64 va;

    if (!emul_linear(v, regs, insn->seg, insn_mem_offset(insn, regs), insn->op_bytes, in, &va))
        return EMUL_REFUSED;
    if (in) {
        value = ioport_read(v, port, insn->op_bytes);
        result = emul_write(v, va, &value, insn->op_bytes, event);
    } else {
        result = emul_read(v, va, &value, insn->op_bytes, event);
        if (result == EMUL_DONE)
            ioport_write(v, port, insn->op_bytes, value);
    }
    if (result == EMUL_DONE)
        insn_step(insn, pointer, insn_stride(insn, regs));
    return result;
}

PRIVOP(do_string)
{
    u64 count = insn->rep ? regs->rcx & bytes_mask(insn->addr_bytes) : 1;
    u64 batch = min(count, regs->rflags & X86_RFLAGS_TF ? 1UL : STRING_BATCH);

    if (!ioport_allowed(v, (u16)regs->rdx, insn->op_bytes))
        return EMUL_REFUSED;
    for (u64 i = 0; i < batch; i++) {
        enum emul_result result = string_element(v, regs, insn, event);

        if (result != EMUL_DONE)
            return result;
        if (insn->rep)
            insn_step(insn, &regs->rcx, -1);
    }
    if (count > batch)
        insn->len = 0;
    return EMUL_DONE;
}

/* Interrupts of the guest are masked in its vcpu_info, never in the flags: with the privilege these do nothing. */
PRIVOP(do_cli_sti) { return iopl_allowed(v) ? EMUL_DONE : EMUL_REFUSED; }

static u64 guest_cr0(const struct vcpu *v) { return (read_cr0() & ~X86_CR0_TS) | v->pv.cr0_ts; }

PRIVOP(do_mov_from_cr)
{
    u64 value;

    switch (insn->reg) {
    case 0: value = guest_cr0(v); break;
    case 2: value = v->pv.cr2; break;
    case 3: value = mfn_to_maddr(v->pv.root_kernel).a; break;
    case 4: value = v->pv.cr4 | (read_cr4() & PV_CR4_VISIBLE); break;
    default: return EMUL_REFUSED;
    }
    *regs_gpr(regs, insn->rm) = value;
    return EMUL_DONE;
}

/* Of CR0 only TS may change. CR3 is changed by hypercall. */
static enum emul_result set_cr0(struct vcpu *v, u64 value)
{
    if ((value ^ guest_cr0(v)) & ~X86_CR0_TS)
        return EMUL_REFUSED;
    pv_set_ts(v, value & X86_CR0_TS);
    return EMUL_DONE;
}

PRIVOP(do_mov_to_cr)
{
    u64 value = *regs_gpr(regs, insn->rm);

    switch (insn->reg) {
    case 0:
        return set_cr0(v, value);
    case 2:
        v->pv.cr2 = value;
        return EMUL_DONE;
    case 4:
        v->pv.cr4 = pv_cr4_sanitise(v, value);
        write_cr4(pv_cr4_hardware(v));
        return EMUL_DONE;
    default:
        return EMUL_REFUSED;
    }
}

PRIVOP(do_clts)
{
    pv_set_ts(v, false);
    return EMUL_DONE;
}

PRIVOP(do_lmsw) { return set_cr0(v, (guest_cr0(v) & ~0xfUL) | (*regs_gpr(regs, insn->rm) & 0xf)); }

PRIVOP(do_mov_from_dr)
{
    return pv_debugreg_get(v, insn->reg, regs_gpr(regs, insn->rm)) ? EMUL_REFUSED : EMUL_DONE;
}

PRIVOP(do_mov_to_dr)
{
    return pv_debugreg_set(v, insn->reg, *regs_gpr(regs, insn->rm)) ? EMUL_REFUSED : EMUL_DONE;
}

static void set_edx_eax(struct regs *regs, u64 value)
{
    regs->rax = (u32)value;
    regs->rdx = value >> 32;
}

static u64 get_edx_eax(const struct regs *regs) { return regs->rdx << 32 | (u32)regs->rax; }

PRIVOP(do_rdmsr)
{
    u64 value;

    if (pv_msr_read(v, (u32)regs->rcx, &value))
        return EMUL_REFUSED;
    set_edx_eax(regs, value);
    return EMUL_DONE;
}

PRIVOP(do_wrmsr) { return pv_msr_write(v, (u32)regs->rcx, get_edx_eax(regs)) ? EMUL_REFUSED : EMUL_DONE; }

/* Only who owns devices can have filled the caches with what a device must see. */
PRIVOP(do_wbinvd)
{
    if (v->domain->rights & RIGHT_HARDWARE)
        cache_flush_local();
    return EMUL_DONE;
}

PRIVOP(do_xsetbv)
{
    u64 value = get_edx_eax(regs);

    if ((u32)regs->rcx != 0 || !(v->pv.cr4 & X86_CR4_OSXSAVE) || !pv_xcr0_ok(v, value))
        return EMUL_REFUSED;
    v->pv.xcr0 = value;
    xcr0_load(value);
    return EMUL_DONE;
}

/* Traps only after the guest has set CR4.TSD: its kernel still may. */
PRIVOP(do_rdtsc)
{
    set_edx_eax(regs, rdtsc());
    if (insn->op == INSN_RDTSCP)
        regs->rcx = v->pv.tsc_aux;
    return EMUL_DONE;
}

static const struct {
    enum emul_result (*execute)(struct vcpu *, struct regs *, struct insn *, struct pv_event *);
    bool user;              /* guest user mode may too: the function checks */
} privops[INSN_PRIVILEGED_END] = {
    [INSN_IN] = { do_in, true },
    [INSN_OUT] = { do_out, true },
    [INSN_INS] = { do_string, true },
    [INSN_OUTS] = { do_string, true },
    [INSN_CLI] = { do_cli_sti, true },
    [INSN_STI] = { do_cli_sti, true },
    [INSN_MOV_FROM_CR] = { do_mov_from_cr, false },
    [INSN_MOV_TO_CR] = { do_mov_to_cr, false },
    [INSN_MOV_FROM_DR] = { do_mov_from_dr, false },
    [INSN_MOV_TO_DR] = { do_mov_to_dr, false },
    [INSN_CLTS] = { do_clts, false },
    [INSN_LMSW] = { do_lmsw, false },
    [INSN_RDMSR] = { do_rdmsr, false },
    [INSN_WRMSR] = { do_wrmsr, false },
    [INSN_WBINVD] = { do_wbinvd, false },
    [INSN_XSETBV] = { do_xsetbv, false },
    [INSN_RDTSC] = { do_rdtsc, false },
    [INSN_RDTSCP] = { do_rdtsc, false },
};

enum emul_result privop_execute(struct vcpu *v, struct regs *regs, struct insn *insn, struct pv_event *event)
{
    if (insn->op >= INSN_PRIVILEGED_END || !privops[insn->op].execute || !(v->pv.in_kernel || privops[insn->op].user))
        return EMUL_REFUSED;
    return privops[insn->op].execute(v, regs, insn, event);
}
