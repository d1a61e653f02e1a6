"""Makes listening the only thing that this process can do with its capture sockets, for good.

After `confine` there is no capability left, none can be gained, and the kernel refuses each call that could send on a capture socket
or make another one. What is left is the process's ordinary sockets (syslog, metrics), which never lead to the capture interface's wire
by themselves: that is what `transmitted` is watched for.
"""

from __future__ import annotations

import ctypes
import os
import platform
import pwd
import socket
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from otwatch.capture.bpf import AttachedFilter
from otwatch.errors import CaptureError

_SO_LOCK_FILTER = 44
_AF_PACKET = 17

# linux/prctl.h, linux/capability.h
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_CAPABILITY_VERSION_3 = 0x20080522
_CAPABILITIES = 64

# linux/seccomp.h, linux/bpf_common.h
_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC = 1, 1
_ALLOW = 0x7FFF0000
_REFUSE = 0x00050001  # SECCOMP_RET_ERRNO | EPERM
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16  # struct seccomp_data

_Instruction = tuple[int, int, int, int]

_MOST_DESCRIPTORS = 200  # jumps reach 255 instructions

_X32 = 0x40000000  # the same calls under other numbers


@dataclass(frozen=True, slots=True)
class _Machine:
    """Numbers of system calls (asm/unistd.h) and of the architecture (linux/audit.h)."""

    architecture: int
    seccomp: int
    socket: int
    fcntl: int
    with_descriptor: dict[str, tuple[int, int]]  # call -> (number, which argument is the descriptor written to or passed on)
    never: dict[str, int]  # calls that could send by detours: those below, and what takes over descriptors (SCM_RIGHTS)


