"""Confine the current process: few files, no network, bounded memory and time.

======== ================================================ =====================================
guard    what holds it                                    where
======== ================================================ =====================================
files    Landlock: only what is listed can be opened      Linux 5.13 and later
network  seccomp: no sockets, no programs, no debugging   Linux on x86-64 and 64-bit ARM
limits   resource limits: memory, processor time, files   every system but Windows
======== ================================================ =====================================

A guard that the system lacks is left out, and `confine` says which hold. What holds
everywhere does not depend on them: the allow list of drivers, the look at a file's first
bytes, the parts of a file copied apart, an environment without secrets, and the parent's clock.

Both Linux guards are one-way and are inherited by threads that start later, so `confine` comes
before any library is loaded.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

Guard = str
"""``files``, ``network`` or ``limits``."""

_KEPT = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "CONDA_PREFIX")
# Numbers of linux/landlock.h; the system calls have these numbers on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULE_PATH_BENEATH = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_TRUNCATE = 1 << 14
_READ = _READ_FILE | _READ_DIR
_CHANGE = (
    _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _TRUNCATE
)  # fmt: skip
_FS_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_NET_RIGHTS = {4: 0b11}
_SCOPES = {6: 0b11}
_OF_FILES = _READ_FILE | _WRITE_FILE | _EXECUTE | _TRUNCATE

_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 22, 38
_FILTER_MODE = 2
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
_EPERM, _ENOSYS = 1, 38
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_X32 = 0x40000000  # the third ABI of x86-64 has calls of its own numbers
# Architecture to its audit number, clone3, and what a reader of files has no use for:
# socket, connect, accept, bind, listen, sendto, execve, execveat, ptrace, process_vm_readv and
# writev, io_uring_setup, bpf, unshare, setns, mount, chroot, keyctl, userfaultfd, perf_event_open.
_CALLS = {
    "x86_64": (
        0xC000003E, 435,
        (41, 42, 43, 49, 50, 44, 59, 322, 101, 310, 311, 425, 321, 272, 308, 165, 161, 250, 323,
         298),
    ),
    "aarch64": (
        0xC00000B7, 435,
        (198, 203, 202, 200, 201, 206, 221, 281, 117, 270, 271, 425, 280, 97, 268, 40, 51, 219,
         282, 241),
    ),
}  # fmt: skip


def confine(
    *, read: Iterable[Path], write: Path | None, memory_bytes: int, processor_s: int
) -> frozenset[Guard]:
    """Confine this process permanently.

    Parameters
    ----------
    read
        Files and folders that may be read, beside those that Python itself needs.
    write
        The folder that may be written; None for none.
    memory_bytes
        Most memory.
    processor_s
        Most processor time.

    Returns
    -------
    frozenset
        The guards that hold.
    """
    held: set[Guard] = set()
    if _limit(memory_bytes, processor_s):
        held.add("limits")
    if sys.platform.startswith("linux"):
        system = ctypes.CDLL(None, use_errno=True)
        if system.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
            if _lock_files(system, [*read, *_of_python()], write):
                held.add("files")
            if _lock_network(system):
                held.add("network")
    return frozenset(held)


def plain_environment() -> dict[str, str]:
    """Return what a confined process must know of its surroundings: no secrets in it."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ}


def _of_python() -> list[Path]:
    """Return the files that Python and compiled libraries load from; none of them is data."""
    package = Path(__file__).parents[1]
    found = [package, Path("/usr/lib"), Path("/usr/lib64"), Path("/lib"), Path("/lib64"),
             Path("/usr/local/lib"), Path("/etc/ld.so.cache"), Path("/dev/urandom"),
             Path("/dev/null"), Path(sys.base_prefix, "lib"), Path(sys.prefix, "lib")]  # fmt: skip
    # The folder that holds the package is a checkout where gridmap is worked on: with its rest.
    paths = [Path(item) for item in sys.path if item]
    return [*found, *(item for item in paths if item.resolve() != package.parent.resolve())]


def _limit(memory_bytes: int, processor_s: int) -> bool:
    try:
        import resource
    except ImportError:
        return False
    for name, value in (
        ("RLIMIT_DATA", memory_bytes), ("RLIMIT_CPU", processor_s), ("RLIMIT_CORE", 0),
        ("RLIMIT_NOFILE", 256),
    ):  # fmt: skip
        number = getattr(resource, name)
        hard = resource.getrlimit(number)[1]
        least = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(number, (least, least))
    return True


def _lock_files(system: ctypes.CDLL, read: Iterable[Path], write: Path | None) -> bool:
    """Apply Landlock: every right of the running version is taken, then few are given back."""
    version = system.syscall(_CREATE_RULESET, None, 0, 1)
    if version < 1:
        return False
    rights = _newest(_FS_RIGHTS, version)
    attributes = struct.pack(
        "QQQ", rights, _newest(_NET_RIGHTS, version), _newest(_SCOPES, version)
    )
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = system.syscall(_CREATE_RULESET, attributes, size, 0)
    if rules < 0:
        return False
    try:
        for path in read:
            _allow(system, rules, path, _READ & rights)
        if write is not None:
            _allow(system, rules, write, _CHANGE & rights)
        return bool(system.syscall(_RESTRICT_SELF, rules, 0) == 0)
    finally:
        os.close(rules)


def _newest(by_version: dict[int, int], version: int) -> int:
    return max((rights for since, rights in by_version.items() if since <= version), default=0)


def _allow(system: ctypes.CDLL, rules: int, path: Path, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there needs no right
    try:
        given = rights if path.is_dir() else rights & _OF_FILES
        rule = struct.pack("=Qi", given, handle)
        system.syscall(_ADD_RULE, rules, _RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(handle)


def _lock_network(system: ctypes.CDLL) -> bool:
    """Apply a seccomp filter: the listed system calls fail, as does any other ABI."""
    known = _CALLS.get(platform.machine())
    if known is None or struct.calcsize("P") != 8:
        return False
    audit, clone3, refused = known

    def step(code: int, value: int, true: int = 0, false: int = 0) -> bytes:
        return struct.pack("HBBI", code, true, false, value)

    fail = step(_RETURN, _FAIL | _EPERM)
    program = [
        step(_LOAD, 4), step(_EQUAL, audit, 1, 0), fail,
        step(_LOAD, 0), step(_AT_LEAST, _X32, 0, 1), fail,
        # Threads go on by clone, whose flags a filter could read; clone3 hides them.
        step(_EQUAL, clone3, 0, 1), step(_RETURN, _FAIL | _ENOSYS),
    ]  # fmt: skip
    for number in refused:
        program += [step(_EQUAL, number, 0, 1), fail]
    program.append(step(_RETURN, _ALLOW))
    steps = ctypes.create_string_buffer(b"".join(program))
    filter_ = struct.pack("HxxxxxxP", len(program), ctypes.addressof(steps))
    return bool(system.prctl(_PR_SET_SECCOMP, _FILTER_MODE, filter_, 0, 0) == 0)
