# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the guest says, against domain 0's own clock.
until said=$(grep -om1 'second [0-9]*' "/var/log/xen/console/guest-$1.log"); do sleep 0.1; done
difference=$(($(date +%s) - ${said#second }))
[ $difference -ge -1 ] && [ $difference -le 15 ] && echo "the guest's clock is right" || echo "the guest's clock is $difference s behind"
