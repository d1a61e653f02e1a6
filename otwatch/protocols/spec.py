"""What a protocol is to the rest of the house: one constant, `PROTOCOL`, of this type, in each folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Protocol, runtime_checkable

from otwatch.limits import Limits
from otwatch.tables import Anomalies, Operations, Pdus
from otwatch.vocabulary import AnomalyKind as AnomalyKind  # noqa: PLC0414 - re-exported for the protocols


class Verdict(IntEnum):
    """What a look at the first bytes of a stream says."""

    NO = 0
    UNSURE = 1  # could be; attach only if the port hints at it too
    YES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """How a stream (or datagram) is cut into PDUs, as data: one compiled loop in `streams` serves every protocol.

    A PDU starts with `magic` (offset, mask, value of single bytes, all within `header_bytes`). Its total length is the length field plus
    `length_add`; with `block_bytes` the part after the first `block_after` bytes of the total is counted in blocks of that
    many bytes, each followed by `block_crc_bytes` not counted in the length field (DNP3). Totals outside min_bytes..max_bytes are wrong
    bytes: the framer then searches for the next place where a header fits.
    `cut`, where a protocol has no length field, is called instead: cut(data, start, end, direction) returns the PDU's length, 0 for
    "needs more bytes", -1 for "wrong".
    """

    name: str
    header_bytes: int = 1
    magic: tuple[tuple[int, int, int], ...] = ()
    length_at: int = 0
    length_bytes: int = 2
    little_endian: bool = False
    length_add: int = 0
    block_after: int = 0
    block_bytes: int = 0
    block_crc_bytes: int = 0
    header_crc16_dnp: bool = False  # the last two header bytes are the CRC-16/DNP of the others; when not, the header is wrong bytes
    min_bytes: int = 1
    max_bytes: int = 65_535
    cut: Callable[[memoryview, int, int, int], int] | None = None
    # Weak framings (no magic): off the protocol's ports believed only on TCP, and where what one side sent answers the other: (asked, replied).
    answers: Callable[[bytes, bytes], bool] | None = None
    both_sides: bool = False  # off the protocol's ports, what the other side says must fit as well, where it speaks
    # A length field that says more than there is: where the content itself ends (bytes so far, 0 client to server, the length that the header says),
    # 0 it does not tell, -1 it agrees; and whether one PDU answers another (asked, replied).
    ends: Callable[[bytes, int, int], int] | None = None
    pairs: Callable[[bytes, bytes], bool] | None = None
    tells_end: bool = False  # the end of a flow is a PDU too, without bytes and with PduFlag.ENDED
    on_port_only: bool = False  # its first bytes are those of much else: it is asked on its ports only
    stand_in: bool = False  # also tried where a PDU of the protocol's first framing should start and does not
    # Looks at the start of a stream direction: (bytes so far, at most 256; 0 client to server, 1 server to client).
    probe: Callable[[bytes, int], Verdict] | None = None


WHOLE_FLOW = -1  # of `Head.cut`: nothing behind this message is read, in neither direction


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """How a protocol that is `facts_only` is read over TCP, in place of framings and ports: light, and beside the search for OT protocols.

    A message is handed over without what of its body is of no interest. What the tap missed is waited for by a few segments, and no second reading is
    made (evasion is not looked for).
    `begins`(first bytes, at most 64; 0 client to server, 1 server to client): whether a message begins with them; UNSURE: more bytes must tell.
    `cut`(bytes, where the message begins, direction, messages of this side before it) -> (how many of its bytes are handed over, its length, or
    WHOLE_FLOW); (0, 0) more bytes are needed, a first number below 0: no message begins here. It must not depend on how the bytes came.
    """

    ports: tuple[int, ...]  # of the server, on which every connection is tried
    begins: Callable[[bytes, int], Verdict]
    cut: Callable[[bytes, int, int, int], tuple[int, int]]
    first_bytes: frozenset[int] = frozenset()  # one of these starts a connection off the ports that is tried, too
    most: int = 0  # messages of one side that are read; 0: all


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A hint, never a decision."""

    transport: int  # 6 TCP, 17 UDP
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Frames straight over Ethernet that a protocol takes, in place of framings and ports: each frame is one PDU, between MACs.

    They are known by `ethertype`, or by the OUI and protocol number of a SNAP header (`snap`, 40 bits), or by the two service access points of an LLC
    header (`llc`). `first`: ranges of the first two bytes, where protocols share one EtherType; empty: all.
    """

    ethertype: int = -1
    snap: int = -1
    llc: int = -1
    first: tuple[tuple[int, int], ...] = ()
    # Whether a frame (its first 64 bytes) answers or is sent unasked by a device: a conversation that begins with it was opened by the other side
    is_answer: Callable[[bytes], bool] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What a message says about a device. Strings are as on the wire, decoded tolerantly and capped, never trusted."""

    timestamp_ns: int
    frame: int
    flow: int
    address: int  # interned address (IP or MAC) of the device that the fact is about
    peer: int = -1  # of an act, such as a file written to the device: the interned address of who did it
    child: str = ""  # device behind it: "unit 3", "outstation 10", "rack 0 slot 2"; empty: the device itself
    kind: str = ""  # vendor, model, order_number, firmware, hardware, serial, name, location, role, module, protocol_version, plant, state
    value: str = ""
    source: str = ""  # "modbus.read_device_identification"
    confidence: float = 1.0
    about: bytes = b""  # the device's address as a message holds it (4 or 16 bytes of IP, 6 of a MAC); `address` is -1 until it is interned
    kept: bool = True  # by the inventory; False: rules and exports see it, and no asset keeps it
    names: int = -1  # an interned address that is the value; `value` is empty until it stands there as text


