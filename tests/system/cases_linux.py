# SPDX-License-Identifier: MIT
"""What Linux says about itself on the hypervisor: event channels, clock, load, shutdown."""

import re

import messages
from cases import HYPERVISOR_TROUBLE, KERNEL_TROUBLE, Case

M = messages.current
SWITCH_INPUT = b'\x01' * 3         # Ctrl-a three times

CLOCK = '''
    dmesg | grep xen:events
    echo "clocksource $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
    strace -f -o /tmp/trace -e trace=clock_gettime,gettimeofday,time guestcheck clock && echo "clock ok"
    echo "clock system calls: $(grep -c -E 'clock_gettime|gettimeofday|time\\(' /tmp/trace)"
    head /tmp/trace
'''

# guestcheck avx keeps one pattern per process in the vector registers while everything else runs.
STRESS = '''
    guestcheck avx 4 @SECONDS@ >/tmp/avx 2>&1 &
    avx=$!
    stress-ng --cpu 2 --fork 2 --vm 2 --vm-bytes 32M --mmap 1 --mmap-bytes 16M --timer 1 --switch 2 \
        --sigchld 1 --kill 1 --pipe 2 --verify --timeout @SECONDS@ --metrics-brief --oomable --temp-path /tmp
    echo "stress-ng status $?"
    wait $avx
    echo "avx status $? $(cat /tmp/avx)"
    guestcheck hog
    echo "hog status $?"
    dmesg | grep -E 'Out of memory: Killed process .*guestcheck' && echo "oom killer seen"
    echo "ready for the audit"
    read -r line </dev/console
'''
PANIC = 'echo c >/proc/sysrq-trigger'
PANIC_TEXT = r'Kernel panic - not syncing: sysrq triggered crash'


def audit_after(guest, deadline):
    """When the load is over, asks the hypervisor for its audit, and lets dom0 go on."""
    if not guest.wait_for(r'^ready for the audit', deadline):
        return 'the load did not come to its end'
    problem = None
    if M.audit_key:
        guest.send(SWITCH_INPUT + M.audit_key.encode())
        if not guest.wait_for(M.audit_clean, deadline):
            problem = 'the audit after the load is not clean'
        guest.send(SWITCH_INPUT)
    guest.send(b'\n')
    return problem


def quiet(text, _):
    """Under load the hypervisor says nothing but what the operator asked it for."""
    spoke = re.findall(r'^\(XEN\) .*', text.partition('HOSPES-BEGIN')[2].partition('ready for the audit')[0], re.M)
    return f'the hypervisor spoke under load: {spoke[0]}' if spoke else None


def stress_case(seconds, full):
    return Case(name=f'stress-{seconds}s', command=STRESS.replace('@SECONDS@', str(seconds)), root='stress', smp=4,
                memory_mib=512, full=full, limit=seconds * 3 + 150, talk=audit_after,
                check=quiet,
                never=tuple(p for p in KERNEL_TROUBLE if p != r'Call Trace:') + HYPERVISOR_TROUBLE,
                expect=(r'stress-ng status 0', r'avx status 0 .*avx ok', r'hog status 137', r'oom killer seen'))


CASES = [
    # Several CPUs: with one, Linux trusts the TSC itself more than any hypervisor's clock.
    Case(name='linux-clock-events', command=CLOCK, root='stress', smp=2,
         expect=(r'Using FIFO-based ABI', M.clock_source, r'^clock ok', r'^clock system calls: 0')),
    stress_case(60, False),
    stress_case(300, True),
    # Without -no-reboot a reset would show a second boot, so the end of QEMU is a real power-off.
    Case(name='power-off', command='echo going; poweroff', reboot=True, status=None, expect=(r'going',),
         never=(rf'(?s){M.banner}.*{M.banner}',)),
    Case(name='power-reboot', command='echo going; reboot', status=None, expect=(r'going', r'reboot: Restarting system')),
    Case(name='power-reboot-twice', command='echo going; reboot', reboot=True, status=None, ends='open',
         expect=(rf'(?s)going.*{M.banner}.*going',), limit=150),
    Case(name='panic-dom0', command=PANIC, status=None, never=(), expect=(PANIC_TEXT, M.dom0_crashed)),
    Case(name='panic-dom0-noreboot', command=PANIC, hv_options='noreboot', status=None, never=(), ends='open',
         expect=(PANIC_TEXT, M.dom0_crashed, M.no_reboot)),
]
