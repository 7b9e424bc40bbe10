# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What a configuration can say of a domain that is not the default, and how the guest, or time, shows it. Runs in the
# same boot as set.sh.

UUID=01234567-89ab-cdef-0123-456789abcdef

# The guest "f", with what several checks look at. Its name for the CPU begins with "Test".
featured() {
    xl domid f >/dev/null 2>&1 && return
    start f "uuid = \"$UUID\"" 'vcpus = 2' 'cpus = ["1", "0"]' 'cpus_soft = "1"' 'rtc_timeoffset = 864000' \
        'cpuid = ["0x00000001:ecx=xxxxxxxxxxx0xxxxxxxxxxxxxxxxxxxx", "0x00000007,0:ebx=xxxxxxxxxxxxxxxxxxxxxxx0xxxxxxxx",
                  "0x80000002:eax=01110100011100110110010101010100"]' \
        'max_grant_frames = 5' 'on_reboot = "destroy"'
}

# words LEAF [SUBLEAF]: what CPUID says to the kernel of the guest f: eax ebx ecx edx
words() {
    ask f "dd if=/dev/cpu/0/cpuid bs=16 count=1 iflag=skip_bytes skip=$(($1 + ${2:-0} * 4294967296)) 2>/dev/null | od -An -tx4"
}

check_config_uuid() {
    featured
    same uuid "$UUID" "$(ask f 'cat /sys/hypervisor/uuid')"
    has 'uuid in the list' "$UUID" "$(xl list -v f)"
}

check_config_cpuid() {
    local host flags
    featured
    host=$(grep -m1 ^flags /proc/cpuinfo)
    has 'flags of dom0' ' sse4_2 .* bmi2 | bmi2 .* sse4_2 ' "$host "
    flags=$(ask f 'grep -m1 ^flags /proc/cpuinfo')
    has 'flags' ' popcnt ' "$flags "
    grep -qE ' (sse4_2|bmi2) ' <<<"$flags " && fail "flags that were taken away: $flags"
    has 'name of the CPU' '^model name.*: Test' "$(ask f 'grep -m1 "^model name" /proc/cpuinfo')"
    ask f 'modprobe cpuid'
    same 'leaf 1, ECX, bit 20' 0 $((0x$(words 1 | awk '{ print $3 }') >> 20 & 1))
    same 'leaf 7, EBX, bit 8' 0 $((0x$(words 7 | awk '{ print $2 }') >> 8 & 1))
}

# A policy that does not fit is one of libxl's words in old style: "host" and changes.
check_config_cpuid_by_name() {
    local flags
    start n 'cpuid = "host,aesni=0"' 'tsc_mode = "native"'
    flags=$(ask n 'grep -m1 ^flags /proc/cpuinfo')
    has 'flags of dom0' ' aes ' "$(grep -m1 ^flags /proc/cpuinfo) "
    has 'flags' ' sse4_2 ' "$flags "
    grep -q ' aes ' <<<"$flags " && fail "a flag that was taken away: $flags"
    xl destroy n
}

check_config_cpus() {
    local list
    featured
    list=$(xl vcpu-list f)
    has 'affinity of vcpu 0' '^f +[0-9]+ +0 .* 1 / 1$' "$list"
    has 'affinity of vcpu 1' '^f +[0-9]+ +1 .* 0 / 1$' "$list"
    ask f '(while :; do :; done) & (while :; do :; done) & sleep 1'
    list=$(xl vcpu-list f | awk 'NR > 1 { print $3 ":" $4 }' | xargs)
    same 'where the vcpus run' '0:1 1:0' "$list"
    ask f 'kill $(pgrep -P 1 -x sh)' || true
}

check_config_time_offset() {
    local there here
    featured
    there=$(ask f 'date +%s')
    here=$(date +%s)
    between 'seconds the clock of the guest is ahead' $((864000 - 10)) $((864000 + 10)) $((there - here))
}

check_config_on_reboot() {
    local size
    featured
    log_size f; size=$LOG_SIZE
    xl reboot f
    await f "$size" '^GUEST-reboot'
    until_true gone f
    sleep 1
    gone f || fail 'a guest whose reboot ends it came back'
}

# One guest that crashes, with its memory kept in a file, and is made again; then it ends and is made again.
check_config_on_crash() {
    local size core=/var/lib/xen/dump id
    mkdir -p $core
    mount -t tmpfs dump $core
    TZ=XYZ-3 start k 'memory = 100' 'on_crash = "coredump-restart"' 'on_poweroff = "restart"' 'localtime = 1'
    between 'seconds that localtime is ahead' $((10800 - 10)) $((10800 + 10)) $(($(ask k 'date +%s') - $(date +%s)))
    id=$(xl domid k)
    log_size k; size=$LOG_SIZE
    echo '1 echo c >/proc/sysrq-trigger' >"$(</run/tty.k)"
    await k "$size" 'sysrq triggered crash'
    await k "$size" '^GUEST-READY'
    same 'id after the crash' $((id + 1)) "$(xl domid k)"
    core=$(echo $core/*)
    same 'kind of file' 7f454c46 "$(head -c 4 "$core" | od -An -tx1 | tr -d ' ')"
    between 'bytes of the core' $((100 << 20)) $((102 << 20)) "$(stat -c %s "$core")"
    grep -qa 'sysrq triggered crash' "$core" || fail 'the core does not hold what the kernel said'
    umount /var/lib/xen/dump
    log_size k; size=$LOG_SIZE
    xl shutdown k
    await k "$size" '^GUEST-poweroff'
    await k "$size" '^GUEST-READY'
    same 'id after the shutdown' $((id + 2)) "$(xl domid k)"
    xl destroy k
}
