/* SPDX-License-Identifier: MIT */
/*
 * One suite for hypervisor/machine and its twin tests/fake: what their headers promise, through those headers only.
 * host.c runs it on the twin, image.c on the machine. CPU 0 runs the checks, the others serve.
 */
#ifndef TESTS_CONFORMANCE_H
#define TESTS_CONFORMANCE_H

struct check {
    const char *name;
    const char *(*fn)(void);            /* NULL: as promised; else what is not */
};
extern const struct check conformance_checks[];
extern const unsigned conformance_count;

void conformance_start(void);           /* before any CPU serves */
void conformance_serve(void);           /* CPUs but 0, until conformance_stop() */
void conformance_stop(void);

#endif
