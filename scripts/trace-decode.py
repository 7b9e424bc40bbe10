#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints the hypervisor's trace rings as text, one event per line, in the order of time.

Reads either a console log in which debug key 'T' printed them, or a dump of memory (for example
QEMU's "pmemsave 0 SIZE FILE"). The hypervisor keeps rings when booted with trace=PAGES.
"""

import argparse
import re
import struct
import sys
from pathlib import Path

MAGIC = b'HOPSTRC1'
HEADER = struct.Struct('<8sIIIIQ')      # magic, cpu, tsc_khz, size, pad, head
RECORD = struct.Struct('<QHHIQQ')       # tsc, event, cpu, a, b, c
HYPERCALLS = Path(__file__).resolve().parent.parent / 'hypervisor/hcall/hypercalls.tbl'

# In step with hypervisor/core/trace.h: name, and how a, b and c read.
EVENTS = {
    1: ('hypercall', '{call} first {b:#x} result {signed}'),
    2: ('trap', 'vector {a:#x} rip {b:#x} cr2 {c:#x}'),
    3: ('irq', 'vector {a:#x}'),
    4: ('switch', 'to d{high}v{low}'),
    5: ('wake', 'd{high}v{low} on CPU {b}'),
    6: ('block', 'd{high}v{low}'),
    7: ('event', 'port {b} for d{high}v{low}'),
    8: ('flush', 'flags {a:#x} address {b:#x}'),
}
LINE = re.compile(r'trace: ([0-9a-f]{16}) ([0-9a-f]{4}) ([0-9a-f]{4}) ([0-9a-f]{8}) ([0-9a-f]{16}) ([0-9a-f]{16})')


def hypercall_names():
    """number -> name, from the table the dispatcher is made of; empty when it is not there."""
    names = {}
    for line in HYPERCALLS.read_text().splitlines() if HYPERCALLS.exists() else []:
        found = re.match(r'call (\d+) (\w+)', line)
        if found:
            names[int(found.group(1))] = found.group(2)
    return names


def of_log(text):
    """Records and TSC rate in kHz from what key 'T' printed."""
    rate = re.search(r'trace: CPU \d+, .*TSC (\d+) kHz', text)
    return [tuple(int(word, 16) for word in row) for row in LINE.findall(text)], int(rate.group(1)) if rate else 0


def of_dump(data):
    """Records and TSC rate in kHz from every ring in a memory dump, the oldest kept record first."""
    records, rate, at = [], 0, data.find(MAGIC)
    while at >= 0:
        _, _, khz, size, _, head = HEADER.unpack_from(data, at) if at + HEADER.size <= len(data) else (0,) * 6
        # The magic also stands in the hypervisor's own code: a ring starts at a page and ends with one.
        if at % 4096 == 0 and (size + 1) % 128 == 0 and at + (size + 1) * RECORD.size <= len(data):
            rate = khz
            for index in range(max(0, head - size), head):
                records.append(RECORD.unpack_from(data, at + HEADER.size + index % size * RECORD.size))
        at = data.find(MAGIC, at + 1)
    return records, rate


def describe(record, calls):
    _, event, _, a, b, c = record
    name, form = EVENTS.get(event, (f'event-{event}', '{a:#x} {b:#x} {c:#x}'))
    signed = c - (1 << 64) if c >> 63 else c
    return f'{name:<11}' + form.format(a=a, b=b, c=c, high=a >> 16, low=a & 0xffff, signed=signed,
                                       call=calls.get(a, a))


def main():
    parser = argparse.ArgumentParser(prog='scripts/trace-decode.py', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('file', type=Path, help='console log or memory dump')
    data = parser.parse_args().file.read_bytes()
    records, rate = of_dump(data)
    if not records:
        records, rate = of_log(data.decode('utf-8', 'replace'))
    if not records:
        print('trace-decode: no trace records here. Boot with trace=4, then press T (after Ctrl-a three times).',
              file=sys.stderr)
        return 1
    records.sort()
    calls, first = hypercall_names(), records[0][0]
    for record in records:
        when = f'{(record[0] - first) / rate * 1000:12.3f} us' if rate else f'{record[0] - first:14} ticks'
        print(f'{when}  CPU {record[2]:<3} {describe(record, calls)}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
