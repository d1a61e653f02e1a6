"""System status lists and what they tell."""

from __future__ import annotations

import struct

from otwatch.protocols.s7comm.szl import LAYOUTS, clock, decode, facts, record


def partial(identity: int, index: int, *records: bytes) -> bytes:
    return struct.pack(">HHHH", identity, index, len(records[0]) if records else 0, len(records)) + b"".join(records)


def module(index: int, version: bytes, release: bytes = b"\0\0") -> bytes:
    return struct.pack(">H20sH2s2s", index, b"6ES7 315-2EH14-0AB0 ", 0xC0, version, release)


def test_identification() -> None:
    text = partial(0x11, 0, module(1, b"\0\4"), module(6, b"\0\4"), module(7, b"V\x03", b"\x02\x06"), module(0x81, b"A\x20", b"\x09\x09"))
    assert facts(text) == [("order_number", "6ES7 315-2EH14-0AB0"), ("order_number", "6ES7 315-2EH14-0AB0"), ("hardware", "4"),
                           ("firmware", "V3.2.6"), ("boot_loader", "A 9.9")]


def test_components() -> None:
    texts = {1: b"SIMATIC 300", 2: b"CPU 315", 3: b"Pump station", 4: b"Original Siemens Equipment", 5: b"S C-X4U421302009", 7: b"CPU 315-2 PN/DP",
             8: b"MMC 267FF11F", 11: b"Hall 4"}
    text = partial(0x1C, 0, *(struct.pack(">H32s", index, name) for index, name in texts.items()), struct.pack(">HHHH26s", 9, 42, 0, 0, b""))
    assert dict(facts(text)) == {
        "name": "SIMATIC 300", "module": "CPU 315", "plant": "Pump station", "copyright": "Original Siemens Equipment", "vendor": "Siemens",
        "serial": "S C-X4U421302009", "model": "CPU 315-2 PN/DP", "memory_card_serial": "MMC 267FF11F", "location": "Hall 4"}


def test_what_follows_a_name_is_not_its_end() -> None:
    names = [struct.pack(">H24s8s", index, b"N" * 24, b"reserved") for index in (1, 2, 5)]
    text = partial(0x1C, 0, *names, struct.pack(">H26s6s", 4, b"C" * 26, b"123456"))
    assert facts(text)[:4] == [("name", "N" * 24), ("module", "N" * 24), ("serial", "N" * 24), ("copyright", "C" * 26)]


def test_state_protection_network_and_lamps() -> None:
    assert facts(partial(0x0424, 0, b"\x43\x02\xff\x68" + bytes(16))) == [("state", "RUN")]
    levels = struct.pack(">12H16s", 4, 1, 0, 3, 2, 0, 0, 0, 0, 0, 0, 0, b"")
    assert facts(partial(0x0132, 4, levels)) == [("protection", "level 3"), ("mode_switch", "RUN-P")]
    network = struct.pack(">H4s4s4s6sBB8s16s", 0, bytes([10, 0, 0, 5]), bytes([255, 255, 255, 0]), bytes([10, 0, 0, 1]),
                          b"\0\x1b\x1b\1\2\3", 0, 0, b"", b"")
    assert facts(partial(0x0037, 0, network)) == [("ip", "10.0.0.5"), ("mac", "00:1b:1b:01:02:03"), ("gateway", "10.0.0.1")]
    assert facts(partial(0x0074, 0, b"\0\4\1\0", b"\0\5\0\0", b"\0\6\1\1")) == [("leds", "RUN, FRCE flashing")]


def test_the_diagnostic_buffer_is_a_value() -> None:
    found = decode(partial(0xA0, 0, b"\x43\2\xff\x68\xc7\0\0\0\x14\x30\0\0\x26\x11\x22\x02\x36\x00\x12\x31"))
    assert found is not None
    assert found["list"] == "diagnostic_buffer"
    assert (found["records"][0]["event"], found["records"][0]["time"]) == (0x4302, "2026-11-22T02:36:00.123")


def test_any_bytes() -> None:
    for text in (b"", b"\0", b"\0\x11\0", partial(0x11, 0, b"\0"), b"\0\x11\0\0\0\0\xff\xff", b"\0\x11\0\0\xff\xff\xff\xff" + bytes(30)):
        facts(text)
        decode(text)
    for key in LAYOUTS:
        for length in range(40):
            record(key[0], b"\0" + bytes([max(key[1], 0)]) + b"\xff" * length)
    assert clock(b"\xff" * 8) == "ff" * 8
