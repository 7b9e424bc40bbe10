# SPDX-License-Identifier: MIT
"""An emulated machine with a hypervisor, a dom0 kernel and an initrd: its QEMU command and its console.

Everything that boots something (scripts/run, tests/system, bench/boot) describes it as a Spec. The
console is the emulated serial port on the standard streams of QEMU; a reader waits for text, never
for time, and every wait has a limit.
"""

import base64
import os
import re
import selectors
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from cpio import Archive

SCRIPTS = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get('BUILD') or SCRIPTS.parent / 'build').absolute()
CACHE = Path(os.environ.get('HOSPES_CACHE') or Path.home() / '.cache/hospes')
DEFAULT_CPU = 'EPYC,+svm,+npt,-smap'
CONSOLE_OPTIONS = 'com1=115200,8n1 console=com1'
# Debian's Xen, our reference, takes QEMU's MWAIT at its word and faults in its idle loop with several CPUs.
XEN_OPTIONS = 'cpuidle=0 mwait-idle=0'
OVMF = Path('/usr/share/OVMF')

# What the kernel leaves for its command line (1024), less the other words on it.
COMMAND_LINE_ROOM = 800
BEGIN = 'HOSPES-BEGIN'
EXIT = re.compile(r'^HOSPES-EXIT (\d+)$', re.M)


class BootError(Exception):
    """A failure whose text names cause and remedy."""


@dataclass
class Spec:
    hv: Path
    hv_options: str = ''
    kernel: Path | None = None
    kernel_words: str = ''
    initrd: Path | None = None
    root_disk: Path | None = None   # dom0 goes on from the initrd to this disk, and changes a copy of it only
    command: str | None = None
    machine: str = 'q35'
    cpu: str = DEFAULT_CPU
    memory_mib: int = 1024
    smp: int = 2
    boot: str = 'kernel'            # kernel, bios (ISO) or uefi (ISO)
    qemu: str = '7'                 # 7: the installed one; 10: the cached one
    accel: str = 'tcg'
    reboot: bool = False            # False: a reset ends QEMU
    network: str = ''               # a QEMU network card; empty: none
    extra: list = field(default_factory=list)


def cached(*parts):
    path = CACHE.joinpath(*parts)
    if not path.exists():
        raise BootError(f'{path} is not there.\nRemedy: scripts/fetch {parts[0]}')
    return path


def hypervisor(name):
    """The path of an image, or of Debian's Xen when name is "xen"."""
    return cached('xen', 'xen') if str(name) == 'xen' else Path(name)


def is_reference(hv):
    return CACHE in Path(hv).parents


def kernel_image(release, form='vmlinuz'):
    return cached(f'kernel-{release}', form)


