# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What a configuration says of a guest's grants, hardware and watchdog, and what is refused.

# created LINE...: a guest "h" that does not run yet, or none.
created() {
    xl destroy h 2>/dev/null || true
    xl create -qp "$(config h "$@")" 2>/dev/null
}

check_grant_limits() {
    created 'max_grant_frames = 17'
    has 'grant frames' 'nr_frames=1, max_nr_frames=17$' "$(/usr/lib/xen-4.17/bin/xen-diag gnttab_query_size "$(xl domid h)")"
    created 'max_grant_version = 1' 'max_maptrack_frames = 0'
    has 'grant frames' 'nr_frames=1, max_nr_frames=64$' "$(/usr/lib/xen-4.17/bin/xen-diag gnttab_query_size "$(xl domid h)")"
    created 'max_grant_frames = 65' && fail 'more grant frames than any domain may have'
    created 'max_grant_frames = 0' && fail 'no grant frames'
    created 'max_maptrack_frames = 1025' && fail 'more maptrack frames than any domain may have'
    created 'max_grant_version = 3' && fail 'a third version of grant tables'
    gone h || fail 'what was refused is still there'
}

check_hardware_given() {
    created 'irqs = [ 5 ]' 'ioports = [ "2f8-2ff" ]' 'iomem = [ "fed1c,1" ]'
    created 'irqs = [ 1000 ]' && fail 'an interrupt that does not exist was given'
    created 'ioports = [ "20-21" ]' && fail 'ports that domain 0 itself may not use were given'
    gone h || fail 'what was refused is still there'
}

# The guest's driver for it, which is told to go on for longer than its time, and then forgotten.
is_preserved() { xl list h | grep -qE '^h +[0-9]+ +128 +1 +---sw-'; }
check_watchdog() {
    xl destroy h 2>/dev/null || true
    start h 'on_watchdog = "preserve"' 'on_poweroff = "destroy"'
    ask h 'dmesg -n 1; modprobe xen_wdt timeout=5; echo go >/dev/watchdog'
    for _ in 1 2 3 4; do
        sleep 2
        same alive yes "$(ask h 'echo go >/dev/watchdog; echo yes')"
    done
    until_true is_preserved
    has 'the reason' ' 4 +-$' "$(xl list -v h)"
    xl destroy h
}
