# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Guests with more and with fewer vcpus than the machine has CPUs: VCPUS says how many.

VCPUS=${VCPUS:-1 3 8}
# Numbers that each vcpu makes a digest of.
NUMBERS=100000

# Each vcpu works on something of its own, all at once: lines "VCPU DIGEST".
work() { echo "for n in \$(seq 0 $(($1 - 1))); do { d=\$(taskset -c \$n sh -c 'seq '\$n' $NUMBERS | sha256sum | cut -c 1-64'); echo \$n \$d; } & done; wait"; }
wanted_work() { for ((n = 0; n < $1; n++)); do echo "$n $(seq "$n" "$NUMBERS" | sha256sum | cut -c 1-64)"; done; }

# Lines of "xl vcpu-list" of vcpus that have had CPU time.
vcpus_that_ran() { xl vcpu-list s | awk 'NR > 1 && $6 > 0' | wc -l; }

# Vcpus that a guest's interrupt of that name has come to.
vcpus_with() { ask s 'cat /proc/interrupts' | awk -v name="$1" '$1 == name { for (i = 2; $i ~ /^[0-9]+$/; i++) n += $i > 0 } END { print n + 0 }'; }

check_smp() {
    local n size
    for n in $VCPUS; do
        start s "vcpus = $n"
        same "CPUs of a guest with $n vcpus" "$n" "$(ask s nproc)"
        same "what $n vcpus made" "$(wanted_work "$n")" "$(ask s "$(work "$n")" | sort -n)"
        same "vcpus of $n that ran" "$n" "$(vcpus_that_ran)"
        [ "$n" = 1 ] || same "vcpus of $n that were called" "$n" "$(vcpus_with RES:)"
        same "the clock source of $n vcpus" xen "$(ask s 'cat /sys/devices/system/clocksource/clocksource0/current_clocksource')"
        ask s 'guestcheck clock' || fail "the clock of $n vcpus"
        log_size s; size=$LOG_SIZE
        xl shutdown -w s >/dev/null
        log_has s "$size" '^GUEST-poweroff' || fail "with $n vcpus it did not shut down by itself"
        until_true gone s
    done
}
