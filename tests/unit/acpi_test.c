/* SPDX-License-Identifier: MIT */
/* lib/acpi.c: the firmware's tables as they should be, missing, damaged, and of a machine larger than we can use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <lib/acpi.h>
#include <lib/errno.h>

#define BASE 0xe0000UL

static u8 image[64 << 10];
static size_t used;
static struct acpi_info info;
static char said[512];

static const void *map(u64 maddr, u64 bytes)
{
    return maddr >= BASE && maddr - BASE <= sizeof(image) && bytes <= sizeof(image) - (maddr - BASE) ?
           image + (maddr - BASE) : NULL;
}

static void report(const char *text) { strncat(said, text, sizeof(said) - strlen(said) - 1); }

static void put(void *at, u64 value, unsigned bytes) { memcpy(at, &value, bytes); }

static void checksum(u8 *p, size_t bytes, unsigned at)
{
    u8 sum = 0;

    p[at] = 0;
    for (size_t i = 0; i < bytes; i++)
        sum = (u8)(sum + p[i]);
    p[at] = (u8)-sum;
}

/* A table with its header; the body is zero. */
static u8 *table(const char *signature, u32 bytes)
{
    u8 *t = image + used;

    used += (bytes + 15) / 16 * 16;
    assert_true(used <= sizeof(image));
    memset(t, 0, bytes);
    memcpy(t, signature, 4);
    put(t + 4, bytes, 4);
    return t;
}

static u64 finish(u8 *t)
{
    u32 bytes;

    memcpy(&bytes, t + 4, 4);
    checksum(t, bytes, 9);
    return BASE + (u64)(t - image);
}

/* The root pointer and root table over the tables; revision 0: RSDT only. */
static int parse(const u64 *tables, unsigned n, u8 revision)
{
    unsigned entry = revision ? 8 : 4;
    u8 *root = table(revision ? "XSDT" : "RSDT", 36 + n * entry), rsdp[36] = "RSD PTR ";

    for (unsigned i = 0; i < n; i++)
        put(root + 36 + i * entry, tables[i], entry);
    rsdp[15] = revision;
    put(rsdp + (revision ? 24 : 16), finish(root), revision ? 8 : 4);
    checksum(rsdp, 20, 8);
    checksum(rsdp, 36, 32);
    return acpi_parse(&info, rsdp, sizeof(rsdp), map, report);
}

static int start(void **state)
{
    (void)state;
    memset(&info, 0, sizeof(info));
    used = 0;
    said[0] = '\0';
    return 0;
}

#define MADT_BYTES 4096

static u8 *madt(unsigned *at)
{
    u8 *t = table("APIC", MADT_BYTES);

    put(t + 36, 0xfee00000, 4);
    t[40] = 1;
    *at = 44;
    return t;
}

static void madt_end(u8 *t, unsigned at) { put(t + 4, at, 4); }

static void madt_cpu(u8 *t, unsigned *at, u8 acpi_id, u8 apic_id, u32 flags)
{
    t[*at] = 0;
    t[*at + 1] = 8;
    t[*at + 2] = acpi_id;
    t[*at + 3] = apic_id;
    put(t + *at + 4, flags, 4);
    *at += 8;
}

