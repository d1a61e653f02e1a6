"""What is spoken where: protocols on ports of others, on unusual ports, on UDP, without their header, and bad messages before the bad one."""

from __future__ import annotations

from tests.evasion import messages as say
from tests.evasion.case import Case, background
from tests.evasion.wire import GUEST, HMI, PLC, Capture, Tcp, udp


def on_502(first: bytes) -> Capture:
    """Something else on Modbus' port, and a true write beside it."""
    capture = background(Capture())
    other = Tcp(capture, HMI, PLC, 502, client_port=41_000)
    other.say(first)
    other.answer(first[::-1])
    other.say(bytes(range(256)))
    talk = Tcp(capture, GUEST, PLC, 502)
    talk.say(say.write(1))
    talk.answer(say.write(1))
    return capture


def modbus_on(port: int) -> Capture:
    """Modbus on a port that says nothing, or something else."""
    capture = background(Capture())
    talk = Tcp(capture, GUEST, PLC, port)
    talk.say(say.poll(1))
    talk.answer(say.poll_answer(1))
    talk.say(say.write(2))
    talk.answer(say.write(2))
    return capture


def dnp3_on(port: int) -> Capture:
    """DNP3 likewise."""
    capture = background(Capture())
    talk = Tcp(capture, GUEST, PLC, port)
    talk.say(say.points())
    talk.say(say.trip())
    return capture


def s7(talk: Tcp) -> None:
    """A whole session of S7comm that ends with a stop."""
    for question, reply in ((say.S7_CONNECT, say.S7_CONFIRM), (say.S7_SETUP, say.S7_SETUP_ANSWER), (say.S7_READ, say.S7_READ_ANSWER)):
        talk.say(question)
        talk.answer(reply)
    talk.say(say.S7_STOP)


def mms(talk: Tcp) -> None:
    """One of MMS that ends with a write."""
    for question, reply in ((say.MMS_CONNECT, say.MMS_CONFIRM), (say.MMS_INITIATE, say.MMS_INITIATE.replace(b"\x0d\xb2", b"\x0e\xb2"))):
        talk.say(question)
        talk.answer(reply)
    talk.say(say.MMS_WRITE)
    talk.answer(say.MMS_WRITE_ANSWER)


def s7_on(port: int) -> Capture:
    """S7comm on a port that says nothing."""
    capture = background(Capture())
    s7(Tcp(capture, GUEST, PLC, port))
    return capture


def opcua_on(port: int, *, chunks: bool = False) -> Capture:
    """OPC UA on a port that says nothing; the write whole or in chunks of twenty bytes."""
    capture = background(Capture())
    talk = Tcp(capture, GUEST, PLC, port)
    for question, reply in ((say.OPCUA_HELLO, say.OPCUA_ACKNOWLEDGE), (say.OPCUA_OPEN, say.OPCUA_OPENED)):
        talk.say(question)
        talk.answer(reply)
    for part in say.OPCUA_CHUNKS if chunks else (say.OPCUA_WRITE,):
        talk.say(part)
    talk.answer(say.OPCUA_WRITE_ANSWER)
    return capture


def opcua_midway() -> Capture:
    """OPC UA of which the tap saw no beginning."""
    capture = background(Capture())
    talk = Tcp(capture, GUEST, PLC, 48010)
    talk.say(say.OPCUA_WRITE)
    talk.answer(say.OPCUA_WRITE_ANSWER)
    return capture


def tls_on(port: int) -> Capture:
    """A handshake and data that are encrypted, on the port of an OT protocol in TLS."""
    capture = background(Capture())
    talk = Tcp(capture, GUEST, PLC, port)
    talk.say(say.TLS_HELLO)
    talk.answer(b"\x16\x03\x03\x00\x04\x02\x00\x00\x00")
    talk.say(b"\x17\x03\x03\x00\x30" + bytes(range(48)))
    talk.answer(b"\x17\x03\x03\x00\x20" + bytes(range(32)))
    return capture


def both_on_102() -> Capture:
    """Two connections to one port 102: S7comm and MMS."""
    capture = background(Capture())
    s7(Tcp(capture, GUEST, PLC, 102, client_port=50_001))
    mms(Tcp(capture, GUEST, PLC, 102, client_port=50_002, start=(77, 99)))
    return capture


def bad_crc() -> Capture:
    """A DNP3 frame whose header CRC is wrong, one whose data CRC is wrong, then the trip, all in one segment."""
    header, block = bytearray(say.points(1)), bytearray(say.points(2))
    header[8] ^= 0xFF
    block[-1] ^= 0xFF
    capture = background(Capture())
    talk = Tcp(capture, GUEST, PLC, 20000)
    talk.say(say.points())
    talk.say(bytes(header) + bytes(block) + say.trip(3))
    return capture


def dnp3_datagrams() -> Capture:
    """DNP3 over UDP."""
    capture = background(Capture())
    for payload in (say.points(), say.trip()):
        capture.datagram(GUEST, PLC, 17, udp(GUEST, PLC, (20_000, 20_000), payload))
    return capture


def rtu_on(port: int, *, disguise: bytes = b"") -> Capture:
    """RTU frames on TCP, as serial-line converters pass them on; before them something that no device on the line takes for its own."""
    capture = background(Capture())
    talk = Tcp(capture, GUEST, PLC, port)
    if disguise:
        talk.say(disguise)
    for number in range(3):
        talk.say(say.rtu(say.poll(number)))
        talk.answer(say.rtu(say.poll_answer(number)))
    talk.say(say.rtu(say.write(9)), 5)
    talk.answer(say.rtu(say.write(9)))
    return capture


_NOBODY = b"\xff\x03\x00\x00\x00\x01" + say.modbus_crc(b"\xff\x03\x00\x00\x00\x01")


