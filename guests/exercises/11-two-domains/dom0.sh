# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Starts the second domain, and makes the two known to each other.
host=$(xl domid "$1")
sed "s/^name = .*/name = \"$1-guest\"/" "/run/$1.cfg" >"/run/$1-guest.cfg"
echo "cmdline = \"host=$host\"" >>"/run/$1-guest.cfg"
xl create -q -p "/run/$1-guest.cfg"
guest=$(xl domid "$1-guest")
xenstore-write "/local/domain/$host/data/guest" "$guest"
until xenstore-exists "/local/domain/$host/data/port"; do sleep 0.1; done
# It may read what the host says.
xenstore-chmod "/local/domain/$host/data/port" "n$host" "r$guest"
xl unpause "$1-guest"
until xl list "$1-guest" | awk 'NR == 2 { exit $5 ~ /[sc]/ ? 0 : 1 }'; do sleep 0.1; done
until grep -q heard "/var/log/xen/console/guest-$1-guest.log"; do sleep 0.1; done
echo "its guest says: $(tr '\r\n' '  ' <"/var/log/xen/console/guest-$1-guest.log" | tr -s ' ')"
xl destroy "$1-guest"