static void a_whole_machine(void **state)
{
    unsigned at;
    u8 *m = madt(&at), *f, *h, *c;
    u64 tables[4];

    (void)state;
    madt_cpu(m, &at, 1, 0, 1);
    madt_cpu(m, &at, 2, 2, 1);
    madt_cpu(m, &at, 3, 4, 0);                          /* there is a socket, but no CPU in it */
    memcpy(m + at, ((u8[]){ 9, 16, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0 }), 16);    /* CPU 2 again, as x2APIC */
    at += 16;
    memcpy(m + at, ((u8[]){ 9, 16, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0 }), 16);
    at += 16;
    memcpy(m + at, ((u8[]){ 1, 12, 5, 0, 0, 0, 0xc0, 0xfe, 0x18, 0, 0, 0 }), 12);
    at += 12;
    memcpy(m + at, ((u8[]){ 2, 10, 0, 9, 20, 0, 0, 0, 0x0d, 0 }), 10);
    at += 10;
    memcpy(m + at, ((u8[]){ 2, 10, 0, 16, 20, 0, 0, 0, 0, 0 }), 10);        /* no ISA interrupt has that number */
    at += 10;
    memcpy(m + at, ((u8[]){ 4, 6, 0xff, 5, 0, 1 }), 6);
    at += 6;
    memcpy(m + at, ((u8[]){ 10, 12, 5, 0, 7, 0, 0, 0, 0, 0, 0, 0 }), 12);
    at += 12;
    memcpy(m + at, ((u8[]){ 5, 12, 0, 0, 0, 0, 0xe0, 0xfe, 1, 0, 0, 0 }), 12);
    at += 12;
    memcpy(m + at, ((u8[]){ 0x7f, 3, 0 }), 3);          /* of the future */
    at += 3;
    madt_end(m, at);
    tables[0] = finish(m);

    f = table("FACP", 244);
    put(f + 46, 9, 2);
    put(f + 56, 0x600, 4);
    put(f + 64, 0x604, 4);
    put(f + 76, 0x608, 4);
    f[88] = 4;
    put(f + 112, 1 << 8 | 1 << 10, 4);
    memcpy(f + 116, ((u8[]){ 1, 8, 0, 0, 0xf9, 0x0c, 0, 0, 0, 0, 0, 0 }), 12);
    f[128] = 6;
    memcpy(f + 172, ((u8[]){ 1, 16, 0, 0, 0x14, 0x06, 0, 0, 0, 0, 0, 0 }), 12);
    tables[1] = finish(f);
    h = table("HPET", 56);
    put(h + 44, 0xfed00000, 8);
    tables[2] = finish(h);
    c = table("MCFG", 60);
    put(c + 44, 0xb0000000, 8);
    c[55] = 0xff;
    tables[3] = finish(c);

    assert_int_equal(parse(tables, 4, 2), 0);
    assert_string_equal(said, "");
    assert_true(info.has_madt && info.has_fadt && info.has_8259 && info.pm_timer_32bit);
    assert_int_equal(info.nr_cpus, 3);
    assert_true(info.cpus[1].apic_id == 2 && info.cpus[1].acpi_id == 2);
    assert_true(info.cpus[2].apic_id == 256 && info.cpus[2].acpi_id == 7);
    assert_int_equal(info.lapic_maddr, 0x1fee00000);
    assert_int_equal(info.nr_ioapics, 1);
    assert_true(info.ioapics[0].id == 5 && info.ioapics[0].maddr == 0xfec00000 && info.ioapics[0].gsi_base == 24);
    assert_int_equal(info.nr_overrides, 1);
    assert_true(info.overrides[0].irq == 9 && info.overrides[0].gsi == 20 && info.overrides[0].flags == 0xd);
    assert_int_equal(info.nr_nmis, 2);
    assert_true(info.nmis[0].acpi_id == ~0u && info.nmis[0].lint == 1 && info.nmis[0].flags == 5);
    assert_true(info.nmis[1].acpi_id == 7 && info.nmis[1].lint == 0);
    assert_int_equal(info.sci, 9);
    assert_true(info.pm1a_event.address == 0x600 && info.pm1a_event.space == ACPI_SPACE_PORT);
    assert_int_equal(info.pm1a_control.address, 0x614);         /* the extended field wins */
    assert_int_equal(info.pm1b_control.address, 0);
    assert_int_equal(info.pm_timer.address, 0x608);
    assert_true(info.reset.address == 0xcf9 && info.reset_value == 6);
    assert_int_equal(info.hpet_maddr, 0xfed00000);
    assert_true(info.nr_mcfg == 1 && info.mcfg[0].maddr == 0xb0000000 && info.mcfg[0].bus_last == 0xff);
}

static void an_old_root_table(void **state)
{
    unsigned at;
    u8 *m = madt(&at);
    u64 tables[2];

    (void)state;
    madt_cpu(m, &at, 0, 0, 1);
    madt_end(m, at);
    tables[0] = finish(m);
    tables[1] = finish(table("FACP", 100));             /* shorter than any */
    assert_int_equal(parse(tables, 2, 0), 0);
    assert_true(info.has_madt && !info.has_fadt);
    assert_int_equal(info.nr_cpus, 1);
}

static void no_madt(void **state)
{
    u64 fadt = finish(table("FACP", 116));

    (void)state;
    assert_int_equal(parse(&fadt, 1, 2), 0);
    assert_false(info.has_madt);                        /* machine/start.c says what follows from that */
    assert_true(info.has_fadt);
    assert_int_equal(info.nr_cpus, 0);
}

static void damaged_tables(void **state)
{
    unsigned at;
    u8 *m = madt(&at);
    u64 tables[2];

    (void)state;
    madt_cpu(m, &at, 0, 0, 1);
    madt_end(m, at);
    tables[0] = finish(m);
    m[9]++;
    tables[1] = finish(table("FACP", 116));
    image[tables[1] - BASE + 50]++;
    assert_int_equal(parse(tables, 2, 2), 0);
    assert_false(info.has_madt || info.has_fadt);
    assert_non_null(strstr(said, "MADT (CPU table) is damaged"));
    assert_non_null(strstr(said, "no power-off"));

    start(NULL);                                        /* lengths that cannot be; a table outside memory */
    m = madt(&at);
    put(m + 4, 8, 4);
    tables[0] = BASE;
    tables[1] = BASE + sizeof(image) - 8;
    assert_int_equal(parse(tables, 2, 2), 0);
    assert_false(info.has_madt);
    start(NULL);
    m = madt(&at);
    put(m + 4, 8 << 20, 4);
    assert_int_equal(parse((u64[]){ BASE }, 1, 2), 0);
    assert_false(info.has_madt);
}

