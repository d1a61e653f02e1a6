"""Captures of PROFINET rules: a controller, two devices, an engineering station, and an unknown host in their segment."""

from __future__ import annotations

import struct
from uuid import UUID

from play import Play

from tests.evasion.wire import Host, ethernet, udp
from tests.oracle import pn_dcp as dcp
from tests.oracle import pn_io as io

PLC = Host("192.168.30.1", "001b1b0a3001", "fd03::1")
PUMP = Host("192.168.30.11", "001b1b0a3011", "fd03::11")
VALVE = Host("192.168.30.12", "001b1b0a3012", "fd03::12")
STATION = Host("192.168.30.50", "d4bed90a3050", "fd03::50")
UNKNOWN = Host("192.168.30.77", "00e04c0a3077", "fd03::77")
EVERYBODY = Host("0.0.0.0", "010ecf000000", "::")
NAMES = {PLC: b"plc-1", PUMP: b"pump-1", VALVE: b"valve-1"}


def frame(play: Play, source: Host, target: Host, octets: bytes) -> None:
    """A frame, padded to the shortest that Ethernet has."""
    play.capture.frame(ethernet(source, target, octets + bytes(max(0, 46 - len(octets))), 0x8892))


def identity(host: Host, name: bytes | None = None) -> bytes:
    """What a host answers to identify."""
    return dcp.identity(NAMES.get(host, b"") if name is None else name, host.ip, role=2 if host is PLC else 1)


def asks(play: Play, source: Host, xid: int, name: bytes | None, *answers: tuple[Host, bytes]) -> None:
    """An identification of one name, or of everybody, and who answers."""
    question = dcp.identify_all(xid) if name is None else dcp.frame(dcp.IDENTIFY, 0, xid, dcp.block(2, 2, name))
    frame(play, source, EVERYBODY, question)
    for host, said in answers:
        frame(play, host, source, dcp.frame(dcp.IDENTIFY, 1, xid, said))


def sets(play: Play, source: Host, target: Host, xid: int, option: int, suboption: int, content: bytes) -> None:
    """A Set that the device accepts."""
    frame(play, source, target, dcp.frame(dcp.SET, 0, xid, dcp.block(option, suboption, content)))
    frame(play, target, source, dcp.set_answer(xid, option, suboption))


def call(play: Play, source: Host, target: Host, question: bytes, reply: bytes) -> None:
    """A call of the device and its answer, from a port of its own."""
    play.capture.datagram(source, target, 17, udp(source, target, (49_153, 34_964), question))
    play.capture.datagram(target, source, 17, udp(target, source, (49_155, 49_153), reply))


def starts(play: Play, controller: Host, device: Host, number: int, *, station: bytes = b"plc-1") -> None:
    """A controller connects: name, address until the next power-off, connect, parameters, end of parameters, readiness."""
    activity, relation = UUID(int=0x7000 + number, version=1), UUID(int=0x9000 + number, version=1).bytes
    asks(play, controller, 0x100 + number, NAMES[device], (device, identity(device)))
    sets(play, controller, device, 0x200 + number, 1, 2, struct.pack(">H", 0) + dcp.ip(device.ip))
    call(
        play,
        controller,
        device,
        io.request(io.CONNECT, io.connect(station=station, relation=relation), activity=activity),
        io.response(io.CONNECT, io.connected(relation=relation, name=NAMES[device]), activity=activity),
    )
    parameters = io.several(io.record(0x0008, 1, b"\0\1\2\3", relation=relation))
    call(
        play,
        controller,
        device,
        io.request(io.WRITE, parameters, sequence=1, activity=activity),
        io.response(
            io.WRITE,
            io.record(0x8008, 0xE040, slot=0, subslot=0, relation=relation) + io.record(0x8008, 1, relation=relation),
            sequence=1,
            activity=activity,
        ),
    )
    call(
        play,
        controller,
        device,
        io.request(io.CONTROL, io.control(1, relation=relation), sequence=2, activity=activity),
        io.response(io.CONTROL, io.control(8, kind=0x8110, relation=relation), sequence=2, activity=activity),
    )
    back = UUID(int=0x8000 + number, version=1)
    ready, done = io.control(2, kind=0x0112, relation=relation), io.control(8, kind=0x8112, relation=relation)
    call(
        play,
        device,
        controller,
        io.request(io.CONTROL, ready, activity=back, interface=io.CONTROLLER),
        io.response(io.CONTROL, done, activity=back, interface=io.CONTROLLER),
    )


