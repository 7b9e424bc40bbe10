# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Makes the disk, and compares what the guest says of it.
if [ "${2:-}" = prepare ]; then
    head -c 2M /dev/urandom >/root/exercise-disk
    truncate -s 4M /root/exercise-disk
    exit
fi
log=/var/log/xen/console/guest-$1.log
wanted=$(head -c 2M /root/exercise-disk | cksum | cut -d ' ' -f 1)
until grep -q Closed "$log"; do sleep 0.1; done
grep -q "checksum $wanted\." "$log" && echo "the checksum is right"
[ "$(tail -c 4096 /root/exercise-disk | tr -d x | wc -c)" = 0 ] && echo "the last page has been written"
rm /root/exercise-disk
