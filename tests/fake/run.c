/* SPDX-License-Identifier: MIT */
/*
 * Failure injection and interleavings. Each fake CPU of an interleaved run is a coroutine on a stack of its own; at
 * every yield point a seeded generator picks the one that goes on. A failed check inside longjmps out of the
 * coroutine to the test framework: the run is then abandoned, and the seed is printed by whoever comes next.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "asan.h"
#include "fake.h"

#ifdef WITH_ASAN
#define fiber_leave(save, stack, size) __sanitizer_start_switch_fiber((save), (stack), (size))
#define fiber_enter(save, stack, size) __sanitizer_finish_switch_fiber((save), (stack), (size))
#else
#define fiber_leave(save, stack, size) ((void)(save), (void)(stack), (void)(size))
#define fiber_enter(save, stack, size) ((void)(save), (void)(stack), (void)(size))
#endif

#define COROUTINES 16
#define COROUTINE_STACK (256UL << 10)

struct coroutine {
    ucontext_t context;
    u8 *stack;
    bool live;
    bool idle;              /* its body has returned, and it is in no interrupt handler */
};

unsigned fake_allocs;
static unsigned fail_at;                /* value of fake_allocs at which one fails; 0: none */

static struct coroutine coroutines[COROUTINES];
static ucontext_t main_context;
static const void *main_stack;
static size_t main_stack_size;
static unsigned nr_coroutines;
static int running = -1;                /* index of the coroutine that runs; -1: the test itself */
static void (*run_body)(unsigned cpu, void *ctx);
static void *run_ctx;
static u64 random_state = 1, seed_running;
static bool in_seed_loop;

/* ---- random numbers and seeds ---- */

void fake_random_seed(u64 seed) { random_state = seed * 0x9e3779b97f4a7c15UL + 0x1234567; }

u64 fake_random(void)
{
    u64 z = random_state += 0x9e3779b97f4a7c15UL;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9UL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebUL;
    return z ^ (z >> 31);
}

static void seed_report(void)
{
    if (in_seed_loop)
        fprintf(stderr, "\nrepeat the failure with: FAKE_SEED=%llu %s\n", (unsigned long long)seed_running,
                program_invocation_name);
    in_seed_loop = false;
}

u64 fake_seed_first(u64 n)
{
    static bool registered;
    const char *only = getenv("FAKE_SEED");

    (void)n;
    if (!registered)
        atexit(seed_report);
    registered = true;
    return only ? strtoull(only, NULL, 0) : 1;
}

bool fake_seed_more(u64 n, u64 seed)
{
    const char *only = getenv("FAKE_SEED");

    seed_running = seed;
    fake_random_seed(seed);
    in_seed_loop = only ? seed == strtoull(only, NULL, 0) : seed <= n;
    return in_seed_loop;
}

/* ---- allocations ---- */

void fake_fail_alloc(unsigned nth) { fail_at = nth ? fake_allocs + nth : 0; }
bool alloc_should_fail(void) { return ++fake_allocs == fail_at; }

/* ---- coroutines ---- */

bool fake_coroutine_live(unsigned cpu) { return running >= 0 && cpu < nr_coroutines && coroutines[cpu].live; }

static unsigned pick(void)
{
    unsigned live = 0, nth;

    for (unsigned i = 0; i < nr_coroutines; i++)
        live += coroutines[i].live;
    nth = (unsigned)(fake_random() % live);
    for (unsigned i = 0;; i++)
        if (coroutines[i].live && nth-- == 0)
            return i;
}

static void switch_to(ucontext_t *from, unsigned to)
{
    void *save = NULL;

    running = (int)to;
    fake_cpu_set(to);
    fiber_leave(&save, coroutines[to].stack, COROUTINE_STACK);
    swapcontext(from, &coroutines[to].context);
    fiber_enter(save, NULL, NULL);
}

bool fake_yield(void)
{
    unsigned from, to;

    if (running < 0)
        return false;
    from = (unsigned)running;
    to = pick();
    if (to == from)
        return false;
    switch_to(&coroutines[from].context, to);
    return true;
}

void interleave_point(void) { (void)fake_yield(); }

static bool all_idle(void)
{
    bool all = true;

    for (unsigned i = 0; i < nr_coroutines; i++)
        all &= coroutines[i].idle;
    return all;
}

/* Until the other bodies return too, this CPU takes its interrupts, on its own stack: a handler may have to wait. */
static void idle_until_all_are(unsigned me)
{
    coroutines[me].idle = true;
    while (!all_idle()) {
        (void)fake_yield();
        coroutines[me].idle = false;
        (void)fake_deliver(me);
        coroutines[me].idle = true;
    }
}

static void coroutine_main(void)
{
    const void *from = NULL;
    size_t from_size = 0;
    unsigned me;

    fiber_enter(NULL, &from, &from_size);
    if (!main_stack) {          /* the first one is entered from the test itself */
        main_stack = from;
        main_stack_size = from_size;
    }
    me = (unsigned)running;
    run_body(me, run_ctx);
    idle_until_all_are(me);
    for (unsigned i = 0; i < nr_coroutines; i++)
        coroutines[i].live = false;
    fiber_leave(NULL, main_stack, main_stack_size);
    setcontext(&main_context);
}

static void coroutine_create(struct coroutine *c)
{
    if (!c->stack) {
        c->stack = mmap(NULL, COROUTINE_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (c->stack == MAP_FAILED)
            fake_die("no memory for a coroutine's stack");
    }
    getcontext(&c->context);
    c->context.uc_stack.ss_sp = c->stack;
    c->context.uc_stack.ss_size = COROUTINE_STACK;
    c->context.uc_link = NULL;
    makecontext(&c->context, coroutine_main, 0);
    c->live = true;
    c->idle = false;
}

void fake_interleave(u64 seed, unsigned cpus, void (*body)(unsigned cpu, void *ctx), void *ctx)
{
    if (cpus > COROUTINES || cpus > cpu_online_count)
        fake_die("interleaving %u CPUs is more than there are", cpus);
    fake_random_seed(seed);
    nr_coroutines = cpus;
    run_body = body;
    run_ctx = ctx;
    main_stack = NULL;
    for (unsigned i = 0; i < cpus; i++)
        coroutine_create(&coroutines[i]);
    switch_to(&main_context, pick());
    running = -1;
    fake_cpu_set(0);
}

/* A run that a failed check left by longjmp is forgotten here. */
void fake_run_reset(void)
{
    if (running >= 0)
        seed_report();
    running = -1;
    nr_coroutines = 0;
    fake_allocs = fail_at = 0;
}

void fake_die(const char *fmt, ...)
{
    va_list args;

    fprintf(stderr, "fake machine: ");
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fprintf(stderr, "\n");
    seed_report();
    abort();
}
