/* SPDX-License-Identifier: MIT */
/*
 * panic(): stops the other CPUs, takes the console by force, prints, and ends the machine. Owns the record of who
 * panics: the first CPU wins, a second panic on the same CPU only adds its message.
 */
#include <core/console.h>
#include <core/lock.h>
#include <core/panic.h>
#include <core/printk.h>
#include <core/symbols.h>
#include <machine/cpu.h>
#include <machine/power.h>
#include <machine/time.h>

#define BACKTRACE_DEPTH 32
#define REBOOT_SECONDS 5

bool panic_noreboot;
static unsigned panicking;      /* cpu + 1 of the first one; atomics */

void registers_show(const struct regs *r)
{
    printk("rip %04x:%016lx rflags %08lx rsp %04x:%016lx", (unsigned)(u16)r->cs, r->rip, r->rflags,
           (unsigned)(u16)r->ss, r->rsp);
    printk("rax %016lx rbx %016lx rcx %016lx rdx %016lx", r->rax, r->rbx, r->rcx, r->rdx);
    printk("rsi %016lx rdi %016lx rbp %016lx r8  %016lx", r->rsi, r->rdi, r->rbp, r->r8);
    printk("r9  %016lx r10 %016lx r11 %016lx r12 %016lx", r->r9, r->r10, r->r11, r->r12);
    printk("r13 %016lx r14 %016lx r15 %016lx error %x vector %x", r->r13, r->r14, r->r15, r->error_code, r->vector);
    printk("cr0 %lx cr2 %016lx cr3 %lx cr4 %lx", read_cr0(), read_cr2(), read_cr3(), read_cr4());
}

void registers_show_guest(void)
{
    printk("CPU %u: %s", cpu_id(), current() ? "guest" : "no guest");
    if (current())
        registers_show(&cpu_info()->guest_regs);
}

static void frame_show(u64 rip)
{
    u64 offset, size;
    const char *name = symbol_lookup(rip, &offset, &size);

    if (name)
        printk("   [<%016lx>] %s+0x%lx/0x%lx", rip, name, offset, size);
    else
        printk("   [<%016lx>] ?", rip);
}

/* The compilers keep frame pointers: [rbp] is the caller's rbp, [rbp + 8] the return address. */
__attribute__((no_sanitize("address"))) void backtrace_show(u64 rip, u64 rbp)
{
    u64 top = round_up(rbp, STACK_SIZE);

    printk("Call trace:");
    frame_show(rip);
    for (unsigned i = 0; i < BACKTRACE_DEPTH && rbp % 8 == 0 && rbp && rbp + 16 <= top; i++) {
        const u64 *frame = (const u64 *)rbp;

        if (!frame[1])
            return;
        frame_show(frame[1]);
        if (frame[0] <= rbp)
            return;
        rbp = frame[0];
    }
}

static void noreturn end_machine(void)
{
    if (panic_noreboot) {
        printk("Halted: noreboot is set.");
        power_halt();
    }
    printk("Rebooting in %d seconds (boot with noreboot to stop here).", REBOOT_SECONDS);
    time_delay_us(REBOOT_SECONDS * 1000000);
    power_reset();
}

/* The first panic goes on; a nested one says what it was; one on another CPU waits for its end. */
static void begin_panic(const char *fmt, va_list args)
{
    unsigned me = cpu_id() + 1, nobody = 0;
    bool first = __atomic_compare_exchange_n(&panicking, &nobody, me, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);

    if (!first && panicking != me)
        power_halt();
    if (first)
        cpus_stop_others();
    lock_reset_cpu();
    console_force();
    printk("****************************************");
    printk(first ? "Panic on CPU %u:" : "Panic within a panic on CPU %u:", cpu_id());
    printk_va(fmt, args);
    printk("****************************************");
    if (!first)
        end_machine();
}

void panic(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    begin_panic(fmt, args);
    va_end(args);
    registers_show_guest();
    /* From the caller's frame on: our own holds the same return address. */
    backtrace_show((u64)__builtin_return_address(0), *(const u64 *)__builtin_frame_address(0));
    end_machine();
}

void panic_at(const struct regs *regs, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    begin_panic(fmt, args);
    va_end(args);
    registers_show(regs);
    backtrace_show(regs->rip, regs->rbp);
    end_machine();
}
