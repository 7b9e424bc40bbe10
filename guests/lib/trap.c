/* SPDX-License-Identifier: MIT */
/*
 * Trap dispatch: a vector's handler first, else the innermost fault_of(), which always exists on vcpu 0: the test
 * runner has one around each test.
 */
#include <lib/event.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/smp.h>
#include <lib/string.h>
#include <lib/trap.h>

struct catch *catch_top; /* entry.S pushes here */

static trap_handler *handlers[TRAP_COUNT];

trap_handler *trap_set_handler(u32 vector, trap_handler *handler)
{
    trap_handler *old = handlers[vector];

    handlers[vector] = handler;
    return old;
}

void trap_set_entry(u8 vector, u8 flags, const void *entry)
{
    const trap_info_t table[] = {
        {.vector = vector, .flags = flags, .cs = FLAT_KERNEL_CS, .address = (unsigned long)entry},
        {.address = 0},
    };

    hypercall_set_trap_table(table);
}

static void callback_set(u16 type, const void *entry)
{
    const struct callback_register reg = {
        .type = type, .flags = CALLBACKF_mask_events, .address = (xen_callback_t)entry};

    if (hypercall_callback_op(CALLBACKOP_register, &reg) != 0)
        guest_panic("callback %u refused", type);
}

void trap_init(void)
{
    for (unsigned int vector = 0; vector < 256; vector++)
        if (vector < 32 || vector == 0x80)
            trap_set_entry((u8)vector, vector == VECTOR_BP || vector == VECTOR_OF || vector == 0x80 ? 3 : 0,
                           trap_stubs[vector]);
    callback_set(CALLBACKTYPE_event, event_entry);
    callback_set(CALLBACKTYPE_failsafe, failsafe_entry);
    callback_set(CALLBACKTYPE_syscall, syscall_entry);
}

void trap_dump(const struct regs *regs)
{
    printf("trap %u error %x at %02x:%016lx flags %lx mask %u cr2 %016lx\n", regs->vector, regs->error, regs->cs,
           regs->rip, regs->rflags, regs->saved_mask, vcpu_info_self()->arch.cr2);
    printf("stack %02lx:%016lx ax %lx bx %lx cx %lx dx %lx si %lx di %lx bp %lx\n", regs->ss, regs->rsp, regs->rax,
           regs->rbx, regs->rcx, regs->rdx, regs->rsi, regs->rdi, regs->rbp);
    printf("r8 %lx r9 %lx r10 %lx r11 %lx r12 %lx r13 %lx r14 %lx r15 %lx\n", regs->r8, regs->r9, regs->r10, regs->r11,
           regs->r12, regs->r13, regs->r14, regs->r15);
}

void catch_done(struct catch *c)
{
    catch_top = c->outer;
}

/* Make the trap return from catch_fault() of the innermost fault_of(), in kernel mode. */
static void catch_deliver(struct regs *regs)
{
    struct catch *c = catch_top;

    if (c == NULL || vcpu_self() != 0) {
        trap_dump(regs);
        guest_panic("a trap on vcpu %u that nobody expected", vcpu_self());
    }
    catch_top = c->outer;
    c->fault = (struct fault){.vector = regs->vector, .error = regs->error, .rip = regs->rip,
                              .cr2 = vcpu_info->arch.cr2, .user = (regs->cs & 3) == 3};
    regs->rip = c->rip;
    regs->rsp = c->rsp;
    regs->rbx = c->rbx;
    regs->rbp = c->rbp;
    regs->r12 = c->r12;
    regs->r13 = c->r13;
    regs->r14 = c->r14;
    regs->r15 = c->r15;
    regs->rax = 1;
    regs->cs = FLAT_KERNEL_CS & ~3;
    regs->ss = FLAT_KERNEL_SS;
    regs->rflags &= 0x200;
}

/* Called by entry.S. */
void trap_dispatch(struct regs *regs);
void trap_dispatch(struct regs *regs)
{
    if (handlers[regs->vector] == NULL || !handlers[regs->vector](regs))
        catch_deliver(regs);
}
