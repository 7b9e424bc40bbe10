# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Types two lines, once the guest asks for them.
until grep -q 'Say something' "/var/log/xen/console/guest-$1.log"; do sleep 0.1; done
tty=$(xenstore-read "/local/domain/$(xl domid "$1")/console/tty")
printf 'hello\n' >"$tty"
sleep 0.5
printf 'bye\n' >"$tty"
