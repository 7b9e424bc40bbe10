/* SPDX-License-Identifier: MIT */
/*
 * Tests: a guest is one test or a suite of them. Each file says
 *
 *     TEST(name, "what it proves") { check(...); ... }
 *
 * and the runner calls all tests that are linked in. One line per check, one per test, and one for all.
 */
#pragma once

#include <lib/trap.h>
#include <lib/types.h>

/* From good to bad; the worst of its checks is a test's result, the worst of its tests is a guest's. */
enum result {
    SUCCESS,
    SKIP,    /* cannot be tested here */
    ERROR,   /* the test itself went wrong */
    FAILURE, /* the hypervisor did the wrong thing */
};

struct test {
    const char *name, *purpose;
    void (*run)(void);
};

#define TEST(name_, purpose_)                                                                                          \
    static void test_##name_(void);                                                                                    \
    static const struct test entry_##name_                                                                             \
        __attribute__((used, section(".tests"), aligned(8))) = {#name_, purpose_, test_##name_};                       \
    static void test_##name_(void)

/* Record a check; `condition` false is a failure. The text says what should hold. Returns the condition. */
__attribute__((format(printf, 2, 3))) bool check(bool condition, const char *format, ...);
/* The same for a number (a return value, an errno) that must have one value. */
bool check_equal(long got, long want, const char *what);
/* The same for a fault; NO_FAULT as the vector: there must be none. */
bool check_fault(struct fault got, u32 vector, u32 error, const char *what);
/* For tests of what only domain 0 has: whether this is it. If not, that is a skip. */
bool domain0_only(void);
/* Record that something cannot be tested here, or that the test went wrong. */
__attribute__((format(printf, 1, 2))) void test_skip(const char *format, ...);
__attribute__((format(printf, 1, 2))) void test_error(const char *format, ...);
