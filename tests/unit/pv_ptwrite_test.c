/* SPDX-License-Identifier: MIT */
/*
 * Emulated page-table writes against the CPU: each instruction is assembled, executed natively on a copy of memory and
 * registers, and emulated on another; memory, registers and defined flags must agree.
 */
#include "pv_fixture.h"

#include <pv/emulate.h>

#define UNDEFINED_BY_LOGIC X86_RFLAGS_AF
#define UNDEFINED_BY_BITS  (X86_RFLAGS_OF | X86_RFLAGS_SF | X86_RFLAGS_ZF | X86_RFLAGS_AF | X86_RFLAGS_PF)
#define ARITHMETIC         (X86_RFLAGS_CF | X86_RFLAGS_PF | X86_RFLAGS_AF | X86_RFLAGS_ZF | X86_RFLAGS_SF | X86_RFLAGS_OF)

/* Loads the registers of a struct regs (all but RSP and R11), calls code, stores them back. */
void run_native(struct regs *regs, const void *code);
__asm__(".pushsection .text\n.globl run_native\nrun_native:\n"
        "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15; push %rdi\n"
        "mov %rsi, %r11; mov 0(%rdi), %r15; mov 8(%rdi), %r14; mov 16(%rdi), %r13; mov 24(%rdi), %r12\n"
        "mov 32(%rdi), %rbp; mov 40(%rdi), %rbx; mov 56(%rdi), %r10; mov 64(%rdi), %r9; mov 72(%rdi), %r8\n"
        "mov 80(%rdi), %rax; mov 88(%rdi), %rcx; mov 96(%rdi), %rdx; mov 104(%rdi), %rsi\n"
        "pushq 144(%rdi); popfq; mov 112(%rdi), %rdi\n"
        "call *%r11\n"
        "xchg %rdi, (%rsp)\n"
        "mov %r15, 0(%rdi); mov %r14, 8(%rdi); mov %r13, 16(%rdi); mov %r12, 24(%rdi); mov %rbp, 32(%rdi)\n"
        "mov %rbx, 40(%rdi); mov %r10, 56(%rdi); mov %r9, 64(%rdi); mov %r8, 72(%rdi); mov %rax, 80(%rdi)\n"
        "mov %rcx, 88(%rdi); mov %rdx, 96(%rdi); mov %rsi, 104(%rdi); pushfq; popq 144(%rdi); popq 112(%rdi); cld\n"
        "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n.popsection");
_Static_assert(offsetof(struct regs, rbx) == 40 && offsetof(struct regs, rax) == 80 &&
               offsetof(struct regs, rdi) == 112 && offsetof(struct regs, rflags) == 144, "run_native()'s offsets");

