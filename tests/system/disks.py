# SPDX-License-Identifier: MIT
"""A disk for a guest: its first half holds test data, the second half is free for a copy of them."""

import hashlib

from data import test_data

DEVICES = {
    'ahci': ('ide-hd,drive=test,bus=ahci.0', ('-device', 'ahci,id=ahci')),
    'virtio': ('virtio-blk-pci,drive=test', ()),
    'nvme': ('nvme,drive=test,serial=hospes', ()),
}
NODES = {'ahci': 'sda', 'virtio': 'vda', 'nvme': 'nvme0n1'}


def attach(kind, data, folder):
    """QEMU arguments for a disk of that kind; its image is folder/disk.img."""
    image = folder / 'disk.img'
    with open(image, 'wb') as file:
        file.write(data)
        file.truncate(2 * len(data))
    device, more = DEVICES[kind]
    return [*more, '-drive', f'if=none,id=test,format=raw,cache=writeback,file={image}', '-device', device]


def copy_command(kind):
    """Copies the data to the free half, through the device and back, and says both digests."""
    return f'''
        set -e
        disk=/dev/{NODES[kind]}
        i=0; while [ ! -b $disk ] && [ $i -lt 100 ]; do usleep 100000; i=$((i + 1)); done
        dd if=$disk of=$disk bs=1M count=@MIB@ seek=@MIB@ conv=fsync,notrunc 2>&1 | tail -n 1
        echo 3 >/proc/sys/vm/drop_caches
        echo "read back $(dd if=$disk bs=1M count=@MIB@ skip=@MIB@ 2>/dev/null | sha256sum)"
        grep -E 'pirq|CPU' /proc/interrupts
    '''


def copy_check(mib):
    """A check that the guest read what we wrote, and that our image holds the copy."""
    def check(text, folder):
        data = test_data(mib)
        digest = hashlib.sha256(data).hexdigest()
        if f'read back {digest}' not in text:
            return 'the guest read back other data than it wrote'
        with open(folder / 'disk.img', 'rb') as file:
            file.seek(len(data))
            copy = file.read(len(data))
        return None if copy == data else 'the disk image does not hold what the guest wrote'
    return check
