/* SPDX-License-Identifier: MIT */
/* User mode: see user.h. The user's L4 shares slot 0 with the kernel's, so user pages are mapped once for both. */
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/user.h>

#define EXIT_CALL 0xe817 /* in rax: the function has returned, its value is in rdi */

extern const u8 user_start[], user_end[];
extern const char user_exit[];

__asm__(".section .user, \"ax\"\n"
        "user_exit:\n"
        "mov %rax, %rdi\n"
        "mov $0xe817, %eax\n"
        "syscall\n"
        "ud2\n"
        ".text\n");

static u8 kernel_stack[8192] __attribute__((aligned(16))); /* for traps from user mode */
static u64 *user_root, *user_stack;
static u64 exit_value;

u64 user_root_mfn(void)
{
    return page_mfn(user_root);
}

static unsigned long user_address(const void *kernel_address)
{
    return USER_VA + (unsigned long)((const u8 *)kernel_address - user_start);
}

static bool on_syscall(struct regs *regs)
{
    exit_value = regs->rdi;
    return false;
}

void user_init(void)
{
    if (user_root != NULL)
        return;
    for (const u8 *page = user_start; page < user_end; page += PAGE_SIZE)
        if (map_page(user_address(page), page_mfn(page), PTE_KERNEL_RO) != 0)
            guest_panic("cannot map user code");
    user_stack = page_alloc();
    user_root = page_alloc();
    user_root[0] = pte_read(4, USER_VA);
    if (map_page(USER_STACK_VA, page_mfn(user_stack), PTE_KERNEL_RW) != 0 || page_protect(user_root, false) != 0 ||
        mmuext(MMUEXT_PIN_L4_TABLE, page_mfn(user_root)) != 0 ||
        mmuext(MMUEXT_NEW_USER_BASEPTR, page_mfn(user_root)) != 0 ||
        hypercall_stack_switch(FLAT_KERNEL_SS, (unsigned long)kernel_stack + sizeof(kernel_stack)) != 0)
        guest_panic("cannot build the user's address space");
    trap_set_handler(TRAP_SYSCALL, on_syscall);
}

struct regs user_regs(user_function *function, u64 arg)
{
    user_stack[511] = user_address(user_exit);
    return (struct regs){.rip = user_address(function), .rdi = arg, .rsp = USER_STACK_VA + 511 * sizeof(u64),
                         .cs = FLAT_USER_CS64, .ss = FLAT_USER_SS64, .rflags = 0x202};
}

struct fault user_run(user_function *function, u64 arg, u64 *result)
{
    struct regs regs = user_regs(function, arg);
    struct fault fault = fault_of(trap_return(&regs));

    if (fault.vector == TRAP_SYSCALL) {
        *result = exit_value;
        fault.vector = NO_FAULT;
    }
    return fault;
}
