/* SPDX-License-Identifier: MIT */
/* A block front end: disks that a back end in another domain serves. One request at a time, which is waited for. */
#pragma once

#include <lib/ring.h>
#include <lib/types.h>
#include <lib/xenbus.h>
#include <xen/io/blkif.h>

#define BLOCK_PAGES BLKIF_MAX_SEGMENTS_PER_REQUEST /* the most that one transfer moves */
#define BLOCK_SECTOR 512u
#define BLOCK_SECTORS_PER_PAGE (PAGE_SIZE / BLOCK_SECTOR)

struct block_device {
    struct xenbus_device bus;
    blkif_front_ring_t ring;
    u32 refs[BLOCK_PAGES]; /* of the pages of the request that is under way */
    u64 sectors;
    bool read_only, can_flush;
};

/* The number-th disk of the domain: 0 or -errno. */
long block_open(struct block_device *disk, u32 number);
/* Move whole pages between the disk and memory: 0; -EINVAL beyond the end; -EIO when the back end says so. */
long block_read(struct block_device *disk, u64 sector, void *const pages[], u32 count);
long block_write(struct block_device *disk, u64 sector, void *const pages[], u32 count);
/* All that was written is on the disk when it returns. -EOPNOTSUPP. */
long block_flush(struct block_device *disk);
void block_close(struct block_device *disk);
