# SPDX-License-Identifier: MIT
"""A writer of "newc" cpio archives, the format of a Linux initial root.

Writes device nodes without being root, and the same bytes for the same content (no times, no owners).
"""

import stat
from pathlib import Path


class Archive:
    """Collects members in memory; parents must be added before their children."""

    def __init__(self):
        self.parts = []
        self.names = set()
        self.inode = 0

    def _member(self, name, mode, data=b'', device=(0, 0)):
        self.inode += 1
        path = name.encode() + b'\0'
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(path), 0)
        head = b'070701' + b''.join(b'%08X' % field for field in fields) + path
        self.parts += [head, bytes(-len(head) % 4), data, bytes(-len(data) % 4)]
        self.names.add(name)

    def directory(self, name):
        if name and name not in self.names:
            self.directory(name.rpartition('/')[0])
            self._member(name, stat.S_IFDIR | 0o755)

    def file(self, name, data, mode=0o644):
        self.directory(name.rpartition('/')[0])
        self._member(name, stat.S_IFREG | mode, data)

    def link(self, name, target):
        self.directory(name.rpartition('/')[0])
        self._member(name, stat.S_IFLNK | 0o777, target.encode())

    def character_device(self, name, major, minor):
        self.directory(name.rpartition('/')[0])
        self._member(name, stat.S_IFCHR | 0o600, device=(major, minor))

    def copy(self, name, source):
        """A file of this machine, as it is: link or regular with its execute bit."""
        source = Path(source)
        if source.is_symlink():
            self.link(name, str(source.readlink()))
        else:
            self.file(name, source.read_bytes(), 0o755 if source.stat().st_mode & 0o111 else 0o644)

    def bytes(self):
        parts = list(self.parts)
        end = b'070701' + b'0' * 88 + b'0000000B' + b'0' * 8 + b'TRAILER!!!\0'
        parts += [end, bytes(-len(end) % 4)]
        return b''.join(parts)
