# SPDX-License-Identifier: MIT
"""The operator's view: the keyboard moves between dom0 and the hypervisor, debug keys answer, reboot works."""

import re
import subprocess

import messages
from cases import Case
from machine import SCRIPTS

M = messages.current
SWITCH_INPUT = b'\x01' * 3         # Ctrl-a three times
PROMPT = r'^/root # '
DEMO_PROMPT = r'^root@dom0:~# '


def answers(guest, deadline, sent, pattern):
    """Sends, and waits for an answer in what comes after it."""
    start = len(guest.text)
    guest.send(sent)
    return guest.wait_for(pattern, deadline, start) is not None


def debug_keys(guest, deadline):
    """dom0's shell, over to the hypervisor, every key, and back to the same shell."""
    if not guest.wait_for(PROMPT, deadline):
        return 'no prompt of the dom0 shell'
    if not answers(guest, deadline, b'echo typed $((6 * 7))\n', r'^typed 42'):
        return 'dom0 does not hear the keyboard'
    if not answers(guest, deadline, SWITCH_INPUT, M.switched_to_hypervisor):
        return 'Ctrl-a three times did not reach the hypervisor'
    for key, pattern in M.keys.items():
        if not answers(guest, deadline, key.encode(), pattern):
            return f'the debug key {key} did not answer'
    if not answers(guest, deadline, SWITCH_INPUT, M.switched_to_dom0):
        return 'the keyboard did not return to dom0'
    if not answers(guest, deadline, b'\necho typed $((6 * 8))\n', r'^typed 48'):
        return 'dom0 does not hear the keyboard any more'
    guest.send(b'poweroff\n')
    return None


def demo(guest, deadline):
    """What "make run" shows: the Debian dom0 with a running guest, its console, and the way out."""
    if not guest.wait_for(DEMO_PROMPT, deadline):
        return 'no prompt of the Debian dom0'
    if not answers(guest, deadline, b'xl list\n', r'^demo +\d+ +128 +1 +[r-][b-]---- +[0-9.]+'):
        return 'xl list does not show the guest demo'
    if not answers(guest, deadline, b'xl console demo\n', r'^root@demo:/# '):
        return 'no prompt of the guest demo at xl console'
    if not answers(guest, deadline, b'\necho typed $((6 * 7)) in $(hostname)\n', r'^typed 42 in demo'):
        return 'the guest demo does not hear its console'
    if not answers(guest, deadline, b'\x1d', DEMO_PROMPT.lstrip('^')):
        return 'Ctrl-] does not leave the console of the guest'
    guest.send(b'poweroff\n')
    return None


def reboot_key(guest, deadline):
    if not guest.wait_for(PROMPT, deadline):
        return 'no prompt of the dom0 shell'
    guest.send(SWITCH_INPUT + M.reboot_key.encode())
    return None


def trace_key(guest, deadline):
    if not guest.wait_for(PROMPT, deadline):
        return 'no prompt of the dom0 shell'
    guest.send(SWITCH_INPUT + b'T')
    if not guest.wait_for(M.trace_shown, deadline):
        return 'the trace key did not answer'
    guest.send(SWITCH_INPUT + b'\npoweroff\n')
    return None


def trace_decodes(text, folder):
    log = folder / 'log'
    log.write_text(text)
    done = subprocess.run([SCRIPTS / 'trace-decode.py', log], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    if done.returncode:
        return f'scripts/trace-decode.py made no sense of the trace: {done.stdout[:300]}'
    for event in (r'hypercall  +\w+ first 0x\w+ result -?\d+', r'irq +vector 0x[0-9a-f]{2}', r'event +port \d+ for d0v0',
                  r'trap +vector 0x\w+ rip 0x\w+ cr2 0x\w+'):
        if not re.search(rf'us  CPU 0 +{event}$', done.stdout, re.M):
            return f'no /{event}/ among the last events of domain 0'
    return None


CASES = [
    Case(name='operator-keys', talk=debug_keys, expect=(r'Power down',), limit=120),
    Case(name='operator-demo', talk=demo, expect=(r'Power down',), root='debian', hv_options='dom0_mem=512M', smp=2,
         limit=180),
    Case(name='operator-trace', talk=trace_key, hv_options='trace=4', expect=(M.trace_shown, r'Power down'),
         check=trace_decodes),
    Case(name='operator-reboot', talk=reboot_key, limit=90),
]
