/* SPDX-License-Identifier: MIT */
/* What a guest sets up of a CPU: traps, callbacks, descriptors, bases, debug registers, TS, assists. */
#include "hcall_fixture.h"

#include <xen/callback.h>

static void trap_tables(void **state)
{
    struct trap_info *t = page_at(1);

    (void)state;
    t[0] = (struct trap_info){ .vector = 255, .flags = 7, .cs = 0xe030, .address = CODE };
    t[1] = (struct trap_info){ .vector = 14, .flags = 4, .cs = SEL_GUEST_CS64, .address = CODE + 1 };
    t[2].address = 0;
    assert_int_equal(hypercall(__HYPERVISOR_set_trap_table, va_of(t)), 0);
    assert_true(g->v->pv.traps[255].addr == CODE && g->v->pv.traps[255].cs == 0xe033);
    assert_true(g->v->pv.traps[255].dpl == 3 && g->v->pv.traps[255].mask);
    assert_true(g->v->pv.traps[14].dpl == 0 && g->v->pv.traps[14].mask);
    t[0].address = 0x800000000000;
    assert_int_equal(hypercall(__HYPERVISOR_set_trap_table, va_of(t)), -EINVAL);
    assert_int_equal(g->v->pv.traps[255].addr, CODE);
    t[0].address = HOLE_START;                  /* the guest's own harm: it faults there */
    assert_int_equal(hypercall(__HYPERVISOR_set_trap_table, va_of(t)), 0);
    assert_int_equal(g->v->pv.traps[255].addr, HOLE_START);
    assert_efault(hypercall(__HYPERVISOR_set_trap_table, bad));
    t = (struct trap_info *)(g->mem + (WINDOW_PAGES << PAGE_SHIFT)) - 1;
    *t = (struct trap_info){ .vector = 1, .address = CODE };
    assert_int_equal(hypercall(__HYPERVISOR_set_trap_table, va_of(t)), -EFAULT);    /* no end */
    assert_int_equal(hypercall(__HYPERVISOR_set_trap_table, 0), 0);
    for (unsigned i = 0; i < 256; i++)
        assert_int_equal(g->v->pv.traps[i].addr, 0);
}

static long callback(unsigned type, u16 flags, u64 address)
{
    struct callback_register r = { .type = (u16)type, .flags = flags, .address = address };

    return hypercall(__HYPERVISOR_callback_op, CALLBACKOP_register, put_arg(&r, sizeof(r)));
}

static long callback_gone(unsigned type)
{
    struct callback_unregister r = { .type = (u16)type };

    return hypercall(__HYPERVISOR_callback_op, CALLBACKOP_unregister, put_arg(&r, sizeof(r)));
}

static void callbacks(void **state)
{
    struct pv_vcpu *pv = &g->v->pv;
    const struct { unsigned type; struct pv_callback *cb; } types[] = {
        { CALLBACKTYPE_event, &pv->event }, { CALLBACKTYPE_failsafe, &pv->failsafe }, { CALLBACKTYPE_syscall, &pv->syscall },
        { CALLBACKTYPE_sysenter_deprecated, &pv->sysenter }, { CALLBACKTYPE_sysenter, &pv->sysenter },
        { CALLBACKTYPE_syscall32, &pv->syscall32 },
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
        bool always = types[i].type == CALLBACKTYPE_event || types[i].type == CALLBACKTYPE_failsafe;

        assert_int_equal(callback(types[i].type, 0, CODE + i), 0);
        assert_true(types[i].cb->addr == CODE + i && types[i].cb->mask == (types[i].type == CALLBACKTYPE_event));
        assert_int_equal(callback(types[i].type, CALLBACKF_mask_events, CODE + i), 0);
        assert_true(types[i].cb->mask);
        assert_int_equal(callback(types[i].type, 0, HOLE_START), -EINVAL);
        assert_int_equal(callback(types[i].type, 0, 0x800000000000), -EINVAL);
        assert_int_equal(types[i].cb->addr, CODE + i);
        assert_int_equal(callback_gone(types[i].type), always ? -EINVAL : 0);
        assert_int_equal(types[i].cb->addr, always ? CODE + i : 0);
    }
    assert_int_equal(callback(CALLBACKTYPE_nmi, 0, CODE), 0);
    assert_int_equal(pv->traps[2].addr, CODE);
    assert_int_equal(callback_gone(CALLBACKTYPE_nmi), 0);
    assert_int_equal(pv->traps[2].addr, 0);
    assert_int_equal(callback(6, 0, CODE), -ENOSYS);
    assert_int_equal(callback(8, 0, CODE), -ENOSYS);
    assert_int_equal(callback_gone(8), -ENOSYS);
    assert_int_equal(hypercall(__HYPERVISOR_callback_op, 2, WINDOW), -ENOSYS);
    assert_efault(hypercall(__HYPERVISOR_callback_op, CALLBACKOP_register, bad));
    assert_efault(hypercall(__HYPERVISOR_callback_op, CALLBACKOP_unregister, bad));
}

