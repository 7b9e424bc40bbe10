/* SPDX-License-Identifier: MIT */
/* Debug keys about domains and their vcpus, and what the audit must know of vcpus. */
#include <core/keys.h>
#include <core/panic.h>
#include <core/work.h>
#include <dom/keys.h>
#include <dom/run.h>
#include <mm/audit.h>
#include <mm/heap.h>
#include <xen/vcpu.h>
#include <xen/xen.h>

/* From this stage on the hypervisor lets go of what it shares with a domain: event channels, grants, areas. */
static bool only_listed(const struct domain *d) { return READ_ONCE(d->stage) >= STAGE_GRACE; }

static void show_domain(struct domain *d)
{
    static const char *const states[] = { "running", "runnable", "blocked", "offline" };
    struct vcpu *v;

    printk("domain %u: rights %x, %u of at most %u pages%s\n", d->id, d->rights, d->mm.tot_pages, d->mm.max_pages,
           d->dying ? ", dying" : d->shutting_down ? ", shut down" : "");
    if (only_listed(d))
        return;
    for_each_vcpu(d, v)
        printk("  vcpu %u: %s on CPU %u, ran %lu ms, events %s%s, rip %lx\n", v->id, states[v->runstate.state & 3],
               v->unit.cpu, (unsigned long)(v->runstate.time_ns[RUNSTATE_running] / 1000000),
               evtchn_upcall_masked(&v->ev) ? "masked" : "open", evtchn_upcall_pending(&v->ev) ? ", pending" : "",
               (unsigned long)(v == current() ? cpu_info()->guest_regs.rip : v->regs.rip));
}

static void show_events(struct domain *d) { evtchn_show(&d->evtchn); }
static void show_grants(struct domain *d) { grant_show(&d->grants); }

static void with_all(void (*show)(struct domain *d))
{
    struct domain *d;

    for_each_domain(d)
        show(d);
}

static void with_living(void (*show)(struct domain *d))
{
    struct domain *d;

    for_each_domain(d)
        if (!only_listed(d))
            show(d);
}

static void key_domains(void) { with_all(show_domain); }
static void key_events(void) { with_living(show_events); }
static void key_grants(void) { with_living(show_grants); }

static void key_memory(void)
{
    printk("memory: %lu of %lu MiB free, %lu small objects\n", (unsigned long)heap_free_pages() >> 8,
           (unsigned long)heap_total_pages() >> 8, (unsigned long)mem_objects());
    heap_show();
}

/*
 * For leak checks: what is held must come back. Not so slabs, kept as the pools like, pages of the list of domains, and
 * those that living domains keep for as many mappings of grants as they once had at a time.
 */
static void count_all(void)
{
    u64 held = heap_total_pages() - heap_free_pages() - mem_slabs() - domain_list_pages(), pages = 0;
    u32 domains = 0, vcpus = 0, ports = 0, grants = 0, maps = 0;
    struct domain *d;
    struct vcpu *v;

    for_each_domain(d) {
        domains++;
        pages += d->mm.tot_pages;
        for_each_vcpu(d, v)
            vcpus++;
        if (only_listed(d))
            continue;
        ports += d->evtchn.nr_active;
        grants += grants_in_use(&d->grants);
        maps += d->grants.maps_used;
        held -= d->grants.nr_maps / (PAGE_SIZE / sizeof(struct grant_map));
    }
    printk("counts: held=%lu objects=%lu bytes=%lu domains=%u vcpus=%u pages=%lu ports=%u grants=%u maps=%u claimed=%lu\n",
           (unsigned long)held, (unsigned long)mem_objects(), (unsigned long)mem_bytes(), domains, vcpus,
           (unsigned long)pages, ports, grants, maps, (unsigned long)mm_claims_total());
}

static void key_counts(void) { work_run_alone(count_all); }

static void key_dom0_registers(void)
{
    struct vcpu *v;

    if (domain0 == NULL)
        return;
    for_each_vcpu(domain0, v) {
        u16 cpu = READ_ONCE(v->loaded_cpu);     /* once: it may be on its way out */

        printk("domain 0 vcpu %u:\n", v->id);
        registers_show(cpu == NO_CPU ? &v->regs : &cpu_info_of(cpu)->guest_regs);
    }
}

static const char *audit_domain(struct domain *d)
{
    const char *name = only_listed(d) ? NULL : evtchn_audit(&d->evtchn);

    return name || only_listed(d) ? name : grant_audit(&d->grants);
}

/* Nothing is being copied while we look: every pin is of a mapping. */
static const char *audit_pins(void)
{
    const char *broken = NULL, *name;
    struct domain *d;

    for_each_domain(d)
        grant_maps_tally(&d->grants, false);
    for_each_domain(d) {
        name = grant_pins_audit(&d->grants);
        broken = name ? name : broken;
    }
    for_each_domain(d)
        grant_maps_tally(&d->grants, true);
    return broken;
}

/* Every invariant that can be checked; each names itself. The last broken one stands for all. */
static void audit_all(void)
{
    const char *broken = audit_frames(), *name;
    struct domain *d;

    name = heap_audit();
    broken = name ? name : broken;
    name = sched_audit();
    broken = name ? name : broken;
    for_each_domain(d) {
        name = audit_domain(d);
        broken = name ? name : broken;
    }
    name = audit_pins();
    broken = name ? name : broken;
    printk("audit: %s\n", broken ? broken : "clean");
}

static void key_audit(void) { work_run_alone(audit_all); }

void domain_keys_init(void)
{
    key_register('A', "audit of all invariants", key_audit);
    key_register('q', "domains and vcpus", key_domains);
    key_register('e', "event channels", key_events);
    key_register('g', "grants in use", key_grants);
    key_register('m', "memory", key_memory);
    key_register('n', "exact counts of what is in use, on one line", key_counts);
    key_register('0', "registers of domain 0", key_dom0_registers);
}

static void (*root_fn)(mfn_t root, void *ctx);
static void *root_ctx;

static void domain_roots(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu(d, v) {
        if (!mfn_is_invalid(v->pv.root_kernel))
            root_fn(v->pv.root_kernel, root_ctx);
        if (!mfn_is_invalid(v->pv.root_user))
            root_fn(v->pv.root_user, root_ctx);
    }
}

void audit_for_each_root(void (*fn)(mfn_t root, void *ctx), void *ctx)
{
    root_fn = fn;
    root_ctx = ctx;
    with_all(domain_roots);
}
