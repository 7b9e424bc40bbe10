# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# libvirt's own tools with its unchanged driver for Xen: what virsh says must agree with what xl, the guest and the
# guest's console say. Its daemon is started by the first check that needs it. Debian's Xen is no reference in an
# emulated AMD CPU: there the host's features lack SYSENTER, and libvirt then knows no such CPU and does not start.

virsh() { command virsh -q -c xen:///system "$@"; }

# The packages are unpacked and not installed: nobody else makes the daemon's directories.
daemon() {
    [ -S /run/libvirt/libvirt-sock ] && return
    mkdir -p /run/libvirt /var/log/libvirt /var/lib/libvirt /var/cache/libvirt
    libvirtd -d
    until_true test -S /run/libvirt/libvirt-sock
}

# description NAME KERNEL: of a mini guest; prints the path.
description() {
    cat >"/run/$1.xml" <<END
<domain type='xen'>
  <name>$1</name>
  <memory unit='MiB'>128</memory>
  <vcpu>2</vcpu>
  <os>
    <type arch='x86_64' machine='xenpv'>linux</type>
    <kernel>$2</kernel>
    <initrd>/guests/initrd</initrd>
    <cmdline>console=hvc0 quiet</cmdline>
  </os>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <devices>
    <console type='pty'><target type='xen' port='0'/></console>
  </devices>
</domain>
END
    echo "/run/$1.xml"
}

# The guest "v", defined and running.
v_defined() {
    daemon
    virsh domid v >/dev/null 2>&1 || virsh define "$(description v /guests/vmlinux)"
}
v_running() {
    v_defined
    [ "$(virsh domstate v)" = running ] && return
    log_size v
    virsh start v
    await v "$LOG_SIZE" '^GUEST-READY'
    remember v
}

in_state() { [ "$(virsh domstate v)" = "$1" ]; }

check_version() {
    daemon
    has version 'Running hypervisor: Xen 4\.17' "$(virsh version)"
    has 'CPUs' "^CPU\(s\): +$(nproc)" "$(virsh nodeinfo)"
    has memory "^Memory size: +$(($(xl info total_memory) * 1024 / 100000))[0-9]{5} KiB" "$(virsh nodeinfo)"
}

check_define() {
    v_defined
    has 'the list' '^ - +v +shut off' "$(virsh list --all)"
    has 'what was defined' '<vcpu[^>]*>2</vcpu>' "$(virsh dumpxml v)"
    gone v || fail 'it runs before it is started'
}

check_start() {
    v_running
    same 'number of the domain' "$(xl domid v)" "$(virsh domid v)"
    has 'the list' "^ $(xl domid v) +v +running" "$(virsh list)"
    has 'the list' '^ 0 +Domain-0 +running' "$(virsh list)"
    same 'CPUs in the guest' 2 "$(ask v nproc)"
    virsh start v 2>/dev/null && fail 'it could be started a second time'
    same 'domains' 3 "$(xl list | wc -l)"
}

check_dominfo() {
    local info
    v_running
    info=$(virsh dominfo v)
    has number "^Id: +$(xl domid v)$" "$info"
    has state '^State: +running' "$info"
    has CPUs '^CPU\(s\): +2' "$info"
    has memory "^Used memory: +$(($(column v 3) * 1024)) KiB" "$info"
    has 'identity' "^UUID: +$(xl list -v v | awk 'NR == 2 { print $7 }')$" "$info"
}

vcpu_seconds() { virsh vcpuinfo v | awk '/^CPU time/ { sub("s", "", $3); total += $3 } END { printf "%d", total * 10 }'; }

check_vcpuinfo() {
    local before
    v_running
    has 'affinity' '^CPU Affinity: +y{2}$' "$(virsh vcpuinfo v)"
    same 'vcpus' 2 "$(virsh vcpuinfo v | grep -c '^VCPU:')"
    before=$(vcpu_seconds)
    ask v 'timeout 2 sh -c "while :; do :; done"' || true
    [ "$(vcpu_seconds)" -gt $((before + 5)) ] || fail "a guest that was busy for 2 s used $before, then $(vcpu_seconds) tenths"
    virsh vcpupin v 1 0
    has 'where it runs' '^v +[0-9]+ +1 .* 0 / all$' "$(xl vcpu-list v)"
    virsh vcpupin v 1 0-1
}

check_suspend() {
    local before
    v_running
    virsh suspend v
    same state paused "$(virsh domstate v)"
    has "xl's list" '^v +[0-9]+ +128 +2 +--p---' "$(xl list v)"
    before=$(cpu_tenths v)
    sleep 1
    same 'time used while suspended' "$before" "$(cpu_tenths v)"
    virsh resume v
    same state running "$(virsh domstate v)"
    same answer alive "$(ask v 'echo alive')"
}

holds_mib() { [ "$(column v 3)" = "$1" ]; }

check_setmem() {
    v_running
    virsh setmem v 98304
    until_true holds_mib 96
    has 'what the guest has' ' 98304$' " $(ask v 'cat /sys/devices/system/xen_memory/xen_memory0/info/current_kb')"
    virsh setmem v 131072
    until_true holds_mib 128
}

# With a terminal, as an operator has it; Ctrl-] ends it.
check_console() {
    local out
    v_running
    # shellcheck disable=SC2016  # for the shell of the guest
    out=$({ sleep 3; echo 'tok echo two and two is $((2 + 2))'; sleep 2; printf '\035'; } |
        TERM=vt100 script -qec 'virsh -c xen:///system console v' /dev/null)
    has 'what it shows' 'two and two is 4' "$out"
    same state running "$(virsh domstate v)"
}

check_reboot() {
    local before size
    v_running
    before=$(virsh domid v)
    log_size v
    size=$LOG_SIZE
    virsh reboot v
    await v "$size" '^GUEST-reboot'
    await v "$size" '^GUEST-READY'
    remember v
    [ "$(virsh domid v)" -gt "$before" ] || fail 'it is the same domain'
    same answer alive "$(ask v 'echo alive')"
}

check_shutdown() {
    local size
    v_running
    log_size v
    size=$LOG_SIZE
    virsh shutdown v
    await v "$size" '^GUEST-poweroff'
    until_true in_state 'shut off'
    gone v || fail 'the domain is still there'
}

# Also one that is not up yet.
check_destroy() {
    v_defined
    in_state running || virsh start v
    virsh destroy v
    same state 'shut off' "$(virsh domstate v)"
    until_true gone v
    has 'the list' '^ - +v +shut off' "$(virsh list --all)"
    virsh destroy v 2>/dev/null && fail 'what does not run could be destroyed'
    virsh undefine v
    virsh domstate v 2>/dev/null && fail 'it is still known'
    same 'domains' 2 "$(xl list | wc -l)"
}

free_is() { [ "$(xl info free_memory)" = "$1" ]; }

check_bad_input() {
    local free
    daemon
    free=$(xl info free_memory)
    head -c 100000 /dev/urandom >/run/noise
    virsh define "$(description noise /run/noise)"
    virsh start noise 2>/dev/null && fail 'noise was taken for a kernel'
    virsh undefine noise
    virsh define "$(description none /run/none)"
    virsh start none 2>/dev/null && fail 'it started without a kernel'
    virsh undefine none
    virsh start nobody 2>/dev/null && fail 'a guest that nobody defined started'
    same 'domains' 2 "$(xl list | wc -l)"
    until_true free_is "$free"
}
