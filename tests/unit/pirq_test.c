/* SPDX-License-Identifier: MIT */
/* PIRQ tables: mapping, binding, sharing, end of interrupt, and taking everything down. */
#include "irq_fixture.h"

#include <xen/xen.h>
#include <xen/physdev.h>

static const struct msi_request msi_rq = { .bdf = BDF };

static int pirq_teardown(void **state)
{
    teardown(state);
    (void)!pci_device_remove(BDF);
    return 0;
}

static void gsi_numbers(void **state)
{
    (void)state;
    assert_int_equal(pirq_map_gsi(&pd, -1, -1), -EINVAL);
    assert_int_equal(pirq_map_gsi(&pd, 24, -1), -EINVAL);
    assert_int_equal(pirq_map_gsi(&pd, GSIS, -1), -EINVAL);
    assert_int_equal(pirq_map_gsi(&pd, 4, PIRQS_MAX), -EINVAL);
    assert_int_equal(pirq_map_gsi(&pd, 4, -1), 4);              /* its own number if it is free */
    assert_int_equal(pirq_map_gsi(&pd, 4, -1), 4);
    assert_int_equal(pirq_map_gsi(&pd, 4, 4), 4);
    assert_int_equal(pirq_map_gsi(&pd, 4, 5), -EEXIST);
    assert_int_equal(pirq_map_gsi(&pd, 5, 4), -EBUSY);
    assert_int_equal(pirq_map_gsi(&pd, 5, 1000), 1000);
    assert_int_equal(pirq_map_gsi(&pd, 5, -1), 1000);
    assert_int_equal(pirq_map_gsi(&pd, 6, 7), 7);
    assert_int_equal(pirq_map_gsi(&pd, 7, -1), 16);             /* not another ISA number */
    assert_int_equal(pirq_unmap(&pd, 4), 0);
    assert_int_equal(pirq_unmap(&pd, 4), -EINVAL);
    assert_int_equal(pirq_unmap(&pd, -1), -EINVAL);
    assert_int_equal(pirq_unmap(&pd, PIRQS_MAX), -EINVAL);
    assert_int_equal(pirq_map_gsi(&pd, 0, -1), 0);
}

static void only_what_one_may(void **state)
{
    (void)state;
    assert_int_equal(pirq_irq(&pd, 4), 4);                      /* a GSI, as long as the number means nothing else */
    assert_int_equal(pirq_irq(&pd, GSIS), -EINVAL);
    assert_int_equal(pirq_map_gsi(&pd, 5, 4), 4);
    assert_int_equal(pirq_irq(&pd, 4), 5);
    assert_int_equal(rangeset_remove(&mm.irqs, 5, 5), 0);
    assert_int_equal(pirq_bind(&pd, 4, 1, false, 0), -EPERM);
    assert_int_equal(pirq_bind(&pd, 6, 1, false, 0), -EINVAL);
    assert_int_equal(rangeset_add(&mm.irqs, 5, 5), 0);
    assert_int_equal(pirq_bind(&pd, 4, 1, false, 0), 0);
    assert_int_equal(rangeset_remove(&mm.irqs, 0, NR_IRQS - 1), 0);
    assert_int_equal(pirq_bind(&pd, 6, 1, false, 0), -EPERM);   /* one without any right is told nothing */
}

static void reserved_numbers(void **state)
{
    int gsi, message;

    (void)state;
    pci_add_msi(pci_function(BDF), true, true);
    gsi = pirq_reserve(&pd, true);
    message = pirq_reserve(&pd, false);
    assert_int_equal(gsi, 16);
    assert_int_equal(message, GSIS);
    assert_int_equal(pirq_reserve(&pd, false), GSIS + 1);
    assert_int_equal(pirq_bind(&pd, (u32)message, 1, false, 0), -EINVAL);
    pirq_set_affinity(&pd, (u32)message, 1);                    /* nothing to move */
    assert_int_equal(pirq_map_msi(&pd, &msi_rq, message), message);
    assert_int_equal(pirq_map_gsi(&pd, 16, gsi), gsi);
    assert_int_equal(pirq_unmap(&pd, GSIS + 1), 0);
    assert_int_equal(pirq_reserve(&pd, false), GSIS + 1);
    while (pirq_reserve(&pd, true) >= 0)
        ;
    assert_int_equal(pirq_reserve(&pd, true), -ENOSPC);
    while (pirq_reserve(&pd, false) >= 0)
        ;
    assert_int_equal(pirq_reserve(&pd, false), -ENOSPC);
    assert_int_equal(pirq_map_msi(&pd, &msi_rq, -1), -ENOSPC);
}

