# SPDX-License-Identifier: MIT
"""What a system test is, and what several families of them share."""

import os
from dataclasses import dataclass

# By how much slower than usual this machine is: all limits grow by it.
SCALE = float(os.environ.get('HOSPES_TIME_SCALE') or 1)

# Text that no run may show, whatever it tests, unless the case itself provokes it.
KERNEL_TROUBLE = (r'Kernel panic', r'------------\[ cut here', r'\bBUG: ', r'Call Trace:', r'rcu.*(?:stall|starved)',
                  r'soft lockup', r'general protection fault', r'Attempted to kill init')
HYPERVISOR_TROUBLE = (r'\(XEN\).*(?:[Pp]anic|BUG|Assertion|WARN|crashed)', r'\(XEN\) option .* ignored')


@dataclass
class Case:
    """One boot and what must come of it.

    expect: all of these must appear; never: none of these may. status: what the command must end
    with. ends: "exit", QEMU must end by itself; "open", the machine may go on and is stopped once
    everything expected was seen. talk: a function(machine, deadline) that plays the operator and
    returns what went wrong. check: a function(text, folder) with more to say about the result.
    """
    name: str
    command: str | None = None
    expect: tuple = ()
    never: tuple = KERNEL_TROUBLE + HYPERVISOR_TROUBLE
    status: int | None = 0
    ends: str = 'exit'
    limit: int = 120
    full: bool = False              # only in the long run
    hv: str = ''                    # instead of the hypervisor under test; "xen": Debian's
    hv_options: str = ''
    release: str | None = '6.1'     # Debian kernel; None: no module at all
    kernel: object = None           # function(folder) -> path, instead of the packaged one
    initrd: object = None           # function(folder) -> path, instead of the packaged root
    root: str = 'base'
    words: str = ''                 # words of ours on the kernel's command line
    machine: str = 'q35'
    cpu: str = 'EPYC,+svm,+npt,-smap'
    memory_mib: int = 1024
    smp: int = 1
    boot: str = 'kernel'
    qemu: str = '7'
    reboot: bool = False
    network: str = ''
    extra: tuple = ()
    disk: str = ''                  # QEMU device for a test disk (see disks.py)
    mib: int = 0                    # size of the data on it, or fetched
    disk_image: object = None       # function(path) that makes one more disk
    talk: object = None
    check: object = None
    parts: tuple = ()               # names of which the command says "ok NAME" or "not ok NAME: why", each a test
    host: object = None             # function() instead of a boot


def pairwise(dimensions, allowed=lambda row: True):
    """A small set of rows in which every pair of values of two dimensions occurs, as far as allowed.

    dimensions: name -> values. Greedy and without chance: the same input gives the same rows.
    """
    names = list(dimensions)
    rows_of = [{}]
    for name in names:
        rows_of = [{**row, name: value} for row in rows_of for value in dimensions[name]]
    candidates = [row for row in rows_of if allowed(row)]

    def pairs(row):
        return {(a, row[a], b, row[b]) for i, a in enumerate(names) for b in names[i + 1:]}

    open_pairs = set().union(*(pairs(row) for row in candidates)) if candidates else set()
    chosen = []
    while open_pairs:
        best = max(candidates, key=lambda row: len(pairs(row) & open_pairs))
        chosen.append(best)
        open_pairs -= pairs(best)
    return chosen

