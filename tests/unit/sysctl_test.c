/* SPDX-License-Identifier: MIT */
/* sysctl: what each operation tells of the machine, into how much room, and that a bad pointer stops it. */
#include "domctl_fixture.h"

#define BUFFER 1        /* page of the window that answers go to */

static void put_pointer(void *field, u64 va) { memcpy(field, &va, sizeof(va)); }
#define to_buffer(handle) put_pointer(&(handle), va_of(page_at(BUFFER)))
#define to_nowhere(handle) put_pointer(&(handle), NOT_MAPPED)

/* ---- the console ring ---- */
#define LINE 16

static u32 read_ring(u32 count, bool incremental, bool clear, u32 index)
{
    sc.u.readconsole = (struct xen_sysctl_readconsole){ .count = count, .incremental = incremental, .clear = clear,
                                                        .index = index };
    to_buffer(sc.u.readconsole.buffer);
    memset(page_at(BUFFER), 0, 2 * PAGE_SIZE);
    assert_int_equal(sysctl(XEN_SYSCTL_readconsole), 0);
    return sc.u.readconsole.count;
}

static void the_ring_is_read(void **state)
{
    char *text = page_at(BUFFER);
    u32 index;

    (void)state;
    console_ring_clear();
    assert_int_equal(read_ring(4096, false, false, 0), 0);
    for (unsigned i = 0; i < 40; i++)
        printk("number %02u\n", i);       /* more than one piece of 256 */
    assert_int_equal(read_ring(4096, false, false, 0), 40 * LINE);
    for (unsigned i = 0; i < 40; i++) {
        char line[32];

        snprintf(line, sizeof(line), "(XEN) number %02u\n", i);
        assert_memory_equal(text + i * LINE, line, LINE);
    }
    assert_int_equal(read_ring(4096, false, false, 0), 40 * LINE);        /* reading takes nothing away */
    assert_int_equal(read_ring(20, false, false, 0), 20);
    assert_memory_equal(text, "(XEN) number 00\n(XEN", 21);   /* and nothing behind it */
    index = sc.u.readconsole.index;
    assert_int_equal(read_ring(4, true, false, index), 4);
    assert_memory_equal(text, ") nu", 5);
    index = sc.u.readconsole.index;
    assert_int_equal(read_ring(4096, true, true, index), 40 * LINE - 24);
    index = sc.u.readconsole.index;
    assert_int_equal(read_ring(4096, false, false, 0), 0);              /* cleared */
    printk("new\n");
    assert_int_equal(read_ring(4096, true, false, index), 10);
    assert_string_equal(text, "(XEN) new\n");
    to_nowhere(sc.u.readconsole.buffer);
    sc.u.readconsole.count = 4096;
    sc.u.readconsole.incremental = 0;
    sc.u.readconsole.clear = 1;
    assert_int_equal(sysctl(XEN_SYSCTL_readconsole), -EFAULT);
    assert_int_equal(read_ring(4096, false, false, 0), 10);             /* not cleared by what failed */
}

/* ---- debug keys ---- */

static char pressed[8];
static void on_x(void) { strcat(pressed, "x"); }
static void on_y(void) { strcat(pressed, "y"); }

static void keys_are_pressed(void **state)
{
    (void)state;
    key_register('x', "test", on_x);
    key_register('y', "test", on_y);
    pressed[0] = '\0';
    memcpy(page_at(BUFFER), "xyx", 3);
    sc.u.debug_keys = (struct xen_sysctl_debug_keys){ .nr_keys = 2 };
    to_buffer(sc.u.debug_keys.keys);
    assert_int_equal(sysctl(XEN_SYSCTL_debug_keys), 0);
    work_run();
    assert_string_equal(pressed, "xy");
    to_nowhere(sc.u.debug_keys.keys);
    assert_int_equal(sysctl(XEN_SYSCTL_debug_keys), -EFAULT);
    put_pointer(&sc.u.debug_keys.keys, NO_PAGE - 1);                    /* the last byte that can be read */
    g->mem[(WINDOW_PAGES << PAGE_SHIFT) - 1] = 'y';
    assert_int_equal(sysctl(XEN_SYSCTL_debug_keys), -EFAULT);
    work_run();
    assert_string_equal(pressed, "xyy");
}

/* ---- CPUs and memory ---- */