static void no_memory(void **state)
{
    (void)state;
    pci_add_msi(pci_function(BDF), true, true);
    fake_fail_alloc(1);
    assert_int_equal(pirq_map_gsi(&pd, 4, -1), -ENOMEM);
    fake_fail_alloc(1);
    assert_int_equal(pirq_reserve(&pd, true), -ENOMEM);
    for (unsigned nth = 1; nth <= 3; nth++) {                   /* bucket, function, irq */
        fake_fail_alloc(nth);
        assert_int_equal(pirq_map_msi(&pd, &msi_rq, -1), -ENOMEM);
        pirq_domain_fini(&pd);
        (void)!pci_device_remove(BDF);
        assert_int_equal(mem_objects(), objects_before);
    }
    assert_int_equal(pirq_map_msi(&pd, &msi_rq, -1), GSIS);
}

static void binding(void **state)
{
    (void)state;
    assert_int_equal(pirq_bind(&pd, 4, 1, false, 0), -EINVAL);
    assert_int_equal(pirq_bind(&pd, PIRQS_MAX, 1, false, 0), -EINVAL);
    assert_int_equal(pirq_map_gsi(&pd, 4, 4), 4);
    assert_int_equal(pirq_bind(&pd, 4, 1, false, 0), 0);
    assert_int_equal(pirq_bind(&pd, 4, 2, false, 0), -EEXIST);
    pirq_unbind(&pd, 4, 2);                                     /* not the port it is bound to */
    pirq_unbind(&pd, 5, 1);
    pirq_unbind(&pd, PIRQS_MAX, 1);
    assert_int_equal(pirq_bind(&pd, 4, 2, false, 0), -EEXIST);
    pirq_unbind(&pd, 4, 1);
    pirq_unbind(&pd, 4, 1);
    assert_int_equal(pirq_bind(&pd, 4, 2, false, 0), 0);
    pirq_set_affinity(&pd, 4, 2);
    pirq_set_affinity(&pd, 5, 2);
    assert_int_equal(fake_ioapic_entry(4) >> 56, 2);
    assert_int_equal(pirq_unmap(&pd, 4), 0);                    /* unbinds */
    assert_true(fake_ioapic_entry(4) & RTE_MASKED);
    pirq_unbind(&pd, 4, 2);                                     /* the port is closed later */
}

static void status(void **state)
{
    u32 flags;

    (void)state;
    assert_int_equal(pirq_status(&pd, 17, &flags), -EINVAL);
    assert_int_equal(pirq_eoi(&pd, 17), -EINVAL);
    assert_int_equal(pirq_map_gsi(&pd, 17, 17), 17);
    assert_int_equal(pirq_map_gsi(&pd, 4, 4), 4);
    assert_int_equal(pirq_status(&pd, 17, &flags), 0);
    assert_int_equal(flags, XENIRQSTAT_needs_eoi);
    assert_int_equal(pirq_status(&pd, 4, &flags), 0);
    assert_int_equal(flags, 0);
    assert_int_equal(pirq_eoi(&pd, 17), 0);
}

static void shared_line(void **state)
{
    static struct pirq_domain other;
    u32 flags;

    (void)state;
    pirq_domain_init(&other, NULL, &mm);
    assert_int_equal(pirq_map_gsi(&pd, 17, 17), 17);
    assert_int_equal(pirq_map_gsi(&other, 17, -1), 17);
    assert_int_equal(pirq_map_gsi(&pd, 4, 4), 4);
    assert_int_equal(pirq_map_gsi(&other, 4, 4), 4);
    assert_int_equal(pirq_bind(&pd, 17, 1, true, 0), 0);
    assert_int_equal(pirq_bind(&other, 17, 2, false, 0), -EBUSY);
    assert_int_equal(pirq_bind(&other, 17, 2, true, 0), 0);
    assert_int_equal(pirq_bind(&pd, 4, 3, true, 0), 0);
    assert_int_equal(pirq_bind(&other, 4, 4, true, 0), -EBUSY); /* edges cannot be shared */
    assert_int_equal(pirq_status(&pd, 17, &flags), 0);
    assert_int_equal(flags, XENIRQSTAT_needs_eoi | XENIRQSTAT_shared);
    irq_show();

    fake_ioapic_line(17, true);
    deliver_all();
    assert_raised(1, 1);
    assert_raised(2, 1);
    fake_ioapic_line(17, false);
    assert_int_equal(pirq_eoi(&pd, 17), 0);
    assert_true(fake_ioapic_entry(17) & RTE_MASKED);            /* the other one is not done */
    irq_show();
    assert_int_equal(pirq_eoi(&other, 17), 0);
    assert_false(fake_ioapic_entry(17) & RTE_MASKED);

    fake_ioapic_line(17, true);
    deliver_all();
    assert_int_equal(pirq_eoi(&pd, 17), 0);
    pirq_domain_fini(&other);                                   /* dies with the interrupt in its hands */
    deliver_all();
    assert_raised(1, 3);
    assert_raised(2, 2);
}

