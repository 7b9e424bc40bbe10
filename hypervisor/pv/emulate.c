/* SPDX-License-Identifier: MIT */
/*
 * The frame around emulated instructions: fetching and decoding at the guest's RIP, its segments, its memory, and the
 * end of an instruction. What the instructions do is in pv/privop.c and pv/ptwrite_decode.c. Called by the #GP and #UD
 * handlers with the guest's registers; takes no lock.
 */
#include <lib/string.h>
#include <pv/cpuid.h>
#include <pv/descriptor.h>
#include <pv/emulate.h>
#include <x86/cr.h>
#include <x86/desc.h>
#include <xen/xen.h>

bool emul_long_mode(struct vcpu *v, const struct regs *regs)
{
    u64 desc;

    if ((u16)regs->cs == FLAT_RING3_CS64)
        return true;
    return pv_descriptor_read(v, (u16)regs->cs, &desc) && desc & DESC_L;
}

/* Linear address of RIP. The CPU has fetched from there, so the code segment's limit needs no second look. */
static bool fetch_address(struct vcpu *v, const struct regs *regs, bool long_mode, u64 *va)
{
    u64 desc;

    if (long_mode) {
        *va = regs->rip;
        return va_is_canonical(*va) && !va_in_hole(*va);
    }
    if (!pv_descriptor_read(v, (u16)regs->cs, &desc) || !(desc & DESC_D))
        return false;
    *va = (u32)(desc_base(desc) + regs->rip);
    return true;
}

enum fetch_result emul_fetch(struct vcpu *v, struct regs *regs, struct insn *insn)
{
    bool long_mode = emul_long_mode(v, regs);
    unsigned n = INSN_MAX_BYTES;
    u8 bytes[INSN_MAX_BYTES];
    u64 va;

    if (!fetch_address(v, regs, long_mode, &va))
        return FETCH_UNKNOWN;
    if (guest_read(bytes, guest_ptr(va), n)) {
        n = min(n, (unsigned)(PAGE_SIZE - (va & ~PAGE_MASK)));
        if (guest_read(bytes, guest_ptr(va), n))
            return FETCH_RETRY;         /* another CPU has unmapped it since: let the fetch fault */
    }
    if (insn_decode(bytes, n, long_mode, insn))
        return FETCH_OK;
    return insn->len > n ? FETCH_RETRY : FETCH_UNKNOWN;
}

static u64 live_base(enum insn_seg seg)
{
    return seg == INSN_FS ? read_fs_base() : seg == INSN_GS ? read_gs_base() : 0;
}

static u16 live_selector(const struct regs *regs, enum insn_seg seg)
{
    switch (seg) {
    case INSN_CS: return (u16)regs->cs;
    case INSN_SS: return (u16)regs->ss;
    case INSN_ES: return read_seg(SEG_ES);
    case INSN_DS: return read_seg(SEG_DS);
    case INSN_FS: return read_seg(SEG_FS);
    default: return read_seg(SEG_GS);
    }
}

bool emul_linear(struct vcpu *v, struct regs *regs, enum insn_seg seg, u64 offset, unsigned bytes, bool write,
                 u64 *linear)
{
    u64 desc;

    if (emul_long_mode(v, regs)) {
        *linear = live_base(seg) + offset;
        return va_is_canonical(*linear);
    }
    if (!pv_descriptor_read(v, live_selector(regs, seg), &desc) || !desc_covers(desc, offset, bytes))
        return false;
    if (desc & DESC_CODE ? write || !(desc & DESC_WRITE_READ) : write && !(desc & DESC_WRITE_READ))
        return false;
    *linear = (u32)(desc_base(desc) + offset);
    return true;
}

enum emul_result emul_complete(struct vcpu *v, struct regs *regs, unsigned len, struct pv_event *event)
{
    regs->rip += len;
    if (!emul_long_mode(v, regs))
        regs->rip = (u32)regs->rip;
    regs->rflags &= ~X86_RFLAGS_RF;
    if (!(regs->rflags & X86_RFLAGS_TF))
        return EMUL_DONE;
    v->pv.dr6 |= X86_DR6_BS | X86_DR6_FIXED;
    *event = (struct pv_event){ .vector = X86_DB };
    return EMUL_EXCEPTION;
}