_NEVER = {"io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "pidfd_getfd": 438}
_DUPLICATE = [0, 1030]  # F_DUPFD, F_DUPFD_CLOEXEC

_MACHINES = {
    "x86_64": _Machine(
        0xC000003E, 317, 41, 72,
        {"write": (1, 0), "pwrite64": (18, 0), "writev": (20, 0), "dup": (32, 0), "dup2": (33, 0), "sendfile": (40, 0), "sendto": (44, 0),
         "sendmsg": (46, 0), "splice": (275, 2), "tee": (276, 1), "vmsplice": (278, 0), "dup3": (292, 0), "pwritev": (296, 0),
         "sendmmsg": (307, 0), "copy_file_range": (326, 2), "pwritev2": (328, 0)},
        {"recvmsg": 47, "recvmmsg": 299, **_NEVER}),
    "aarch64": _Machine(
        0xC00000B7, 277, 198, 25,
        {"dup": (23, 0), "dup3": (24, 0), "write": (64, 0), "writev": (66, 0), "pwrite64": (68, 0), "pwritev": (70, 0), "sendfile": (71, 0),
         "vmsplice": (75, 0), "splice": (76, 2), "tee": (77, 1), "sendto": (206, 0), "sendmsg": (211, 0), "sendmmsg": (269, 0),
         "copy_file_range": (285, 2), "pwritev2": (287, 0)},
        {"recvmsg": 212, "recvmmsg": 243, **_NEVER}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """How far the process could be confined; read back from the kernel, not from what was asked."""

    user: str
    capabilities: int  # union of the effective, permitted and ambient sets of all threads, as bits
    no_new_privileges: bool
    calls_refused: bool  # whether the kernel filters the system calls
    filters_locked: bool  # whether the capture filters can be changed no more

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return not self.capabilities and self.no_new_privileges and self.calls_refused and self.filters_locked


def confine(descriptors: Sequence[int], *, user: str = "nobody") -> Confinement:
    """Gives up every privilege and the ability to send on `descriptors`, in all threads, irrevocably.

    A process of root becomes `user`; another one keeps its user and loses its capabilities. CaptureError when the user does not exist. What
    the machine has no means for (no seccomp, an unknown architecture, a system that is not Linux) is missing in the answer, and it is for the
    caller to say so.
    """
    if sys.platform != "linux":
        _become(user)
        return Confinement(user=_user(), capabilities=0, no_new_privileges=False, calls_refused=False, filters_locked=False)
    locked = _lock_filters(descriptors)
    every = _with_duplicates(descriptors)
    if len(every) > _MOST_DESCRIPTORS:
        raise CaptureError(f"{len(every)} capture descriptors in one process: at most {_MOST_DESCRIPTORS} can be confined")
    _become(user)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    _drop_capabilities(libc)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _refuse_calls(libc, every)
    return _confinement(locked)


def transmitted(interface: str) -> int:
    """Packets that the interface has sent since it is there, by the kernel's count. CaptureError when there is no such interface."""
    return _counter(interface, 9)


def arrived(interface: str) -> int:
    """Packets that came to the interface since it is there, for whomever. CaptureError when there is no such interface."""
    return _counter(interface, 1)


def _counter(interface: str, column: int) -> int:
    with suppress(OSError):
        for line in Path("/proc/self/net/dev").read_text(encoding="utf-8").splitlines():
            name, colon, figures = line.partition(":")
            if colon and name.strip() == interface:
                return int(figures.split()[column])
    raise CaptureError(f"{interface}: no such interface")


def refusing_program(descriptors: Sequence[int], machine: str) -> bytes:
    """The system call filter as an array of struct sock_filter; empty for an unknown machine."""
    known = _MACHINES.get(machine)
    if known is None:
        return b""
    refuse, allow = (_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW)

    def when(argument: int, values: Sequence[int], then: list[_Instruction]) -> list[_Instruction]:
        """`then` when the low half of the argument is one of the values (little endian machines only); else allowed."""
        tests = [(_JUMP_EQUAL, len(values) - index, 0, value) for index, value in enumerate(values)]
        return [(_LOAD, 0, 0, _ARGUMENTS_AT + 8 * argument), *tests, allow, *then]

    program = [(_LOAD, 0, 0, _ARCHITECTURE_AT), (_JUMP_EQUAL, 1, 0, known.architecture), refuse, (_LOAD, 0, 0, _NUMBER_AT)]
    if machine == "x86_64":
        program += [(_JUMP_AT_LEAST, 0, 1, _X32), refuse]
    for number in known.never.values():
        program += [(_JUMP_EQUAL, 0, 1, number), refuse]
    bodies = [(known.socket, when(0, [_AF_PACKET], [refuse])), (known.fcntl, when(1, _DUPLICATE, when(0, descriptors, [refuse])))]
    bodies += [(number, when(argument, descriptors, [refuse])) for number, argument in known.with_descriptor.values()]
    for number, body in bodies:
        program += [(_JUMP_EQUAL, 0, len(body), number), *body]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in [*program, allow])


def _lock_filters(descriptors: Sequence[int]) -> bool:
    locked = True
    for descriptor in descriptors:
        duplicate = socket.socket(fileno=os.dup(descriptor))
        try:
            duplicate.setsockopt(socket.SOL_SOCKET, _SO_LOCK_FILTER, 1)
        except OSError:
            locked = False
        finally:
            duplicate.close()
    return locked


def _with_duplicates(descriptors: Sequence[int]) -> list[int]:
    """The descriptors and others of the same sockets: mmap keeps one of its own."""
    wanted = {os.fstat(descriptor).st_ino for descriptor in descriptors}
    every = set(descriptors)
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if os.fstat(int(entry.name)).st_ino in wanted:
                every.add(int(entry.name))
    return sorted(every)


def _become(user: str) -> None:
    if os.geteuid() != 0:
        return
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise CaptureError(f"no user {user!r} to run as: create it (useradd --system {user}) or name another") from None
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in range(_CAPABILITIES):
            libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.setgroups([])
    os.setgid(entry.pw_gid)  # of root: the real, the effective and the saved one
    os.setuid(entry.pw_uid)


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    """All sets of this thread; becoming another user has done it for all threads of a process of root."""
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    libc.capset(ctypes.create_string_buffer(header, len(header)), ctypes.create_string_buffer(24))


def _refuse_calls(libc: ctypes.CDLL, descriptors: Sequence[int]) -> None:
    machine = platform.machine()
    program = refusing_program(descriptors, machine)
    if program:
        attached = AttachedFilter(program)
        libc.syscall(_MACHINES[machine].seccomp, _SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC, ctypes.c_void_p(attached.address))


def _confinement(locked: bool) -> Confinement:
    """What /proc says about every thread."""
    capabilities = 0
    no_new_privileges = calls_refused = True
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # a thread that has just ended
            lines = (task / "status").read_text(encoding="utf-8").splitlines()
            fields = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
            for name in ("CapEff", "CapPrm", "CapAmb"):
                capabilities |= int(fields.get(name, "0"), 16)
            no_new_privileges &= fields.get("NoNewPrivs") == "1"
            calls_refused &= fields.get("Seccomp") == "2"
    return Confinement(user=_user(), capabilities=capabilities, no_new_privileges=no_new_privileges,
                       calls_refused=calls_refused, filters_locked=locked)


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
