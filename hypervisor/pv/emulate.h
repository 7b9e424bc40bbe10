/* SPDX-License-Identifier: MIT */
/*
 * Emulation of what a paravirtual guest's kernel may not execute itself, called by the exception handlers with the
 * vcpu loaded (its address space, segment bases and debug registers are in the CPU).
 */
#ifndef PV_EMULATE_H
#define PV_EMULATE_H

#include <dom/domain.h>
#include <x86/decode.h>

enum emul_result {
    EMUL_REFUSED,       /* deliver the exception that the CPU raised; regs unchanged but for a corrected error code */
    EMUL_DONE,          /* go on in the guest; regs are those behind the instruction (or of one that must run again) */
    EMUL_EXCEPTION,     /* deliver *event as an exception; regs are those of its frame */
    EMUL_SOFT_INT,      /* deliver event->vector as INT n does: no error code; regs are behind the instruction */
};

struct pv_event {
    u8 vector;
    u32 error_code;     /* where the vector has one */
    u64 cr2;            /* X86_PF only */
};

/* #GP from guest code: privileged instruction, port access, or INT n through the hypervisor's IDT. */
enum emul_result pv_emulate_gp(struct vcpu *v, struct regs *regs, struct pv_event *event);
/* #UD from guest code: CPUID with the forced-emulation prefix. */
enum emul_result pv_emulate_ud(struct vcpu *v, struct regs *regs, struct pv_event *event);

/*
 * A write by the guest's kernel to a page table that it maps read-only.
 * decode: what the instruction at regs->rip would do to the entry that contains the operand. False: none of ours
 * (deliver the #PF), or the entry cannot be read.
 * Then the caller checks that va is the entry that faulted and writes it: from old to new, by compare-and-swap when
 * conditional (if the entry is not old any more: let the instruction run again); not at all when !write.
 * commit: registers, flags and RIP as behind the instruction.
 */
struct pv_pt_write {
    u64 va;             /* of the entry: 8-byte aligned, outside the hypervisor's hole */
    u64 old, new;       /* all 8 bytes */
    bool write;         /* false: a CMPXCHG whose comparison failed */
    bool conditional;   /* new was computed from old */
    /* for pv_pt_write_commit() */
    struct insn insn;
    u64 operand;        /* old value of the operand (XCHG, XADD, CMPXCHG load it into registers) */
    u64 flags;          /* new RFLAGS */
};
bool pv_decode_pt_write(struct vcpu *v, struct regs *regs, struct pv_pt_write *w);
/* EMUL_DONE, or EMUL_EXCEPTION with the #DB of a single step. */
enum emul_result pv_pt_write_commit(struct vcpu *v, struct regs *regs, const struct pv_pt_write *w,
                                    struct pv_event *event);

/* ---- between the files of the emulator ---- */

/* The code segment and RIP of the guest: bytes of the next instruction, decoded. */
enum fetch_result { FETCH_OK, FETCH_UNKNOWN, FETCH_RETRY };
enum fetch_result emul_fetch(struct vcpu *v, struct regs *regs, struct insn *insn);
/* True: the code segment is a 64-bit one. */
bool emul_long_mode(struct vcpu *v, const struct regs *regs);
/* Linear address of [offset, offset + bytes) in a segment of the guest. False: outside it, or no segment is loaded. */
bool emul_linear(struct vcpu *v, struct regs *regs, enum insn_seg seg, u64 offset, unsigned bytes, bool write,
                 u64 *linear);
/* Ends an emulated instruction of len bytes: RIP, RF, and the trap of a single step. */
enum emul_result emul_complete(struct vcpu *v, struct regs *regs, unsigned len, struct pv_event *event);
/* Guest memory for an emulated instruction; on failure *event is the #PF and the result EMUL_EXCEPTION. */
enum emul_result emul_read(struct vcpu *v, u64 va, void *buf, unsigned bytes, struct pv_event *event);
enum emul_result emul_write(struct vcpu *v, u64 va, const void *buf, unsigned bytes, struct pv_event *event);

/* Executes a decoded privileged instruction. EMUL_DONE: emul_complete() is next; insn->len is 0 where the instruction
 * (a long string operation) has to run again for its rest. */
enum emul_result privop_execute(struct vcpu *v, struct regs *regs, struct insn *insn, struct pv_event *event);

#endif
