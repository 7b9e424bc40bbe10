# SPDX-License-Identifier: MIT
"""Debian's unmodified toolstack in dom0: xl and what it starts, checked from inside by the scripts in xl/."""

import re

import exercises
from cases import HYPERVISOR_TROUBLE, KERNEL_TROUBLE, SCALE, Case
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent / 'xl'
CHECK = re.compile(r'^check_([a-z0-9_]+)\(\) *\{', re.M)
# What every boot of the Debian dom0 has.
COMMON = {'root': 'debian', 'hv_options': 'dom0_mem=512M', 'never': KERNEL_TROUBLE + HYPERVISOR_TROUBLE}
# A CPU without what hardware guests need.
PLAIN_CPU = 'EPYC,-svm,-smap'
# Trouble where a guest may crash, and the hypervisor says so; domain 0 may not.
CONTAINED = tuple(pattern.replace('crashed', 'Domain 0 crashed') for pattern in KERNEL_TROUBLE + HYPERVISOR_TROUBLE)


def recorded(part):
    """A line that puts what the checks of xl/PART.sh compare with into a file of dom0's, if there is such a record."""
    record = SCRIPTS / f'{part}.txt'
    if not record.is_file():
        return []
    return ["[ -n \"${1:-}\" ] || cat >/run/expected <<'END OF RECORD'", record.read_text() + 'END OF RECORD']


def script(parts, settings, patience):
    """The whole program for dom0: settings, what checks share, the checks of the files, and the call that runs them."""
    limit = f'LIMIT={patience * SCALE:.0f}'
    text = [limit, *settings, *((SCRIPTS / f'{part}.sh').read_text() for part in ('lib', *parts))]
    return '\n'.join([*text, *(line for part in parts for line in recorded(part)), 'run_checks "$@"', ''])


def boot(*parts, suffix='', settings=(), patience=100, **more):
    """One boot of dom0 that runs the checks of xl/PART.sh for each part; each counts as a test of its own.

    settings: lines that set what those scripts leave to be set. patience: seconds for one check.
    """
    checks = tuple(check for part in parts for check in CHECK.findall((SCRIPTS / f'{part}.sh').read_text()))
    return Case(name=f'xl-{parts[0]}{suffix}', command=script(parts, settings, patience), parts=checks,
                **{**COMMON, 'smp': 2, 'limit': 240, **more})


def exercises_case(suffix='', **more):
    """The exercises of the book, each against its page."""
    command = f'export PATIENCE={90 * SCALE:.0f}; {exercises.command("check")}'
    return Case(name=f'exercises{suffix}', command=command, disk_image=exercises.image, parts=tuple(exercises.names()),
                **{**COMMON, 'limit': 400, **more})


CASES = [
    exercises_case(),
    exercises_case('-reference', hv='xen', full=True),
    boot('life'),
    boot('set', 'config'),
    boot('devices'),
    boot('limits'),
    boot('bad', smp=1, patience=250, limit=400),
    boot('leaks', 'contain', patience=240, limit=420, never=CONTAINED),
    boot('leaks', 'contain', suffix='-long', settings=['CYCLES=100', 'ROUNDS=20'], patience=1800, limit=2400, never=CONTAINED,
         full=True),
    boot('smp', smp=4),
    boot('net', smp=1, patience=250, limit=600),
    boot('smp', suffix='-1cpu', smp=1, settings=['VCPUS="8"']),
    boot('net', suffix='-long', smp=4, settings=['SIZE=200'], patience=600, limit=1400, memory_mib=3072, full=True),
    *(boot('smp', suffix=f'-{cpus}cpu-long', smp=cpus, settings=['VCPUS="1 2 3 4 8"'], patience=300, limit=400, full=True)
      for cpus in (1, 2, 4)),
    boot('virsh'),
    boot('programs', cpu=PLAIN_CPU),
    boot('programs', suffix='-ocaml', cpu=PLAIN_CPU, words='hospes.xenstored=ocaml'),
    boot('programs', suffix='-reference', cpu=PLAIN_CPU, hv='xen', full=True),
]
