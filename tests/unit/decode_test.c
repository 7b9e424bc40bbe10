/* SPDX-License-Identifier: MIT */
/* The instruction decoder against what the assembler makes of the same text, and against bytes written by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <x86/decode.h>

#define R(field) offsetof(struct regs, field)
#define NONE INSN_REG_NONE

/* One instruction as the assembler encodes it: code_N .. code_N_end. */
#define ASM(n, text) \
    __asm__(".pushsection .rodata\n.globl code_" #n ", code_" #n "_end\ncode_" #n ": " text "\ncode_" #n "_end:\n.popsection"); \
    extern const u8 code_##n[], code_##n##_end[];

ASM(1, "mov %rax, 0x10(%rbx)")
ASM(2, "movq $-2, (%rdi)")
ASM(3, "movl $0x12345678, 0x1000(%rax,%rcx,8)")
ASM(4, "movb %ah, (%rdx)")
ASM(5, "movb %sil, (%r12)")
ASM(6, "movw $0x1234, (%r13)")
ASM(7, "lock cmpxchg %r9, 0x7f(%rsp)")
ASM(8, "lock btsl $5, foo_label(%rip)\n.set foo_label, 0x1000")
ASM(9, "lock andb $0xfd, (%rax)")
ASM(10, "xchg %rdx, 0x11223344")
ASM(11, "lock cmpxchg8b (%rsi)")
ASM(12, "rep stosq")
ASM(13, "mov %rax, %fs:0x18(%rbp)")
ASM(14, "lock xadd %ecx, (%r15,%r14,2)")
ASM(15, "addr32 mov %eax, (%esi)")
ASM(16, "lock btr %rax, (%rbx)")
ASM(17, "notl (%rax)")
ASM(18, "lock incq (%r8)")
ASM(19, "sbb %rbx, %gs:(%rax)")
ASM(20, "in %dx, %al")
ASM(21, "in $0x71, %eax")
ASM(22, "out %ax, %dx")
ASM(23, "out %al, $0x70")
ASM(24, "rep insw")
ASM(25, "rep outsl %gs:(%rsi), %dx")
ASM(26, "mov %cr4, %r9")
ASM(27, "mov %rax, %cr0")
ASM(28, "mov %r10, %db7")
ASM(29, "clts")
ASM(30, "lmsw %cx")
ASM(31, "rdmsr")
ASM(32, "wrmsr")
ASM(33, "wbinvd")
ASM(34, "xsetbv")
ASM(35, "rdtscp")
ASM(36, "int $0x80")
ASM(37, "int3")
ASM(38, "cli")
ASM(39, "addq $-1, 8(%rax)")
ASM(40, "rdtsc")
ASM(41, "mov %db6, %rdi")
ASM(42, "sti")
ASM(43, "xorl $0x11223344, (%rip)")
ASM(44, "mov %rax, (,%rcx,4)")

#define CODE(n) code_##n, code_##n##_end

static const struct {
    const u8 *start, *end;
    struct insn want;           /* fields that differ from what the loop below sets */
} cases[] = {
    { CODE(1), { .op = INSN_MOV, .op_bytes = 8, .rex = true, .base = 3, .disp = 0x10, .mem = true } },
    { CODE(2), { .op = INSN_MOV, .op_bytes = 8, .rex = true, .base = 7, .mem = true, .imm_source = true, .imm = -2UL } },
    { CODE(3), { .op = INSN_MOV, .op_bytes = 4, .base = 0, .index = 1, .scale = 3, .disp = 0x1000, .mem = true,
                 .imm_source = true, .imm = 0x12345678 } },
    { CODE(4), { .op = INSN_MOV, .op_bytes = 1, .reg = 4, .base = 2, .mem = true } },
    { CODE(5), { .op = INSN_MOV, .op_bytes = 1, .rex = true, .reg = 6, .base = 12, .mem = true } },
    { CODE(6), { .op = INSN_MOV, .op_bytes = 2, .rex = true, .base = 13, .mem = true, .imm_source = true, .imm = 0x1234 } },
    { CODE(7), { .op = INSN_CMPXCHG, .op_bytes = 8, .rex = true, .lock = true, .reg = 9, .base = 4, .seg = INSN_SS,
                 .disp = 0x7f, .mem = true } },
    { CODE(8), { .op = INSN_BTS, .op_bytes = 4, .lock = true, .reg = 5, .base = INSN_REG_RIP, .mem = true,
                 .imm_source = true, .imm = 5 } },
    { CODE(9), { .op = INSN_AND, .op_bytes = 1, .lock = true, .reg = 4, .base = 0, .mem = true, .imm_source = true,
                 .imm = (u64)-3L } },
    { CODE(10), { .op = INSN_XCHG, .op_bytes = 8, .rex = true, .reg = 2, .base = NONE, .disp = 0x11223344, .mem = true } },
    { CODE(11), { .op = INSN_CMPXCHG8B, .op_bytes = 4, .lock = true, .reg = 1, .base = 6, .mem = true } },
    { CODE(12), { .op = INSN_STOS, .op_bytes = 8, .rex = true, .rep = true, .base = 7, .seg = INSN_ES, .mem = true } },
    { CODE(13), { .op = INSN_MOV, .op_bytes = 8, .rex = true, .seg = INSN_FS, .base = 5, .disp = 0x18, .mem = true } },
    { CODE(14), { .op = INSN_XADD, .op_bytes = 4, .rex = true, .lock = true, .reg = 1, .base = 15, .index = 14, .scale = 1,
                  .mem = true } },
    { CODE(15), { .op = INSN_MOV, .op_bytes = 4, .addr_bytes = 4, .base = 6, .mem = true } },
    { CODE(16), { .op = INSN_BTR, .op_bytes = 8, .rex = true, .lock = true, .base = 3, .mem = true } },
    { CODE(17), { .op = INSN_NOT, .op_bytes = 4, .reg = 2, .base = 0, .mem = true } },
    { CODE(18), { .op = INSN_INC, .op_bytes = 8, .rex = true, .lock = true, .base = 8, .mem = true } },
    { CODE(19), { .op = INSN_SBB, .op_bytes = 8, .rex = true, .seg = INSN_GS, .reg = 3, .base = 0, .mem = true } },
    { CODE(20), { .op = INSN_IN, .op_bytes = 1, .base = NONE, .port_dx = true } },
    { CODE(21), { .op = INSN_IN, .op_bytes = 4, .base = NONE, .imm_source = true, .imm = 0x71 } },
    { CODE(22), { .op = INSN_OUT, .op_bytes = 2, .base = NONE, .port_dx = true } },
    { CODE(23), { .op = INSN_OUT, .op_bytes = 1, .base = NONE, .imm_source = true, .imm = 0x70 } },
    { CODE(24), { .op = INSN_INS, .op_bytes = 2, .rep = true, .base = 7, .seg = INSN_ES, .mem = true, .port_dx = true } },
    { CODE(25), { .op = INSN_OUTS, .op_bytes = 4, .rep = true, .base = 6, .seg = INSN_GS, .mem = true, .port_dx = true } },
    { CODE(26), { .op = INSN_MOV_FROM_CR, .op_bytes = 4, .rex = true, .reg = 4, .rm = 9, .base = NONE } },
    { CODE(27), { .op = INSN_MOV_TO_CR, .op_bytes = 4, .base = NONE } },
    { CODE(28), { .op = INSN_MOV_TO_DR, .op_bytes = 4, .rex = true, .reg = 7, .rm = 10, .base = NONE } },
    { CODE(29), { .op = INSN_CLTS, .op_bytes = 4, .base = NONE } },
    { CODE(30), { .op = INSN_LMSW, .op_bytes = 4, .base = NONE, .rm = 1 } },
    { CODE(31), { .op = INSN_RDMSR, .op_bytes = 4, .base = NONE } },
    { CODE(32), { .op = INSN_WRMSR, .op_bytes = 4, .base = NONE } },
    { CODE(33), { .op = INSN_WBINVD, .op_bytes = 4, .base = NONE } },
    { CODE(34), { .op = INSN_XSETBV, .op_bytes = 4, .base = NONE } },
    { CODE(35), { .op = INSN_RDTSCP, .op_bytes = 4, .base = NONE } },
    { CODE(36), { .op = INSN_INT, .op_bytes = 4, .base = NONE, .imm_source = true, .imm = 0x80 } },
    { CODE(37), { .op = INSN_INT, .op_bytes = 4, .base = NONE, .imm = 3 } },
    { CODE(38), { .op = INSN_CLI, .op_bytes = 4, .base = NONE } },
    { CODE(39), { .op = INSN_ADD, .op_bytes = 8, .rex = true, .base = 0, .disp = 8, .mem = true, .imm_source = true,
                  .imm = -1UL } },
    { CODE(40), { .op = INSN_RDTSC, .op_bytes = 4, .base = NONE } },
    { CODE(41), { .op = INSN_MOV_FROM_DR, .op_bytes = 4, .reg = 6, .rm = 7, .base = NONE } },
    { CODE(42), { .op = INSN_STI, .op_bytes = 4, .base = NONE } },
    { CODE(43), { .op = INSN_XOR, .op_bytes = 4, .reg = 6, .base = INSN_REG_RIP, .mem = true, .imm_source = true,
                  .imm = 0x11223344 } },
    { CODE(44), { .op = INSN_MOV, .op_bytes = 8, .rex = true, .base = NONE, .index = 1, .scale = 2, .mem = true } },
};

static void same(const struct insn *got, const struct insn *want, unsigned i)
{
#define SAME(f) \
    if (got->f != want->f) \
        fail_msg("case %u: " #f " is 0x%lx, not 0x%lx", i + 1, (unsigned long)got->f, (unsigned long)want->f)
    SAME(op); SAME(op_bytes); SAME(addr_bytes); SAME(rep); SAME(lock); SAME(rex); SAME(seg); SAME(reg); SAME(rm);
    SAME(mem); SAME(base); SAME(index); SAME(scale); SAME(imm_source); SAME(port_dx); SAME(imm); SAME(len);
    if (want->base != INSN_REG_RIP)
        SAME(disp);
}

static void assembled(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        unsigned len = (unsigned)(cases[i].end - cases[i].start);
        struct insn got, want = cases[i].want;

        want.len = (u8)len;
        want.addr_bytes = want.addr_bytes ? want.addr_bytes : 8;
        want.seg = want.seg || (want.mem && want.base == 7 && want.op != INSN_MOV) ? want.seg : INSN_DS;
        want.index = want.scale ? want.index : NONE;
        if (!insn_decode(cases[i].start, len, true, &got))
            fail_msg("case %u does not decode", i + 1);
        same(&got, &want, i);
        for (unsigned n = 0; n < len; n++) {
            assert_false(insn_decode(cases[i].start, n, true, &got));
            assert_true(got.len > n);
        }
    }
}

static bool decodes(const char *bytes, unsigned n, bool long_mode, struct insn *insn)
{
    return insn_decode((const u8 *)bytes, n, long_mode, insn);
}
#define DECODES(bytes, mode, insn) decodes(bytes, sizeof(bytes) - 1, mode, insn)

static void refused(void **state)
{
    static const struct { const char *bytes; unsigned n; } bad[] = {
#define BAD(b) { b, sizeof(b) - 1 }
        BAD("\x90"), BAD("\xc3"), BAD("\x38\x00"), BAD("\x80\x38\x00"),         /* nop, ret, cmp */
        BAD("\x89\xc0"),                                                        /* mov between registers */
        BAD("\xf0\x89\x00"), BAD("\xf0\xaa"), BAD("\xf0\xf4"), BAD("\xf0\xfa"), /* lock where it cannot be */
        BAD("\x48\x0f\xc7\x08"),                                                /* cmpxchg16b */
        BAD("\x0f\xc7\x30"), BAD("\x0f\xba\x20\x01"), BAD("\xff\x10"), BAD("\xc6\xf8\x00"),
        BAD("\xce"),                                                            /* into, in 64-bit mode */
        BAD("\x0f\x01\xd0"), BAD("\x0f\x01\x30"), BAD("\x0f\xa2"), BAD("\x0f\x0b"), BAD("\xf4"),
        BAD("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\xec"), /* longer than 15 bytes */
    };
    struct insn insn;

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        if (decodes(bad[i].bytes, bad[i].n, true, &insn))
            fail_msg("bad case %u decodes", i);
        assert_int_equal(insn.len, 0);
    }
}

