# SPDX-License-Identifier: MIT
"""A few kernel modules with all they depend on, as a folder that modprobe understands."""

import lzma
import os
import subprocess
import sys

# Files that only depmod reads, or that repeat the others in another form.
NOT_NEEDED = ('.bin', '.modinfo', '.order', '.devname')


def module_name(path):
    return path.rpartition('/')[2].split('.ko')[0].replace('-', '_')


def module_paths(tree, wanted):
    """Relative paths of the wanted modules and all they depend on (names built in are no error)."""
    rows = (line.partition(':') for line in (tree / 'modules.dep').read_text().splitlines())
    needs = {path: rest.split() for path, _, rest in rows}
    by_name = {module_name(path): path for path in needs}
    builtin = {module_name(line) for line in (tree / 'modules.builtin').read_text().splitlines()}
    chosen = set()
    for name in wanted:
        key = name.replace('-', '_')
        if key in by_name:
            chosen |= {by_name[key], *needs[by_name[key]]}
        elif key not in builtin:
            print(f'no module {name} in {tree.name}', file=sys.stderr)
    return sorted(chosen)


def stage_modules(kernel, wanted, root):
    """Puts the modules of the cached kernel and fresh index files below root/lib/modules, uncompressed."""
    version = (kernel / 'version').read_text().strip()
    tree = kernel / 'lib/modules' / version
    folder = root / 'lib/modules' / version
    for relative in module_paths(tree, wanted):
        data = (tree / relative).read_bytes()
        if relative.endswith('.xz'):
            relative, data = relative.removesuffix('.xz'), lzma.decompress(data)
        (folder / relative).parent.mkdir(parents=True, exist_ok=True)
        (folder / relative).write_bytes(data)
    for name in ('modules.builtin', 'modules.builtin.modinfo', 'modules.order'):
        (folder / name).write_bytes((tree / name).read_bytes())
    path = os.environ.get('PATH', '') + ':/usr/sbin:/sbin'
    subprocess.run(['depmod', '-b', str(root), version], check=True, env={**os.environ, 'PATH': path})
    return folder


def add_modules(archive, kernel, wanted, stage):
    """The same into a cpio archive, by way of the folder stage."""
    for file in sorted(stage_modules(kernel, wanted, stage).rglob('*')):
        if file.is_file() and not file.name.endswith(NOT_NEEDED):
            archive.copy(str(file.relative_to(stage)), file)
