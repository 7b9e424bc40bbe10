# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The programs that xen-utils ships as tests and tools, unchanged: each must end and say what it does on Debian's Xen
# in the same emulator, as recorded in programs.txt by record-programs. What may differ from run to run is taken out
# before they are compared, and what differs by intent is said where it is taken out.
#
# programs.txt has a block for each program: "## COMMAND", what it prints, "## status N". A block of one store only
# begins with "## [STORE] COMMAND" and comes before the other.

PATH=$PATH:/usr/lib/xen-4.17/bin
EXPECTED=/run/expected
store=c
grep -q xenstored=ocaml /proc/cmdline && store=ocaml

plain() { cat; }
any_domain() { sed -E 's/domid=[0-9]+/domid=N/'; }

expected() {
    awk -v name="## $1" -v own="## [$store] $1" '
        $0 == name || $0 == own { found = 1; next }
        found { print }
        found && /^## status/ { exit }' $EXPECTED
}

# program [-f FILTER] COMMAND...: runs it, and compares; without anything to compare with, prints what to record.
program() {
    local filter=plain status=0 out wanted
    [ "$1" = -f ] && { filter=$2; shift 2; }
    # What it says on one stream and on the other comes in no fixed order.
    "$@" </dev/null >/run/program.out 2>/run/program.err || status=$?
    out=$("$filter" < <(cat /run/program.err /run/program.out))$'\n'"## status $status"
    if [ ! -e $EXPECTED ]; then
        printf '## %s\n%s\n' "$*" "$out"
        return
    fi
    wanted=$(expected "$*")
    [ -n "$wanted" ] || fail "nothing is recorded of: $*"
    [ "$out" = "$wanted" ] || fail "$*: $(diff <(echo "$wanted") <(echo "$out") | grep '^[<>]')"
}

# ---- domains and their memory ----

numbered_domain() { sed -E 's/Created d[0-9]+/Created dN/'; }
check_test_resource() { program -f numbered_domain test-resource; }
check_test_paging_mempool() { program test-paging-mempool; }

# ---- CPUs ----

check_test_cpu_policy() { program test-cpu-policy; }

# Xen has policies for hardware guests though this CPU can have none; the program passes over what is not there.
no_hardware_guests() { sed -e '/^Testing HVM/,/RTM_AA/d' -e '/HVM/d' -e '/^xc: error: Failed to obtain [35] policy (95 /d' | numbered_domain; }
check_test_tsx() { program -f no_hardware_guests test-tsx; }

static_sets() { sed -n '1,/^Dynamic/p' | sed '/^ *KEY/d'; }
check_xen_cpuid() { program -f static_sets xen-cpuid; }

# By name, what guests of the toolstack get. Ours see each vcpu as a package of its own, and that there is a
# hypervisor, whatever the policy says: three bits that Xen has in its default.
default_features() {
    sed -n '/^Dynamic/,$p' | sed -n '/^PV Default/,/^HVM/p' | sed -En 's/^ +\[([0-9]+)\] [^ ]+ [^ ]+ */\1 /p' | sort -u |
        awk '{ for (i = 2; i <= NF; i++) if ($i != "htt" && $i != "cmp" && $i != "hyper") print $1, $i }'
}
check_xen_cpuid_features() { program -f default_features xen-cpuid -d; }

headings() { sed '/HVM/d; /^xc: error: Failed to obtain [35] policy (95 /d' | sed -En '/^[A-Z].*(leaves|MSRs)/p' | sed -E 's/ [0-9]+ leaves/ N leaves/'; }
check_xen_cpuid_policies() { program -f headings xen-cpuid -p; }

check_xenpm() { program xenpm get-cpu-topology; }

# ---- event channels and grants ----

# Kinds and how many of each. Only Xen has VIRQ 16, for machine checks; the numbers of message interrupts are its own.
kinds_of_ports() {
    sed -E 's/.*VCPU [0-9]+: //; s/Port [0-9]+/Port N/; s/Physical IRQ ([1-9][0-9]+)/Message or \1/; s/Message or (1[0-9]|2[0-3])$/Physical IRQ \1/; s/Message or .*/Message/' |
        sed '/^Virtual IRQ 16$/d' | sort | uniq -c
}
check_lsevtchn() {
    program -f kinds_of_ports lsevtchn 0
    program lsevtchn 999
}

check_xen_diag() {
    program -f any_domain xen-diag gnttab_query_size 0
    program xen-diag gnttab_query_size 999
}

# ---- with a guest ----

# The same commands whatever the guest's number is.
for_guest() {
    local id
    guest
    id=$(xl domid g)
    printf '#!/bin/sh\nexec "$@" %s\n' "$id" >/run/with-guest
    chmod +x /run/with-guest
}

check_guest_events() {
    for_guest
    program -f kinds_of_ports /run/with-guest lsevtchn
}

check_guest_grants() {
    for_guest
    program -f any_domain /run/with-guest xen-diag gnttab_query_size
}

# Where a vcpu is differs; what is said of it does not.
register_names() { grep -oE '^ *(rip|flags|rsp|rax|rbx|rbp|r10|r13|cs|fs|gs|cr[0-4]|dr[0-7]|Code|Stack|Call Trace)\b' | sed 's/^ *//'; }
check_guest_context() {
    for_guest
    program -f register_names /run/with-guest xenctx -a
}

# Columns, names, and of memory what does not depend on the size of the machine.
top_lines() { sed -E 's/ +/ /g; s/^ //; s/-----r|--b---/STATE/; s/^(Domain-0|g) STATE [0-9]+ [0-9.]+ ([0-9]+) [0-9.]+/\1 STATE \2/; s/132096 [0-9.]+/132096/; s/163840 [0-9.]+/163840/; s/[0-9]+s/N/g'; }
check_xentop() {
    for_guest
    program -f top_lines xentop -b -i 2 -d 1
    program -f top_lines xentop -b -v -n -x -i 1
}

# ---- the store ----

durations() { sed -E 's/[0-9]+ ns/N ns/g'; }
check_test_xenstore() {
    program -f durations test-xenstore
    program -f durations test-xenstore -i 5
    program test-xenstore -l
    program test-xenstore -r 2
}

check_xenstore_clients() {
    program xenstore-write /t/a b /t/c d
    program xenstore-read /t/a /t/c
    program xenstore-read /t/none
    program xenstore-ls -f /t
    program xenstore-list -p /t
    program xenstore-exists /t/a
    program xenstore-chmod -r /t n0 b3
    program xenstore-ls -p /t
    program xenstore-rm -t /t/a
    program xenstore-rm /t/c
    program xenstore-exists /t/c
    program xenstore ls /t
}

check_xenstore_watch() {
    { sleep 0.5; xenstore-write /t/w 1; } &
    program xenstore-watch -n 2 /t/w
    xenstore-rm /t
}

check_xenstore_control() {
    program xenstore-control check
    program xenstore-control print hello
    program xenstore-control quota
    program xenstore-control help
}

# ---- others ----

check_not_built_in() {
    program xenperf
    program xenlockprof
    program flask-getenforce
}

check_detect() {
    program xen-detect
    program readnotes /guests/vmlinux
}
