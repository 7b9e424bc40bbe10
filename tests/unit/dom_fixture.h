/* SPDX-License-Identifier: MIT */
/*
 * What the tests of dom/ share: a machine of 4 CPUs with the scheduler, domain 0 and domain 5, and guest operations
 * that only say what was saved and loaded where. Included once by each test program.
 */
#ifndef TESTS_UNIT_DOM_FIXTURE_H
#define TESTS_UNIT_DOM_FIXTURE_H

#include <dom/keys.h>
#include <dom/run.h>
#include <machine/boot.h>
#include <machine/entry.h>
#include <mm/audit.h>
#include <mm/flush.h>
#include <mm/heap.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/xen.h>

#include "core_fixture.h"

#define VCPUS 4

static struct domain *d5;
static unsigned saves, loads, area_updates;

static void note_save(struct vcpu *v)
{
    assert_ptr_equal(current(), v);
    assert_int_equal(v->loaded_cpu, cpu_id());
    saves++;
}

static void note_load(struct vcpu *v)
{
    assert_int_equal(v->loaded_cpu, cpu_id());
    cpumask_set(&v->domain->mm.dirty_cpus, cpu_id());
    loads++;
}

static void note_areas(struct vcpu *v)
{
    assert_int_equal(v->runstate.state, RUNSTATE_running);
    v->areas_stale = false;
    area_updates++;
}

static const struct guest_ops ops = { .save = note_save, .load = note_load, .update_areas = note_areas };

static inline struct domain_config config_of(u16 id)
{
    return (struct domain_config){ .id = id, .kind = DOMAIN_PV, .ops = &ops, .max_vcpus = VCPUS, .max_pages = 100,
                                   .rights = id ? 0 : RIGHT_HARDWARE | RIGHT_CONTROL, .max_evtchns = 128,
                                   .max_grant_frames = 4 };
}

static inline struct domain *new_domain(u16 id)
{
    struct domain_config config = config_of(id);
    struct domain *d = NULL;

    assert_int_equal(domain_create(&config, &d), 0);
    assert_int_equal(domain_publish(d), 0);
    return d;
}

static inline struct vcpu *new_vcpu(struct domain *d, u32 id, unsigned cpu)
{
    struct vcpu *v = NULL;

    assert_int_equal(vcpu_create(d, id, cpu, &v), 0);
    v->pv.root_kernel = v->pv.root_user = MFN_INVALID;
    vcpu_publish(v);
    return v;
}

static void dom_irq(u8 vector)
{
    if (vector == VECTOR_FLUSH)
        flush_poll();
    else if (vector == VECTOR_TIMER)
        work_raise(WORK_TIMER);
}

static inline int dom_setup(void **state)
{
    core_setup(state);
    fake_irq_handler = dom_irq;
    heap_init();
    frame_table_init();
    sched_init("rr");
    domains_init();
    for (unsigned cpu = 4; cpu-- > 0;) {
        fake_cpu_set(cpu);
        cpu_info()->work = 0;
        cpu_info()->current = NULL;
    }
    saves = loads = area_updates = 0;
    domain0 = new_domain(0);
    d5 = new_domain(5);
    return 0;
}

#endif
