#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Generate what follows from hypervisor/hcall/hypercalls.tbl (its head explains the format).

    gen-hypercalls.py TABLE dispatch > hypercalls.gen.h        rows of the dispatcher, as X-macros
    gen-hypercalls.py TABLE names    > hypercall-names.gen.h   trace names of calls and operations, as X-macros
    gen-hypercalls.py TABLE stubs    > guest-stubs.gen.h       functions with which a PV64 guest calls
    gen-hypercalls.py TABLE rights   > guest-rights.gen.h      every row and who may, for a guest that may not
    gen-hypercalls.py TABLE manual   > hypercalls.gen.md       a chapter of the manual
    gen-hypercalls.py TABLE dict     > hypercalls.gen.dict     words for a fuzzer: numbers of calls and operations
"""
import re
import sys
import textwrap

STATES = {"impl", "entry", "none"}
KINDS = {"pv": ["HCALL_PV"], "hvm": ["HCALL_HVM"], "both": ["HCALL_PV", "HCALL_HVM"]}
RIGHTS = {"any", "self", "hardware", "control", "mixed"}
FLAGS = {"preempt": "HCALL_PREEMPT", "nobatch": "HCALL_NOBATCH", "nostub": None}
REGISTERS = ["rdi", "rsi", "rdx", "r10", "r8"]
HEADERS = ["xen", "memory", "event_channel", "grant_table", "physdev", "platform", "vcpu", "sched", "version",
           "callback"]
BANNER = "Generated from hypervisor/hcall/hypercalls.tbl by scripts/gen-hypercalls.py: edit those."


class Call:
    def __init__(self, number, name, state, kinds, who, flags, batch, args):
        self.number, self.name, self.state, self.kinds, self.who = int(number), name, state, kinds, who
        self.flags = [] if flags == "-" else flags.split(",")
        self.batch = batch
        self.args = [] if args == "void" else [a.strip() for a in args.split(",")]
        self.subs = []
        if state not in STATES or kinds not in KINDS or who not in RIGHTS or not set(self.flags) <= set(FLAGS):
            raise ValueError(f"call {number} {name}: unknown state, kind, right or flag")
        if len(self.args) > len(REGISTERS):
            raise ValueError(f"call {number} {name}: more than {len(REGISTERS)} arguments")

    def header_constant(self):
        return "__HYPERVISOR_" + ("arch_0" if self.name == "mca" else self.name)

    def flag_bits(self):
        return " | ".join(KINDS[self.kinds] + [FLAGS[f] for f in self.flags if FLAGS[f]])


class Sub:
    def __init__(self, number, constant, priority, state, who, arg):
        self.number, self.constant, self.priority = int(number), constant, priority
        self.state, self.who, self.arg = state, who, arg
        self.name = re.sub(r"^(XEN_)?[A-Z]+_", "", constant)
        if state not in STATES or who not in RIGHTS or not re.fullmatch(r"P[0-4]t?", priority):
            raise ValueError(f"sub {number} {constant}: unknown state, right or priority")


def read_table(path):
    calls = []
    with open(path) as table:
        for at, line in enumerate(table, 1):
            try:
                if line.startswith("call "):
                    calls.append(Call(*line.split(None, 8)[1:8], line.split(None, 8)[8].strip()))
                elif line.startswith("sub "):
                    calls[-1].subs.append(Sub(*line.split(None, 6)[1:6], line.split(None, 6)[6].strip()))
                elif line.strip() and not line.startswith("#"):
                    raise ValueError("neither call, sub nor comment")
            except (ValueError, IndexError, TypeError) as error:
                sys.exit(f"{path}:{at}: {error}; the head of the table explains its columns")
    numbers = [c.number for c in calls]
    if numbers != sorted(set(numbers)):
        sys.exit(f"{path}: the numbers of the calls must rise")
    return calls


def x_macro(name, rows):
    return [f"#define {name}(X) \\"] + [f"    X({row}) \\" for row in rows] + ["    /* end */", ""]


def dispatch(calls):
    """Rows X(number, name, number of arguments, flags), handled by long hcall_<name>(struct hcall_args *)."""
    out = [f"/* {BANNER} */", "#pragma once", "",
           f"#define HCALL_COUNT {max(c.number for c in calls) + 1}", "",
           "#define HCALL_PV 1u      /* PV guests may call it */",
           "#define HCALL_HVM 2u     /* hardware guests may call it */",
           "#define HCALL_PREEMPT 4u /* may stop half-way and be executed again */",
           "#define HCALL_NOBATCH 8u /* not as an entry of a multicall */", "",
           "/* X(number, name, number of arguments, flags): long hcall_<name>(struct hcall_args *) exists. */"]
    out += x_macro("HCALLS_IMPL",
                   [f"{c.number}, {c.name}, {len(c.args)}, {c.flag_bits()}" for c in calls if c.state == "impl"])
    out += ["/* X(number, name, number of arguments, flags): known, answered with -ENOSYS. */"]
    out += x_macro("HCALLS_NONE",
                   [f"{c.number}, {c.name}, {len(c.args)}, {c.flag_bits()}" for c in calls if c.state == "none"])
    out += ["/* X(number of the call, number of the operation, right): who may; the other half is hcall/target.c. */"]
    out += x_macro("HCALL_RIGHTS",
                   [f"{c.number}, {s.number}, {s.who.upper()}" for c in calls for s in c.subs if s.state == "impl"])
    return out[:-1]


def names(calls):
    out = [f"/* {BANNER} */", "#pragma once", "", "/* X(number, \"name\") */"]
    out += x_macro("HCALL_NAMES", [f'{c.number}, "{c.name}"' for c in calls])
    out += ["/* X(number of the call, number of the operation, \"name\") */"]
    out += x_macro("HCALL_SUB_NAMES", [f'{c.number}, {s.number}, "{s.name}"' for c in calls for s in c.subs])
    return out[:-1]


def parameter_name(arg):
    return re.search(r"(\w+)$", arg).group(1)


def stub(call):
    """One static inline function. Arguments are in-out: a debug hypervisor may overwrite their registers."""
    names_of = [parameter_name(a) for a in call.args]
    head = f"static inline long hypercall_{call.name}("
    out = textwrap.wrap(head + (", ".join(call.args) or "void") + ")", 120, subsequent_indent=" " * len(head))
    out += ["{", "    long ret;"]
    for name, register in zip(names_of, REGISTERS):
        out.append(f'    register unsigned long {register}_ __asm__("{register}") = (unsigned long){name};')
    outputs = ['"=a"(ret)'] + [f'"+r"({r}_)' for _, r in zip(names_of, REGISTERS)]
    out += ["", '    __asm__ volatile("syscall"',
            f"                     : {', '.join(outputs)}",
            f'                     : "0"({call.number}L)',
            '                     : "rcx", "r11", "memory");',
            "    return ret;", "}", ""]
    return out


def stubs(calls):
    out = [f"/* {BANNER} */", "#pragma once", "", "#include <stdint.h>"]
    out += [f"#include <xen/{h}.h>" for h in HEADERS] + ["struct xen_domctl;", "struct xen_sysctl;", ""]
    out += [f'_Static_assert({c.header_constant()} == {c.number}, "{c.name}");' for c in calls]
    out += ["#ifdef __XEN_TOOLS__ /* else the public headers hide some operations */", "#include <xen/domctl.h>",
            "#include <xen/sysctl.h>"]
    out += [f'_Static_assert({s.constant} == {s.number}, "{s.constant}");' for c in calls for s in c.subs]
    out += ["#endif", "", "/* Any number, known or not, with as many arguments as PV64 has. */"]
    out += stub_raw()
    for c in calls:
        if "nostub" not in c.flags:
            out += stub(c)
    return out[:-1]


def stub_raw():
    out = ["static inline long hypercall_raw(unsigned long number, unsigned long a1, unsigned long a2,",
           "                                 unsigned long a3, unsigned long a4, unsigned long a5)", "{", "    long ret;"]
    out += [f'    register unsigned long {r}_ __asm__("{r}") = a{i};' for i, r in enumerate(REGISTERS, 1)]
    outputs = ['"=a"(ret)'] + [f'"+r"({r}_)' for r in REGISTERS]
    return out + ["", '    __asm__ volatile("syscall"', f"                     : {', '.join(outputs)}",
                  '                     : "0"(number)', '                     : "rcx", "r11", "memory");',
                  "    return ret;", "}", ""]


def rights(calls):
    """Rows X(number, operation or -1, "name", state, who, "argument") of all calls and operations."""
    rows = []
    for c in calls:
        rows.append(f'{c.number}, -1, "{c.name}", {c.state.upper()}, {c.who.upper()}, "-"')
        rows += [f'{c.number}, {s.number}, "{s.constant}", {s.state.upper()}, {s.who.upper()}, "{s.arg}"' for s in c.subs]
    return [f"/* {BANNER} */", "#pragma once", "", *x_macro("HYPERCALL_RIGHTS", rows)][:-1]


def manual(calls):
    out = [f"<!-- {BANNER} -->", "# Hypercalls", "",
           "A PV64 guest puts the number into `rax`, up to five arguments into `rdi`, `rsi`, `rdx`, `r10` and `r8`,",
           "and executes `syscall` in kernel mode; the answer is in `rax`, zero or positive, or a negated errno. `rcx`",
           "and `r11` are lost, all other registers are kept. Numbers that are not in this list answer `-ENOSYS`, and",
           "so do those marked *not yet*.", "",
           "Priority says who needs an operation: P0 to boot domain 0, P1 other PV domains, P2 hardware guests, P3 save",
           "and migration, P4 rare; *t*: callers cope without it.", "",
           "| Number | Name | State | Guests | Who may | Preemptible | In a multicall | Array of |",
           "| ---: | --- | --- | --- | --- | --- | --- | --- |"]
    for c in calls:
        kinds = "PV, HVM" if c.kinds == "both" else c.kinds.upper()
        out.append(f"| {c.number} | {c.name} | {'not yet' if c.state == 'none' else 'yes'} | {kinds} | {c.who} | "
                   f"{'yes' if 'preempt' in c.flags else ''} | {'no' if 'nobatch' in c.flags else 'yes'} | "
                   f"{'' if c.batch == '-' else '`' + c.batch + '`'} |")
    for c in calls:
        if c.state == "impl":
            out += ["", f"## {c.number}: {c.name}", "", f"`long {c.name}({', '.join(c.args) or 'frame on the stack'})`"]
            if c.subs:
                out += ["", "| Number | Operation | State | Who may | Priority | Argument |",
                        "| ---: | --- | --- | --- | --- | --- |"]
            for s in c.subs:
                out.append(f"| {s.number} | {s.constant} | {'yes' if s.state == 'impl' else 'not yet'} | {s.who} | "
                           f"{s.priority} | {'' if s.arg == '-' else '`' + s.arg + '`'} |")
    return out


def dictionary(calls):
    def word(name, number):
        return f'{name}="{"".join(f"{chr(92)}x{b:02x}" for b in number.to_bytes(4, "little"))}"'

    return [f"# {BANNER}"] + [word(c.name, c.number) for c in calls] + \
        [word(f"{c.name}_{s.name}", s.number) for c in calls for s in c.subs]


def main():
    generators = {"dispatch": dispatch, "names": names, "stubs": stubs, "rights": rights, "manual": manual, "dict": dictionary}
    if len(sys.argv) != 3 or sys.argv[2] not in generators:
        sys.exit(__doc__)
    print("\n".join(generators[sys.argv[2]](read_table(sys.argv[1]))).rstrip())


if __name__ == "__main__":
    main()
