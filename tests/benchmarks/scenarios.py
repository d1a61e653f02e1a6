"""Scripted attacks on the polled plant of `pcaps/made`, one a capture, from three places: what becomes of each, as a table.

    python tests/benchmarks/scenarios.py [--misses] [--only TEXT] [--keep DIR]

The attacker sits in another network, in the plant's network, or there with a baseline learned from the plant. A scenario is found when an alert of
high severity or above (--least) names the attacker, and named when an alert that names it carries one of the techniques whose id the packets can
show. Nothing is tuned to these captures: they are only counted.
"""

from __future__ import annotations

import argparse
import json
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from click.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "pcaps" / "made")]

from play import GUEST, MB, OFFICE, RTU, S7, Play, any_item, item_data, pdu  # noqa: E402

from otwatch.cli import main  # noqa: E402
from otwatch.markdown import table  # noqa: E402
from tests.evasion.wire import Host, Tcp  # noqa: E402
from tests.oracle.streams import dnp3_frame  # noqa: E402
from tests.protocols.s7comm.wire import connect, variables  # noqa: E402

BEGIN_S, POLLED_S = 40, 70
PLACES = {"elsewhere": OFFICE, "inside": GUEST, "baseline": GUEST}
SEVERITIES = ("info", "low", "medium", "high", "critical")
Attack = Callable[[Play, Host], None]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One attack. `kind` is act or read; `techniques` are those that an alert may name, none where the packets show no id."""

    name: str
    kind: str
    make: Attack
    techniques: frozenset[str]


def at(turn: float, event: Callable[[], None], play: Play) -> None:
    """An event of the attack, seconds after it began."""
    play.at(BEGIN_S + turn, event)


# ---- what is said, as an attack


def modbus(*exchanges: tuple[bytes, bytes | None], every: float = 0.3, unit: int = 1) -> Attack:
    """Requests one after the other."""

    def make(play: Play, who: Host) -> None:
        for turn, (request, response) in enumerate(exchanges):
            at(every * turn, lambda request=request, response=response: play.modbus(who, MB, request, response, unit=unit), play)

    return make


def units(count: int, *, answered: bool) -> Attack:
    """One unit after the other."""

    def make(play: Play, who: Host) -> None:
        for unit in range(1, count + 1):
            response = bytes([3, 2, 0, 7]) if answered else bytes([0x83, 11])
            at(0.2 * unit, lambda unit=unit, response=response: play.modbus(who, MB, pdu(3, 0, 1), response, unit=unit), play)

    return make


def dnp3(*exchanges: tuple[bytes, bytes | None], every: float = 0.3, iin: int = 0, outstation: int = 10) -> Attack:
    """Requests one after the other, of a master of its own number."""

    def make(play: Play, who: Host) -> None:
        for turn, (request, response) in enumerate(exchanges):
            at(
                every * turn,
                lambda request=request, response=response: play.dnp3(who, RTU, request, response, iin=iin, outstation=outstation, master=77),
                play,
            )

    return make


def links(count: int, function: int) -> Attack:
    """Link frames without data to one outstation after the other."""

    def make(play: Play, who: Host) -> None:
        for number in range(count):
            frame = dnp3_frame(b"", control=0xC0 | function, destination=10 + number, source=77)
            at(0.3 * number, lambda frame=frame: play.talk(who, RTU, 20000).say(frame), play)

    return make


def s7(*exchanges: tuple[bytes, bytes, bytes, bytes], every: float = 0.3) -> Attack:
    """Jobs one after the other: parameters and data of request and answer."""

    def make(play: Play, who: Host) -> None:
        for turn, (request, values, back, back_values) in enumerate(exchanges):
            at(every * turn, lambda r=request, v=values, b=back, w=back_values: play.s7(who, S7, r, v, b, w), play)

    return make


def s7_user(*calls: tuple[int, int, bytes | None, bytes | None], error: int = 0, every: float = 0.5) -> Attack:
    """Userdata: group, subfunction, content, content of the answer."""

    def make(play: Play, who: Host) -> None:
        for turn, (group, sub, content, back) in enumerate(calls):
            at(every * turn, lambda g=group, s=sub, c=content, b=back: play.s7_userdata(who, S7, g, s, c, b, error=error), play)

    return make


def connections(port: int, device: Host, count: int, *, opened: bool, every: float = 0.02) -> Attack:
    """A flood of connections, opened and closed or never completed."""

    def make(play: Play, who: Host) -> None:
        def one() -> None:
            if not opened:
                play.syn(who, device, port)
                return
            play.ports += 1
            talk = Tcp(play.capture, who, device, port, client_port=play.ports, start=(play.ports * 7919, play.ports * 104_729))
            talk.close()

        for turn in range(count):
            at(every * turn, one, play)

    return make


def sessions(count: int, every: float = 0.5) -> Attack:
    """S7 connections that are set up and say nothing."""

    def make(play: Play, who: Host) -> None:
        for turn in range(count):
            at(every * turn, lambda: play.connection(who, S7, 102).close(), play)

    return make


def replayed(protocol: str, count: int, every: float) -> Attack:
    """The HMI's poll, byte for byte, from another host."""

    def make(play: Play, who: Host) -> None:
        says = {
            "modbus": lambda: play.modbus(who, MB, pdu(3, 0, 10), bytes([3, 20]) + bytes(range(20))),
            "dnp3": lambda: play.dnp3(who, RTU, bytes.fromhex("013c0206")),
            "s7": lambda: play.s7_read(who, S7),
        }
        for turn in range(count):
            at(every * turn, says[protocol], play)

    return make


