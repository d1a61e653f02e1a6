"""What is said in the captures: harmless polls, and one dangerous operation of each protocol."""

from __future__ import annotations

import struct
from typing import Any

from tests.oracle.opcua import acknowledge, array, data_value, hello, message, node, open_channel, request, response, text, variant
from tests.oracle.streams import dnp3_frame
from tests.protocols.modbus.wire import adu, pdu
from tests.protocols.s7comm.wire import answer, any_item, connect, data, item_data, job, variables


def modbus_crc(message: bytes) -> bytes:
    """CRC-16/MODBUS bit by bit (MODBUS over Serial Line V1.02 section 6.2.2), low byte first."""
    value = 0xFFFF
    for byte in message:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return struct.pack("<H", value)


def poll(transaction: int, start: int = 0) -> bytes:
    """Modbus: reads ten holding registers."""
    return adu(pdu(3, start, 10), transaction=transaction)


def poll_answer(transaction: int) -> bytes:
    """Its response."""
    return adu(bytes([3, 20]) + bytes(range(20)), transaction=transaction)


def write(transaction: int, value: int = 666) -> bytes:
    """Modbus: writes holding register 7."""
    return adu(pdu(6, 7, value), transaction=transaction)


def rtu(message: bytes) -> bytes:
    """An RTU frame of a Modbus/TCP message."""
    return message[6:] + modbus_crc(message[6:])


WRITTEN: dict[str, Any] = {"protocol": "modbus", "function": 6, "action": "WRITE", "unit": 1, "area": "holding_register", "start": 7}
UMAS_STOP = adu(bytes([0x5A, 0x07, 0x41, 0xFF, 0x00]), transaction=0x77)
UMAS_STOPPED: dict[str, Any] = {"protocol": "modbus", "function": 0x5A, "subfunction": 0x41, "action": "STOP"}


def points(sequence: int = 0) -> bytes:
    """DNP3: a class poll of the outstation 10 by the master 1."""
    return dnp3_frame(bytes([0xC0 | sequence, 0xC0 | sequence, 1]) + bytes.fromhex("3c0206"))


def trip(sequence: int = 1) -> bytes:
    """DNP3: direct operate, one CROB for point 3, trip."""
    crob = bytes([0x81, 1]) + struct.pack("<IIB", 100, 100, 0)
    return dnp3_frame(bytes([0xC0 | sequence, 0xC0 | sequence, 5, 12, 1, 0x28]) + struct.pack("<HH", 1, 3) + crob)


TRIPPED: dict[str, Any] = {"protocol": "dnp3", "function": 5, "action": "CONTROL", "unit": 10, "area": 12, "object": 1, "start": 3}

S7_SETUP = job(bytes.fromhex("f0000001000101e0"))
S7_SETUP_ANSWER = answer(bytes.fromhex("f0000001000100f0"))
S7_CONNECT, S7_CONFIRM = connect(called=b"\x01\x02"), connect(0xD0, called=b"\x01\x02", destination=1, source=7)
S7_READ = job(variables(4, any_item(start=80, count=4)), reference=2)
S7_READ_ANSWER = answer(bytes([4, 1]), item_data((0xFF, 4, bytes(4))), reference=2)
S7_STOP = job(bytes.fromhex("290000000000") + b"\x09P_PROGRAM", reference=3)
S7_STOPPED: dict[str, Any] = {"protocol": "s7comm", "function": 0x29, "action": "STOP"}

MMS_CONNECT, MMS_CONFIRM = connect(called=b"\x00\x01", calling=b"\x00\x01"), connect(0xD0, called=b"\x00\x01", calling=b"\x00\x01", destination=1)
# ISO 8327 connect with presentation, ACSE and an initiate request, as the stations of IEC 61850 send it.
MMS_INITIATE = data(bytes.fromhex(
    "0db20506130100160102140200023302000134020001"
    + "c19c318199a003800101a28191810400000001820400000001a423300f0201010604520100013004060251013010020103060528ca220201300406025101"
    + "615e305c020101a0576055a107060528ca220203a20706052901876701a30302010ca606060429018767a70302010cbe2f282d020103a028"
    + "a826800300fde881010582010583010aa416800101810305f100820c03ee1c00000408000079ef18"))


def _element(tag: int, *parts: bytes) -> bytes:
    """A short BER element."""
    content = b"".join(parts)
    return bytes([tag, len(content)]) + content


def mms(tag: int, invoke: int, service: bytes) -> bytes:
    """A confirmed MMS PDU in presentation data."""
    body = _element(tag, _element(2, bytes([invoke])), service)
    return data(b"\x01\0\x01\0" + _element(0x61, _element(0x30, b"\2\1\3", _element(0xA0, body))))


_NAME = _element(0xA1, _element(0x1A, b"IED1LD0"), _element(0x1A, b"CSWI1$CO$Pos$Oper"))
MMS_WRITE = mms(0xA0, 7, _element(0xA5, _element(0xA0, _element(0x30, _element(0xA0, _NAME))), _element(0xA0, _element(0x83, b"\1"))))
MMS_WRITE_ANSWER = mms(0xA1, 7, _element(0xA5, _element(0x81)))
MMS_WRITTEN: dict[str, Any] = {"protocol": "mms", "function": 0xA0, "subfunction": 5, "action": "WRITE"}

_OPCUA_HEADER = request(446, bytes(8) + struct.pack("<I", 1) + text(None) + struct.pack("<I", 600_000))
OPCUA_HELLO, OPCUA_ACKNOWLEDGE = hello(), acknowledge()
OPCUA_OPEN = open_channel(_OPCUA_HEADER, 1, 1)
OPCUA_OPENED = open_channel(response(449, bytes(4) + struct.pack("<IIqI", 5, 1, 0, 600_000) + text(None)), 1, 1, channel=5)
_OPCUA_WRITE = request(673, array([node("Pump.SetPoint", 2) + struct.pack("<I", 13) + text(None) + data_value(variant(11, 2900.0))]))
OPCUA_WRITE = message(_OPCUA_WRITE, 2, 2)
OPCUA_CHUNKS = tuple(message(_OPCUA_WRITE[at:at + 20], 2, 2 + at // 20, chunks="MSGC" if at + 20 < len(_OPCUA_WRITE) else "MSGF")
                     for at in range(0, len(_OPCUA_WRITE), 20))
OPCUA_WRITE_ANSWER = message(response(676, array([bytes(4)]) + array(None)), 2, 2)
OPCUA_WRITTEN: dict[str, Any] = {"protocol": "opcua", "function": 673, "action": "WRITE", "start": 13}

TLS_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(range(32)) + b"\x20" + bytes(range(32, 64)) + bytes.fromhex("0026c02bc02f") + bytes(124)
HTTP = b"GET /index.html HTTP/1.1\r\nHost: plc\r\nAccept: */*\r\n\r\n"
