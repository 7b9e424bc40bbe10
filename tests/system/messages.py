# SPDX-License-Identifier: MIT
"""The words that tests expect from the hypervisor, in one place: ours, and those of Debian's Xen (the reference)."""


class Hospes:
    """build/hospes.elf"""
    banner = r'Hospes, a hypervisor'
    clock_source = r'^clocksource xen'
    switched_to_hypervisor = r'Serial input to Hospes'
    switched_to_dom0 = r'Serial input to DOM0'
    keys = {'h': r" key 'h' => ", 'q': r'domain 0: rights', 'e': r"'e' pressed", 'm': r'memory: \d+ of \d+ MiB free',
            'r': r'CPU 0: (?:d0v|idle)', 'd': r'rip [0-9a-f]{4}:', 't': r'system time \d+ ns', 'c': r"'c' pressed",
            'A': r'audit: clean'}
    audit_key = 'A'
    audit_clean = r'audit: clean'
    trace_shown = r'trace: CPU 0, \d+ records'
    reboot_key = 'R'
    dom0_crashed = r'Domain 0 crashed: '
    no_reboot = r"'noreboot' was given: halting"
    no_module = r'no domain 0 kernel: give the boot loader'
    bad_kernel = r'domain 0 kernel: \w'
    initrd_too_large = r'domain 0 needs at least \d+ MiB for its kernel and initrd .* raise dom0_mem='
    dom0_mem_too_large = r'dom0_mem: \d+ MiB asked for, \d+ MiB are free: ask for less'
    bad_dom0_mem = r"option 'dom0_mem=\w+' ignored: sizes are numbers above 0"
    unknown_option = r"option 'frobnicate=1' ignored: unknown option"
    malformed_option = r"option 'dom0_max_vcpus=many' ignored: not a number"
    no_long_mode = r'the CPU has no long mode'
    no_nx = r'the CPU has no NX'
    no_memory = r'(?:more memory|the machine\'s memory)'


class Xen:
    """Debian's Xen 4.17. A pattern of None: the case makes no sense there and is skipped."""
    banner = r'Xen version 4\.17'
    clock_source = r'^clocksource (?:xen|tsc)'
    switched_to_hypervisor = r'Serial input to Xen'
    switched_to_dom0 = r'Serial input to DOM0'
    dom0_crashed = r'Hardware Dom0 crashed'
    no_reboot = r"'noreboot' set"
    no_module = r'dom0 kernel not specified'
    bad_kernel = r'Panic on CPU 0|Could not (?:construct|set up) dom0|not.*(?:ELF|Xen)'
    initrd_too_large = r'(?i)panic|initrd|ramdisk'
    dom0_mem_too_large = None
    bad_dom0_mem = None
    unknown_option = None
    malformed_option = None
    no_long_mode = r"CPU doesn't support 64-bit|Long Mode|long mode|ERR: Not a 64-bit CPU"
    no_nx = None
    no_memory = None
    keys = {'h': r"'h' pressed -> showing installed handlers", 'r': r'Scheduler|runq', 'q': r'General information for domain 0',
            'e': r'Event channel information', 'm': r'Physical memory information', 'd': r'RIP: '}
    audit_key = None
    audit_clean = None
    trace_shown = None
    reboot_key = 'R'