@dataclass(frozen=True, slots=True, kw_only=True)
class Weakness:
    """A kind of the protocol's facts that is a weakness of the device it is about: the device's sheet lists it as observed."""

    kind: str  # of the fact
    text: str  # what was observed; `{value}` stands for the fact's value
    applies: Callable[[str], bool] = lambda _value: True  # whether a value is weak


class Dissector(Protocol):
    """Turns the PDUs of one protocol into rows. Keeps state per flow slot until `forget`. One that holds early responses has an `early` (kit)."""

    def feed(self, pdus: Pdus, operations: Operations, anomalies: Anomalies, facts: list[Fact]) -> object:
        """Appends the rows of a batch in PDU order. Never raises on any bytes."""

    def forget(self, flow: int) -> int:
        """The flow is over: drops its state; returns how many requests stayed unanswered."""


@runtime_checkable
class Carrier(Protocol):
    """A dissector whose output is again PDUs: a table for each protocol that reads what it carries, filled by `feed` and overwritten by the next."""

    riders: dict[int, Pdus]  # by id of the protocol that reads it


@dataclass(frozen=True, slots=True, kw_only=True)
class Ride:
    """How a protocol rides on another, in place of framings and ports of its own: the carrier hands it whole messages."""

    carrier: str  # name of the protocol below
    first_bytes: frozenset[int]  # one of these starts each message
    # (first bytes of a message, at most 512; its length; whether its end was not captured) -> is it of this protocol? None: the first byte suffices
    recognise: Callable[[bytes, int, bool], bool] | None = None
    read_by: str = ""  # name of the protocol whose dissector makes the rows, where it is another's
    endpoint: Callable[[bytes], bool] = lambda _address: False  # whether a called address of the carrier (TSAP) tells this protocol
    unit: Callable[[bytes], int] = lambda _address: -1  # the unit that such an address names
    value_kind: int = 0  # of the value of a connect's row
    whole_value: bool = False  # that value is all parameters of the connect, not the called address alone
    shares_units: bool = False  # its units are those of the carrier: the same slots
    usual: bool = False  # a connect that names nothing, and that nothing follows, is told as of this one


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolSpec:
    """One protocol: how it is recognised, cut and dissected, and what its numbers are called."""

    name: str  # as in records and rules
    title: str
    ports: tuple[Port, ...] = ()
    framings: tuple[Framing, ...] = ()  # tried in this order; none of a protocol that rides on another
    # (protocol id, limits); imports the compiled module when called. None: the rows come from the dissector of a protocol below it
    dissector: Callable[[int, Limits], Dissector] | None
    function_name: Callable[[int, int], str] = lambda function, _subfunction: f"function_{function}"  # (function, subfunction) -> snake_case name
    functions: Mapping[int, str] = field(default_factory=dict)
    ride: Ride | None = None
    links: tuple[Link, ...] = ()  # frames without ports; `ports` and `framings` may be empty then
    # No OT protocol: it makes facts and nothing else, its flows stay of no protocol, and nobody has a role by it. `datagrams`: UDP ports of it, in
    # place of `ports` and `framings`: what comes to or from them, and is of no OT protocol, is handed over, each datagram as one PDU. The port is a
    # hint here, too: the dissector reads what it says only where all of it fits. `head`: the same over TCP.
    facts_only: bool = False
    datagrams: tuple[int, ...] = ()
    head: Head | None = None
    areas: Mapping[int, str] = field(default_factory=dict)
    status_name: Callable[[int], str] = lambda status: "ok" if status == 0 else f"error:{status}"
    unit_name: Callable[[int], str] = str  # (unit) -> how a child is called: "unit 3", "rack 0 slot 2"
    # Values, decoded late: (value_kind, bytes, operations row as dict) -> JSON-able value (number, bool, str, list)
    value: Callable[[int, bytes, Mapping[str, int]], Any] = lambda _kind, data, _row: data.hex()
    # "%MW100", "DB1.DBX0.0", "g12v1[3]": how people of the field write the object of an operation
    object_name: Callable[[Mapping[str, int]], str] = lambda row: ":".join(str(row[name]) for name in ("object", "start") if row[name] >= 0)
    # Where an operation's points stand, apart from start and count: a command has the value before it from what has the same place
    point_place: Callable[[Mapping[str, int]], tuple[int, ...]] = lambda row: (row["unit"], row["area"], row["object"])
    # Whether a request (its unit, function and subfunction) gets a response at all: not a broadcast, not a function that forgoes it
    is_answered: Callable[[Mapping[str, int]], bool] = lambda _row: True
    serves_as: str = "controller"  # what a host is that answers in it: controller, outstation, ied, or peer where workstations answer, too
    service: str = ""  # what is on its ports, as long as no message of it was seen; empty: its name
    anomalies: Sequence[AnomalyKind] = ()
    weaknesses: Sequence[Weakness] = ()  # which facts are one; their `source` begins with the name of the protocol
    references: tuple[str, ...] = ()
    # Its page, docs/reference/protocols/<name>.md, in Markdown: columns, function -> decoded fields -> action -> facts
    reference: Callable[[], str] | None = None