def registers(count: int, value: int = 7) -> bytes:
    """The answer to a read of registers."""
    return bytes([3, 2 * count]) + struct.pack(">H", value) * count


def crob(index: int, control: int = 0x41) -> bytes:
    """One control relay output block."""
    return bytes([12, 1, 0x28]) + struct.pack("<HH", 1, index) + bytes([control, 1]) + struct.pack("<IIB", 100, 100, 0)


def read_var(area: int, number: int, byte: int, count: int = 4, *, code: int = 0xFF) -> tuple[bytes, bytes, bytes, bytes]:
    """A read of bytes of an area."""
    back = item_data((0xFF, 4, bytes(count)) if code == 0xFF else (code, 0, b""))
    return variables(4, any_item(area=area, number=number, start=8 * byte, count=count)), b"", bytes([4, 1]), back


def write_var(area: int, number: int = 0, byte: int = 0, size: int = 2) -> tuple[bytes, bytes, bytes, bytes]:
    """A write of one byte of an area."""
    return variables(5, any_item(area=area, number=number, start=8 * byte, size=size)), item_data((0, 4, b"\x2a")), bytes([5, 1]), b"\xff"


def service(name: bytes, argument: bytes = b"") -> tuple[bytes, bytes, bytes, bytes]:
    """A PI service."""
    block = struct.pack(">H", len(argument)) + argument
    return bytes([0x28, 0, 0, 0, 0, 0, 0, 0xFD]) + block + bytes([len(name)]) + name, b"", b"\x28", b""


def upload() -> tuple[tuple[bytes, bytes, bytes, bytes], ...]:
    """A block read out."""
    begin = bytes([0x1D, 0, 0, 0, 0, 0, 0, 0, 9]) + b"_0800001A"
    return (
        (begin, b"", bytes([0x1D, 0, 1, 0, 0, 0, 0, 7, 7]) + b"0000120", b""),
        (bytes([0x1E, 0, 0, 0, 0, 0, 0, 7]), b"", bytes([0x1E, 0]), b"\0\x08\0\xfb" + bytes(8)),
        (bytes([0x1F, 0, 0, 0, 0, 0, 0, 7]), b"", b"\x1f", b""),
    )


def download(kind: bytes) -> tuple[tuple[bytes, bytes, bytes, bytes], ...]:
    """A block announced and brought."""
    name = b"_" + kind + b"00001P"
    return (
        (bytes([0x1A, 0, 1, 0, 0, 0, 0, 0, 9]) + name + b"\x0d1000100000076", b"", b"\x1a", b""),
    )


