/* SPDX-License-Identifier: MIT */
/*
 * console - console_io
 *
 * Domain 0 writes to and reads from the hypervisor's console. A write of nothing succeeds, a read without input gives
 * nothing, and pointers are checked.
 */
#include <lib/hypercall.h>
#include <lib/string.h>
#include <lib/test.h>

TEST(console, "console_io")
{
    static char text[] = "  (written by console_io)\n";
    char input[16];

    if (!domain0_only())
        return;
    check_equal(hypercall_console_io(CONSOLEIO_write, (int)strlen(text), text), 0, "write");
    check_equal(hypercall_console_io(CONSOLEIO_write, 0, text), 0, "write nothing");
    check_equal(hypercall_console_io(CONSOLEIO_write, 5, (char *)8), -XEN_EFAULT, "write from an unmapped page");
    check_equal(hypercall_console_io(CONSOLEIO_write, 5, (char *)0xffff820000000000ul), -XEN_EFAULT,
                "write from the hypervisor's memory");
    check_equal(hypercall_console_io(CONSOLEIO_read, sizeof(input), input), 0, "read when there is no input");
    check_equal(hypercall_console_io(77, 0, input), -XEN_ENOSYS, "an unknown operation");
}