static void damaged_entries(void **state)
{
    static const u8 bad[][2] = { { 0, 0 }, { 0, 1 }, { 0, 7 }, { 1, 8 }, { 9, 12 }, { 0x7f, 200 } };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        unsigned at;
        u8 *m;

        start(NULL);
        m = madt(&at);
        madt_cpu(m, &at, 0, 0, 1);
        m[at] = bad[i][0];
        m[at + 1] = bad[i][1];
        madt_end(m, at + 12);
        assert_int_equal(parse((u64[]){ finish(m) }, 1, 2), 0);
        assert_int_equal(info.nr_cpus, 1);              /* those before the damage */
        assert_non_null(strstr(said, "damaged entry"));
    }
    start(NULL);
    assert_int_equal(parse((u64[]){ finish(table("APIC", 40)) }, 1, 2), 0);
    assert_non_null(strstr(said, "too short"));
}

static void two_madts(void **state)
{
    u64 tables[2];

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        unsigned at;
        u8 *m = madt(&at);

        for (unsigned cpu = 0; cpu <= i; cpu++)
            madt_cpu(m, &at, (u8)cpu, (u8)cpu, 1);
        madt_end(m, at);
        tables[i] = finish(m);
    }
    assert_int_equal(parse(tables, 2, 2), 0);
    assert_int_equal(info.nr_cpus, 1);
    assert_non_null(strstr(said, "two MADTs"));
}

static void more_than_there_is_room_for(void **state)
{
    unsigned at;
    u8 *m = madt(&at), *c = table("MCFG", 44 + 16 * 6);

    (void)state;
    for (unsigned i = 0; i < 150; i++)
        madt_cpu(m, &at, (u8)i, (u8)i, 1);
    for (unsigned i = 0; i < 20; i++, at += 12)
        memcpy(m + at, ((u8[]){ 1, 12, (u8)i, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0 }), 12);
    for (unsigned i = 0; i < 20; i++, at += 10)
        memcpy(m + at, ((u8[]){ 2, 10, 0, 3, 3, 0, 0, 0, 0, 0 }), 10);
    for (unsigned i = 0; i < 20; i++, at += 6)
        memcpy(m + at, ((u8[]){ 4, 6, 1, 0, 0, 1 }), 6);
    madt_end(m, at);
    assert_int_equal(parse((u64[]){ finish(m), finish(c) }, 2, 2), 0);
    assert_int_equal(info.nr_cpus, NR_CPUS);
    assert_int_equal(info.nr_cpus_ignored, 150 - NR_CPUS);
    assert_int_equal(info.nr_ioapics, ACPI_MAX_IOAPICS);
    assert_int_equal(info.nr_overrides, ACPI_MAX_OVERRIDES);
    assert_int_equal(info.nr_nmis, ACPI_MAX_NMIS);
    assert_int_equal(info.nr_mcfg, ACPI_MAX_MCFG);
}

static void no_root(void **state)
{
    u8 rsdp[36] = "RSD PTR ";

    (void)state;
    assert_int_equal(acpi_parse(&info, NULL, 0, map, report), -ENOENT);
    assert_int_equal(acpi_parse(&info, rsdp, sizeof(rsdp), map, report), -ENOENT);      /* checksum */
    checksum(rsdp, 20, 8);
    assert_true(acpi_rsdp_valid(rsdp, 20));
    assert_false(acpi_rsdp_valid(rsdp, 19));
    assert_int_equal(acpi_parse(&info, rsdp, sizeof(rsdp), map, report), -ENOENT);      /* leads nowhere */
    rsdp[15] = 2;
    checksum(rsdp, 20, 8);
    assert_false(acpi_rsdp_valid(rsdp, 20));            /* the longer form is cut */
    rsdp[33] = 1;
    assert_false(acpi_rsdp_valid(rsdp, 36));
    rsdp[33] = 0;
    put(rsdp + 24, finish(table("FACP", 116)), 8);      /* a root that is none */
    checksum(rsdp, 20, 8);
    checksum(rsdp, 36, 32);
    assert_int_equal(acpi_parse(&info, rsdp, sizeof(rsdp), map, report), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_whole_machine, start), cmocka_unit_test_setup(an_old_root_table, start),
        cmocka_unit_test_setup(no_madt, start), cmocka_unit_test_setup(damaged_tables, start),
        cmocka_unit_test_setup(damaged_entries, start), cmocka_unit_test_setup(two_madts, start),
        cmocka_unit_test_setup(more_than_there_is_room_for, start), cmocka_unit_test_setup(no_root, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
