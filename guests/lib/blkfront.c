/* SPDX-License-Identifier: MIT */
/* The block front end: see blkfront.h, and <xen/io/blkif.h> for what the ends say to each other. */
#include <lib/blkfront.h>
#include <lib/grant.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/string.h>
#include <xen/io/protocols.h>

#define ANSWER_NS (60000 * MS)

static long connect(struct block_device *disk, blkif_sring_t *shared)
{
    struct xenbus_device *bus = &disk->bus;
    long ret = xenbus_say(bus, "ring-ref", "%u", xenbus_grant(bus, shared));

    if (ret == 0)
        ret = xenbus_port(bus);
    if (ret == 0)
        ret = xenbus_say(bus, "protocol", "%s", XEN_IO_PROTO_ABI_X86_64);
    if (ret == 0)
        ret = xenbus_state(bus, XenbusStateInitialised);
    if (ret == 0)
        ret = xenbus_await(bus, XenbusStateConnected);
    return ret;
}

long block_open(struct block_device *disk, u32 number)
{
    blkif_sring_t *shared = page_alloc();
    long ret;

    memset(disk, 0, sizeof(*disk));
    SHARED_RING_INIT(shared);
    FRONT_RING_INIT(&disk->ring, shared, PAGE_SIZE);
    ret = xenbus_find(&disk->bus, "vbd", number);
    if (ret == 0)
        ret = connect(disk, shared);
    if (ret != 0)
        return ret;
    for (u32 i = 0; i < BLOCK_PAGES; i++)
        disk->refs[i] = xenbus_reference(); /* for what page, a request says */
    disk->sectors = (u64)xenbus_ask_number(&disk->bus, "sectors", 0);
    disk->read_only = xenbus_ask_number(&disk->bus, "info", 0) & VDISK_READONLY;
    disk->can_flush = xenbus_ask_number(&disk->bus, "feature-flush-cache", 0) == 1;
    return xenbus_state(&disk->bus, XenbusStateConnected);
}

/* The answer to the only request there is. */
static long answer(struct block_device *disk)
{
    const blkif_response_t *response;

    if (!ring_wait(&disk->ring, disk->bus.port, ANSWER_NS))
        guest_panic("the disk does not answer");
    response = RING_GET_RESPONSE(&disk->ring, disk->ring.rsp_cons);
    disk->ring.rsp_cons++;
    if (response->status == BLKIF_RSP_EOPNOTSUPP)
        return -XEN_EOPNOTSUPP;
    return response->status == BLKIF_RSP_OKAY ? 0 : -XEN_EIO;
}

static long transfer(struct block_device *disk, u8 operation, u64 sector, void *const pages[], u32 count)
{
    blkif_request_t *request = RING_GET_REQUEST(&disk->ring, disk->ring.req_prod_pvt);
    long ret;

    if (count > BLOCK_PAGES || sector + count * BLOCK_SECTORS_PER_PAGE > disk->sectors)
        return -XEN_EINVAL;
    request->operation = operation;
    request->nr_segments = (u8)count;
    request->handle = 0;
    request->id = sector;
    request->sector_number = sector;
    for (u32 i = 0; i < count; i++) {
        grant_give(disk->refs[i], disk->bus.back_domid, page_mfn(pages[i]), operation == BLKIF_OP_WRITE);
        request->seg[i] = (struct blkif_request_segment){
            .gref = disk->refs[i], .first_sect = 0, .last_sect = BLOCK_SECTORS_PER_PAGE - 1};
    }
    disk->ring.req_prod_pvt++;
    ring_push(&disk->ring, disk->bus.port);
    ret = answer(disk);
    for (u32 i = 0; i < count; i++)
        grant_take_back(disk->refs[i]);
    return ret;
}

long block_read(struct block_device *disk, u64 sector, void *const pages[], u32 count)
{
    return transfer(disk, BLKIF_OP_READ, sector, pages, count);
}

long block_write(struct block_device *disk, u64 sector, void *const pages[], u32 count)
{
    return transfer(disk, BLKIF_OP_WRITE, sector, pages, count);
}

long block_flush(struct block_device *disk)
{
    return disk->can_flush ? transfer(disk, BLKIF_OP_FLUSH_DISKCACHE, 0, NULL, 0) : -XEN_EOPNOTSUPP;
}

void block_close(struct block_device *disk)
{
    xenbus_close(&disk->bus);
}