static void prefixes(void **state)
{
    struct insn insn;

    (void)state;
    assert_true(DECODES("\x48\x66\x89\x03", true, &insn));      /* REX before another prefix does not count */
    assert_int_equal(insn.op_bytes, 2);
    assert_true(DECODES("\x66\x48\x89\x03", true, &insn));      /* REX.W wins over the operand size */
    assert_int_equal(insn.op_bytes, 8);
    assert_true(DECODES("\x2e\x26\x89\x03", true, &insn));      /* no effect in 64-bit mode */
    assert_int_equal(insn.seg, INSN_DS);
    assert_true(DECODES("\x64\xaa", true, &insn));              /* the destination of STOS is ES */
    assert_int_equal(insn.seg, INSN_ES);
    assert_true(DECODES("\x48\xed", true, &insn));              /* ports have at most 32 bits */
    assert_int_equal(insn.op_bytes, 4);
}

static void thirty_two_bit(void **state)
{
    struct insn insn;
    struct regs regs = { .rbx = 0xffffffff00000010, .rip = 0x1000 };

    (void)state;
    assert_true(DECODES("\x2e\x6e", false, &insn));
    assert_int_equal(insn.seg, INSN_CS);
    assert_int_equal(insn.addr_bytes, 4);
    assert_true(DECODES("\xce", false, &insn));                 /* into */
    assert_int_equal(insn.imm, 4);
    assert_true(DECODES("\x89\x05\x00\x10\x00\x00", false, &insn));
    assert_int_equal(insn.base, NONE);                          /* absolute, not relative to RIP */
    assert_int_equal(insn.disp, 0x1000);
    assert_true(DECODES("\x89\x43\xf0", false, &insn));
    assert_int_equal(insn_mem_offset(&insn, &regs), 0);         /* within 32 bits */
    assert_false(DECODES("\x67\x89\x03", false, &insn));        /* 16-bit addressing */
    assert_true(DECODES("\x67\xec", false, &insn));
    assert_false(DECODES("\x48\xec", false, &insn));            /* DEC EAX: not one of ours */
}

