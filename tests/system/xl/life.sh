# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The life of a domain: what lists say of it, its console, how it begins, stops, starts again and ends.

check_info() {
    local info
    info=$(xl info)
    has info '^xen_version +: 4\.17' "$info"
    has info '^xen_caps +: xen-3.0-x86_64' "$info"
    has info '^total_memory +: (10[0-9][0-9]|9[0-9][0-9])$' "$info"
    same 'number of CPUs' "$(grep -c ^processor /proc/cpuinfo)" "$(awk '/^nr_cpus/ { print $3 }' <<<"$info")"
    has topology '^ *1: +1 +0 +0' "$(xl info -n)"
}

check_list() {
    same 'name of domain 0' Domain-0 "$(column 0 1)"
    same 'vcpus of domain 0' "$(nproc)" "$(column 0 4)"
    between 'memory of domain 0' 500 512 "$(column 0 3)"
    has 'long list' '"domid": 0' "$(xl list -l)"
}

check_create() {
    local before after
    before=$(xl info free_memory)
    guest
    after=$(xl info free_memory)
    # Its memory, less what its 32 MiB to grow are not.
    between 'memory that creating took' 128 135 $((before - after))
    same 'memory in the list' 128 "$(column g 3)"
    same 'vcpus in the list' 1 "$(column g 4)"
    has 'its uname' '^Linux .* 6\.1' "$(ask g 'uname -a')"
    has 'its hypervisor' '^xen 4\.17 PV' "$(ask g 'echo $(cat /sys/hypervisor/type /sys/hypervisor/version/major).$(cat /sys/hypervisor/version/minor) $(cat /sys/hypervisor/guest_type)' | sed 's/xen 4 *\./xen 4./')"
}

check_domid_domname() {
    local id
    guest
    id=$(xl domid g)
    same 'name by id' g "$(xl domname "$id")"
    same 'name in the store' g "$(xenstore-read "/local/domain/$id/name")"
    xl domid nobody 2>/dev/null && fail 'a domain that is not has an id'
    xl domname 4711 2>/dev/null && fail 'a domain that is not has a name'
    return 0
}

check_uuid() {
    local id
    guest
    id=$(xl domid g)
    same 'uuid by the store' "$(basename "$(xenstore-read "/local/domain/$id/vm")")" "$(ask g 'cat /sys/hypervisor/uuid')"
}

check_rename() {
    guest
    xl rename g h
    same 'new name' h "$(xl domname "$(xenstore-read "/local/domain/$(xl domid h)/domid" 2>/dev/null || xl domid h)")"
    gone g || fail 'the old name is still there'
    xl rename h g
    same 'name in the store' g "$(xenstore-read "/local/domain/$(xl domid g)/name")"
}

check_console() {
    local out
    guest
    # Ctrl-] leaves; xl must be left with status 0.
    out=$({ sleep 0.5; echo '1 echo typed $((6 * 7))'; sleep 2; printf '\035'; } | script -qec 'xl console g' /dev/null)
    has 'through xl console' 'typed 42' "$out"
}

check_pause_unpause() {
    local size cpu
    guest
    ask g '(while :; do echo tick; usleep 100000; done) & echo $! >/tmp/ticker'
    log_size g; size=$LOG_SIZE
    await g "$size" tick
    xl pause g
    has 'state' '^--p---$' "$(column g 5)"
    sleep 0.5
    log_size g; size=$LOG_SIZE
    cpu=$(xl vcpu-list g | awk 'NR == 2 { print $6 }')
    sleep 1.5
    log_size g
    same 'console while paused' "$size" "$LOG_SIZE"
    same 'CPU time while paused' "$cpu" "$(xl vcpu-list g | awk 'NR == 2 { print $6 }')"
    xl unpause g
    await g "$size" tick
    ask g 'kill $(cat /tmp/ticker)'
    has 'state' '^[rb-]-----$|^-b----$' "$(column g 5)"
}

uptime_by_xl() { xl uptime g | awk '$1 == "g" { split($3, t, ":"); print t[1] * 3600 + t[2] * 60 + t[3] }'; }

check_uptime() {
    local guest_seconds xl_seconds
    guest
    xl_seconds=$(uptime_by_xl)
    guest_seconds=$(ask g 'cut -d. -f1 /proc/uptime')
    # Building it took a while, in which the guest did not live yet.
    between 'uptime by xl' $((guest_seconds - 5)) $((guest_seconds + PATIENCE)) "$xl_seconds"
    sleep 3
    xl_seconds=$(($(uptime_by_xl) - xl_seconds))
    guest_seconds=$(($(ask g 'cut -d. -f1 /proc/uptime') - guest_seconds))
    between 'time passed by xl' $((guest_seconds - 2)) $((guest_seconds + 2)) "$xl_seconds"
}

check_sysrq() {
    guest
    xl sysrq g h
    until_true ask_says g 'dmesg' 'sysrq: HELP'
}
ask_says() { ask "$1" "$2" | grep -q "$3"; }

check_trigger_nmi() {
    local before
    guest
    before=$(ask g "awk '/NMI:/ { print \$2 }' /proc/interrupts")
    xl trigger g nmi
    sleep 0.5
    between 'NMIs the guest took' $((before + 1)) $((before + 1)) "$(ask g "awk '/NMI:/ { print \$2 }' /proc/interrupts")"
}

check_reboot() {
    local id size
    guest
    id=$(xl domid g)
    log_size g; size=$LOG_SIZE
    xl reboot g
    await g "$size" '^GUEST-reboot'
    await g "$size" '^GUEST-READY'
    remember g
    between 'the id after a reboot' $((id + 1)) $((id + 1)) "$(xl domid g)"
    has 'its uname' '^Linux' "$(ask g 'uname -a')"
}

check_shutdown() {
    local size
    guest
    log_size g; size=$LOG_SIZE
    xl shutdown -w g
    log_has g "$size" '^GUEST-poweroff' || fail 'the guest was not asked'
    until_true gone g
}

check_destroy() {
    local id
    guest
    id=$(xl domid g)
    xl destroy g
    gone g || fail 'it is still there'
    xenstore-exists "/local/domain/$id" && fail 'it is still in the store'
    xl destroy g 2>/dev/null && fail 'a domain can be destroyed twice'
    return 0
}

check_create_paused() {
    local size
    log_size p; size=$LOG_SIZE
    xl create -q -p "$(config p)"
    has 'state' '^--p---$' "$(column p 5)"
    sleep 1
    log_size p
    same 'console' "$size" "$LOG_SIZE"
    same 'CPU time' 0.0 "$(column p 6)"
    xl unpause p
    await p "$size" '^GUEST-READY'
    xl destroy p
}

check_crash() {
    local size
    start c 'on_crash = "preserve"'
    log_size c; size=$LOG_SIZE
    echo '1 echo c >/proc/sysrq-trigger' >"$(</run/tty.c)"
    await c "$size" 'sysrq triggered crash'
    until_true crashed c
    same 'how it ended, as xl list says' '---sc-' "$(column c 5 | sed 's/^./-/')"
    xl destroy c
}
crashed() { column "$1" 5 | grep -q c; }
