# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What can be set of a domain, each with a value that is not the default and read back in another way: in the
# guest, in the store, by the time it gets, or in what the hypervisor says of itself.

balloon() { ask g 'cat /sys/devices/system/xen_memory/xen_memory0/info/current_kb'; }
has_memory() { [ "$(balloon)" = "$1" ]; }

check_mem_set() {
    local free
    guest
    free=$(xl info free_memory)
    xl mem-set g 96
    until_true has_memory 98304
    same 'memory in the list' 96 "$(column g 3)"
    between 'memory given back' 31 33 $(($(xl info free_memory) - free))
    xl mem-set g 128
    until_true has_memory 131072
    same 'free memory' "$free" "$(xl info free_memory)"
}

check_mem_max() {
    local id
    guest
    id=$(xl domid g)
    xl mem-set g 112
    until_true has_memory 114688
    # The guest is asked to grow beyond what it may have, not by xl, which would raise the limit too.
    xl mem-max g 120
    xenstore-write "/local/domain/$id/memory/target" 135168
    sleep 3
    between 'what it got, in KiB' 122880 123936 "$(balloon)"
    same 'limit in the store' 122880 "$(xenstore-read "/local/domain/$id/memory/static-max")"
    xl mem-max g 160
    xl mem-set g 128
    until_true has_memory 131072
}

cpus_in() { ask g "cat /sys/devices/system/cpu/$1"; }
are_cpus() { [ "$(cpus_in "$1")" = "$2" ]; }

# The guest has nothing that would switch CPUs on as they appear, which udev does elsewhere.
check_vcpu_set() {
    guest
    same 'CPUs that may be' 0-3 "$(cpus_in possible)"
    xl vcpu-set --ignore-host g 3
    until_true are_cpus present 0-2
    ask g 'for n in 1 2; do echo 1 >/sys/devices/system/cpu/cpu$n/online; done'
    same 'CPUs the guest uses' 3 "$(ask g 'grep -c ^processor /proc/cpuinfo')"
    same 'vcpus in the list' 3 "$(column g 4)"
    xl vcpu-set g 1
    until_true are_cpus online 0
    until_true one_vcpu
    same 'CPUs the guest uses' 1 "$(ask g 'grep -c ^processor /proc/cpuinfo')"
}
one_vcpu() { [ "$(column g 4)" = 1 ]; }

vcpu_cpu() { xl vcpu-list g | awk 'NR == 2 { print $4 }'; }
runs_on() { [ "$(vcpu_cpu)" = "$1" ]; }

check_vcpu_pin() {
    local cpu
    guest
    ask g '(while :; do :; done) & echo $! >/tmp/loop'
    for cpu in 1 0; do
        xl vcpu-pin g 0 $cpu
        until_true runs_on $cpu
        has 'affinity' "^g +[0-9]+ +0 +$cpu +... +[0-9.]+ +$cpu / all" "$(xl vcpu-list g)"
    done
    xl vcpu-pin g 0 all
    xl vcpu-pin g 0 - 1
    has 'soft affinity' '^g .* all / 1' "$(xl vcpu-list g)"
    xl vcpu-pin g 0 - all
    ask g 'kill $(cat /tmp/loop)'
}

check_vcpu_list() {
    guest
    same 'lines of domain 0' "$(nproc)" "$(xl vcpu-list 0 | sed 1d | wc -l)"
    same 'vcpus that may be' 4 "$(xl vcpu-list g | sed 1d | wc -l)"
    has 'state of one that is off' '^g +[0-9]+ +3 +- +--p' "$(xl vcpu-list g)"
}

# tenths of a second of CPU that the guest g gets in about five seconds, per mille of that time
share_of_cpu() {
    local begin=${EPOCHREALTIME/./} before
    before=$(cpu_tenths g)
    sleep 5
    echo $((($(cpu_tenths g) - before) * 100000000 / (${EPOCHREALTIME/./} - begin)))
}

check_sched_credit() {
    guest
    xl sched-credit -d g -w 768 -c 25
    has 'what it says' '^g +[0-9]+ +768 +25' "$(xl sched-credit -d g)"
    ask g '(while :; do :; done) & echo $! >/tmp/loop'
    sleep 1
    between 'share of a CPU with a cap of 25 %, in per mille' 150 330 "$(share_of_cpu)"
    xl sched-credit -d g -w 256 -c 0
    has 'what it says' '^g +[0-9]+ +256 +0' "$(xl sched-credit)"
    between 'share of a CPU without a cap, in per mille' 500 1050 "$(share_of_cpu)"
    ask g 'kill $(cat /tmp/loop)'
    xl sched-credit -d g -w 0 2>/dev/null && fail 'a weight of 0 was taken'
    xl sched-credit -d g -c 401 2>/dev/null && fail 'a cap of 401 for four vcpus was taken'
    has 'what it says' '^g +[0-9]+ +256 +0' "$(xl sched-credit -d g)"
}

check_sched_credit_parameters() {
    has defaults 'tslice=30ms ratelimit=1000us' "$(xl sched-credit -s)"
    xl sched-credit -s -t 10 -r 500
    has 'what was set' 'tslice=10ms ratelimit=500us' "$(xl sched-credit -s)"
    xl sched-credit -s -t 30 -r 1000
}

check_cpupool_list() {
    has pool '^Pool-0 +2 +credit +y +[1-9]' "$(xl cpupool-list)"
    has CPUs '^Pool-0 +0,1' "$(xl cpupool-list -c)"
}

check_dmesg() {
    has banner 'CPUs?' "$(xl dmesg)"
    xl dmesg -c >/dev/null
    same 'after it was cleared' '' "$(xl dmesg)"
}

check_debug_keys() {
    has 'answer to q' '[Dd]omain' "$(debug_key q)"
    has 'answer to h' 'h' "$(debug_key h)"
}

check_top() {
    local out
    guest
    out=$(xentop -b -i 1)
    has 'domain 0' 'Domain-0 +[-r]' "$out"
    has guest '^ +g +[-b]*-* +[0-9]+ +[0-9.]+ +131[0-9]+' "$out"
    # The same program on a screen, until it is told to quit.
    out=$({ sleep 3; printf q; } | TERM=vt100 script -qec 'xl top' /dev/null)
    has 'xl top' 'xentop.*Domain-0' "$(tr -d '\r\n' <<<"$out")"
}

check_claims() {
    local free
    guest
    has columns '^Name +ID +Mem +VCPUs.*Claimed' "$(xl claims)"
    has guest '^g +[0-9]+ .* 0$' "$(xl claims)"
    free=$(xl info free_memory)
    xl create -q "$(config big 'memory = 4000')" 2>/dev/null && fail 'more memory than there is was given'
    gone big || fail 'what could not be made is still there'
    same 'free memory' "$free" "$(xl info free_memory)"
    same 'claims left' 0 "$(xl info outstanding_claims)"
}
