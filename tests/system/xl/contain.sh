# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What breaks stays where it breaks. Guest "a" writes and reads two disks (blkback, and a QEMU of its own) and moves data
# over the bridge in both directions all the time, and compares digests; "b" beside it does the same at a slower pace.
# Daemons, tools, backends and b are killed under that load. Each time a goes on without one wrong byte, and an operator
# finds the failure where he looks.

ROUNDS=${ROUNDS:-2}
declare -A ADDRESS=([a]=10.0.0.2 [b]=10.0.0.3) PAUSE=([a]=0 [b]=0.2)
LOOPS='xvda xvdb down up'

# What a guest does. Its web server says how often each of its loops went round, and what was wrong first.
guest_work() {
    cat <<'END'
cd /tmp
pause=$1
digest() { sha256sum | cut -c 1-64; }
wrong() { [ -s bad ] || echo "$*, round $(cat rounds.$1)" >bad; }
next() {
    echo $(($(cat rounds.$1) + 1)) >new.$1
    mv new.$1 rounds.$1
    sleep $pause
}
disk() {
    while :; do
        at=$(($(cat rounds.$1) % 16))
        head -c 131072 /dev/urandom >data.$1
        dd if=data.$1 of=/dev/$1 bs=131072 seek=$at conv=fsync 2>/dev/null || wrong $1: write error
        blockdev --flushbufs /dev/$1
        [ "$(dd if=/dev/$1 bs=131072 skip=$at count=1 2>/dev/null | digest)" = "$(digest <data.$1)" ] || wrong $1: other data
        next $1
    done
}
down() {
    while :; do
        [ "$(wget -q -O - http://10.0.0.1:4000/down | digest)" = "$1" ] || wrong down: other data
        next down
    done
}
up() {
    while :; do
        [ "$(wget -q -O - --post-file=up http://10.0.0.1:4000/cgi-bin/digest)" = "$1" ] || wrong up: other data
        next up
    done
}
: >bad
for loop in xvda xvdb down up; do echo 0 >rounds.$loop; done
head -c 98304 /dev/urandom | base64 >up # wget sends text
httpd -p 8080 -h /tmp
disk xvda &
disk xvdb &
up "$(digest <up)" &
down "$(wget -q -O - http://10.0.0.1:4000/down.digest)" &
END
}

contain_website() {
    bridge_up
    website
    [ ! -d /run/www/cgi-bin ] || return 0
    mkdir -p /run/www/cgi-bin
    head -c 131072 /dev/urandom >/run/www/down
    sha256sum </run/www/down | cut -c 1-64 >/run/www/down.digest
    guest_work >/run/www/work
    cat >/run/www/cgi-bin/digest <<'END'
#!/bin/sh
printf 'Content-Type: text/plain\r\n\r\n'
head -c "$CONTENT_LENGTH" | sha256sum | cut -c 1-64
END
    chmod +x /run/www/cgi-bin/digest
}

# working NAME: that guest runs and has begun its work.
working() {
    xl domid "$1" >/dev/null 2>&1 && return
    contain_website
    truncate -s 4M "/root/$1.raw"
    qemu-img create -q -f qcow2 "/root/$1.qcow2" 4M
    start "$1" "vif = ['bridge=xenbr0']" "cmdline = 'console=hvc0 quiet hospes.ip=${ADDRESS[$1]}/24'" \
        "disk = ['format=raw,vdev=xvda,access=rw,target=/root/$1.raw', 'format=qcow2,vdev=xvdb,access=rw,target=/root/$1.qcow2']"
    ask "$1" "wget -q -O /tmp/work http://10.0.0.1:4000/work; sh /tmp/work ${PAUSE[$1]} >/dev/null 2>&1 &"
}
both() {
    working a
    working b
}

# fetch NAME FILE: into /run/fetched, from the guest's web server.
fetch() { timeout 5 busybox wget -q -O - "http://${ADDRESS[$1]}:8080/$2" >/run/fetched 2>/dev/null; }
has_passed() { fetch "$1" "rounds.$2" && [ "$(</run/fetched)" -gt "$3" ]; }

# moves NAME [LOOPS]: each of these loops ends a round that it had not begun yet.
moves() {
    local loop
    local -A passed
    for loop in ${2:-$LOOPS}; do
        until_true fetch "$1" "rounds.$loop"
        passed[$loop]=$(</run/fetched)
    done
    for loop in ${2:-$LOOPS}; do
        until_true has_passed "$1" "$loop" $((passed[$loop] + 1))
    done
}

# a_goes_on: all of its loops do, and nothing was ever wrong.
a_goes_on() {
    moves a
    until_true fetch a bad
    same 'what guest a found wrong' '' "$(</run/fetched)"
}

# kernel_says PATTERN: dom0's, since the log was cleared.
kernel_says() { dmesg | grep -qE "$1"; }

qemu_of() { xenstore-read "/local/domain/$(xl domid "$1")/image/device-model-pid"; }

check_contain_xenconsoled() {
    local round
    both
    moves b
    for ((round = 0; round < ROUNDS / 2; round++)); do
        sleep "0.$((round * 3 % 10))"
        without_xenconsoled
    done
}
without_xenconsoled() {
    local said name
    kill -9 "$(</run/xenconsoled.pid)"
    said=$(timeout -s KILL 3 xl console b 2>&1 </dev/null) || true
    has 'xl console without its daemon' 'Could not open tty' "$said"
    a_goes_on
    xenconsoled --log=all --log-dir="$LOGS" --pid-file=/run/xenconsoled.pid
    for name in a b; do
        until_true test -e "$(xenstore-read "/local/domain/$(xl domid $name)/console/tty")"
        remember $name
        same "the console of $name again" 42 "$(ask $name 'echo $((6 * 7))')"
    done
}