def file_object(variation: int, content: bytes) -> bytes:
    """A DNP3 file object (group 70) with its size."""
    return bytes([70, variation, 0x5B, 1]) + struct.pack("<H", len(content)) + content


def opened(mode: int) -> bytes:
    """A file command object: name, mode."""
    name = b"cfg.txt"
    return file_object(3, struct.pack("<HHQHIIHHH", 26, len(name), 0, 0, 0, 0, mode, 1024, 1)[:26] + name)


IDENTITY = bytes.fromhex("2b0e01010000030005") + b"Maker" + bytes.fromhex("0103") + b"PLC" + bytes.fromhex("0204") + b"V1.0"
LISTS = (0x11, 0x1C, 0x0131, 0x0424, 0xA0, 0)
SZL = [(number, struct.pack(">HH", number, 0), struct.pack(">HHHH", number, 0, 28, 1) + bytes(28)) for number in LISTS]
T = frozenset


def scenarios() -> Iterator[Scenario]:
    """Every attack."""
    yield from _modbus()
    yield from _dnp3()
    yield from _s7()


def _modbus() -> Iterator[Scenario]:
    write, read, find = T({"T1692.001", "T0836", "T0806", "T0831", "T0835"}), T({"T0861", "T0801", "T0802", "T0888"}), T({"T0846", "T0888"})
    flood = T({"T0814", "T0806"})
    yield from (
        Scenario("modbus coil", "act", modbus((pdu(5, 3, 0xFF00), pdu(5, 3, 0xFF00))), write),
        Scenario("modbus register", "act", modbus((pdu(6, 3, 77), pdu(6, 3, 77))), write),
        Scenario("modbus coils", "act", modbus((pdu(15, 0, 8) + b"\x01\xff", pdu(15, 0, 8))), write),
        Scenario("modbus registers", "act", modbus((pdu(16, 0, 2) + bytes([4, 0, 1, 0, 2]), pdu(16, 0, 2))), write),
        Scenario("modbus mask", "act", modbus((bytes.fromhex("16000400f20025"),) * 2), write),
        Scenario("modbus read-write", "act", modbus((bytes.fromhex("1700000002000400010200ff"), bytes.fromhex("170400010002"))), write),
        Scenario("modbus toggle", "act", modbus(*[(pdu(5, 3, 0xFF00 * (n % 2)),) * 2 for n in range(30)], every=0.2), write),
        Scenario("modbus every coil", "act", modbus(*[(pdu(5, n, 0xFF00),) * 2 for n in range(80)], every=0.1), write),
        Scenario("modbus write refused", "act", modbus((pdu(6, 9999, 1), bytes([0x86, 2]))), write),
        Scenario("modbus broadcast write", "act", modbus((pdu(6, 3, 77), None), unit=0), write),
        Scenario("modbus file write", "act", modbus((bytes.fromhex("1509060001000000010102"),) * 2), T({"T0843", "T0836", "T1692.001", "T0867"})),
        *(
            Scenario(f"modbus diagnostics {sub}", "act", modbus((pdu(8, sub, value),) * 2), T(ids))
            for sub, value, ids in (
                (1, 0, {"T0816"}),
                (1, 0xFF00, {"T0816", "T0872"}),
                (3, 0x3A00, {"T0814"}),
                (4, 0, {"T0814", "T1691.001"}),
                (10, 0, {"T0872"}),
                (20, 0, {"T0872"}),
            )
        ),
        Scenario("umas stop", "act", modbus((bytes.fromhex("5a0041ff00"), bytes.fromhex("5a00fe"))), T({"T0858", "T0881"})),
        Scenario("umas start", "act", modbus((bytes.fromhex("5a0040ff00"), bytes.fromhex("5a00fe"))), T({"T0858"})),
        Scenario("umas reservation", "act", modbus((bytes.fromhex("5a0010000000000000"), bytes.fromhex("5a00fe01"))), T({"T0858", "T0859"})),
    )
    one = (pdu(3, 200, 2), registers(2))
    yield from (
        Scenario("modbus read once", "read", modbus(one), read),
        Scenario("modbus read ten", "read", modbus(*[(pdu(3, 200 + n, 2), registers(2)) for n in range(10)]), read),
        Scenario("modbus read the polled", "read", replayed("modbus", 5, 1.0), read),
        Scenario("modbus read coils", "read", modbus((pdu(1, 0, 16), bytes([1, 2, 0, 0]))), read),
        Scenario("modbus read inputs", "read", modbus((pdu(2, 0, 16), bytes([2, 2, 0, 0])), (pdu(4, 0, 2), bytes([4, 4, 0, 0, 0, 0]))), read),
        Scenario("modbus walk", "read", modbus(*[(pdu(3, n * 2, 2), registers(2)) for n in range(60)], every=0.2), read),
        Scenario("modbus dump", "read", modbus(*[(pdu(3, n * 125, 125), registers(125)) for n in range(12)], every=0.2), read),
        Scenario("modbus walk refused", "read", modbus(*[(pdu(3, n * 500, 2), bytes([0x83, 2])) for n in range(30)], every=0.2), read),
        Scenario("modbus slow walk", "read", modbus(*[(pdu(3, n * 2, 2), registers(2)) for n in range(10)], every=2.5), read),
        Scenario("modbus units answered", "read", units(20, answered=True), find),
        Scenario("modbus units refused", "read", units(20, answered=False), find),
        Scenario("modbus functions", "read", modbus(*[(bytes([n, 0, 0, 0, 1]), bytes([0x80 | n, 1])) for n in range(1, 40)], every=0.1), find),
        Scenario("modbus identity", "read", modbus((bytes.fromhex("2b0e0100"), IDENTITY)), find),
        Scenario("modbus server id", "read", modbus((b"\x11", bytes.fromhex("110301ff42"))), find),
        Scenario("modbus exception status", "read", modbus((b"\x07", b"\x07\x00")), find),
        Scenario("modbus echo", "read", modbus((pdu(8, 0, 0x1234),) * 2), find),
        Scenario("modbus counters", "read", modbus(*[(pdu(8, n, 0), pdu(8, n, 5)) for n in range(11, 19)]), find),
        Scenario("modbus event log", "read", modbus((b"\x0b", bytes.fromhex("0b00000001")), (b"\x0c", bytes.fromhex("0c06000000010001"))), find),
        Scenario(
            "modbus file read",
            "read",
            modbus((bytes.fromhex("140706000100000002"), bytes.fromhex("1406050600010002"))), T({"T0845", "T0802", "T0861",
            "T0811"}),
        ),
        Scenario("modbus fifo", "read", modbus((bytes.fromhex("180004"), bytes.fromhex("1800040001000a"))), read),
        Scenario("modbus reserved function", "read", modbus((b"\x65\0\0", b"\xe5\x01")), T({"T1692.001", "T0866", "T0888"})),
        Scenario("modbus read flood", "read", modbus(*[(pdu(3, 0, 10), bytes([3, 20]) + bytes(20))] * 1500, every=0.005), flood),
        Scenario("modbus flood unanswered", "read", modbus(*[(pdu(3, 0, 10), None)] * 1500, every=0.005), flood),
        Scenario("modbus replay flood", "read", replayed("modbus", 800, 0.01), flood),
        Scenario("modbus connections", "read", connections(502, MB, 400, opened=True), flood),
        Scenario("modbus half-open", "read", connections(502, MB, 400, opened=False), flood),
        Scenario("modbus connect", "read", connections(502, MB, 1, opened=True), find),
    )


