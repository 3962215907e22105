#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Initial RAM disks, written without root and without temporary trees.

Owns the newc cpio format and the question which shared libraries a program needs. It knows
nothing of what the disks are for. Usage as a program:

    initramfs.py [--root DIR] [--modules KERNEL NAME,...] OUTPUT NAME=FILE ...

writes one guest disk: busybox and the named files, which bring their shared libraries along. With
--root, those of FILEs that begin with DIR are from the packages that are unpacked there. With
--modules, the guest loads the named modules of the kernel that is unpacked at KERNEL, whose last
part is its release.
"""

import os
import re
import stat
import subprocess
import sys

BUSYBOX = "/bin/busybox"
DIRS = ("bin", "sbin", "usr", "usr/bin", "usr/sbin", "etc", "dev", "proc", "sys", "root",
        "tmp", "run", "var", "lib")


class Cpio:
    """A newc archive in the making; parents of a path are added by themselves."""

    def __init__(self, out):
        self.out = out
        self.names = set()
        self.ino = 0

    def _entry(self, name, mode, data=b""):
        self.ino += 1
        name = name.encode()
        head = "070701" + "".join("%08x" % v for v in (
            self.ino, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0))
        head = head.encode() + name + b"\0"
        self.out.write(head + b"\0" * (-len(head) % 4))
        self.out.write(data)
        self.out.write(b"\0" * (-len(data) % 4))

    def dir(self, name):
        if not name or name in self.names:
            return
        self.dir(os.path.dirname(name))
        self.names.add(name)
        self._entry(name, stat.S_IFDIR | 0o755)

    def data(self, name, data, mode=0o644):
        name = name.lstrip("/")
        if name in self.names:
            return
        self.dir(os.path.dirname(name))
        self.names.add(name)
        self._entry(name, stat.S_IFREG | mode, data)

    def link(self, name, target):
        name = name.lstrip("/")
        if name in self.names:
            return
        self.dir(os.path.dirname(name))
        self.names.add(name)
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def file(self, name, path, mode=None):
        with open(path, "rb") as f:
            data = f.read()
        self.data(name, data, mode or os.stat(path).st_mode & 0o777)

    def tree(self, path, name=None, skip=()):
        """A directory of the work tree, minus the sub-paths in skip; links are followed."""
        name = name or path
        for top, dirs, files in os.walk(path, followlinks=False):
            dirs[:] = sorted(d for d in dirs if os.path.join(top, d) not in skip)
            self.dir(os.path.join(name, os.path.relpath(top, path)).rstrip("/.").lstrip("/"))
            for f in sorted(files):
                full = os.path.join(top, f)
                if os.path.isfile(full) and full not in skip:
                    self.file(os.path.join(name, os.path.relpath(full, path)), full)

    def program(self, name, path):
        """A program with the shared libraries that it needs."""
        self.file(name, path, 0o755)
        self.libraries([path])

    def libraries(self, paths):
        for lib in libraries(paths):
            self.file(lib, lib, 0o755)

    def loaded(self, path):
        """A shared library that a program loads by its name, with those that it needs."""
        for lib in [path] + needed([path]):
            self.file(lib, lib, 0o755)

    def busybox(self):
        for d in DIRS:
            self.dir(d)
        self.file("bin/busybox", BUSYBOX, 0o755)
        self.link("bin/sh", "busybox")

    def end(self):
        self._entry("TRAILER!!!", 0)
        self.out.flush()


def is_dynamic(path):
    """A program or a library that is linked when it starts, told from its program headers."""
    with open(path, "rb") as f:
        head = f.read(4096)
    if head[:5] != b"\x7fELF\x02" or len(head) < 64:
        return False
    phoff = int.from_bytes(head[32:40], "little")
    size = int.from_bytes(head[54:56], "little")
    for i in range(int.from_bytes(head[56:58], "little")):
        if head[phoff + i * size:phoff + i * size + 4] == b"\x02\0\0\0":
            return True
    return False


def libraries(paths):
    return needed([p for p in paths if is_dynamic(p)])


def needed(paths):
    found = set()
    if paths:
        out = subprocess.run(["ldd"] + paths, stdout=subprocess.PIPE, check=True).stdout
        for line in out.decode().splitlines():
            if "not found" in line:
                raise SystemExit("initramfs: missing library:" + line)
            m = re.search(r"(/\S+) \(0x", line)
            if m:
                found.add(m.group(1))
    return sorted(found)


def module_files(top, kver, names):
    """Paths below top of the named modules and what they need, in order of loading."""
    deps = {}
    base = "lib/modules/%s/" % kver
    with open(os.path.join(top, base, "modules.dep")) as f:
        for line in f:
            path, _, needs = line.partition(":")
            deps[os.path.basename(path)[:-3].replace("-", "_")] = (path, needs.split())
    order = []
    for name in names:
        if name.replace("-", "_") not in deps:
            continue                    # built in, or not in this flavour
        path, needs = deps[name.replace("-", "_")]
        for p in needs[::-1] + [path]:
            if base + p not in order:
                order.append(base + p)
    return order


def unpacked_libraries(root, paths):
    """{path in the guest: file below root} of the shared libraries that paths need."""
    found = {}
    todo = list(paths)
    while todo:
        path = todo.pop()
        out = subprocess.run(["readelf", "-d", path], stdout=subprocess.PIPE, check=True).stdout
        for name in re.findall(r"\(NEEDED\).*\[(.+)\]", out.decode()):
            for d in ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"):
                if os.path.exists(os.path.join(root, d, name)):
                    break
            else:
                raise SystemExit("initramfs: no package in %s has %s, which %s needs" % (
                    root, name, path))
            if os.path.join(d, name) not in found:
                found[os.path.join(d, name)] = os.path.realpath(os.path.join(root, d, name))
                todo.append(os.path.join(root, d, name))
    if found:
        found["lib64/ld-linux-x86-64.so.2"] = os.path.realpath(
            os.path.join(root, "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"))
    return found


def add_modules(cpio, top, kver, names):
    """The named modules, and the list by which init loads them."""
    files = module_files(top, kver, names)
    for path in files:
        cpio.file(path, os.path.join(top, path), 0o644)
    cpio.data("etc/modules.load", "".join("/%s\n" % p for p in files).encode())


def main(argv):
    root = None
    modules = []
    if argv[1:2] == ["--root"]:
        root = argv[2]
        argv = argv[:1] + argv[3:]
    if argv[1:2] == ["--modules"]:
        top, modules = argv[2], argv[3].split(",")
        argv = argv[:1] + argv[4:]
    if len(argv) < 3:
        sys.exit(__doc__)
    tmp = "%s.%d" % (argv[1], os.getpid())
    with open(tmp, "wb") as out:
        cpio = Cpio(out)
        cpio.busybox()
        named = [arg.split("=", 1) for arg in argv[2:]]
        for name, path in named:
            cpio.file(name, path, 0o755 if os.access(path, os.X_OK) else 0o644)
        if modules:
            add_modules(cpio, top, os.path.basename(top), modules)
        unpacked = [p for _, p in named if root and p.startswith(root + "/")]
        if unpacked:
            unpacked_programs = [p for p in unpacked if is_dynamic(p)]
            for name, path in sorted(unpacked_libraries(root, unpacked_programs).items()):
                cpio.file(name, path, 0o755)
        cpio.libraries([p for _, p in named if p not in unpacked])
        cpio.end()
    os.rename(tmp, argv[1])


if __name__ == "__main__":
    main(sys.argv)