static void descriptor_tables(void **state)
{
    u64 *frames = page_at(1), refused[] = { g5.window.n, g->l1.n, boot_root.n, frame_max, ~0UL };

    (void)state;
    for (unsigned i = 0; i < 14; i++)
        frames[i] = populate(0).n;
    ((u64 *)frame_map(mfn(frames[0])))[1] = 0x00cffa000000ffffUL;
    assert_int_equal(hypercall(__HYPERVISOR_set_gdt, va_of(frames), 14 * 512), 0);
    assert_int_equal(g->v->pv.gdt_entries, 14 * 512);
    assert_int_equal(frame_type(frame_entry(mfn(frames[13]))), TYPE_SEGDESC);
    assert_int_equal(entry_of(g->d->pv.perdomain_l1[0], 13) & PTE_ADDR_MASK, frames[13] << PAGE_SHIFT);
    assert_int_equal(hypercall(__HYPERVISOR_set_gdt, va_of(frames), 14 * 512 + 1), -EINVAL);
    assert_int_equal(hypercall(__HYPERVISOR_set_gdt, va_of(frames), ~0u), -EINVAL);
    assert_efault(hypercall(__HYPERVISOR_set_gdt, bad, 1));
    for (unsigned i = 0; i < ARRAY_SIZE(refused); i++) {
        frames[1] = refused[i];
        assert_int_equal(hypercall(__HYPERVISOR_set_gdt, va_of(frames), 1024), -EINVAL);
    }
    assert_int_equal(g->v->pv.gdt_entries, 14 * 512);
    assert_int_equal(hypercall(__HYPERVISOR_set_gdt, NOT_MAPPED, 0), 0);
    assert_int_equal(g->v->pv.gdt_entries, 0);
    assert_int_equal(type_count(frame_entry(mfn(frames[0]))), 0);
}

static long update_descriptor(u64 maddr, u64 desc) { return hypercall(__HYPERVISOR_update_descriptor, maddr, desc); }

static void single_descriptors(void **state)
{
    const u64 code = 0x00affb000000ffffUL, gate = 0x0000ec0000000000UL;
    u64 *table = page_at(8), at = frame_at(8).n << PAGE_SHIFT;

    (void)state;
    assert_int_equal(update_descriptor(at + 16, code), 0);      /* plain memory */
    assert_int_equal(table[2], code);
    assert_int_equal(update_descriptor(at + 4, code), -EINVAL);
    assert_int_equal(update_descriptor(at + 24, 0x00009a0000000000UL | 0xffffUL << 16), 0);     /* ring 0: raised */
    assert_int_equal((table[3] >> 45) & 3, 3);
    assert_int_equal(update_descriptor(at + 32, gate | 0xe008UL << 16), -EINVAL);
    assert_int_equal(update_descriptor(at + 32, gate | 0xe030UL << 16), 0);     /* a call gate: its use faults */
    assert_int_equal((table[4] >> 45) & 3, 0);
    assert_int_equal((table[4] >> 16) & 3, 3);                  /* where the level went */
    assert_int_equal(update_descriptor(at + 40, table[4]), 0);  /* written back as it was read */
    assert_int_equal(table[5], table[4]);
    assert_int_equal(update_descriptor(at + 32, 0x0000890000000000UL), -EINVAL);                /* a TSS */
    assert_int_equal(update_descriptor(g->l1.n << PAGE_SHIFT, code), -EINVAL);
    assert_int_equal(update_descriptor(g5.window.n << PAGE_SHIFT, code), -EINVAL);
    assert_int_equal(update_descriptor(frame_max << PAGE_SHIFT, code), -EINVAL);
    assert_int_equal(update_descriptor(~7UL, code), -EINVAL);
    *(u64 *)page_at(1) = frame_at(9).n;                         /* unmapped, in a GDT: written all the same */
    assert_int_equal(hypercall(__HYPERVISOR_update_va_mapping, WINDOW + 9 * PAGE_SIZE, 0, UVMF_INVLPG | UVMF_ALL), 0);
    assert_int_equal(hypercall(__HYPERVISOR_set_gdt, va_of(page_at(1)), 512), 0);
    assert_int_equal(update_descriptor(frame_at(9).n << PAGE_SHIFT | 8, code), 0);
    assert_int_equal(((u64 *)page_at(9))[1], code);
}