static void processors(void **state)
{
    struct xen_sysctl_cpuinfo *info = page_at(BUFFER);
    struct xen_sysctl_cputopo *topo = page_at(BUFFER);

    (void)state;
    fake_cpuid_set(7, 0, (struct cpuid_regs){ .b = 0x1234567, .c = 0x89 });
    fake_cpuid_set(0xd, 1, (struct cpuid_regs){ .a = 0xf });
    assert_int_equal(sysctl(XEN_SYSCTL_physinfo), 0);
    assert_int_equal(sc.u.physinfo.hw_cap[5], 0x1234567);
    assert_int_equal(sc.u.physinfo.hw_cap[6], 0x89);
    assert_int_equal(sc.u.physinfo.hw_cap[4], 0xf);
    assert_int_equal(sc.u.physinfo.hw_cap[0], cpuid(1, 0).d);
    assert_int_equal(sc.u.physinfo.max_cpu_id, 3);
    assert_int_equal(sc.u.physinfo.threads_per_core * sc.u.physinfo.cores_per_socket, 4);
    assert_int_equal(sc.u.physinfo.cpu_khz, tsc_khz);
    assert_true(sc.u.physinfo.capabilities & XEN_SYSCTL_PHYSCAP_pv);
    assert_false(sc.u.physinfo.capabilities & XEN_SYSCTL_PHYSCAP_hvm);

    fake_time_advance(1000000);
    memset(info, 0xee, PAGE_SIZE);
    sc.u.getcpuinfo = (struct xen_sysctl_getcpuinfo){ .max_cpus = 3 };
    to_buffer(sc.u.getcpuinfo.info);
    assert_int_equal(sysctl(XEN_SYSCTL_getcpuinfo), 0);
    assert_int_equal(sc.u.getcpuinfo.nr_cpus, 3);
    for (unsigned cpu = 0; cpu < 3; cpu++)
        assert_int_equal(info[cpu].idletime, sched_idle_ns(cpu));
    assert_int_equal(info[3].idletime, 0xeeeeeeeeeeeeeeeeUL);
    sc.u.getcpuinfo.max_cpus = 99;
    assert_int_equal(sysctl(XEN_SYSCTL_getcpuinfo), 0);
    assert_int_equal(sc.u.getcpuinfo.nr_cpus, 4);
    to_nowhere(sc.u.getcpuinfo.info);
    assert_int_equal(sysctl(XEN_SYSCTL_getcpuinfo), -EFAULT);

    sc.u.cputopoinfo = (struct xen_sysctl_cputopoinfo){ .num_cpus = 0 };
    assert_int_equal(sysctl(XEN_SYSCTL_cputopoinfo), 0);
    assert_int_equal(sc.u.cputopoinfo.num_cpus, 4);
    memset(topo, 0xee, PAGE_SIZE);
    sc.u.cputopoinfo.num_cpus = 2;
    to_buffer(sc.u.cputopoinfo.cputopo);
    assert_int_equal(sysctl(XEN_SYSCTL_cputopoinfo), 0);
    assert_int_equal(sc.u.cputopoinfo.num_cpus, 4);
    assert_true(topo[0].core == 0 && topo[1].core == 1 && topo[1].socket == 0 && topo[1].node == 0);
    assert_int_equal(topo[2].core, 0xeeeeeeee);
    to_nowhere(sc.u.cputopoinfo.cputopo);
    assert_int_equal(sysctl(XEN_SYSCTL_cputopoinfo), -EFAULT);
}

static u64 available(u32 min_bits, u32 max_bits, s32 node)
{
    sc.u.availheap = (struct xen_sysctl_availheap){ .min_bitwidth = min_bits, .max_bitwidth = max_bits, .node = node };
    assert_int_equal(sysctl(XEN_SYSCTL_availheap), 0);
    return sc.u.availheap.avail_bytes;
}

