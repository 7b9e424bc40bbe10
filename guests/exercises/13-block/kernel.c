/* SPDX-License-Identifier: MIT */
/* A disk: a checksum of what is on it, something written behind it, and read again. */
#include <lib/blkfront.h>
#include <lib/event.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/string.h>

static void *pages[BLOCK_PAGES];

/* The sum that cksum(1) makes, without its length. */
static u32 crc(u32 sum, const u8 *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sum ^= (u32)bytes[i] << 24;
        for (u32 bit = 0; bit < 8; bit++)
            sum = sum & 0x80000000 ? sum << 1 ^ 0x04c11db7 : sum << 1;
    }
    return sum;
}

static u32 checksum(struct block_device *disk, u64 sectors)
{
    u32 sum = 0;

    for (u64 sector = 0; sector < sectors; sector += BLOCK_PAGES * BLOCK_SECTORS_PER_PAGE) {
        u64 left = (sectors - sector) / BLOCK_SECTORS_PER_PAGE;
        u32 count = left < BLOCK_PAGES ? (u32)left : BLOCK_PAGES;

        if (block_read(disk, sector, pages, count) != 0)
            guest_panic("cannot read sector %lu", sector);
        for (u32 i = 0; i < count; i++)
            sum = crc(sum, pages[i], PAGE_SIZE);
    }
    for (u64 bytes = sectors * BLOCK_SECTOR; bytes != 0; bytes >>= 8)
        sum = crc(sum, (const u8 *)&bytes, 1);
    return ~sum;
}

void guest_main(void)
{
    struct block_device disk;
    long ret;

    upcalls_enable();
    ret = block_open(&disk, 0);
    if (ret != 0)
        guest_panic("no disk: %ld", ret);
    for (u32 i = 0; i < BLOCK_PAGES; i++)
        pages[i] = page_alloc();
    printf("A disk of %lu sectors, %s.\n", disk.sectors, disk.read_only ? "read only" : "mine to write");
    printf("Its first half has the checksum %u.\n", checksum(&disk, disk.sectors / 2));
    memset(pages[0], 'x', PAGE_SIZE);
    printf("Writing the last page: %ld\n", block_write(&disk, disk.sectors - BLOCK_SECTORS_PER_PAGE, pages, 1));
    printf("Writing behind the end: %ld\n", block_write(&disk, disk.sectors, pages, 1));
    printf("Flushing: %ld\n", block_flush(&disk));
    block_close(&disk);
    printf("Closed.\n");
}
