# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# However a guest ends, in the end the hypervisor holds what it held before: to the frame, port, grant and object.
#
# No domain is left out of the comparison, domain 0 neither: its daemons give everything back, if with a delay, for which
# we wait. What remains of the most that it ever had at a time are pages of its tables of ports (hence the guest that
# comes before the first count) and of mappings (which the count itself leaves out).

CYCLES=${CYCLES:-10}
KINDS=(loaded normal booting crashed deaf orphaned)

# The guest "l"; how long its devices take to come and go is most of a round.
devices() { printf '%s\n' 'disk = ["format=raw,vdev=xvda,access=rw,target=/root/l.img"]' 'vif = ["bridge=xenbr0"]'; }
# leaky ROUND LINE...: its configuration; every fourth round it has devices in any case.
leaky() {
    local more=("${@:2}")
    [ $(($1 % 4)) != 3 ] || mapfile -t -O ${#more[@]} more < <(devices)
    config l 'on_crash = "destroy"' "${more[@]}" >/dev/null
}
leaky_started() {
    leaky "$@"
    log_size l
    xl create -q /run/l.cfg
    await l "$LOG_SIZE" '^GUEST-READY'
    remember l
}

end_normal() {
    leaky_started "$1"
    xl shutdown -w l >/dev/null
    until_true gone l
}

end_booting() {
    leaky "$1" 'vif = ["bridge=xenbr0"]'
    xl create -q /run/l.cfg
    sleep "$(($1 * 7 % 20 / 10)).$(($1 * 7 % 10))"
    xl destroy l
}

# exceeds FILE NUMBER: the number in it does.
exceeds() { [ "$(<"$1")" -gt "$2" ]; }
# advances FILE: the number in it grows from now on.
advances() { until_true exceeds "$1" "$(<"$1")"; }

# Destroyed while its disk is written and packets go both ways.
end_loaded() {
    local id card disk more
    mapfile -t more < <(devices)
    leaky_started 0 "${more[@]}" 'cmdline = "console=hvc0 quiet hospes.ip=10.0.0.2/24"'
    id=$(xl domid l)
    disk=/sys/bus/xen-backend/devices/vbd-$id-51712/statistics
    card=/sys/class/net/vif$id.0/statistics
    ask l 'while :; do dd if=/dev/zero of=/dev/xvda bs=1M count=16 conv=fsync 2>/dev/null; done &
        for one in 1 2; do while :; do wget -q -O /dev/null http://10.0.0.1:4000/load; done & done' >/dev/null
    advances "$card/tx_packets"
    advances "$card/rx_packets"
    advances "$disk/wr_req"
    sleep "0.$(($1 * 7 % 10))"
    xl destroy l
}

end_crashed() {
    leaky_started "$1"
    echo '1 echo c >/proc/sysrq-trigger' >"$(</run/tty.l)"
    until_true gone l
}

# Its kernel waits ten seconds after each line that it says, long before it could hear anything.
end_deaf() {
    local id
    leaky "$1" 'cmdline = "console=hvc0 boot_delay=10000 loglevel=7"'
    xl create -q /run/l.cfg
    id=$(xl domid l)
    timeout 2 xl shutdown l >/dev/null 2>&1 && fail 'it heard'
    same 'what it was asked and has not answered' poweroff "$(xenstore-read "/local/domain/$id/control/shutdown")"
    xl destroy l
}

# The toolstack is killed while it makes the guest, which then gets no further and may not even have a name yet.
end_orphaned() {
    local id
    leaky "$1"
    setsid xl create -q /run/l.cfg >/dev/null 2>&1 &
    sleep "$(($1 * 7 % 20 / 10)).$(($1 * 7 % 10))"
    kill -9 -- "-$!" || true
    wait $! 2>/dev/null || true
    for id in $(xl list | awk 'NR > 1 && $2 > 0 { print $2 }'); do
        xl destroy "$id"
    done
}

check_leaks() {
    local round kind
    bridge_up
    website
    head -c 4M /dev/zero >/run/www/load
    truncate -s 16M /root/l.img
    end_loaded 0
    until_true settled
    for ((round = 0; round < CYCLES; round++)); do
        kind=${KINDS[round % ${#KINDS[@]}]}
        "end_$kind" "$((round / ${#KINDS[@]}))"
        unchanged "guest $round ($kind)"
        echo "round $round ($kind) ended after $SECONDS s"
    done
    same 'loops left' '' "$(losetup -a)"
    same 'cards on the bridge' '' "$(ls /sys/class/net/xenbr0/brif)"
}
