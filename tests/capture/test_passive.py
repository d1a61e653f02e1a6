"""After `confine` the process can listen and nothing else; the program that holds it is looked at where it cannot be run."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

from otwatch.capture import passive
from otwatch.capture.passive import arrived, confine, refusing_program, transmitted
from otwatch.errors import CaptureError
from tests.capture.test_bpf import needs_libpcap
from tests.capture.wire import Wire, frame, lab, result

_ATTEMPTS = """
import ctypes, fcntl, os, socket, sys, time
from pathlib import Path
from otwatch.capture.live import open_live
from otwatch.capture.passive import confine, transmitted

"localhost".encode("idna")  # imported now: the user nobody may not be able to read it later
source = open_live(["wire0"], capture=sys.argv[1])
descriptor, = source.filenos()
confinement = confine([descriptor])
print("ready", flush=True)

packet = b"\\x02" * 60
refused = []

def attempt(name, function, *arguments):
    try:
        function(*arguments)
        refused.append((name, None))
    except OSError as error:
        refused.append((name, error.errno))

mine = socket.socket(fileno=descriptor)
reader, writer = os.pipe()
os.write(writer, packet)
libc = ctypes.CDLL(None, use_errno=True)

def call(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "")

attempt("send", mine.send, packet)
attempt("sendto", mine.sendto, packet, ("wire0", 0x88B5))
attempt("sendmsg", mine.sendmsg, [packet])
attempt("write", os.write, descriptor, packet)
attempt("writev", os.writev, descriptor, [packet])
attempt("pwrite", os.pwrite, descriptor, packet, 0)
attempt("pwritev", os.pwritev, descriptor, [packet], 0)
attempt("splice", os.splice, reader, descriptor, 60)
attempt("sendmmsg", call, 307 if os.uname().machine == "x86_64" else 269, descriptor, 0, 0, 0)
attempt("dup", os.dup, descriptor)
attempt("dup2", os.dup2, descriptor, 99)
attempt("fcntl", fcntl.fcntl, descriptor, fcntl.F_DUPFD, 50)
one, other = socket.socketpair()
attempt("descriptor passing", lambda: (socket.send_fds(one, [b"x"], [descriptor]), socket.recv_fds(other, 1, 1)))
attempt("new packet socket", socket.socket, socket.AF_PACKET, socket.SOCK_RAW)
attempt("new raw socket", socket.socket, socket.AF_INET, socket.SOCK_RAW, 1)
attempt("io_uring_setup", call, 425, 1, 0)
attempt("change of the filter", mine.setsockopt, socket.SOL_SOCKET, 26, bytes(16))
attempt("back to root", os.setuid, 0)
for entry in Path("/proc/self/fd").iterdir():
    if int(entry.name) != descriptor and os.path.realpath(entry) == os.path.realpath(f"/proc/self/fd/{descriptor}"):
        attempt("write to a duplicate", os.write, int(entry.name), packet)
ordinary = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
ordinary.connect(("127.0.0.1", 9))
ordinary.send(b"syslog")
assert socket.getaddrinfo("127.0.0.1", 514)
os.close(os.dup(writer))
mine.detach()
got = 0
deadline = time.monotonic() + 120
while got < 50 and time.monotonic() < deadline:
    got += sum(packets.rows for _, packets in source.poll(0.2))
print((got, transmitted("wire0"), os.getuid(), confinement.complete, confinement.capabilities, confinement.user, refused))
"""


@pytest.mark.lab
@pytest.mark.skipif(lab[1].args[0], reason=lab[1].kwargs["reason"])
@pytest.mark.parametrize("capture", ["ring", pytest.param("libpcap", marks=needs_libpcap)])
def test_a_confined_process_still_listens_and_sends_nothing(capture: str) -> None:
    with Wire() as wire:
        wire.run("ip", "-n", wire.sensor, "link", "set", "lo", "up")
        process = wire.listen(_ATTEMPTS, capture)
        wire.send([frame(number) for number in range(50)])
        got, sent, uid, complete, capabilities, user, refused = result(process)
        assert (got, sent) == (50, 0)
        assert uid != 0
        assert (complete, capabilities, user) == (True, 0, "nobody")
        assert [name for name, error in refused if error != 1] == []
        if capture == "ring":
            assert "write to a duplicate" in {name for name, _ in refused}, "mmap keeps a duplicate of the ring's"


def test_too_many_descriptors_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passive, "_lock_filters", lambda _: True)
    monkeypatch.setattr(passive, "_with_duplicates", lambda _: list(range(300)))
    with pytest.raises(CaptureError, match="at most 200"):
        confine([])


def run(program: bytes, machine: int, number: int, *arguments: int) -> int:
    """What the filter answers: an interpreter of the four instructions that it uses."""
    data = struct.pack("<IIQ6Q", number, machine, 0, *(list(arguments) + [0] * 6)[:6])
    at = 0
    accumulator = 0
    while True:
        code, yes, no, value = struct.unpack_from("=HBBI", program, 8 * at)
        at += 1
        if code == 0x20:
            accumulator, = struct.unpack_from("<I", data, value)
        elif code == 0x15:
            at += yes if accumulator == value else no
        elif code == 0x35:
            at += yes if accumulator >= value else no
        else:
            assert code == 0x06
            return value


ALLOW, REFUSE = 0x7FFF0000, 0x00050001


@pytest.mark.parametrize(("machine", "architecture", "write", "sendto", "socket", "splice", "fcntl", "read"), [
    ("x86_64", 0xC000003E, 1, 44, 41, 275, 72, 0), ("aarch64", 0xC00000B7, 64, 206, 198, 76, 25, 63)])
def test_the_program(machine: str, architecture: int, write: int, sendto: int, socket: int, splice: int, fcntl: int, read: int) -> None:
    program = refusing_program([5, 9], machine)

    def answer(*call: int) -> int:
        return run(program, architecture, *call)

    for number in (write, sendto):
        assert [answer(number, descriptor) for descriptor in (5, 9, 6, 0, 5 | 1 << 32)] == [REFUSE, REFUSE, ALLOW, ALLOW, REFUSE]
    assert answer(splice, 6, 0, 5) == REFUSE
    assert answer(splice, 5, 0, 6) == ALLOW
    assert [answer(socket, family) for family in (17, 2)] == [REFUSE, ALLOW]
    assert [answer(fcntl, *call) for call in ((5, 0), (9, 1030), (5, 3), (6, 0))] == [REFUSE, REFUSE, ALLOW, ALLOW]
    assert answer(425, 1) == REFUSE
    assert answer(read, 5) == ALLOW
    assert run(program, 0x40000003, 4, 5) == REFUSE  # the calls of a 32-bit program
    assert answer(0x40000000 | write, 5) == (REFUSE if machine == "x86_64" else ALLOW)


def test_an_unknown_machine_has_no_program() -> None:
    assert refusing_program([5], "pdp11") == b""


def test_where_the_system_has_no_means_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[str] = []
    monkeypatch.setattr(passive, "_become", became.append)
    monkeypatch.setattr(sys, "platform", "darwin")
    confinement = confine([5], user="watcher")
    assert became == ["watcher"]
    assert not confinement.complete


def test_the_counters_of_an_interface() -> None:
    if not Path("/proc/self/net/dev").exists():
        pytest.skip("no /proc/self/net/dev")
    assert transmitted("lo") >= 0
    assert arrived("lo") >= 0
    with pytest.raises(CaptureError, match="no such interface"):
        transmitted("nosuch0")
