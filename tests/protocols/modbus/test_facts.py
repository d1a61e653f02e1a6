"""What messages say about devices."""

from __future__ import annotations

from otwatch.limits import Limits
from tests.protocols.modbus.wire import CLIENT, SERVER, Wire


def objects(*texts: bytes, first: int = 0, more: int = 0) -> bytes:
    """A response of function 43/14."""
    return (b"\x2b\x0e\x01\x82" + bytes([0xFF if more else 0, more, len(texts)])
            + b"".join(bytes([first + index, len(text)]) + text for index, text in enumerate(texts)))


def told(wire: Wire) -> list[tuple[int, str, str, str]]:
    return [(fact.address, fact.child, fact.kind, fact.value) for fact in wire.run().facts]


def test_device_identification_over_several_answers() -> None:
    wire = Wire().ask(b"\x2b\x0e\x02\x00").answer(objects(b"Acme", b"A-1", b"1.2", more=4))
    wire.ask(b"\x2b\x0e\x02\x04", transaction=2).answer(objects(b"Pump", b"A", b"Plant 7", first=4), transaction=2)
    assert told(wire) == [(SERVER, "unit 1", kind, value) for kind, value in (
        ("vendor", "Acme"), ("order_number", "A-1"), ("firmware", "1.2"), ("name", "Pump"), ("model", "A"), ("plant", "Plant 7"))]
    assert {fact.source for fact in wire.facts} == {"modbus.read_device_identification"}
    assert wire.facts[0].frame == 2


def test_the_device_itself_is_no_child() -> None:
    assert told(Wire().ask(b"\x2b\x0e\x01\x00", unit=255).answer(objects(b"Acme"), unit=255)) == [(SERVER, "", "vendor", "Acme")]


def test_a_fact_is_said_once_until_it_changes() -> None:
    wire = Wire()
    for transaction, vendor in enumerate((b"A", b"A", b"B", b"B", b"A")):
        wire.ask(b"\x2b\x0e\x01\x00", transaction=transaction).answer(objects(vendor), transaction=transaction)
    assert [value for *_, value in told(wire)] == ["A", "B", "A"]


def test_hostile_strings_are_capped_and_odd_bytes_kept_harmless() -> None:
    wire = Wire(Limits(text_characters=10)).ask(b"\x2b\x0e\x01\x00").answer(objects(b"x" * 200, b"\xff\xfe\x00", b""))
    assert [(kind, value) for _, _, kind, value in told(wire)] == [("vendor", "x" * 10), ("order_number", "ÿþ")]


def test_report_server_id() -> None:
    assert told(Wire().ask(b"\x11").answer(b"\x11\x09\x01PM8000\x00\xff")) == [(SERVER, "unit 1", "name", "PM8000")]
    assert told(Wire().ask(b"\x11").answer(b"\x11\x02\x01\xff")) == []
    assert told(Wire().ask(b"\x11").answer(b"\x91\x01")) == []


def test_umas_identity() -> None:
    body = bytes.fromhex("5a00fe10ff5a010100000070020000270009000800000000000e") + b"140 CPU 311 10\x01\x01"
    assert told(Wire().ask(b"\x5a\x00\x02", unit=0).answer(body, unit=0)) == [
        (SERVER, "", "vendor", "Schneider Electric"), (SERVER, "", "model", "140 CPU 311 10"), (SERVER, "", "firmware", "2.70")]
    for length in range(1, len(body)):
        Wire().ask(b"\x5a\x00\x02").answer(body[:length]).run()
    assert told(Wire().ask(b"\x5a\x00\x10CL\x00\x00\x04PC-1", unit=0)) == [(CLIENT, "", "name", "PC-1")]
