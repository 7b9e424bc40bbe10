# SPDX-License-Identifier: MIT
"""The boot matrix: kernels, CPUs, memory, CPU models and features, boards, and ways to boot."""

import subprocess

from cases import Case, pairwise
from machine import SCRIPTS, kernel_image

MODELS = {'EPYC': 'EPYC,+svm,+npt', 'max': 'max', 'qemu64': 'qemu64'}
DIMENSIONS = {
    'release': ('6.1', '6.12'), 'smp': (1, 4), 'memory_mib': (512, 4096), 'smep': (True, False),
    'smap': (False, True), 'model': ('EPYC', 'max', 'qemu64'), 'machine': ('q35', 'pc'),
    'boot': ('kernel', 'bios', 'uefi'),
}
# Chosen so that each value above occurs.
QUICK = (
    ('6.1', 1, 512, True, False, 'EPYC', 'q35', 'kernel'),
    ('6.12', 1, 4096, True, False, 'max', 'q35', 'kernel'),
    ('6.1', 1, 512, False, False, 'qemu64', 'pc', 'kernel'),
    ('6.1', 4, 4096, True, True, 'EPYC', 'q35', 'uefi'),
    ('6.12', 4, 512, True, True, 'max', 'pc', 'bios'),
    ('6.12', 4, 4096, False, False, 'EPYC', 'q35', 'kernel'),
)
COMMAND = '''
echo "type=$(cat /sys/hypervisor/type) cpus=$(nproc) release=$(uname -r)"
echo "total=$(awk '/MemTotal/ {print $2}' /proc/meminfo)"
'''


def boot_case(row, full):
    model = MODELS[row['model']]
    cpu = f"{model},{'+' if row['smep'] else '-'}smep,{'+' if row['smap'] else '-'}smap"
    name = '-'.join(['boot', row['release'], f"{row['smp']}cpu", f"{row['memory_mib']}m", row['model'],
                     'smep' if row['smep'] else 'nosmep', 'smap' if row['smap'] else 'nosmap',
                     row['machine'], row['boot']])
    return Case(name=name, command=COMMAND, full=full, release=row['release'], smp=row['smp'], cpu=cpu,
                memory_mib=row['memory_mib'], machine=row['machine'], boot=row['boot'],
                qemu='10' if row['smap'] else '7', limit=180,
                expect=(rf"type=xen cpus={row['smp']} release={row['release'].replace('.', '[.]')}",
                        r'Run /init as init process'))


def matrix():
    quick = [dict(zip(DIMENSIONS, row)) for row in QUICK]
    return [boot_case(row, False) for row in quick] + \
           [boot_case(row, True) for row in pairwise(DIMENSIONS) if row not in quick]


def kernels_equal_packages():
    done = subprocess.run([SCRIPTS / 'fetch', '--verify'], stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout if done.returncode else None


CASES = matrix() + [
    Case(name='boot-preempt', command=COMMAND, hv_options='preempt=1', expect=(r'type=xen',)),
    Case(name='boot-elf-kernel', command=COMMAND, kernel=lambda _: kernel_image('6.1', 'vmlinux'),
         expect=(r'type=xen',)),
    Case(name='boot-dom0-mem', command=COMMAND, hv_options='dom0_mem=300M,max:300M',
         expect=(r'total=(?:1[5-9]|2\d)\d{4}$',)),
    Case(name='boot-dom0-vcpus', command=COMMAND, smp=4, hv_options='dom0_max_vcpus=2', expect=(r'cpus=2 ',)),
    Case(name='boot-kernels-equal-packages', host=kernels_equal_packages),
]