def releases(play: Play, controller: Host, device: Host, number: int) -> None:
    """The controller ends the connection in good order."""
    activity, relation = UUID(int=0x7000 + number, version=1), UUID(int=0x9000 + number, version=1).bytes
    call(
        play,
        controller,
        device,
        io.request(io.RELEASE, io.control(4, kind=0x0114, relation=relation), sequence=3, activity=activity),
        io.response(io.RELEASE, io.control(8, kind=0x8114, relation=relation), sequence=3, activity=activity),
    )


def cycle(play: Play, turn: int) -> None:
    """Cyclic data both ways, every 128 ms."""
    counter = turn * 4096
    for number, device in enumerate((PUMP, VALVE)):
        frame(play, device, PLC, io.cyclic(0x8001 + 2 * number, counter, data=bytes([turn & 255]) * 40))
        frame(play, PLC, device, io.cyclic(0x8000, counter, data=bytes([turn & 255]) * 40))


def plant() -> Play:
    """Both devices are started and exchange data for twenty seconds; the controller asks for a name now and then."""
    play = Play()
    play.at(0, lambda: starts(play, PLC, PUMP, 1))
    play.at(0.2, lambda: starts(play, PLC, VALVE, 2))
    for turn in range(150):
        play.at(0.5 + 0.128 * turn, lambda turn=turn: cycle(play, turn))
    return play


def with_set(option: int, suboption: int, content: bytes, source: Host = UNKNOWN) -> Play:
    """Somebody sets something of the pump."""
    play = plant()
    play.at(15.01, lambda: sets(play, source, PUMP, 0x777, option, suboption, content))
    return play


def named(name: bytes) -> Play:
    """Another name for the pump."""
    return with_set(2, 2, b"\0\1" + name)


def restarted() -> Play:
    """The controller starts the pump again, with an address until the next power-off, as it does."""
    play = plant()
    play.at(15.01, lambda: releases(play, PLC, PUMP, 1))
    play.at(15.2, lambda: starts(play, PLC, PUMP, 3))
    return play


def listed(source: Host, name: bytes | None) -> Play:
    """Somebody asks who is there."""
    play = plant()
    answers = [(host, identity(host)) for host in NAMES if name is None or NAMES[host] == name]
    play.at(15.01, lambda: asks(play, source, 0x778, name, *answers))
    return play


def claimed(*answers: tuple[Host, bytes]) -> Play:
    """The controller asks for the pump, and these answer."""
    play = plant()
    play.at(15.01, lambda: asks(play, PLC, 0x779, b"pump-1", *((host, identity(host, name)) for host, name in answers)))
    return play


def provided(source: Host, frame_id: int) -> Play:
    """Somebody sends the controller cyclic data."""
    play = plant()
    for turn in range(20):
        play.at(15.01 + 0.128 * turn, lambda turn=turn: frame(play, source, PLC, io.cyclic(frame_id, turn * 4096 + 512, data=b"\xff" * 40)))
    return play


def taken(*, released: bool) -> Play:
    """Another controller connects to the pump."""
    play = plant()
    if released:
        play.at(14.9, lambda: releases(play, PLC, PUMP, 1))
    play.at(15.01, lambda: starts(play, UNKNOWN, PUMP, 4, station=b"plc-9"))
    return play
