/* SPDX-License-Identifier: MIT */
/* The test runner: guest_main of every guest that has none of its own. A fault that no test expects ends that test only. */
#include <lib/event.h>
#include <lib/guest.h>
#include <lib/role.h>
#include <lib/string.h>
#include <lib/test.h>

extern const struct test tests_start[], tests_end[];

static const char *const result_names[] = {"SUCCESS", "SKIP", "ERROR", "FAILURE"};
static enum result test_result;

static void record(enum result result, const char *mark, const char *format, va_list args)
{
    char line[160];

    if (result > test_result)
        test_result = result;
    vsnprintf(line, sizeof(line), format, args);
    printf("  %s %s\n", mark, line);
}

bool check(bool condition, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    record(condition ? SUCCESS : FAILURE, condition ? "ok  " : "FAIL", format, args);
    va_end(args);
    return condition;
}

void test_skip(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    record(SKIP, "skip", format, args);
    va_end(args);
}

bool domain0_only(void)
{
    if (!is_domain0())
        test_skip("only domain 0 has that");
    return is_domain0();
}

void test_error(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    record(ERROR, "ERROR", format, args);
    va_end(args);
}

bool check_equal(long got, long want, const char *what)
{
    if (got == want)
        return check(true, "%s: %ld", what, got);
    return check(false, "%s: got %ld (0x%lx), want %ld (0x%lx)", what, got, (unsigned long)got, want,
                 (unsigned long)want);
}

bool check_fault(struct fault got, u32 vector, u32 error, const char *what)
{
    if (got.vector == vector && (vector == NO_FAULT || got.error == error))
        return check(true, "%s", what);
    return check(false, "%s: got vector %d error 0x%x, want vector %d error 0x%x (rip %lx, cr2 %lx)", what,
                 (int)got.vector, got.error, (int)vector, error, got.rip, got.cr2);
}

static void run_test(const struct test *test)
{
    struct fault fault;

    test_result = SUCCESS;
    printf("Test %s: %s\n", test->name, test->purpose);
    fault = fault_of(test->run());
    if (fault.vector != NO_FAULT)
        test_error("unexpected trap %u error 0x%x at %lx, cr2 %lx", fault.vector, fault.error, fault.rip, fault.cr2);
    upcalls_disable();
    printf("Test %s: %s\n", test->name, result_names[test_result]);
}

/* The command line of a domain other than 0 may name a role; without one it runs the tests, too. */
static bool run_role(void)
{
    static bool found;
    struct fault fault;

    if (is_domain0())
        return false;
    fault = fault_of(found = role_run());
    if (fault.vector == NO_FAULT)
        return found;
    test_error("unexpected trap %u error 0x%x at %lx, cr2 %lx", fault.vector, fault.error, fault.rip, fault.cr2);
    return true;
}

__attribute__((weak)) void guest_main(void)
{
    enum result worst = SUCCESS;

    if (run_role())
        return;
    for (const struct test *test = tests_start; test < tests_end; test++) {
        run_test(test);
        if (test_result > worst)
            worst = test_result;
    }
    printf("Test result: %s\n", result_names[worst]);
}
