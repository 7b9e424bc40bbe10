# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the checks of the toolstack share. cases_xl.py puts this, one file of checks and a call of run_checks
# into one script, which dom0's init runs: without arguments all checks, with one argument that check.
# A check is a function check_NAME. It fails by "fail WHY" or by any command that fails.

LOGS=/var/log/xen/console
# Seconds for one check, and for one thing that it waits for.
LIMIT=${LIMIT:-100}
PATIENCE=$((LIMIT * 2 / 3))

fail() { echo "$*" >&2; exit 1; }

# same WHAT WANTED GOT
same() { [ "$2" = "$3" ] || fail "$1: wanted '$2', got '$3'"; }

# between WHAT LOW HIGH GOT, whole numbers
between() { [ "$4" -ge "$2" ] && [ "$4" -le "$3" ] || fail "$1: wanted $2..$3, got '$4'"; }

# has WHAT PATTERN TEXT
has() { grep -qE -e "$2" <<<"$3" || fail "$1: no /$2/ in: ${3:0:300}"; }

# until_true COMMAND...: looks ten times a second.
until_true() {
    local end=$((SECONDS + PATIENCE))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || fail "this did not become true: $*"
        sleep 0.1
    done
}

log_of() { echo "$LOGS/guest-$1.log"; }

# The size of the guest's console log, in a variable: no program runs for it.
log_size() {
    : >>"$LOGS/guest-$1.log"
    LOG_SIZE=$(stat -c %s "$LOGS/guest-$1.log")
}

log_has() { tail -c "+$(($2 + 1))" "$(log_of "$1")" | grep -qE "$3"; }

# await NAME OFFSET PATTERN: until a line of the guest's console log after that offset matches.
await() {
    local line tail found=''
    exec 8< <(exec tail -c "+$(($2 + 1))" -f "$LOGS/guest-$1.log")
    tail=$!
    while [ -z "$found" ] && read -r -t "$PATIENCE" -u 8 line; do
        [[ $line =~ $3 ]] && found=yes
    done
    kill $tail
    exec 8<&-
    [ -n "$found" ] || fail "the console of $1 does not say /$3/; it ends with: $(tail -n 3 "$(log_of "$1")")"
}

# config NAME LINE...: a configuration of a mini guest, with further lines; prints the path.
config() {
    local file=/run/$1.cfg
    printf '%s\n' "name = \"$1\"" 'kernel = "/guests/vmlinux"' 'ramdisk = "/guests/initrd"' 'memory = 128' \
        'cmdline = "console=hvc0 quiet"' >"$file"
    printf '%s\n' "${@:2}" >>"$file"
    echo "$file"
}

# start NAME LINE...: creates a mini guest and waits until its init is ready.
start() {
    log_size "$1"
    xl create -q "$(config "$@")"
    await "$1" "$LOG_SIZE" '^GUEST-READY'
    remember "$1"
}

# remember NAME: where its console is, for ask; again after a reboot.
remember() { xenstore-read "/local/domain/$(xl domid "$1")/console/tty" >"/run/tty.$1"; }

# guest: makes sure that the guest "g" runs, which most checks share.
guest() {
    xl domid g >/dev/null 2>&1 && return
    start g 'maxmem = 160' 'vcpus = 1' 'maxvcpus = 4' 'vif = []'
}

# ask NAME COMMAND: runs it in the guest, prints what it prints, ends with its status.
ask() {
    local token=$RANDOM$RANDOM line
    exec 7<>"$(<"/run/tty.$1")"
    printf '%s %s\n' $token "$2" >&7
    while read -r -t "$PATIENCE" -u 7 line; do
        [[ $line = *"@@BEGIN $token"* ]] && break
    done
    while read -r -t "$PATIENCE" -u 7 line; do
        line=${line%$'\r'}
        case $line in
        "@@END $token "*) return "${line##* }" ;;
        ?*) printf '%s\n' "$line" ;;
        esac
    done
    fail "the guest $1 does not answer"
}

# The bridge that guests' network cards join; dom0 is 10.0.0.1 on it.
bridge_up() {
    [ -d /sys/class/net/xenbr0 ] && return
    ip link add xenbr0 type bridge
    ip addr add 10.0.0.1/24 dev xenbr0
    ip link set xenbr0 up
}

# What dom0 serves to guests on the bridge: the files of /run/www.
website() {
    mkdir -p /run/www
    pgrep -x busybox >/dev/null || busybox httpd -p 10.0.0.1:4000 -h /run/www
}

gone() { ! xl domid "$1" >/dev/null 2>&1; }

# column NAME NUMBER: of the guest's line in "xl list"
column() { xl list "$1" | awk -v n="$2" 'NR == 2 { print $n }'; }
cpu_tenths() { column "$1" 6 | tr -d .; }

# In the text of "xl dmesg" after a debug key, from the last occurrence of a mark on.
debug_key() {
    xl dmesg -c >/dev/null
    xl debug-keys "$1"
    sleep 0.3
    xl dmesg
}

# What was in use when the checks that count began.
COUNTS=/run/counts

# What is in use, and what the audit says.
held() { debug_key nA | sed -n 's/.*\(counts\|audit\): //p'; }
held_is() { [ "$(held)" = "$1" ]; }

# Nothing is in use by guests, and that does not change any more.
settled() {
    held >$COUNTS
    grep -q 'domains=1 .* grants=0 maps=0' $COUNTS
    grep -qx clean $COUNTS
    sleep 1
    held_is "$(<$COUNTS)"
}

# unchanged WHAT: what is in use is that again, and the audit finds nothing.
unchanged() {
    local before
    before=$(<$COUNTS)
    (until_true held_is "$before") || fail "$1 left something; before: $before; now: $(held)"
    same "the domains after $1" Domain-0 "$(xl list | awk 'NR > 1 { print $1 }')"
    same "what the store has after $1" 0 "$(xenstore-list /local/domain)"
}

run_check() {
    local begin=${EPOCHREALTIME/./} status
    timeout "$LIMIT" bash "$0" "$1" >/run/check.out 2>&1 </dev/null
    status=$?
    local took=$(((${EPOCHREALTIME/./} - begin) / 1000))
    if [ $status = 0 ]; then
        echo "ok $1 ($took ms)"
        return 0
    fi
    [ $status = 124 ] && echo "no end within $LIMIT s" >>/run/check.out
    echo "not ok $1 ($took ms): $(tail -n 8 /run/check.out | tr '\n\r' '; ' | tail -c 700)"
    return 1
}

# run_checks [NAME]: that check here, or all of this file's in order; the status says whether all passed.
run_checks() {
    local name bad=0
    if [ -n "${1:-}" ]; then
        set -eEu -o pipefail
        trap 'echo "line $LINENO of check_'"$1"' failed: $BASH_COMMAND" >&2' ERR
        "check_$1"
        exit 0
    fi
    for name in $(sed -n 's/^check_\([a-z0-9_]*\)() *{.*/\1/p' "$0"); do
        run_check "$name" || bad=1
    done
    return $bad
}