static void eoi_page(void **state)
{
    mfn_t page;
    u64 *map;

    (void)state;
    assert_int_equal(mm_populate(&mm, 0, HEAP_ANY_WIDTH, &page), 0);
    map = frame_map(page);
    assert_int_equal(pirq_map_gsi(&pd, 17, 17), 17);
    assert_int_equal(pirq_map_gsi(&pd, 4, 4), 4);
    assert_int_equal(pirq_map_gsi(&pd, 18, 200), 200);
    assert_int_equal(pirq_bind(&pd, 17, 1, true, 0), 0);
    assert_int_equal(pirq_bind(&pd, 4, 2, true, 0), 0);
    assert_int_not_equal(pirq_share_eoi_map(&pd, gfn(FAKE_MAX_MFN)), 0);
    assert_int_equal(pirq_share_eoi_map(&pd, gfn(page.n)), 0);
    assert_int_equal(pirq_share_eoi_map(&pd, gfn(page.n)), -EBUSY);
    assert_int_equal(map[0], 1UL << 17);                        /* bound before */
    assert_int_equal(pirq_bind(&pd, 200, 3, true, 0), 0);
    assert_int_equal(map[200 / 64], 1UL << (200 % 64));
    pirq_unbind(&pd, 17, 1);
    pirq_unbind(&pd, 4, 2);
    assert_int_equal(map[0], 0);
    assert_int_equal(type_count(frame_entry(page)), 1);
    pirq_domain_fini(&pd);
    assert_int_equal(type_count(frame_entry(page)), 0);
    assert_int_equal(frame_refs(frame_entry(page)), 1);
    pirq_domain_fini(&pd);                                      /* again is fine */
}

static void end_of_a_domain(void **state)
{
    struct fake_pci *dev = pci_function(BDF);
    int message;

    (void)state;
    pci_add_msi(dev, true, true);
    assert_int_equal(pci_device_add(BDF), 0);
    message = pirq_map_msi(&pd, &msi_rq, -1);
    assert_int_equal(message, GSIS);
    assert_int_equal(pirq_bind(&pd, GSIS, 1, false, 1), 0);
    assert_int_equal(pirq_map_gsi(&pd, 17, 17), 17);
    assert_int_equal(pirq_bind(&pd, 17, 2, true, 1), 0);
    fake_ioapic_line(17, true);
    deliver_all();
    assert_raised(2, 1);
    pirq_domain_fini(&pd);
    deliver_all();
    assert_raised(2, 1);
    assert_int_equal(dev->config[MSI_POS + MSI_CONTROL] & MSI_ENABLE, 0);
    assert_int_equal(vector_count(0) + vector_count(2) + vector_count(3), 0);
    assert_int_equal(vector_count(1), 1);                       /* the pin keeps its own */
    assert_int_equal(pci_device_remove(BDF), 0);
    assert_int_equal(pirq_map_gsi(&pd, 17, 17), 17);
    assert_int_equal(pirq_bind(&pd, 17, 3, false, 0), 0);       /* usable again, unacknowledged as it was left */
    deliver_all();
    assert_raised(3, 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, pirq_teardown)
    const struct CMUnitTest tests[] = {
        T(gsi_numbers), T(only_what_one_may), T(reserved_numbers), T(no_memory), T(binding), T(status), T(shared_line), T(eoi_page),
        T(end_of_a_domain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
