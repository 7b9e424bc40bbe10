/* SPDX-License-Identifier: MIT */
/* What every host test of a layer above the machine includes: cmocka, the fake machine, errno. */
#ifndef TESTS_UNIT_HOST_H
#define TESTS_UNIT_HOST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fake/fake.h>
#include <lib/errno.h>

#endif
