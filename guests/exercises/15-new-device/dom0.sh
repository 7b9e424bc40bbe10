# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The toolstack's part: two directories that name each other. Then the back end.
guest=$(xl domid "$1")
front=/local/domain/$guest/device/vupper/0
back=/local/domain/0/backend/vupper/$guest/0
xenstore-write "$back/frontend" "$front" "$back/frontend-id" "$guest" "$back/state" 1
xenstore-chmod -r "$back" n0 "r$guest"
xenstore-write "$front/backend" "$back" "$front/backend-id" 0 "$front/state" 1
xenstore-chmod -r "/local/domain/$guest/device/vupper" "n$guest" r0
"$(dirname "$0")/backend.program" "$guest"
xenstore-rm "/local/domain/0/backend/vupper"
