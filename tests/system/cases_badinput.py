# SPDX-License-Identifier: MIT
"""Bad input: a message that names cause and remedy, and then no hang and no silent reset."""

import messages
from cases import Case
from machine import cached, kernel_image

M = messages.current
MIB = 1 << 20


def changed_kernel(change):
    """A kernel file for a case: the packaged bzImage after change(bytearray) -> bytes."""
    def make(folder):
        path = folder / 'kernel'
        path.write_bytes(change(bytearray(kernel_image('6.1').read_bytes())))
        return path
    return make


def corrupt(image):
    image[len(image) // 2] ^= 0x40
    return image


def initrd_of(mib):
    def make(folder):
        path = folder / 'huge'
        with open(path, 'wb') as file:
            file.truncate(mib * MIB)
        return path
    return make


# A refusal to go on is a panic with a reason; anything else that looks like trouble is one.
NEVER = (r'\(XEN\).*(?:BUG at|Assertion|FATAL TRAP)',) if M is messages.Hospes else ()


def bad(name, message, **more):
    """Such a machine may halt or reset after its words; the words are what matters."""
    return Case(name=f'bad-{name}', expect=(message,), never=NEVER, ends='open', limit=60, **more)


CASES = [
    bad('no-module', M.no_module, release=None),
    bad('kernel-truncated', M.bad_kernel, kernel=changed_kernel(lambda image: image[:3 * MIB])),
    bad('kernel-corrupt', M.bad_kernel, kernel=changed_kernel(corrupt)),
    bad('kernel-not-xen', M.bad_kernel, kernel=lambda _: cached('base', 'bin/busybox')),
    bad('kernel-not-a-kernel', M.bad_kernel, kernel=changed_kernel(lambda image: bytes(64 << 10))),
    bad('initrd-too-large', M.initrd_too_large, initrd=initrd_of(300), hv_options='dom0_mem=200M'),
    bad('dom0-mem-too-large', M.dom0_mem_too_large, hv_options='dom0_mem=64G'),
    bad('dom0-mem-zero', M.bad_dom0_mem, hv_options='dom0_mem=0'),
    bad('dom0-mem-nonsense', M.bad_dom0_mem, hv_options='dom0_mem=lots'),
    bad('option-unknown', M.unknown_option, hv_options='frobnicate=1'),
    bad('option-malformed', M.malformed_option, hv_options='dom0_max_vcpus=many'),
    bad('no-long-mode', M.no_long_mode, cpu='qemu32'),
    bad('no-nx', M.no_nx, cpu='EPYC,+svm,+npt,-smap,-nx'),
    bad('little-memory', M.no_memory, memory_mib=40),
]