static enum emul_result page_fault(const struct vcpu *v, u64 va, u32 access, struct pv_event *event)
{
    *event = (struct pv_event){ X86_PF, access | (v->pv.in_kernel ? 0 : (u32)PFEC_USER), va };
    return EMUL_EXCEPTION;
}

/* Both go page by page, so that the address of a fault is in the page that is missing. */
enum emul_result emul_read(struct vcpu *v, u64 va, void *buf, unsigned bytes, struct pv_event *event)
{
    while (bytes) {
        unsigned n = min(bytes, (unsigned)(PAGE_SIZE - (va & ~PAGE_MASK)));

        if (guest_read(buf, guest_ptr(va), n))
            return page_fault(v, va, 0, event);
        va += n;
        buf = (u8 *)buf + n;
        bytes -= n;
    }
    return EMUL_DONE;
}

enum emul_result emul_write(struct vcpu *v, u64 va, const void *buf, unsigned bytes, struct pv_event *event)
{
    while (bytes) {
        unsigned n = min(bytes, (unsigned)(PAGE_SIZE - (va & ~PAGE_MASK)));

        if (guest_write(guest_ptr(va), buf, n))
            return page_fault(v, va, PFEC_WRITE, event);
        va += n;
        buf = (const u8 *)buf + n;
        bytes -= n;
    }
    return EMUL_DONE;
}

/* INT n: the hypervisor's gates refuse it; the guest's table decides. The CPU's error code is not trusted (QEMU before
 * 8.0 computes it wrong in long mode), and is what the guest sees if the answer is no. */
static enum emul_result soft_int(struct vcpu *v, struct regs *regs, const struct insn *insn, struct pv_event *event)
{
    u8 vector = (u8)insn->imm;

    regs->error_code = vector * 8u + 2;
    if (v->pv.traps[vector].dpl < (v->pv.in_kernel ? 1 : 3))
        return EMUL_REFUSED;
    regs->rip += insn->len;
    *event = (struct pv_event){ .vector = vector };
    return EMUL_SOFT_INT;
}

#define ERROR_CODE_EXT 1u
#define ERROR_CODE_IDT 2u

enum emul_result pv_emulate_gp(struct vcpu *v, struct regs *regs, struct pv_event *event)
{
    bool through_idt = (regs->error_code & (ERROR_CODE_EXT | ERROR_CODE_IDT)) == ERROR_CODE_IDT;
    enum emul_result result;
    struct insn insn;

    if (regs->error_code && !through_idt)
        return EMUL_REFUSED;            /* a selector */
    switch (emul_fetch(v, regs, &insn)) {
    case FETCH_RETRY: return EMUL_DONE;
    case FETCH_UNKNOWN: return EMUL_REFUSED;
    case FETCH_OK: break;
    }
    if (through_idt || insn.op == INSN_INT)
        return through_idt && insn.op == INSN_INT ? soft_int(v, regs, &insn, event) : EMUL_REFUSED;
    result = privop_execute(v, regs, &insn, event);
    return result == EMUL_DONE ? emul_complete(v, regs, insn.len, event) : result;
}

enum emul_result pv_emulate_ud(struct vcpu *v, struct regs *regs, struct pv_event *event)
{
    static const u8 forced_cpuid[7] = { 0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0xa2 };
    u8 bytes[sizeof(forced_cpuid)];
    struct cpuid_regs r;
    u64 va;

    if (!fetch_address(v, regs, emul_long_mode(v, regs), &va) || guest_read(bytes, guest_ptr(va), sizeof(bytes)) ||
        memcmp(bytes, forced_cpuid, sizeof(bytes)))
        return EMUL_REFUSED;
    r = pv_cpuid(v, (u32)regs->rax, (u32)regs->rcx, v->pv.in_kernel);
    regs->rax = r.a;
    regs->rbx = r.b;
    regs->rcx = r.c;
    regs->rdx = r.d;
    return emul_complete(v, regs, sizeof(bytes), event);
}