# killed_after SECONDS COMMAND...
killed_after() {
    setsid "${@:2}" >/dev/null 2>&1 &
    sleep "$1"
    kill -9 -- "-$!" 2>/dev/null || true
    wait $! 2>/dev/null || true
}
more_guests_than() { [ "$(xl list | wc -l)" -gt "$1" ]; }

# Those who use the store, in the middle of it. Of a guest whose toolstack dies the list says that it never ran.
check_contain_store_clients() {
    local round watcher lines
    both
    for ((round = 1; round <= ROUNDS; round++)); do
        setsid xenstore-watch / >/dev/null &
        watcher=$!
        killed_after "0.$((round * 3 % 10))" xl network-attach b bridge=xenbr0
        killed_after "0.$((round * 5 % 10))" xl list -l
        kill -9 $watcher
        xenstore-write /contain $round
        same 'what the store keeps' $round "$(xenstore-read /contain)"
    done
    xenstore-rm /contain
    lines=$(xl list | wc -l)
    setsid xl create -q "$(config half)" >/dev/null 2>&1 &
    until_true more_guests_than "$lines"
    kill -9 -- "-$!"
    has 'the guest that is half made' ' --p--- +0\.0$' "$(xl list | tail -n 1)"
    xl destroy "$(xl list | awk 'END { print $2 }')"
    a_goes_on
    moves b
}

check_contain_card_down() {
    local id
    both
    id=$(xl domid b)
    dmesg -C
    ip link set "vif$id.0" down
    until_true kernel_says "vif$id\.0\) entered disabled state"
    a_goes_on
    ip link set "vif$id.0" up
    moves b
}

check_contain_blkback() {
    both
    xl block-detach --force b xvda
    grep -q '^51712 ' <<<"$(xl block-list b)" && fail 'xl still lists the disk'
    a_goes_on
    moves b 'xvdb down up'
}

check_contain_qdisk() {
    local said
    both
    kill -9 "$(qemu_of b)"
    said=$(xl qemu-monitor-command b 'info status' 2>&1) && fail 'its QEMU answers'
    has 'xl, asked for it' 'QMP socket .*: Connection refused' "$said"
    a_goes_on
    moves b 'down up'
}

# First with what is left of its devices, later with all of them.
check_contain_destroy() {
    local round said
    both
    kill -9 "$(qemu_of b)" 2>/dev/null || true
    said=$(xl destroy b 2>&1)
    has 'xl about the rest of its devices' 'Device Model already exited' "$said"
    gone b || fail 'it is still there'
    a_goes_on
    for ((round = 1; round < ROUNDS / 2; round++)); do
        both
        moves b
        sleep "0.$((round * 3 % 10))"
        xl destroy b
        a_goes_on
    done
}

check_contain_crash() {
    working a
    start c 'on_crash = "preserve"'
    echo '1 echo c >/proc/sysrq-trigger' >"$(</run/tty.c)"
    until_true grep -q 'has shut down, reason code 3' /var/log/xen/xl-c.log
    has 'the list' '^---sc-$' "$(column c 5)"
    has 'its console' 'sysrq: Trigger a crash' "$(tail -n 200 "$(log_of c)")"
    a_goes_on
    xl destroy c
}

# little_endian BYTES NUMBER...: for printf %b
little_endian() {
    local number i
    for number in "${@:2}"; do
        for ((i = 0; i < $1; i++)); do printf '\\x%02x' $(((number >> 8 * i) & 255)); done
    done
}
# elf_note TYPE TEXT BYTES: the text is for printf %b and fills whole words.
elf_note() { little_endian 4 4 "$3" "$1"; printf 'Xen\\0%s' "$2"; }
# A kernel of one instruction, UD2, which has told nobody where to go then.
broken_kernel() {
    local notes
    notes=$(elf_note 8 'generic\0' 8; elf_note 5 'xen-3.0\0' 8; elf_note 1 "$(little_endian 8 $((0x100200)))" 8
        elf_note 3 "$(little_endian 8 0)" 8)
    printf '%b' '\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0' "$(little_endian 2 2 62)" "$(little_endian 4 1)" \
        "$(little_endian 8 $((0x100200)) 64 0)" "$(little_endian 4 0)" "$(little_endian 2 64 56 2 0 0 0)" \
        "$(little_endian 4 1 7)" "$(little_endian 8 0 $((0x100000)) $((0x100000)) 4096 4096 4096)" \
        "$(little_endian 4 4 4)" "$(little_endian 8 176 $((0x1000b0)) $((0x1000b0)) 96 96 4)" "$notes"
    head -c 240 /dev/zero
    printf '\x0f\x0b'
    head -c 3582 /dev/zero
}

# A guest that the hypervisor must end: it says why.
check_contain_broken_kernel() {
    local id
    working a
    broken_kernel >/root/broken
    xl dmesg -c >/dev/null
    xl create -q -p "$(config broken 'kernel = "/root/broken"' 'on_crash = "preserve"')"
    id=$(xl domid broken)
    xl unpause broken
    until_true grep -q "Domain $id has shut down, reason code 3" /var/log/xen/xl-broken.log
    has 'xl dmesg' "\(XEN\) Domain $id crashed: " "$(xl dmesg)"
    xl destroy broken
    a_goes_on
}

# After all of that: what a wrote is in the files, and the counts are those from before it.
check_contain_nothing_left() {
    gone b || xl destroy b
    xl shutdown -w a >/dev/null
    until_true gone a
    qemu-img check -q /root/a.qcow2
    ls $COUNTS
    unchanged 'all failures'
}
