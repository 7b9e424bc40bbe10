/* SPDX-License-Identifier: MIT */
/* What the files of GRANT_TABLE_OP share: grant_table.c the call, grant_map.c mapping and unmapping. */
#ifndef HCALL_GRANT_H
#define HCALL_GRANT_H

#include <hcall/hcall.h>

/* The table of a domain that an operation (GNTTABOP_*) names, if the caller may perform it: a GNTST_ status. */
s16 must_check grant_find_table(unsigned op, u16 domid, struct grant_table **gt);

/* Unmapped in page tables, but CPUs may still have entries: their uses of grants end together, after one flush. */
struct grant_batch {
    u32 n;
    bool flush;
    struct {
        u32 handle;
        u16 parts;
    } pending[32];
};
void grant_batch_end(struct grant_batch *b);

/* Elements of a batch; ctx: the struct grant_batch. */
int grant_op_map(void *ctx, void *elem);
int grant_op_unmap(void *ctx, void *elem);
int grant_op_replace(void *ctx, void *elem);

#endif
