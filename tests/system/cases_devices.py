# SPDX-License-Identifier: MIT
"""Real devices in dom0: disks and network cards, their data intact, their interrupts through the hypervisor."""

import hashlib

from cases import Case
from data import test_data
from disks import copy_check, copy_command

# What /proc/interrupts says of each disk: MSI for AHCI, MSI-X for the others.
DISK_INTERRUPTS = {'ahci': r'xen-pirq +-msi +ahci', 'virtio': r'xen-pirq +-msi-x +virtio\d+-req',
                   'nvme': r'xen-pirq +-msi-x +nvme0q1'}
CARD_INTERRUPTS = {'e1000e': r'xen-pirq +-msi-x +eth0', 'virtio-net-pci': r'xen-pirq +-msi-x +virtio\d+-input',
                   'e1000': r'xen-pirq +-ioapic-level +eth0'}

FETCH = '''
    set -e
    echo "fetched $(wget -q -O - http://10.0.2.2:@PORT@/@MIB@ | sha256sum)"
    grep -E 'pirq|CPU' /proc/interrupts
'''

# Each CPU reads the disk in turn, so that each queue of the device interrupts its own CPU; then the
# rows of that device must show counts on more than one CPU.
SPREAD = '''
    i=0; while [ ! -b /dev/nvme0n1 ] && [ $i -lt 100 ]; do usleep 100000; i=$((i + 1)); done
    for cpu in 0 1 2 3; do
        echo 3 >/proc/sys/vm/drop_caches
        taskset -c $cpu dd if=/dev/nvme0n1 of=/dev/null bs=64k count=64 skip=$((cpu * 64)) 2>/dev/null
        taskset -c $cpu wget -q -O /dev/null http://10.0.2.2:@PORT@/@MIB@
    done
    cat /proc/interrupts
    awk '/msi-x.*nvme0q/ { for (i = 2; i <= 5; i++) if ($i > 0) seen[i] = 1 }
         END { n = 0; for (i in seen) n++; print "msi-x counts on " n " CPUs" }' /proc/interrupts
'''


def disk_case(kind, mib, full):
    return Case(name=f'disk-{kind}-{mib}m', command=copy_command(kind), disk=kind, mib=mib, full=full,
                expect=(DISK_INTERRUPTS[kind],), check=copy_check(mib), limit=120 + mib)


def card_case(card, mib, full):
    digest = hashlib.sha256(test_data(mib)).hexdigest()
    return Case(name=f'net-{card}-{mib}m', command=FETCH, network=card, words='hospes.net', mib=mib, full=full,
                expect=(rf'fetched {digest}', CARD_INTERRUPTS[card]), limit=120 + 2 * mib)


CASES = [make(kind, mib, mib > 20)
         for make, kinds in ((disk_case, ('ahci', 'virtio', 'nvme')), (card_case, ('e1000e', 'virtio-net-pci')))
         for kind in kinds for mib in (20, 200)]
CASES += [
    card_case('e1000', 20, True),
    Case(name='irq-spread', command=SPREAD, smp=4, disk='nvme', mib=8, network='virtio-net-pci', words='hospes.net',
         expect=(r'xen-pirq +-ioapic-', r'xen-pirq +-msi +ahci', r'xen-pirq +-msi-x', r'xen-percpu +-ipi +resched3',
                 r'msi-x counts on [2-4] CPUs'), limit=180),
]