static void memory_and_nodes(void **state)
{
    struct { u64 memory[2]; u32 distance; } *out = page_at(BUFFER);

    (void)state;
    assert_int_equal(available(0, 0, -1), heap_free_pages() << PAGE_SHIFT);
    assert_int_equal(available(0, 0, 0), heap_free_pages() << PAGE_SHIFT);
    assert_true(available(0, 25, -1) > 0 && available(25, 0, -1) > 0);          /* below 32 MiB of 64, and above */
    assert_int_equal(available(0, 25, -1) + available(25, 0, -1), heap_free_pages() << PAGE_SHIFT);
    sc.u.availheap.node = 1;
    assert_int_equal(sysctl(XEN_SYSCTL_availheap), -EINVAL);

    memset(out, 0xee, sizeof(*out));
    sc.u.numainfo = (struct xen_sysctl_numainfo){ .num_nodes = 0 };
    to_buffer(sc.u.numainfo.meminfo);
    assert_int_equal(sysctl(XEN_SYSCTL_numainfo), 0);
    assert_int_equal(sc.u.numainfo.num_nodes, 1);
    assert_int_equal(out->memory[0], 0xeeeeeeeeeeeeeeeeUL);                     /* no room was offered */
    put_pointer(&sc.u.numainfo.distance, va_of(&out->distance));
    assert_int_equal(sysctl(XEN_SYSCTL_numainfo), 0);
    assert_int_equal(out->memory[0], heap_total_pages() << PAGE_SHIFT);
    assert_int_equal(out->memory[1], heap_free_pages() << PAGE_SHIFT);
    assert_int_equal(out->distance, 10);
    to_nowhere(sc.u.numainfo.distance);
    assert_int_equal(sysctl(XEN_SYSCTL_numainfo), -EFAULT);
    to_nowhere(sc.u.numainfo.meminfo);
    assert_int_equal(sysctl(XEN_SYSCTL_numainfo), -EFAULT);
}

/* ---- the one CPU pool ---- */

static long pool(u32 op, u32 id, u32 domid)
{
    sc.u.cpupool_op = (struct xen_sysctl_cpupool_op){ .op = op, .cpupool_id = id, .domid = domid };
    sc.u.cpupool_op.cpumap.nr_bits = NR_CPUS + 16;
    to_buffer(sc.u.cpupool_op.cpumap.bitmap);
    memset(page_at(BUFFER), 0xee, NR_CPUS / 8 + 3);
    return sysctl(XEN_SYSCTL_cpupool_op);
}

static void the_pool(void **state)
{
    u8 *map = page_at(BUFFER);

    (void)state;
    assert_int_equal(pool(XEN_SYSCTL_CPUPOOL_OP_INFO, 0, 0), 0);
    assert_true(sc.u.cpupool_op.n_dom == 2 && sc.u.cpupool_op.sched_id == sched_abi_id());
    assert_int_equal(map[0], 0x0f);
    for (unsigned i = 1; i < NR_CPUS / 8 + 2; i++)
        assert_int_equal(map[i], 0);            /* also the bits beyond our last CPU */
    assert_int_equal(map[NR_CPUS / 8 + 2], 0xee);
    assert_int_equal(pool(XEN_SYSCTL_CPUPOOL_OP_INFO, 1, 0), -ENOENT);
    assert_int_equal(map[0], 0xee);
    assert_int_equal(pool(XEN_SYSCTL_CPUPOOL_OP_FREEINFO, 0, 0), 0);
    assert_int_equal(map[0], 0);
    assert_int_equal(pool(XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, 0, 5), 0);
    assert_int_equal(pool(XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, 0, 6), -EINVAL);
    assert_int_equal(pool(XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, 1, 5), -EINVAL);
    assert_int_equal(pool(XEN_SYSCTL_CPUPOOL_OP_CREATE, 0, 0), -EOPNOTSUPP);
    sc.u.cpupool_op = (struct xen_sysctl_cpupool_op){ .op = XEN_SYSCTL_CPUPOOL_OP_INFO };
    sc.u.cpupool_op.cpumap.nr_bits = 4;
    to_nowhere(sc.u.cpupool_op.cpumap.bitmap);
    assert_int_equal(sysctl(XEN_SYSCTL_cpupool_op), -EFAULT);
    sc.u.cpupool_op.cpumap.nr_bits = NR_CPUS + 16;
    put_pointer(&sc.u.cpupool_op.cpumap.bitmap, NO_PAGE - NR_CPUS / 8);         /* room for our bits alone */
    assert_int_equal(sysctl(XEN_SYSCTL_cpupool_op), -EFAULT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_ring_is_read), TEST(keys_are_pressed), TEST(processors), TEST(memory_and_nodes), TEST(the_pool),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