static void registers(void **state)
{
    struct regs regs = { .rax = 0x1122334455667788, .rsp = 0xa0a1a2a3a4a5a6a7, .r15 = 15 };
    struct insn insn = { .op_bytes = 1 };

    (void)state;
    assert_int_equal(insn_reg_read(&insn, &regs, 0), 0x88);
    assert_int_equal(insn_reg_read(&insn, &regs, 4), 0x77);     /* AH */
    insn_reg_write(&insn, &regs, 4, 0xabcd);
    assert_int_equal(regs.rax, 0x112233445566cd88);
    insn.rex = true;
    assert_int_equal(insn_reg_read(&insn, &regs, 4), 0xa7);     /* SPL */
    insn_reg_write(&insn, &regs, 0, 0x99);
    assert_int_equal(regs.rax, 0x112233445566cd99);
    insn.op_bytes = 2;
    insn_reg_write(&insn, &regs, 0, 0xfffff);
    assert_int_equal(regs.rax, 0x112233445566ffff);
    insn.op_bytes = 4;
    insn_reg_write(&insn, &regs, 0, 0x1ffffffff);
    assert_int_equal(regs.rax, 0xffffffff);                     /* upper half cleared */
    insn.op_bytes = 8;
    insn_reg_write(&insn, &regs, 15, ~0UL);
    assert_true(regs.r15 == ~0UL && insn_reg_read(&insn, &regs, 15) == ~0UL);
    for (unsigned i = 0; i < 16; i++)
        *regs_gpr(&regs, i) = i;
    assert_int_equal(regs.rax, 0);
    assert_int_equal(regs.rcx, 1);
    assert_int_equal(regs.rdx, 2);
    assert_int_equal(regs.rbx, 3);
    assert_int_equal(regs.rsp, 4);
    assert_int_equal(regs.rbp, 5);
    assert_int_equal(regs.rsi, 6);
    assert_int_equal(regs.rdi, 7);
    assert_int_equal(regs.r8, 8);
    assert_int_equal(regs.r15, 15);
}