/* An instruction followed by RET. The operand is in or near (%rbx). */
#define INSN(n, text) \
    __asm__(".pushsection .text\n.globl insn_" #n "\ninsn_" #n ": " text "\nret\n.popsection"); extern const u8 insn_##n[];

#define LIST(X) \
    X(1, "mov %rax, (%rbx)", 0) X(2, "mov %eax, 4(%rbx)", 0) X(3, "mov %cx, 2(%rbx)", 0) X(4, "mov %ah, 7(%rbx)", 0) \
    X(5, "movq $-3, (%rbx)", 0) X(6, "movl $0x87654321, (%rbx)", 0) X(7, "movw $0x8765, 6(%rbx)", 0) \
    X(8, "movb $0x87, 3(%rbx)", 0) X(9, "xchg %rax, (%rbx)", 0) X(10, "xchg %ecx, 4(%rbx)", 0) \
    X(11, "xchg %dl, 5(%rbx)", 0) X(12, "xchg %dh, 5(%rbx)", 0) X(13, "lock xadd %rdx, (%rbx)", 0) \
    X(14, "xadd %ecx, (%rbx)", 0) X(15, "xadd %cl, 1(%rbx)", 0) X(16, "lock cmpxchg %rcx, (%rbx)", 0) \
    X(17, "cmpxchg %ecx, 4(%rbx)", 0) X(18, "lock cmpxchg %cl, 2(%rbx)", 0) X(19, "lock cmpxchg8b (%rbx)", 0) \
    X(20, "add %rax, (%rbx)", 0) X(21, "adc %eax, (%rbx)", 0) X(22, "sub %cx, (%rbx)", 0) X(23, "sbb %dl, (%rbx)", 0) \
    X(24, "lock or %rax, (%rbx)", UNDEFINED_BY_LOGIC) X(25, "and %eax, (%rbx)", UNDEFINED_BY_LOGIC) \
    X(26, "xor %cl, (%rbx)", UNDEFINED_BY_LOGIC) X(27, "lock andb $0xfd, (%rbx)", UNDEFINED_BY_LOGIC) \
    X(28, "addq $-5, (%rbx)", 0) X(29, "subl $0x7fffffff, 4(%rbx)", 0) X(30, "sbbq $1, (%rbx)", 0) \
    X(31, "adcb $0x80, 7(%rbx)", 0) X(32, "incq (%rbx)", 0) X(33, "decl (%rbx)", 0) X(34, "incb (%rbx)", 0) \
    X(35, "decw 2(%rbx)", 0) X(36, "notq (%rbx)", 0) X(37, "negq (%rbx)", 0) X(38, "negl (%rbx)", 0) \
    X(39, "negb (%rbx)", 0) X(40, "lock btsq $63, (%rbx)", UNDEFINED_BY_BITS) X(41, "btrl $33, (%rbx)", UNDEFINED_BY_BITS) \
    X(42, "btcw $3, 2(%rbx)", UNDEFINED_BY_BITS) X(43, "lock bts %rsi, (%rbx)", UNDEFINED_BY_BITS) \
    X(44, "btr %esi, (%rbx)", UNDEFINED_BY_BITS) X(45, "btc %si, (%rbx)", UNDEFINED_BY_BITS) \
    X(46, "mov %r9, 8(%rbx,%rsi,8)", 0) X(47, "lock orl $0x40, 4(%rbx,%rsi,8)", UNDEFINED_BY_LOGIC) \
    X(48, "stosq", 0) X(49, "std; stosl", 0) X(50, "lock cmpxchg %r10, (%rbx)", 0) X(51, "xchg %r8, (%rbx)", 0) \
    X(52, "sbbl %r9d, (%rbx)", 0) X(53, "lock btr %rsi, (%rbx)", UNDEFINED_BY_BITS)

#define DEFINE(n, text, undefined) INSN(n, text)
LIST(DEFINE)

#define ROW(n, text, undefined) { insn_##n, text, undefined },
static const struct { const u8 *code; const char *text; u64 undefined; } insns[] = { LIST(ROW) };

static int setup(void **state)
{
    (void)state;
    pv_fixture_start();
    return 0;
}

static u64 random_value(void)
{
    static const u64 edges[] = { 0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0x7fffffff, 0x80000000, 0xffffffff,
                                 0x7fffffffffffffff, 0x8000000000000000, ~0UL };

    return fake_random() % 3 ? fake_random() : edges[fake_random() % ARRAY_SIZE(edges)];
}

/* What the page-fault handler does: the caller looked at the entry, writes it if asked to, commits. */
static void emulate(struct regs *regs)
{
    struct pv_pt_write w;
    struct pv_event event;

    assert_true(pv_decode_pt_write(v, regs, &w));
    assert_int_equal(w.va & 7, 0);
    assert_true(*(u64 *)w.va == w.old);
    if (w.write)
        *(u64 *)w.va = w.new;
    assert_int_equal(pv_pt_write_commit(v, regs, &w, &event), EMUL_DONE);
}

static void one(unsigned i)
{
    u64 *memory = (u64 *)guest_pages, native_memory[64];
    struct regs start = regs_at(insns[i].code), native, emulated;
    bool is_std = !strncmp(insns[i].text, "std", 3);

    for (unsigned k = 0; k < 64; k++)
        memory[k] = random_value();
    start.rax = fake_random() % 2 ? random_value() : memory[32];
    start.rcx = random_value();
    start.rdx = fake_random() % 2 ? random_value() : memory[32] >> 32;
    start.rsi = fake_random() % 60 - 30;                        /* a bit number, an index */
    start.rdi = start.rbx = (u64)&memory[32];
    start.r8 = random_value();
    start.r9 = random_value();
    start.r10 = random_value();
    start.rflags = (random_value() & ARITHMETIC) | 0x202;

    native = emulated = start;
    {
        u64 saved[64];

        memcpy(saved, memory, sizeof(saved));
        run_native(&native, insns[i].code);
        memcpy(native_memory, memory, sizeof(saved));
        memcpy(memory, saved, sizeof(saved));
    }
    if (is_std) {
        emulated.rip++;
        emulated.rflags |= X86_RFLAGS_DF;
    }
    emulate(&emulated);
    assert_int_equal(*(const u8 *)emulated.rip, 0xc3);          /* at the RET */
    native.rip = emulated.rip;
    native.rflags &= ~insns[i].undefined;
    emulated.rflags &= ~insns[i].undefined;
    if (memcmp(native_memory, memory, sizeof(native_memory)) || memcmp(&native, &emulated, sizeof(native)))
        fail_msg("%s: differs from the CPU; flags %lx, want %lx (start %lx)", insns[i].text,
                 (unsigned long)emulated.rflags, (unsigned long)native.rflags, (unsigned long)start.rflags);
}

static void like_the_cpu(void **state)
{
    (void)state;
    fake_random_seed(1);
    for (unsigned i = 0; i < ARRAY_SIZE(insns); i++)
        for (unsigned round = 0; round < 500; round++)
            one(i);
}

/* ---- what is reported to the caller ---- */

INSN(101, "mov %rcx, (%rdx)")
INSN(102, "lock cmpxchg %rcx, (%rdx)")
INSN(103, "mov %ecx, (%rdx)")
INSN(104, "mov %rcx, 1(%rdx)")
INSN(105, "rep stosq")
INSN(106, "mov %rcx, %fs:8(%rdx)")
INSN(107, "mov %rax, %rbx")
INSN(108, "rdmsr")
INSN(109, "mov %ecx, 4(%rdx)")
INSN(110, "addr32 rep stosl")

static void conditions(void **state)
{
    u64 *entry = (u64 *)guest_pages;
    struct regs regs = regs_at(insn_101);
    struct pv_pt_write w;

    (void)state;
    *entry = 0x1122334455667788;
    regs.rdx = (u64)entry;
    regs.rcx = 0x42;
    assert_true(pv_decode_pt_write(v, &regs, &w));
    assert_true(w.va == (u64)entry && w.new == 0x42 && w.write && !w.conditional);
    regs.rip = (u64)insn_103;
    assert_true(pv_decode_pt_write(v, &regs, &w));
    assert_true(w.new == 0x1122334400000042 && w.conditional);
    regs.rip = (u64)insn_109;
    assert_true(pv_decode_pt_write(v, &regs, &w));
    assert_true(w.va == (u64)entry && w.new == 0x0000004255667788 && w.conditional);
    regs.rip = (u64)insn_102;                                   /* comparison fails: nothing to write */
    assert_true(pv_decode_pt_write(v, &regs, &w));
    assert_true(!w.write && w.new == w.old);
    regs.rip = (u64)insn_106;
    write_fs_base(8);
    assert_true(pv_decode_pt_write(v, &regs, &w));
    assert_true(w.va == (u64)entry + 16);
}

static void refused(void **state)
{
    struct regs regs = regs_at(insn_104);
    struct pv_pt_write w;

    (void)state;
    regs.rdx = (u64)guest_pages;
    assert_false(pv_decode_pt_write(v, &regs, &w));             /* crosses two entries */
    regs.rip = (u64)insn_107;
    assert_false(pv_decode_pt_write(v, &regs, &w));
    regs.rip = (u64)insn_108;
    assert_false(pv_decode_pt_write(v, &regs, &w));
    regs.rip = (u64)insn_101;
    assert_true(pv_decode_pt_write(v, &regs, &w));
    regs.rdx = 0x800000000000;
    assert_false(pv_decode_pt_write(v, &regs, &w));             /* not canonical */
    regs.rdx = HOLE_START;
    assert_false(pv_decode_pt_write(v, &regs, &w));
    regs.rdx = (u64)guest_pages;
    fake_fault_range((u64)guest_pages, (u64)guest_pages + 8);
    assert_false(pv_decode_pt_write(v, &regs, &w));             /* the entry is not there any more */
    fake_fault_range((u64)insn_101, (u64)insn_101 + 64);
    assert_false(pv_decode_pt_write(v, &regs, &w));
    fake_fault_range(1, 0);
    v->pv.in_kernel = false;
    assert_false(pv_decode_pt_write(v, &regs, &w));
}

static void one_element_at_a_time(void **state)
{
    struct regs regs = regs_at(insn_105);
    struct pv_pt_write w;
    struct pv_event event;

    (void)state;
    regs.rax = 0x1234;
    regs.rcx = 2;
    regs.rdi = (u64)guest_pages;
    emulate(&regs);
    assert_true(regs.rip == (u64)insn_105 && regs.rcx == 1 && regs.rdi == (u64)guest_pages + 8);
    regs.rflags |= X86_RFLAGS_TF | X86_RFLAGS_RF;
    assert_true(pv_decode_pt_write(v, &regs, &w));
    assert_int_equal(pv_pt_write_commit(v, &regs, &w, &event), EMUL_EXCEPTION);
    assert_int_equal(event.vector, X86_DB);
    assert_true(v->pv.dr6 & X86_DR6_BS);
    assert_true(regs.rcx == 0 && *(const u8 *)regs.rip == 0xc3 && !(regs.rflags & X86_RFLAGS_RF));
    regs.rip = (u64)insn_105;
    assert_false(pv_decode_pt_write(v, &regs, &w));             /* count 0 writes nothing */
    regs.rip = (u64)insn_110;
    regs.rcx = 0xffffffff00000000;
    assert_false(pv_decode_pt_write(v, &regs, &w));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(like_the_cpu, setup),
        cmocka_unit_test_setup(conditions, setup),
        cmocka_unit_test_setup(refused, setup),
        cmocka_unit_test_setup(one_element_at_a_time, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
