# SPDX-License-Identifier: MIT
"""The program of checks that run inside a Linux, dom0 or guest, and say something of the hypervisor."""

import os
import subprocess
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / 'tests/system/guestcheck.c'


def add_check_program(archive):
    with tempfile.TemporaryDirectory() as stage:
        binary = Path(stage) / 'guestcheck'
        subprocess.run([os.environ.get('CC', 'gcc'), '-std=gnu17', '-O2', '-Wall', '-Wextra', '-Werror',
                        '-static', '-o', str(binary), str(SOURCE)], check=True)
        archive.copy('usr/bin/guestcheck', binary)
