/* SPDX-License-Identifier: MIT */
/* core/grace.c: nobody who was inside when a grace period was asked for is still inside when it ends. */
#include <core/grace.h>
#include <core/work.h>
#include "core_fixture.h"

#define CPUS 3

struct object {
    struct grace grace;
    bool freed;
};

static struct object *listed;
static struct object objects[8];
static unsigned freed;

static void free_object(struct grace *g)
{
    struct object *o = container_of(g, struct object, grace);

    assert_true(lock_none_held());
    assert_false(o->freed);
    o->freed = true;
    freed++;
}

/* Each CPU, in turns: uses what is listed for a while, or takes it away and lists the next. */
static void body(unsigned cpu, void *ctx)
{
    (void)ctx;
    for (unsigned turn = 0; turn < 20; turn++) {
        struct object *o = __atomic_load_n(&listed, __ATOMIC_ACQUIRE);

        for (unsigned i = 0; i < 3; i++) {
            lock_poll();
            assert_false(o->freed);             /* we looked it up since we were last out */
        }
        if (cpu == 0 && o < objects + ARRAY_SIZE(objects) - 1 && turn % 2) {
            __atomic_store_n(&listed, o + 1, __ATOMIC_RELEASE);
            grace_call(&o->grace, free_object);
            lock_poll();
            assert_false(o->freed);             /* we have not been out ourselves */
        }
        work_run();
    }
    while (freed < ARRAY_SIZE(objects) - 1) {
        work_run();
        lock_poll();
    }
}

static void nobody_uses_what_is_freed(void **state)
{
    for (u64 seed = fake_seed_first(200); fake_seed_more(200, seed); seed++) {
        core_setup(state);
        fake_online(CPUS);
        memset(objects, 0, sizeof(objects));
        listed = objects;
        freed = 0;
        fake_interleave(seed, CPUS, body, NULL);
        assert_false(objects[ARRAY_SIZE(objects) - 1].freed);
    }
}

static unsigned chained;
static struct grace second;

static void end_chain(struct grace *g) { chained++; }

static void start_second(struct grace *g)
{
    chained++;
    grace_call(&second, end_chain);
}

/* A call from within a call gets a period of its own. */
static void calls_may_follow_each_other(void **state)
{
    struct grace first;

    (void)state;
    fake_online(1);
    chained = 0;
    grace_call(&first, start_second);
    assert_int_equal(chained, 0);
    work_run();
    assert_int_equal(chained, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nobody_uses_what_is_freed, core_setup),
        cmocka_unit_test_setup(calls_may_follow_each_other, core_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
