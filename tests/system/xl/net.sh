# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The network of two guests and domain 0 on one bridge: every pair moves SIZE megabytes in both directions at
# once, through cards of one and of several queues. What comes is compared by digest: between domains of one
# machine the cards leave the checksums out, so nothing else would notice a wrong page.

SIZE=${SIZE:-20}
# The data come in pieces, each by a connection of its own: connections are what is spread over the queues.
PIECES=16
declare -A ADDRESS=([dom0]=10.0.0.1 [g1]=10.0.0.2 [g2]=10.0.0.3)
declare -A PEERS=([dom0]='g1 g2' [g1]='dom0 g2' [g2]='dom0 g1')

# on NODE COMMAND
on() { if [ "$1" = dom0 ]; then bash -c "$2"; else ask "$1" "$2"; fi; }

# Has a node make its data, once; its digest is kept.
make_data() {
    [ -s "/run/digest.$1" ] && return
    on "$1" "mkdir -p /run/www; cd /run/www; for i in \$(seq $PIECES); do head -c $((SIZE * 1048576 / PIECES)) /dev/urandom >\$i; done; cat \$(seq $PIECES) | sha256sum | cut -c 1-64" >/run/digest.new
    mv /run/digest.new "/run/digest.$1"
    on "$1" 'busybox httpd -p 4000 -h /run/www'
}

nodes_up() {
    local node
    bridge_up
    for node in g1 g2; do
        gone $node && start $node 'vcpus = 4' 'vif = []' "memory = $((128 + SIZE * 2))"
    done
    for node in dom0 g1 g2; do make_data $node; done
}

# give_card GUEST QUEUES: both ends are told how many queues they may have.
give_card() {
    echo "$2" >/sys/module/xen_netback/parameters/max_queues
    ask "$1" "echo $2 >/sys/module/xen_netfront/parameters/max_queues"
    xl network-attach "$1" bridge=xenbr0
    until_true ask "$1" 'test -e /sys/class/net/eth0'
    ask "$1" "ip addr add ${ADDRESS[$1]}/24 dev eth0; ip link set eth0 up"
    ask "$1" 'ping -c 1 -W 20 10.0.0.1' >/dev/null || fail "$1 does not reach domain 0"
}

# take_card GUEST: nothing of it stays.
take_card() {
    xl network-detach "$1" 0
    until_true ask "$1" '! test -e /sys/class/net/eth0'
    until_true test ! -e "/sys/class/net/vif$(xl domid "$1").0"
}

# What a node fetches from each of its peers, both at once: a line "PEER DIGEST" for each.
fetch() {
    local peer command=''
    for peer in ${PEERS[$1]}; do
        command+="{ d=\$(for i in \$(seq $PIECES); do busybox wget -q -O - http://${ADDRESS[$peer]}:4000/\$i; done | sha256sum | cut -c 1-64); echo $peer \$d; } & "
    done
    on "$1" "$command wait"
}

wanted() { for peer in ${PEERS[$1]}; do echo "$peer $(<"/run/digest.$peer")"; done; }

# Interrupts that a node's queue had so far: of it and each CPU there is a line "... 12 0 3 chip name".
interrupts() { on "$1" 'cat /proc/interrupts' | awk -v name="$2" '$NF == name { for (i = 2; $i ~ /^[0-9]+$/; i++) n += $i } END { print n + 0 }'; }

queues() { on "$1" "ls /sys/class/net/$2/queues" | tr -s '\n ' '  '; }

# used GUEST QUEUES: both ends have so many queues, said so in the store, and each queue had interrupts.
used() {
    local id queue way names=''
    id=$(xl domid "$1")
    for way in rx tx; do for ((queue = 0; queue < $2; queue++)); do names+="$way-$queue "; done; done
    same "queues in $1" "$names" "$(queues "$1" eth0)"
    same "queues of $1 in domain 0" "$names" "$(queues dom0 "vif$id.0")"
    same 'queues in the store' "$2" "$(xenstore-read "/local/domain/$id/device/vif/0/multi-queue-num-queues")"
    same 'queues that may be' "$2" "$(xenstore-read "/local/domain/0/backend/vif/$id/0/multi-queue-max-queues")"
    for ((queue = 0; queue < $2; queue++)); do for way in rx tx; do
        between "interrupts of queue $queue ($way) in $1" 1 99999999 "$(interrupts "$1" "vif0-q$queue-$way")"
        between "interrupts of queue $queue ($way) of $1 in domain 0" 1 99999999 "$(interrupts dom0 "vif$id.0-q$queue-$way")"
    done; done
}

untroubled() {
    ask "$1" 'dmesg' >"/run/dmesg.$1"
    grep -E 'BUG: |Call Trace|rcu.*stall|soft lockup|netfront:.*([Ii]nvalid|[Bb]ad)' "/run/dmesg.$1" && fail "the kernel of $1 complains"
    return 0
}

every_pair() {
    local node
    nodes_up
    for node in g1 g2; do give_card $node "$1"; done
    for node in dom0 g1 g2; do fetch $node >/run/got.$node & done
    wait
    for node in dom0 g1 g2; do same "what $node got" "$(wanted $node)" "$(sort /run/got.$node)"; done
    for node in g1 g2; do
        used $node "$1"
        untroubled $node
        take_card $node
    done
}

check_every_pair_one_queue() { every_pair 1; }
check_every_pair_four_queues() { every_pair 4; }
