# SPDX-License-Identifier: MIT
"""The exercises of guests/exercises, and how they get into a dom0: as a tar archive on its second disk."""

import tarfile

import machine

FOLDER = machine.SCRIPTS.parent / 'guests/exercises'
PLACE = '/run/exercises'


class NoSuch(Exception):
    """No exercise of that name."""


def titles():
    """Folder name -> title, of all that have a page."""
    pages = sorted(FOLDER.glob('*/README.md'))
    return {page.parent.name: page.read_text().splitlines()[0].lstrip('# ') for page in pages}


def names():
    """Those that are guests."""
    return sorted({source.parent.name for source in FOLDER.glob('*/*.c')})


def find(wanted):
    found = [name for name in names() if name == wanted or name.split('-')[0] == wanted.zfill(2)]
    if not found:
        raise NoSuch(f'there is no exercise {wanted}; scripts/exercise lists them')
    return found[0]


def image(path):
    """Packs the folder, with the kernels that were built of it."""
    def without_owner(entry):
        entry.uid = entry.gid = 0
        return entry

    with tarfile.open(path, 'w') as archive:
        archive.add(FOLDER / 'play', 'play', filter=without_owner)
        for name in names():
            for file in sorted(f for f in (FOLDER / name).iterdir() if f.is_file()):
                archive.add(file, f'{name}/{file.name}', filter=without_owner)
            built = machine.BUILD / 'guests/exercises'
            archive.add(built / name, f'{name}/kernel', filter=without_owner)
            if (built / f'{name}.backend').is_file():
                archive.add(built / f'{name}.backend', f'{name}/backend.program', filter=without_owner)
    return path


def command(words):
    """What dom0 is to do."""
    return f'mkdir {PLACE}; busybox tar -xf /dev/vdb -C {PLACE}; {PLACE}/play {words}'
