# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A bridge with an address, and pings from there.
if [ "${2:-}" = prepare ]; then
    ip link show xenbr0 >/dev/null 2>&1 && exit
    ip link add xenbr0 type bridge
    ip addr add 10.0.0.1/24 dev xenbr0
    ip link set xenbr0 up
    exit
fi
until grep -q 'My address' "/var/log/xen/console/guest-$1.log"; do sleep 0.1; done
for size in 0 56 500 1000 1400; do
    busybox ping -c 1 -W 10 -s $size 10.0.0.14 >/dev/null && echo "an answer to $size bytes"
done
