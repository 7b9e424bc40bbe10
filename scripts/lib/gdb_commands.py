# SPDX-License-Identifier: MIT
"""Commands of scripts/hospes.gdb. They read memory and call nothing, so the machine may stand anywhere."""

import struct

import gdb

ADDRESSED = (gdb.SYMBOL_LOC_STATIC, gdb.SYMBOL_LOC_UNRESOLVED)
NO_CPU = 0xffff
PAGE_SIZE = 4096
HELP = '''The commands of Hospes:
hv-domains    the domains and their vcpus
hv-current    the vcpu of the selected CPU (a CPU is a gdb thread: "info threads", "thread 2")
hv-cpus       the vcpu of every CPU
hv-regs CPU   the guest's registers that the given CPU saved on its last way in
hv-log        the console ring, all of it
Break with hbreak: before paging is on, code runs at low addresses and nothing can be written at the others.'''


def variable(name):
    """A variable of the hypervisor, static or not. Link-time optimisation describes a static one twice, and gdb by
    itself takes the description that has no address."""
    found = [symbol for symbol in (gdb.lookup_global_symbol(name), *gdb.lookup_static_symbols(name))
             if symbol is not None and symbol.addr_class in ADDRESSED]
    if not found:
        raise gdb.GdbError(f'there is no variable {name} in these symbols')
    return found[0].value()


def cpu_infos():
    infos, online = variable('cpu_infos'), int(variable('cpu_online_count'))
    return [infos[cpu].dereference() for cpu in range(online) if infos[cpu]]


def domains():
    """Those that are listed: dom/domain.c keeps pointers to them in pages, by their number."""
    pages = variable('domain_pages')
    kind = gdb.lookup_type('struct domain').pointer()
    for index in range(pages.type.range()[1] + 1):
        if pages[index]:
            content = gdb.selected_inferior().read_memory(int(pages[index]), PAGE_SIZE)
            yield from (gdb.Value(address).cast(kind).dereference()
                        for address, in struct.iter_unpack('<Q', content) if address)


def vcpu_line(vcpu):
    unit = vcpu['unit']
    states = [word for word in ('running', 'queued', 'blocked') if unit[word]]
    states += ['down'] if vcpu['down'] else []
    states += [f'paused {int(unit["pause_count"])} times'] if unit['pause_count'] else []
    loaded = int(vcpu['loaded_cpu'])
    where = '' if loaded == NO_CPU else f', in the registers of CPU {loaded}'
    return (f'd{int(vcpu["domain"]["id"])}v{int(vcpu["id"])} (struct vcpu *){int(vcpu.address):#x}: '
            f'{", ".join(states) or "not runnable"}, CPU {int(unit["cpu"])}{where}')


def cpu_line(info):
    vcpu = info['current']
    return (f'CPU {int(info["cpu"])}: cr3 {int(info["cr3"]):#x}, work {int(info["work"]):#x}, '
            f'{vcpu_line(vcpu.dereference()) if vcpu else "no vcpu"}')


class Command(gdb.Command):
    """A command whose help is its class's text and whose work is run(argument)."""

    def __init__(self, name):
        super().__init__(name, gdb.COMMAND_STATUS)

    def invoke(self, argument, _):
        for line in self.run(argument):
            print(line)


class Hospes(Command):
    """The list of the commands that know the hypervisor."""

    def run(self, _):
        return HELP.splitlines()


class Domains(Command):
    """Every listed domain and its vcpus."""

    def run(self, _):
        return [line for domain in domains() for line in self.lines(domain)]

    def lines(self, domain):
        state = ' dying' if domain['dying'] else ' shut down' if domain['shutting_down'] else ''
        yield f'domain {int(domain["id"])} (struct domain *){int(domain.address):#x}{state}'
        vcpus = (domain['vcpus'][number] for number in range(int(domain['max_vcpus'])))
        yield from (f'    {vcpu_line(vcpu.dereference())}' for vcpu in vcpus if vcpu)


class Current(Command):
    """The vcpu whose state the selected CPU holds."""

    def run(self, _):
        # QEMU numbers its threads like the CPUs, from 1, and the hypervisor its CPUs in the firmware's order: the
        # stack pointer is surer, but says nothing while a guest runs.
        stack = int(gdb.selected_frame().read_register('rsp')) & (1 << 64) - 1
        size = 16 * PAGE_SIZE
        for info in cpu_infos():
            top = int(info.address) + info.type.sizeof
            if top - size <= stack < top:
                return [cpu_line(info)]
        return ['This CPU is in a guest, on an interrupt stack, or in boot code. See hv-cpus.']


class Cpus(Command):
    """The vcpu of every CPU."""

    def run(self, _):
        return [cpu_line(info) for info in cpu_infos()]


class Regs(Command):
    """hv-regs CPU: the guest's registers saved by that CPU on its last way in."""

    def run(self, argument):
        infos, cpu = cpu_infos(), int(gdb.parse_and_eval(argument or '0'))
        if not 0 <= cpu < len(infos):
            raise gdb.GdbError(f'there are CPUs 0 to {len(infos) - 1}')
        registers = infos[cpu]['guest_regs']
        return [f'{field.name:>12} {int(registers[field]):#x}' for field in registers.type.fields() if field.name]


class Log(Command):
    """The console ring: what the hypervisor and domain 0 printed last."""

    def run(self, _):
        ring, head = variable('ring'), int(variable('ring_head'))
        size = ring.type.sizeof
        content = bytes(gdb.selected_inferior().read_memory(int(ring.address), size))
        start = head % size
        # Before the ring has wrapped, what is behind the head are zeroes.
        text = (content[start:] + content[:start]).lstrip(b'\0')
        return text.decode(errors='replace').replace('\r', '').splitlines()


for command, kind in (('hospes', Hospes), ('hv-domains', Domains), ('hv-current', Current), ('hv-cpus', Cpus),
                      ('hv-regs', Regs), ('hv-log', Log)):
    kind(command)