static void addresses(void **state)
{
    struct regs regs = { .rax = 0x100, .rcx = 3, .rip = 0x7000, .rflags = 0 };
    struct insn insn;

    (void)state;
    assert_true(insn_decode(code_3, (unsigned)(code_3_end - code_3), true, &insn));
    assert_int_equal(insn_mem_offset(&insn, &regs), 0x100 + 3 * 8 + 0x1000);
    assert_true(DECODES("\x81\x05\x10\x00\x00\x00\x01\x00\x00\x00", true, &insn));      /* addl $1, 0x10(%rip) */
    assert_int_equal(insn_mem_offset(&insn, &regs), 0x7000 + 10 + 0x10);
    assert_true(DECODES("\x67\x89\x40\xf0", true, &insn));
    regs.rax = 0xff00000008;
    assert_int_equal(insn_mem_offset(&insn, &regs), 0xfffffff8);
    insn.op_bytes = 4;
    assert_int_equal(insn_stride(&insn, &regs), 4);
    regs.rflags = X86_RFLAGS_DF;
    assert_int_equal(insn_stride(&insn, &regs), -4);
    insn_step(&insn, &regs.rcx, -4);
    assert_int_equal(regs.rcx, 0xffffffff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(assembled), cmocka_unit_test(refused),   cmocka_unit_test(prefixes),
        cmocka_unit_test(thirty_two_bit), cmocka_unit_test(registers), cmocka_unit_test(addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
