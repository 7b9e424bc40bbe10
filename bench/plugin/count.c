/* SPDX-License-Identifier: MIT */
/*
 * A TCG plugin for QEMU 7.2: counts executed instructions inside and outside the hypervisor's part of
 * the address space, and says the counts at three marks of a boot:
 *   image    the hypervisor's first instruction (its address is given as image=ADDRESS)
 *   kernel   dom0's first instruction: the first one above the top 2 GiB line, where only Linux lives
 *   init     the first instruction of user space
 * Every instruction adds one to a counter of its side, so a fault in the middle of a block counts right.
 * For one CPU only: the counters are not atomic. The result goes to the file out=PATH, one
 * "MARK HYPERVISOR OTHER" line each, in the order in which they came.
 *
 * Debian does not package the plugin header; what we use of that interface (version 1) is declared here.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t plugin_id_t;
struct plugin_info;
struct plugin_tb;
struct plugin_insn;
enum plugin_op { PLUGIN_INLINE_ADD_U64 };

extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id_t id, void (*cb)(plugin_id_t, struct plugin_tb *));
extern void qemu_plugin_register_atexit_cb(plugin_id_t id, void (*cb)(plugin_id_t, void *), void *data);
extern size_t qemu_plugin_tb_n_insns(const struct plugin_tb *tb);
extern struct plugin_insn *qemu_plugin_tb_get_insn(const struct plugin_tb *tb, size_t index);
extern uint64_t qemu_plugin_tb_vaddr(const struct plugin_tb *tb);
extern void qemu_plugin_register_vcpu_insn_exec_inline(struct plugin_insn *insn, enum plugin_op op, void *counter,
                                                       uint64_t value);

EXPORT int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(plugin_id_t id, const struct plugin_info *info, int argc, char **argv);

/* The range that the ABI gives to the hypervisor, and two lines inside the guest's. */
#define HOLE_FIRST   UINT64_C(0xffff800000000000)
#define HOLE_LAST    UINT64_C(0xffff87ffffffffff)
#define KERNEL_FIRST UINT64_C(0xffffffff80000000)
#define USER_LAST    UINT64_C(0x00007fffffffffff)

enum mark { MARK_NONE, MARK_IMAGE, MARK_KERNEL, MARK_INIT };
static const char *const mark_names[] = { "none", "image", "kernel", "init" };

static uint64_t in_hypervisor, in_other;
static uint64_t image_entry;
static enum mark reached;
static FILE *out;

static void say(const char *name)
{
    fprintf(out, "%s %" PRIu64 " %" PRIu64 "\n", name, in_hypervisor, in_other);
    fflush(out);
}

static bool is_mark(enum mark mark, uint64_t address)
{
    switch (mark) {
    case MARK_IMAGE:
        return address == image_entry;
    case MARK_KERNEL:
        return address >= KERNEL_FIRST;
    case MARK_INIT:
        return address <= USER_LAST;
    default:
        return false;
    }
}

/* A block is translated right before it first runs, so its translation is the moment of a mark. */
static void translated(plugin_id_t id, struct plugin_tb *tb)
{
    uint64_t address = qemu_plugin_tb_vaddr(tb);
    uint64_t *counter = address >= HOLE_FIRST && address <= HOLE_LAST ? &in_hypervisor : &in_other;

    (void)id;
    if (reached < MARK_INIT && is_mark(reached + 1, address))
        say(mark_names[++reached]);
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++)
        qemu_plugin_register_vcpu_insn_exec_inline(qemu_plugin_tb_get_insn(tb, i), PLUGIN_INLINE_ADD_U64, counter, 1);
}

static void finished(plugin_id_t id, void *data)
{
    (void)id;
    (void)data;
    say("end");
    fclose(out);
}

int qemu_plugin_install(plugin_id_t id, const struct plugin_info *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "image=", 6) == 0)
            image_entry = strtoull(argv[i] + 6, NULL, 0);
        else if (strncmp(argv[i], "out=", 4) == 0)
            out = fopen(argv[i] + 4, "w");
        else
            return -1;
    }
    if (out == NULL) {
        fputs("count: out=PATH is missing or cannot be written\n", stderr);
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, finished, NULL);
    return 0;
}
