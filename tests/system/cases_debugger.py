# SPDX-License-Identifier: MIT
"""The debugger: scripts/gdb boots, stops where it is told, and its commands know the hypervisor."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

import messages
from cases import Case
from machine import BUILD, SCRIPTS

# Domain 0's first event channel operation: it runs, and the console has said so.
SESSION = '''
hbreak hcall_event_channel_op
continue
backtrace 3
hv-current
hv-cpus
hv-domains
hv-regs 0
hv-log
'''
# What must appear, in this order.
ANSWERS = (r'Breakpoint 1, hcall_event_channel_op \(args=0x[0-9a-f]+\) at hypervisor/hcall/event_channel\.c:\d+',
           r'#1 .* entry_syscall .* at hypervisor/hcall/dispatch\.c',
           r'^CPU 0: cr3 0x[0-9a-f]+, work 0x[0-9a-f]+, d0v0 .*: running, CPU 0, in the registers of CPU 0$',
           r'^CPU 0: cr3 .* d0v0 ',
           r'^domain 0 \(struct domain \*\)0xffff[0-9a-f]+$', r'^    d0v0 .*: running, CPU 0',
           r'^ +rip 0xffffffff8[0-9a-f]{7}$', r'^ +cs 0xe033$',
           r'^\(XEN\) Hospes, a hypervisor', r'^\(XEN\) Domain 0: \d+ MiB, 1 vcpus')
SECONDS = 90


def session():
    """What is wrong with a session of gdb, or None."""
    with tempfile.TemporaryDirectory(prefix='hospes-') as folder:
        script = Path(folder) / 'session.gdb'
        script.write_text(SESSION)
        log = BUILD / 'system/gdb.log'
        try:
            done = subprocess.run([SCRIPTS / 'gdb', '--smp', '1'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, errors='replace', timeout=SECONDS, check=False,
                                  env={**os.environ, 'GDB_ARGS': f'-batch -x {script}'})
        except subprocess.TimeoutExpired as late:
            log.write_bytes(late.stdout or b'')
            return f'no end within {SECONDS} s'
        log.write_text(done.stdout)
    if done.returncode:
        return f'scripts/gdb ended with {done.returncode}'
    start = 0
    for pattern in ANSWERS:
        found = re.compile(pattern, re.M).search(done.stdout, start)
        if not found:
            return f'/{pattern}/ did not appear where it should in what gdb said'
        start = found.end()
    return None


CASES = [Case(name='gdb', host=session)] if messages.current is messages.Hospes else []