static void stacks_and_bases(void **state)
{
    (void)state;
    assert_int_equal(hypercall(__HYPERVISOR_stack_switch, 0xe028, 0x1234), 0);
    assert_int_equal(g->v->pv.kernel_ss, 0xe02b);
    assert_int_equal(g->v->pv.kernel_sp, 0x1234);
    assert_int_equal(hypercall(__HYPERVISOR_set_segment_base, SEGBASE_FS, 0x1000), 0);
    assert_int_equal(read_fs_base(), 0x1000);
    assert_int_equal(hypercall(__HYPERVISOR_set_segment_base, SEGBASE_GS_USER, 0x2000), 0);
    assert_int_equal(read_gs_shadow(), 0x2000);
    assert_int_equal(hypercall(__HYPERVISOR_set_segment_base, SEGBASE_GS_KERNEL, ~0UL), 0);
    assert_int_equal(read_gs_base(), ~0UL);
    for (unsigned which = 0; which < 3; which++)
        assert_int_equal(hypercall(__HYPERVISOR_set_segment_base, which, 0x800000000000), -EINVAL);
    assert_int_equal(read_fs_base(), 0x1000);
    assert_int_equal(hypercall(__HYPERVISOR_set_segment_base, 4, 0), -EINVAL);
    assert_int_equal(hypercall(__HYPERVISOR_set_segment_base, SEGBASE_GS_USER_SEL, 0x2b), 0);
    assert_int_equal(read_seg(SEG_GS), 0x2b);
    fake_bad_selector = 0x33;
    assert_int_equal(hypercall(__HYPERVISOR_set_segment_base, SEGBASE_GS_USER_SEL, 0x33), 0);   /* never fails */
    assert_int_equal(read_seg(SEG_GS), 0);
}

static void fpu_and_debug_registers(void **state)
{
    (void)state;
    assert_int_equal(hypercall(__HYPERVISOR_fpu_taskswitch, 1), 0);
    assert_true(read_cr0() & 8);
    assert_int_equal(hypercall(__HYPERVISOR_fpu_taskswitch, 1UL << 32), 0);     /* an int */
    assert_false(read_cr0() & 8);
    assert_int_equal(hypercall(__HYPERVISOR_set_debugreg, 1, CODE), 0);
    assert_int_equal(hypercall(__HYPERVISOR_get_debugreg, 1), CODE);
    assert_int_equal(fake_cpus[0].dr[1], CODE);
    assert_int_equal(hypercall(__HYPERVISOR_set_debugreg, 1, HOLE_START), -EPERM);
    assert_int_equal(hypercall(__HYPERVISOR_set_debugreg, 1, HOLE_START - 1), -EPERM);
    assert_int_equal(hypercall(__HYPERVISOR_get_debugreg, 1), CODE);
    assert_int_equal(hypercall(__HYPERVISOR_set_debugreg, 7, 1UL << 32), -EINVAL);
    assert_int_equal(hypercall(__HYPERVISOR_get_debugreg, 6), 0xffff0ff0);
    assert_int_equal(hypercall(__HYPERVISOR_get_debugreg, 7), 0x400);
    assert_true(hypercall(__HYPERVISOR_set_debugreg, 8, 0) < 0);
    assert_true(hypercall(__HYPERVISOR_get_debugreg, 8) < 0);
    assert_true(hypercall(__HYPERVISOR_get_debugreg, ~0u) < 0);
}

static void assists(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 6; type++) {
        assert_int_equal(hypercall(__HYPERVISOR_vm_assist, VMASST_CMD_enable, type), 0);
        assert_true(g->d->pv.vm_assist & BIT(type));
        assert_int_equal(g->d->pv.writable_pagetables, type >= 2);
    }
    for (unsigned type = 0; type < 6; type++)
        assert_int_equal(hypercall(__HYPERVISOR_vm_assist, VMASST_CMD_disable, type), 0);
    assert_int_equal(g->d->pv.vm_assist, 0);
    assert_false(g->d->pv.writable_pagetables);
    assert_int_equal(hypercall(__HYPERVISOR_vm_assist, 2, 2), -ENOSYS);
    assert_int_equal(hypercall(__HYPERVISOR_vm_assist, VMASST_CMD_enable, VMASST_TYPE_m2p_strict), -EINVAL);
    assert_int_equal(hypercall(__HYPERVISOR_vm_assist, VMASST_CMD_enable, 6), -EINVAL);
    assert_int_equal(hypercall(__HYPERVISOR_vm_assist, VMASST_CMD_enable, ~0u), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(trap_tables), TEST(callbacks), TEST(descriptor_tables), TEST(single_descriptors), TEST(stacks_and_bases),
        TEST(fpu_and_debug_registers), TEST(assists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