def _dnp3() -> Iterator[Scenario]:
    control, read, find = T({"T1692.001", "T0831", "T0836", "T0806"}), T({"T0861", "T0801", "T0802", "T0888"}), T({"T0846", "T0888"})
    flood = T({"T0814", "T0806", "T0802"})
    both = lambda request: dnp3((request, request[1:]))  # noqa: E731
    yield from (
        Scenario("dnp3 select", "act", both(b"\x03" + crob(3)), control),
        Scenario("dnp3 select and operate", "act", dnp3((b"\x03" + crob(3), crob(3)), (b"\x04" + crob(3), crob(3))), control),
        Scenario("dnp3 operate", "act", both(b"\x04" + crob(3)), control),
        Scenario("dnp3 direct operate", "act", both(b"\x05" + crob(3, 0x81)), control),
        Scenario("dnp3 direct operate no ack", "act", dnp3((b"\x06" + crob(3), None)), control),
        Scenario("dnp3 operate many", "act", dnp3(*[(b"\x05" + crob(n), crob(n)) for n in range(8)]), control),
        Scenario("dnp3 analogue output", "act", both(bytes.fromhex("052902 28 0100 0300 e803 00".replace(" ", ""))), control),
        Scenario("dnp3 write time", "act", dnp3((bytes.fromhex("02320107 01 000102030405".replace(" ", "")), b"")), T({"T0836"})),
        Scenario(
            "dnp3 clear restart",
            "act",
            dnp3((bytes.fromhex("0250010007 0700".replace(" ", "")), b"")), T({"T0816", "T0836", "T1692.001",
            "T0872"}),
        ),
        Scenario("dnp3 dead band", "act", dnp3((bytes.fromhex("02220100 0303 0a00".replace(" ", "")), b"")), T({"T0838", "T0836", "T1691.001"})),
        Scenario("dnp3 assign class", "act", dnp3((bytes.fromhex("163c01061e0006"), b"")), T({"T0838", "T1691.001", "T0836", "T0878", "T1691.002"})),
        *(
            Scenario(f"dnp3 function {name}", "act", dnp3((bytes([function]) + objects, b"")), T(ids))
            for function, name, objects, ids in (
                (13, "cold restart", b"", {"T0816"}),
                (14, "warm restart", b"", {"T0816"}),
                (15, "initialize data", b"", {"T0858", "T0881", "T0836", "T0809", "T0816"}),
                (16, "initialize application", bytes.fromhex("5a015b010300") + b"app", {"T0858", "T0881", "T0836"}),
                (17, "start application", bytes.fromhex("5a015b010300") + b"app", {"T0858"}),
                (18, "stop application", bytes.fromhex("5a015b010300") + b"app", {"T0858", "T0881"}),
                (19, "save configuration", b"", {"T0889", "T0836"}),
                (31, "activate configuration", b"", {"T0889", "T0836"}),
                (20, "enable unsolicited", bytes.fromhex("3c02063c03063c0406"), {"T0848", "T0836", "T1692.001", "T0801"}),
                (21, "disable unsolicited", bytes.fromhex("3c02063c03063c0406"), {"T1691.002", "T0878", "T0815", "T1691.001"}),
                (7, "freeze", bytes.fromhex("140006"), {"T0872", "T0836"}),
                (9, "freeze and clear", bytes.fromhex("140006"), {"T0872", "T0836"}),
                (11, "freeze at time", bytes.fromhex("320207010000000000000000000014 0006".replace(" ", "")), {"T0872", "T0836"}),
                (27, "delete file", opened(0), {"T0872", "T0809", "T0867"}),
                (25, "open file to write", opened(2), {"T0843", "T0867", "T0836"}),
            )
        ),
        Scenario("dnp3 broadcast operate", "act", dnp3((b"\x06" + crob(3), None), outstation=0xFFFF), control),
    )
    classes = bytes.fromhex("013c02063c03063c04063c0106")
    yield from (
        Scenario("dnp3 integrity poll", "read", dnp3((classes, b"")), read),
        Scenario("dnp3 read the polled", "read", replayed("dnp3", 5, 1.0), read),
        Scenario("dnp3 read a group", "read", dnp3((bytes.fromhex("011e0006"), bytes.fromhex("1e0100000101020000"))), read),
        Scenario("dnp3 read outputs", "read", dnp3((bytes.fromhex("010a0006"), b""), (bytes.fromhex("01280006"), b"")), read),
        Scenario(
            "dnp3 walk of points",
            "read",
            dnp3(*[(bytes([1, 30, 1, 0, n, n]), bytes([30, 1, 0, n, n, 1, 0, 0, 0, 0])) for n in range(40)], every=0.2),
            read,
        ),
        Scenario(
            "dnp3 groups refused",
            "read",
            dnp3(*[(bytes([1, g, 0, 6]), b"") for g in (2, 3, 4, 10, 11, 20, 21, 22, 30, 32, 40, 50, 110)], iin=0x0200),
            read,
        ),
        Scenario("dnp3 attribute", "read", dnp3((bytes.fromhex("0100fe00 0000".replace(" ", "")), b"")), find),
        Scenario("dnp3 attributes", "read", dnp3(*[(bytes([1, 0, v, 0, 0, 0]), b"") for v in (252, 250, 248, 243, 242, 211)]), find),
        Scenario("dnp3 functions", "read", dnp3(*[(bytes([f]), b"") for f in range(32, 60)], iin=0x0100, every=0.1), find),
        Scenario("dnp3 link status", "read", links(1, 9), find),
        Scenario("dnp3 link addresses", "read", links(20, 9), find),
        Scenario("dnp3 link resets", "read", links(20, 0), find),
        Scenario("dnp3 delay", "read", dnp3((b"\x17", bytes.fromhex("340207010500"))), find),
        Scenario("dnp3 record time", "read", dnp3((b"\x18", b"")), T()),
        Scenario(
            "dnp3 file read",
            "read",
            dnp3((b"\x19" + opened(1), b""), (b"\x01" + file_object(5, bytes(8)), b"")), T({"T0845", "T0811", "T0802", "T0893",
            "T0867"}),
        ),
        Scenario("dnp3 file info", "read", dnp3((b"\x1c" + file_object(7, bytes(20)), b"")), T({"T0888", "T0861", "T0811", "T0845"})),
        Scenario("dnp3 outstations", "read", _outstations(12), find),
        Scenario("dnp3 integrity flood", "read", dnp3(*[(classes, b"")] * 600, every=0.02), flood),
        Scenario("dnp3 flood unanswered", "read", dnp3(*[(classes, None)] * 1200, every=0.006), flood),
        Scenario("dnp3 replay flood", "read", replayed("dnp3", 800, 0.01), flood),
        Scenario("dnp3 connections", "read", connections(20000, RTU, 400, opened=True), flood),
        Scenario("dnp3 half-open", "read", connections(20000, RTU, 400, opened=False), flood),
    )