def modbus_datagrams() -> Capture:
    """Modbus over UDP, the write behind a read in one datagram."""
    capture = background(Capture())
    capture.datagram(GUEST, PLC, 17, udp(GUEST, PLC, (50_000, 502), say.poll(1) + say.write(2)))
    return capture


def odd_protocol_id() -> Capture:
    """A write whose protocol identifier is not 0, in the middle of a normal conversation: lenient controllers carry it out."""
    capture = background(Capture())
    talk = Tcp(capture, GUEST, PLC, 502)
    for number in range(3):
        talk.say(say.poll(number))
        talk.answer(say.poll_answer(number))
    odd = bytearray(say.write(5))
    odd[2:4] = b"\x12\x34"
    talk.say(bytes(odd))
    talk.answer(bytes(odd))
    talk.say(say.poll(6))
    talk.answer(say.poll_answer(6))
    return capture


def lying_length() -> Capture:
    """The length field of a read says that the write behind it belongs to the read."""
    capture = background(Capture())
    talk = Tcp(capture, GUEST, PLC, 502)
    talk.say(say.poll(1))
    talk.answer(say.poll_answer(1))
    read = bytearray(say.poll(2))
    read[4:6] = (18).to_bytes(2, "big")
    talk.say(bytes(read) + say.write(3))
    talk.answer(say.poll_answer(2) + say.write(3))
    return capture


_PORTS = "Parsers that go by the port do not look here."

CASES = (
    *(Case(name=f"{name}-on-502", blind="Whatever uses port 502 is called Modbus.", make=lambda first=first: on_502(first),  # type: ignore[misc]
           seen=say.WRITTEN, rules=("network.not-the-protocol",), odd=("stream.unidentified",), protocols={41_000: ""}, counts={"modbus": 8})
      for name, first in (("tls", say.TLS_HELLO), ("http", say.HTTP))),
    *(Case(name=f"modbus-on-{port}", blind=_PORTS, make=lambda port=port: modbus_on(port), seen=say.WRITTEN,  # type: ignore[misc]
           protocols={50_000: "modbus"}) for port in (80, 5020, 20000)),
    *(Case(name=f"dnp3-on-{port}", blind=_PORTS, make=lambda port=port: dnp3_on(port), seen=say.TRIPPED,  # type: ignore[misc]
           protocols={50_000: "dnp3"}) for port in (443, 502, 19999)),
    *(Case(name=f"s7-on-{port}", blind=_PORTS, make=lambda port=port: s7_on(port), seen=say.S7_STOPPED,  # type: ignore[misc]
           protocols={50_000: "s7comm"}) for port in (1102, 502)),
    *(Case(name=f"opcua-on-{port}", blind=_PORTS, make=lambda port=port: opcua_on(port), seen=say.OPCUA_WRITTEN,  # type: ignore[misc]
           protocols={50_000: "opcua"}, counts={"opcua": 6}) for port in (48010, 502, 443)),
    Case(name="opcua-chunks", blind="Parsers read the first chunk of a message, or none.", make=lambda: opcua_on(4840, chunks=True),
         seen=say.OPCUA_WRITTEN, counts={"opcua": 6}),
    Case(name="opcua-midway", blind="Parsers wait for a hello.", make=opcua_midway, seen=say.OPCUA_WRITTEN, counts={"opcua": 2}),
    *(Case(name=f"tls-on-{port}", blind="Commands in TLS are seen by nobody, and the result is called clean.",
           make=lambda port=port: tls_on(port), seen={"protocol": "tls", "function": 23, "action": "ENCRYPTED"},  # type: ignore[misc]
           blind_spots=("encrypted",), protocols={50_000: "tls"}) for port in (802, 2221)),
    Case(name="s7-and-mms-on-102-s7", blind="Port 102 is called MMS.", make=both_on_102, seen=say.S7_STOPPED,
         protocols={50_001: "s7comm", 50_002: "mms"}, counts={"s7comm": 7, "mms": 6}),
    Case(name="s7-and-mms-on-102-mms", blind="Port 102 is called S7.", make=both_on_102, seen=say.MMS_WRITTEN,
         protocols={50_001: "s7comm", 50_002: "mms"}, counts={"s7comm": 7, "mms": 6}),
    Case(name="bad-crc", blind="Parsers drop the rest of the segment after a wrong CRC, or read on without checking.", make=bad_crc,
         seen=say.TRIPPED, odd=("stream.wrong-bytes",)),
    Case(name="dnp3-udp", blind="Parsers of DNP3 for TCP only.", make=dnp3_datagrams, seen=say.TRIPPED),
    *(Case(name=f"rtu-on-{port}", blind="Parsers of Modbus/TCP find no header.", make=lambda port=port: rtu_on(port),  # type: ignore[misc]
           seen=say.WRITTEN, protocols={50_000: "modbus"}, counts={"modbus": 14}) for port in (502, 4001)),
    Case(name="rtu-behind-a-reserved-unit", blind="A first message to a unit that there is none of makes it another protocol.",
         make=lambda: rtu_on(4001, disguise=_NOBODY), seen=say.WRITTEN),
    Case(name="modbus-udp", blind="Parsers of Modbus for TCP only, and one message a datagram.", make=modbus_datagrams, seen=say.WRITTEN),
    Case(name="protocol-id", blind="Messages with another protocol identifier are not looked at.", make=odd_protocol_id, seen=say.WRITTEN,
         odd=("modbus.protocol-id",), counts={"modbus": 16}),
    Case(name="lying-length", blind="A length that lies hides the next message.", make=lying_length, seen=say.WRITTEN,
         rules=("modbus.hidden-message",), odd=("modbus.hidden-adu",)),
)
