/* SPDX-License-Identifier: MIT */
/*
 * Taking a dying domain's memory away. Its frames are found through the account's per-chunk counts; each loses its pin,
 * what half-done work on it holds, and its owner's reference. A table goes once nothing above it refers to it, so the
 * order does not matter. The progress is in the account: frames below mm->relinquished have been looked at.
 */
#include <core/work.h>
#include <lib/errno.h>
#include <mm/table.h>

#define FRAMES_PER_STEP 32

static int frame_take(struct mmu_ctx *ctx, mfn_t m)
{
    struct frame *f;
    int rc = 0;

    if (!frame_valid(m) || frame_get(m, ctx->mm->domid))
        return 0;
    f = frame_entry(m);
    if (READ_ONCE(f->type) & TYPE_PINNED)
        rc = table_unpin(ctx, m) ? 0 : mmu_drain(ctx);
    if (rc == 0)
        rc = table_release_partial(ctx, f);
    if (rc == 0)
        (void)frame_release(f);         /* gone already: others keep it alive; or shared: see mm_abandon_shared() */
    frame_put(f);
    return rc;
}

int mm_relinquish(struct mmu_ctx *ctx)
{
    struct mm_domain *mm = ctx->mm;
    int rc = mmu_drain(ctx);

    while (rc == 0 && mm->relinquished < frame_max) {
        if (!READ_ONCE(mm->chunks[mm->relinquished / PTES_PER_PAGE])) {
            mm->relinquished = (mm->relinquished / PTES_PER_PAGE + 1) * PTES_PER_PAGE;
            continue;
        }
        rc = frame_take(ctx, mfn(mm->relinquished));
        if (rc)
            break;
        mm->relinquished++;
        if (mm->relinquished % FRAMES_PER_STEP == 0 && preempt_point())
            rc = -ERESTART;
    }
    return rc;
}