def _outstations(count: int) -> Attack:
    def make(play: Play, who: Host) -> None:
        for number in range(count):
            at(0.3 * number, lambda n=number: play.dnp3(who, RTU, bytes.fromhex("013c0106"), None, outstation=20 + n, master=77), play)

    return make


def _s7() -> Iterator[Scenario]:
    write, read, find = T({"T1692.001", "T0836", "T0835", "T0831"}), T({"T0861", "T0801", "T0802", "T0888"}), T({"T0846", "T0888", "T0868"})
    flood = T({"T0814", "T0806"})
    stop = bytes([0x29, 0, 0, 0, 0, 0, 9]) + b"P_PROGRAM"
    program = T({"T0843", "T0889", "T0836", "T0821"})
    yield from (
        *(
            Scenario(f"s7 write {name}", "act", s7(write_var(area, number)), write)
            for name, area, number in (("block", 0x84, 1), ("marker", 0x83, 0), ("output", 0x82, 0), ("input", 0x81, 0), ("peripheral", 0x80, 0))
        ),
        Scenario("s7 write outputs", "act", s7(*[write_var(0x82, 0, n % 4) for n in range(40)], every=0.1), write),
        Scenario("s7 stop", "act", s7((stop, b"", b"\x29", b"")), T({"T0858", "T0881"})),
        Scenario("s7 start", "act", s7(service(b"P_PROGRAM")), T({"T0858", "T0816"})),
        Scenario("s7 cold start", "act", s7(service(b"P_PROGRAM", b"C ")), T({"T0858", "T0816"})),
        Scenario("s7 insert block", "act", s7(service(b"_INSE", b"\x01\x000800001P")), T({"T0889", "T0821", "T0843"})),
        Scenario("s7 delete block", "act", s7(service(b"_DELE", b"\x01\x000800001B")), T({"T0809", "T0889"})),
        Scenario("s7 memory to rom", "act", s7(service(b"_MODU")), T({"T0889"})),
        Scenario("s7 compress", "act", s7(service(b"_GARB")), T({"T0889", "T0836", "T0814"})),
        Scenario("s7 download code", "act", s7(*download(b"08")), program),
        Scenario("s7 download data", "act", s7(*download(b"0A")), program),
        Scenario("s7 download system data", "act", s7(*download(b"0B")), program),
        Scenario("s7 force", "act", s7_user((1, 9, bytes(20), b"")), T({"T0835", "T0836"})),
        Scenario("s7 modify", "act", s7_user((1, 8, bytes(20), b"")), T({"T0835", "T0836", "T1692.001"})),
        Scenario("s7 memory reset", "act", s7_user((1, 12, bytes(20), b"")), T({"T0809", "T0816"})),
        Scenario("s7 breakpoint", "act", s7_user((1, 11, bytes(20), b"")), T({"T0858", "T0821"})),
        Scenario("s7 set clock", "act", s7_user((7, 2, bytes.fromhex("0019260101120000000a"), b"")), T({"T0836", "T0872"})),
        Scenario("s7 alarm lock", "act", s7_user((4, 6, bytes(12), b"")), T({"T0878", "T0838"})),
        Scenario("s7 password", "act", s7_user((5, 1, b"01234567", b"")), T({"T0859", "T0892"})),
    )
    yield from (
        Scenario("s7 set up", "read", sessions(1), find),
        Scenario("s7 set up often", "read", sessions(10), find),
        Scenario("s7 slots", "read", _slots(10), find),
        Scenario("s7 read block", "read", s7(read_var(0x84, 7, 0)), read),
        Scenario("s7 read ten", "read", s7(*[read_var(0x84, 7, 4 * n) for n in range(10)]), read),
        Scenario("s7 read the polled", "read", replayed("s7", 5, 1.0), read),
        Scenario("s7 read areas", "read", s7(*[read_var(area, 0, 0) for area in (0x81, 0x82, 0x83)]), read),
        Scenario("s7 blocks answered", "read", s7(*[read_var(0x84, n, 0) for n in range(1, 40)], every=0.2), read),
        Scenario("s7 blocks refused", "read", s7(*[read_var(0x84, n, 0, code=10) for n in range(100, 130)], every=0.2), read),
        *(Scenario(f"s7 szl {number:#06x}", "read", s7_user((4, 1, content, back)), find) for number, content, back in SZL),
        Scenario(
            "s7 szl lists",
            "read",
            s7_user(*[(4, 1, struct.pack(">HH", n, 0), struct.pack(">HHHH", n, 0, 28, 0)) for n in range(0x10, 0x30)], every=0.1),
            find,
        ),
        Scenario("s7 block list", "read", s7_user((3, 1, None, b"08\0\1")), T({"T0861", "T0888"})),
        Scenario("s7 block info", "read", s7_user((3, 3, b"0800001A", bytes(40))), T({"T0861", "T0888"})),
        Scenario("s7 upload", "read", s7(*upload()), T({"T0845"})),
        Scenario("s7 clock", "read", s7_user((7, 1, None, bytes(10))), find),
        Scenario("s7 cyclic", "read", s7_user((2, 1, bytes(20), b"")), T({"T0801"})),
        Scenario("s7 watch table", "read", s7_user((1, 2, bytes(20), b"")), T({"T0801", "T0861", "T0868"})),
        Scenario("s7 alarms", "read", s7_user((4, 13, bytes(12), b"")), T({"T0878", "T0888", "T0801"})),
        Scenario("s7 passwords", "read", s7_user(*[(5, 1, b"%08d" % n, b"") for n in range(6)], error=0xD602), T({"T0859"})),
        Scenario("s7 read flood", "read", s7(*[read_var(0x84, 1, 10)] * 1200, every=0.006), flood),
        Scenario("s7 replay flood", "read", replayed("s7", 800, 0.01), flood),
        Scenario("s7 connections", "read", connections(102, S7, 400, opened=True), flood),
        Scenario("s7 half-open", "read", connections(102, S7, 400, opened=False), flood),
    )