def made(program, *arguments):
    """The path of what one of our programs makes, or has made before."""
    done = subprocess.run([SCRIPTS / program, *arguments], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise BootError(f'scripts/{program} failed; its message is above.')
    return Path(done.stdout.strip())


def root_image(release='6.1', variant='base'):
    """The initrd of a root; the Debian root starts from the base one."""
    return made('mkroot', '--kernel', release, '--variant', 'base' if variant == 'debian' else variant)


def root_disk(release='6.1', variant='base'):
    return made('mkdom0', '--kernel', release) if variant == 'debian' else None


def root_parts(variant):
    """What scripts/fetch must have cached for a root."""
    return {'base': {'base'}, 'stress': {'base', 'stress'}, 'debian': {'base', 'debian', 'dom0', 'grub'}}[variant]


# --- the command line of QEMU ------------------------------------------------------------

def emulator(version):
    if version == '10':
        tree = cached('qemu10', 'usr')
        search = [word for sub in ('share/qemu', 'share/seabios', 'lib/ipxe/qemu') for word in ('-L', str(tree / sub))]
        return [str(tree / 'bin/qemu-system-x86_64'), *search]
    found = shutil.which('qemu-system-x86_64')
    if not found:
        raise BootError('qemu-system-x86_64 is not installed.\nRemedy: scripts/setup run')
    return [found]


def with_command(spec, work):
    """The kernel's words and the initrd that make dom0 run spec.command (a long one travels as a file)."""
    words = f'console=hvc0 {"hospes.root=/dev/vda " if spec.root_disk else ""}{spec.kernel_words}'.strip()
    if spec.command is None:
        return words, spec.initrd
    encoded = base64.b64encode(spec.command.encode()).decode()
    if len(words) + len(encoded) < COMMAND_LINE_ROOM:
        return f'{words} hospes.cmd={encoded}', spec.initrd
    archive = Archive()
    archive.file('hospes.cmd', spec.command.encode())
    initrd = work / 'initrd'
    initrd.write_bytes(spec.initrd.read_bytes() + archive.bytes())
    return words, initrd


def hypervisor_words(spec):
    needed = [CONSOLE_OPTIONS, *([XEN_OPTIONS] if is_reference(spec.hv) else []), spec.hv_options]
    return ' '.join(word for word in needed if word)


def modules_of(spec, words, initrd):
    """(file, words) pairs in the order of the multiboot modules: the kernel first."""
    kernel = [(spec.kernel, words)] if spec.kernel else []
    return kernel + ([(initrd, '')] if initrd else [])


def make_iso(spec, initrd, words, output):
    """One GRUB multiboot2 ISO for BIOS and UEFI; initrd and words are what with_command made of spec's."""
    if not spec.hv.is_file():
        raise BootError(f'{spec.hv} is not there.\nRemedy: make (it builds the hypervisor)')
    with tempfile.TemporaryDirectory(dir=output.parent) as stage:
        boot = Path(stage) / 'boot'
        (boot / 'grub').mkdir(parents=True)
        lines = ['serial --unit=0 --speed=115200', 'terminal_input serial console',
                 'terminal_output serial console', 'set timeout=0', 'set gfxpayload=text',
                 'menuentry "Hospes" {', f'  multiboot2 /boot/hypervisor {hypervisor_words(spec)}']
        shutil.copy(spec.hv, boot / 'hypervisor')
        for number, (file, module_words) in enumerate(modules_of(spec, words, initrd)):
            shutil.copy(file, boot / f'module{number}')
            lines.append(f'  module2 --nounzip /boot/module{number} {module_words}'.rstrip())
        (boot / 'grub/grub.cfg').write_text('\n'.join([*lines, '}', '']))
        try:
            done = subprocess.run(['grub-mkrescue', '-o', str(output), stage], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        except FileNotFoundError:
            raise BootError('grub-mkrescue is not installed.\nRemedy: scripts/setup run') from None
        if done.returncode:
            raise BootError(f'grub-mkrescue failed:\n{done.stdout[-1000:]}')


def load_arguments(spec, work):
    """How the hypervisor and its modules reach memory: -kernel, or an ISO with GRUB."""
    words, initrd = with_command(spec, work)
    if spec.boot == 'kernel':
        result = ['-kernel', str(spec.hv), '-append', hypervisor_words(spec)]
        modules = modules_of(spec, words, initrd)
        if modules:
            # QEMU ends a module at a comma; a doubled one is a comma in its words.
            rows = (f'{file} {module_words}'.rstrip().replace(',', ',,') for file, module_words in modules)
            result += ['-initrd', ','.join(rows)]
        return result
    iso = work / 'boot.iso'
    make_iso(spec, initrd, words, iso)
    result = ['-cdrom', str(iso)]
    if spec.boot == 'uefi':
        variables = work / 'vars.fd'
        try:
            shutil.copy(OVMF / 'OVMF_VARS_4M.fd', variables)
        except FileNotFoundError:
            raise BootError('OVMF, the UEFI firmware, is not installed.\nRemedy: scripts/setup run') from None
        flash = 'if=pflash,format=raw'
        result += ['-drive', f'{flash},unit=0,readonly=on,file={OVMF}/OVMF_CODE_4M.fd',
                   '-drive', f'{flash},unit=1,file={variables}']
    return result


def drive(path):
    """Words for one more disk, read only."""
    return ['-drive', f'if=none,id={path.stem},format=raw,readonly=on,file={path}', '-device', f'virtio-blk-pci,drive={path.stem}']


def qemu_command(spec, work, console):
    """The whole command; console is the list of arguments that says where the serial port goes."""
    if not spec.hv.is_file():
        raise BootError(f'{spec.hv} is not there.\nRemedy: make (it builds the hypervisor)')
    cpu = 'host' if spec.accel == 'kvm' and spec.cpu == DEFAULT_CPU else spec.cpu
    result = [*emulator(spec.qemu), '-M', spec.machine, '-accel', spec.accel, '-cpu', cpu,
              '-m', str(spec.memory_mib), '-smp', str(spec.smp), '-display', 'none', *console]
    # Not "-nic model=": that gives virtio cards without MSI-X.
    result += ['-netdev', 'user,id=net', '-device', f'{spec.network},netdev=net'] if spec.network else ['-nic', 'none']
    result += [] if spec.reboot else ['-no-reboot']
    if spec.root_disk:
        result += ['-drive', f'if=none,id=root,format=raw,snapshot=on,file={spec.root_disk}',
                   '-device', 'virtio-blk-pci,drive=root']
    return result + load_arguments(spec, work) + spec.extra


# --- a running machine -------------------------------------------------------------------

class Machine:
    """A started machine. text is all the console has said so far, with plain line ends."""

    def __init__(self, spec, log, work):
        self.log = open(log, 'wb')
        command = qemu_command(spec, work, ['-chardev', 'stdio,id=tty,signal=off', '-serial', 'chardev:tty',
                                            '-monitor', 'none'])
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)
        self.text = ''
        self.ended = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.selector.close()
        self.process.stdin.close()
        self.process.stdout.close()
        self.errors.close()
        self.log.close()

    def send(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def pump(self, deadline):
        """Takes in what the console says next. False when nothing came until the deadline."""
        if self.ended or not self.selector.select(max(0, deadline - time.monotonic())):
            return False
        data = os.read(self.process.stdout.fileno(), 65536)
        if not data:
            self.ended = True
            self.process.wait()
            return False
        self.log.write(data)
        self.log.flush()
        self.text += data.decode('utf-8', 'replace').replace('\r', '')
        return True

    def wait_for(self, pattern, deadline, start=0):
        """The match of pattern in the text from start on; None when the machine ends or time runs out."""
        pattern = re.compile(pattern, re.M)
        while True:
            found = pattern.search(self.text, start)
            if found or not self.pump(deadline):
                return found

    def wait_end(self, deadline):
        """True when QEMU ended by itself before the deadline."""
        while self.pump(deadline):
            pass
        return self.ended

    def complaint(self):
        """What QEMU itself said on its standard error, less what TCG says about each CPU it emulates."""
        self.errors.seek(0)
        lines = self.errors.read().decode('utf-8', 'replace').splitlines()
        return '\n'.join(line for line in lines if "TCG doesn't support" not in line)


def last_lines(log, count):
    text = log.read_bytes().decode('utf-8', 'replace') if log.exists() else ''
    return text.replace('\r', '').splitlines()[-count:]


def command_output(text):
    """(output, status) of a command run by dom0's /init; output is None before it began, status before it ended."""
    _, began, rest = text.partition(f'{BEGIN}\n')
    if not began:
        return None, None
    found = EXIT.search(rest)
    if not found:
        return rest, None
    return rest[:found.start()].removesuffix('\n'), int(found.group(1))
