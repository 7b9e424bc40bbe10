/* SPDX-License-Identifier: MIT */
/* console_io: the machine's console, for who has the hardware. */
#include <core/console.h>
#include <core/work.h>
#include <hcall/hcall.h>
#include <xen/xen.h>

#define PIECE 128

/* Continues with the rest after each piece when somebody else wants the CPU. */
static long console_write_op(struct hcall_args *args)
{
    u32 left = (u32)args->a[1];
    guest_ptr_t p = hcall_ptr(args, 2);

    while (left) {
        u32 n = min(left, (u32)PIECE);
        char buf[PIECE];

        if (guest_read(buf, p, n))
            return -EFAULT;
        console_write_dom0(buf, n);
        left -= n;
        p.va += n;
        if (left && preempt_point()) {
            args->a[1] = left;
            args->a[2] = p.va;
            return -ERESTART;
        }
    }
    return 0;
}

static long console_read_op(u32 max, guest_ptr_t p)
{
    long done = 0;

    if (!guest_ok(p, max))
        return -EFAULT;
    while ((u32)done < max) {
        char buf[PIECE];
        u32 n = console_read_dom0(buf, min(max - (u32)done, (u32)PIECE));

        if (n == 0)
            break;
        if (guest_write(guest_ptr(p.va + (u64)done), buf, n))
            return -EFAULT;
        done += n;
    }
    return done;
}

/* (cmd, count, buffer) */
long hcall_console_io(struct hcall_args *args)
{
    u32 cmd = (u32)args->a[0];

    if (cmd <= CONSOLEIO_read && hcall_allowed(__HYPERVISOR_console_io, cmd, NULL))
        return -EPERM;
    switch (cmd) {
    case CONSOLEIO_write:
        return console_write_op(args);
    case CONSOLEIO_read:
        return console_read_op((u32)args->a[1], hcall_ptr(args, 2));
    default:
        return -ENOSYS;
    }
}
