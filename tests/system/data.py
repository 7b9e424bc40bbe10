# SPDX-License-Identifier: MIT
"""Test data for disks and networks: bytes that do not repeat and are the same in every run."""

import functools
import random


@functools.cache
def test_data(mib):
    return random.Random(mib).randbytes(mib << 20)
