# SPDX-License-Identifier: MIT
# gdb's settings and commands for a running hypervisor: gdb -x scripts/hospes.gdb build/hospes.syms

set confirm off
set pagination off
set print pretty on
set architecture i386:x86-64
source scripts/lib/gdb_commands.py
