# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Types what chapter 7's types.
exec bash "$(dirname "$0")/../07-console/dom0.sh" "$1"