def _slots(count: int) -> Attack:
    def make(play: Play, who: Host) -> None:
        def one(slot: int) -> None:
            play.ports += 7
            talk = Tcp(play.capture, who, S7, 102, client_port=play.ports, start=(play.ports * 7919, play.ports * 104_729))
            talk.say(connect(called=bytes([1, slot])))
            talk.answer(b"\3\0\0\x0b\6\x80\0\1\0\0\1")
            talk.close()

        for slot in range(count):
            at(0.4 * slot, lambda slot=slot: one(slot), play)

    return make


# ---- the plant, and what is counted


def plant(seconds: int = POLLED_S) -> Play:
    """What the HMI does all day."""
    return Play().polls(seconds, kinds=("modbus", "dnp3", "s7"))


def alerts_of(capture: Path, *options: str) -> list[dict[str, Any]]:
    """The alerts of `otwatch analyze`."""
    result = CliRunner().invoke(main, ["analyze", str(capture), "--format", "jsonl", *options])
    return [record for line in result.stdout.splitlines() if (record := json.loads(line))["type"] == "alert"]


def run() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="scenarios whose name holds this")
    parser.add_argument("--least", default="high", choices=SEVERITIES, help="the severity that counts as found")
    parser.add_argument("--misses", action="store_true", help="name what was missed, and what carries another technique")
    parser.add_argument("--keep", type=Path, help="keep the captures in this folder")
    options = parser.parse_args()
    counts: dict[tuple[str, str], list[int]] = {}
    with TemporaryDirectory() as made:
        folder = options.keep or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        normal = plant(600).run().write(folder / "normal.pcap")
        baseline = str(folder / "normal.json")
        CliRunner().invoke(main, ["baseline", "learn", str(normal), "--output", baseline], catch_exceptions=False)
        for scenario in scenarios():
            if options.only not in scenario.name:
                continue
            for place, who in PLACES.items():
                play = plant()
                scenario.make(play, who)
                path = play.run().write(folder / f"{scenario.name.replace(' ', '-')}.{place}.pcap")
                alerts = alerts_of(path, *(["--baseline", baseline] if place == "baseline" else []))
                theirs = [alert for alert in alerts if who.ip in (alert["src"], alert["dst"])]
                grave = [alert for alert in theirs if SEVERITIES.index(alert["severity"]) >= SEVERITIES.index(options.least)]
                named = {technique for alert in theirs for technique in alert["attack"]}
                count = counts.setdefault((scenario.kind, place), [0, 0, 0, 0])
                shown = bool(scenario.techniques)
                for number, holds in enumerate((True, bool(grave), shown, shown and bool(named & scenario.techniques))):
                    count[number] += holds
                if options.misses and not (grave and named & scenario.techniques):
                    said = ", ".join(f"{alert['severity']} {alert['rule']}" for alert in theirs) or "nothing"
                    print(f"{'missed' if not grave else 'other technique'}: {scenario.kind} {place} {scenario.name}: {said}", file=sys.stderr)
    rows = [(kind, place, *map(str, count)) for (kind, place), count in sorted(counts.items())]
    print(table(("kind", "attacker", "scenarios", "found", "with a technique", "technique named"), *rows))
    return 0


if __name__ == "__main__":
    sys.exit(run())
