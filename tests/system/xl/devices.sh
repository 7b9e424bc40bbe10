# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Disks and network cards: attached, used from both sides, detached; and systems that start from a disk.

guest_has() { ask "${2:-g}" "test -e $1"; }
guest_lacks() { ! guest_has "$@"; }

# use_disk NAME [GUEST]: the guest copies what is at the start of its disk behind it, and says the digest.
use_disk() {
    ask "${2:-g}" "dd if=/dev/$1 of=/dev/$1 bs=1M count=4 seek=4 conv=fsync 2>/dev/null; dd if=/dev/$1 bs=1M skip=4 count=4 2>/dev/null | sha256sum"
}

disk_file() {
    head -c 4M /dev/urandom >"$1"
    truncate -s 8M "$1"
}

check_block() {
    local wanted
    guest
    disk_file /root/b.img
    wanted=$(head -c 4M /root/b.img | sha256sum)
    xl block-attach g 'format=raw,vdev=xvdb,access=rw,target=/root/b.img'
    until_true guest_has /dev/xvdb
    same 'sectors' 16384 "$(ask g 'cat /sys/block/xvdb/size')"
    same 'what the guest copied' "$wanted" "$(use_disk xvdb)"
    has 'list' '^51728 +0 +[0-9]+ +4 ' "$(xl block-list g)"
    xl block-detach g xvdb
    until_true guest_lacks /dev/xvdb
    same 'the copy in the file' "$wanted" "$(tail -c 4M /root/b.img | sha256sum)"
    same 'loops left' '' "$(losetup -a)"
}

check_block_read_only() {
    guest
    disk_file /root/r.img
    xl block-attach g 'format=raw,vdev=xvdc,access=ro,target=/root/r.img'
    until_true guest_has /dev/xvdc
    same 'read only in the guest' 1 "$(ask g 'cat /sys/block/xvdc/ro')"
    ask g 'dd if=/dev/zero of=/dev/xvdc bs=512 count=1 2>/dev/null' && fail 'the guest could write'
    xl block-detach g xvdc
    until_true guest_lacks /dev/xvdc
}

# Only guests that began with such a disk have a QEMU, which serves those that are attached later as well.
check_block_qcow2() {
    local wanted
    disk_file /root/q.raw
    wanted=$(head -c 4M /root/q.raw | sha256sum)
    qemu-img convert -f raw -O qcow2 /root/q.raw /root/q.img
    qemu-img create -q -f qcow2 /root/first.img 8M
    start q 'disk = ["format=qcow2,vdev=xvda,access=rw,target=/root/first.img"]'
    xl block-attach q 'format=qcow2,vdev=xvdd,access=rw,target=/root/q.img'
    until_true guest_has /dev/xvdd q
    same 'what the guest copied' "$wanted" "$(use_disk xvdd q)"
    xl block-detach q xvdd
    until_true guest_lacks /dev/xvdd q
    qemu-img convert -f qcow2 -O raw /root/q.img /root/q.raw
    same 'the copy in the file' "$wanted" "$(tail -c 4M /root/q.raw | sha256sum)"
    xl destroy q
}

check_network() {
    local wanted
    guest
    bridge_up
    xl network-attach g bridge=xenbr0 mac=00:16:3e:01:02:03
    until_true guest_has /sys/class/net/eth0
    same 'address' 00:16:3e:01:02:03 "$(ask g 'cat /sys/class/net/eth0/address')"
    has 'list' '^0 +0 +00:16:3e:01:02:03 +[0-9]+ +4 ' "$(xl network-list g)"
    ask g 'ip addr add 10.0.0.2/24 dev eth0; ip link set eth0 up; ping -c 3 -W 5 10.0.0.1 >/dev/null' || fail 'no answer to a ping'
    website
    head -c 2M /dev/urandom >/run/www/net
    same 'what came through' "$(sha256sum </run/www/net)" "$(ask g 'wget -q -O - http://10.0.0.1:4000/net | sha256sum')"
    xl network-detach g 0
    until_true guest_lacks /sys/class/net/eth0
    same 'cards on the bridge' '' "$(ls /sys/class/net/xenbr0/brif)"
}

# A Debian system from a disk until its login prompt, then logs in and shuts it down.
login_prompt() {
    log_size "$1"
    local size=$LOG_SIZE
    xl create -q "$2"
    await "$1" "$size" 'debian-guest (hvc0|login)|Debian GNU/Linux'
    remember "$1"
    sleep 1
    echo root >"$(<"/run/tty.$1")"
    sleep 2
    # shellcheck disable=SC2016  # for the shell of the guest
    echo 'echo "its root is $(findmnt -no SOURCE,FSTYPE /)"' >"$(<"/run/tty.$1")"
    await "$1" "$size" 'its root is /dev/xvda +ext4'
    xl shutdown -w "$1" >/dev/null
    until_true gone "$1"
}

debian() { config "$1" 'cmdline = "console=hvc0 quiet root=/dev/xvda"' "${@:2}"; }

check_debian_raw() {
    login_prompt raw "$(debian raw 'disk = ["format=raw,vdev=xvda,access=rw,target=/guests/debian.img"]')"
}

check_debian_qcow2() {
    qemu-img convert -f raw -O qcow2 /guests/debian.img /root/debian.qcow2
    login_prompt qcow "$(debian qcow 'disk = ["format=qcow2,vdev=xvda,access=rw,target=/root/debian.qcow2"]')"
}

check_debian_grub() {
    cat >/run/grub.cfg <<END
name = "grub"
kernel = "/guests/grub.elf"
memory = 192
disk = ["format=raw,vdev=xvda,access=rw,target=/guests/debian.img"]
END
    login_prompt grub /run/grub.cfg
}
