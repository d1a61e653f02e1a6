"""TLS on ports of OT protocols: hellos, certificates and JA4 of a real stack's bytes, encrypted records, and what is not taken for it."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otwatch.actions import Action, Role
from otwatch.limits import Limits
from otwatch.protocols.kit.certificates import read_certificate
from otwatch.protocols.kit.tls import handshake_facts, read_hello, records
from otwatch.protocols.spec import WHOLE_FLOW, Verdict
from otwatch.protocols.tls import PROTOCOL, probe
from otwatch.protocols.tls.dissect import TlsDissector
from otwatch.protocols.tls_handshake.dissect import TlsHandshakeDissector
from otwatch.protocols.tls_handshake.framing import begins, cut
from otwatch.tables import Anomalies, Octets, Operations, Pdus

# a key and a certificate of tests only: C=CH, O=Lab, CN=plc.lab; DNS:plc.lab, URI:urn:lab:plc
PEM = """-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIFAtZKC5m1zu8TLw4eucrIda9Hf9Pti7yX5SxEkZdAgzoAoGCCqGSM49
AwEHoUQDQgAEx/oLP8+1GXM3Spo79t7FdK9Ipc5A4ZnsXTkzBNfD3Serd0pzmrAV
GpnSsTQxeuD/UjGx3WA3MA+lYPiDSUoaPQ==
-----END EC PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIB0jCCAXigAwIBAgIUFAZXLw8AnIwHF7d2u518K/F3AzEwCgYIKoZIzj0EAwIw
LTELMAkGA1UEBhMCQ0gxDDAKBgNVBAoMA0xhYjEQMA4GA1UEAwwHcGxjLmxhYjAg
Fw0yNjExMzAyMzA5MDlaGA8yMTI2MTEwNjIzMDkwOVowLTELMAkGA1UEBhMCQ0gx
DDAKBgNVBAoMA0xhYjEQMA4GA1UEAwwHcGxjLmxhYjBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABMf6Cz/PtRlzN0qaO/bexXSvSKXOQOGZ7F05MwTXw90nq3dKc5qw
FRqZ0rE0MXrg/1Ixsd1gNzAPpWD4g0lKGj2jdDByMB0GA1UdDgQWBBSlDQ0Ktht+
1Z/tlLyu9DOcb4wqJTAfBgNVHSMEGDAWgBSlDQ0Ktht+1Z/tlLyu9DOcb4wqJTAP
BgNVHRMBAf8EBTADAQH/MB8GA1UdEQQYMBaCB3BsYy5sYWKGC3VybjpsYWI6cGxj
MAoGCCqGSM49BAMCA0gAMEUCIQCd0AUCExEVTsIUvBAu8HzxfveY+nfjaMW8V9WX
ueOz6QIgc/zG7e6a8/c88CePfOrNeR/swLNppxh3xurAfDhbNGo=
-----END CERTIFICATE-----
"""


def conversation(folder: Path, version: ssl.TLSVersion) -> list[tuple[int, bytes]]:
    """(direction, bytes) of a handshake and three messages, as OpenSSL writes them."""
    (folder / "both.pem").write_text(PEM)
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(folder / "both.pem")
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.load_verify_locations(folder / "both.pem")
    client_context.minimum_version = client_context.maximum_version = version
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname="plc.lab")
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    said: list[tuple[int, bytes]] = []

    def carry() -> None:
        for direction, bio in ((0, to_server), (1, to_client)):
            octets = bio.read()
            if octets:
                said.append((direction, octets))
                bio.write(octets)

    done: set[int] = set()
    for _ in range(6):
        for number, side in enumerate((client, server)):
            try:
                if number not in done:
                    side.do_handshake()
                    done.add(number)
            except ssl.SSLWantReadError:
                pass
            carry()
    assert done == {0, 1}
    for _ in range(3):
        client.write(b"read holding registers")
        carry()
        server.read()
        server.write(b"values")
        carry()
        client.read()
    return said


class Wire:
    """The dissectors fed with what was said: of rows, and of facts."""

    def __init__(self) -> None:
        self.dissector, self.handshakes = TlsDissector(1, Limits()), TlsHandshakeDissector(2, Limits())

    def run(self, said: list[tuple[int, bytes]], flags: int = 0) -> tuple[list[dict[str, Any]], list[Any]]:
        octets = Octets()
        pdus, operations, facts = Pdus(octets), Operations(), []
        for number, (direction, message) in enumerate(said, 1):
            for kind, version, body in records(message):
                record = bytes((kind, version >> 8, version & 255)) + len(body).to_bytes(2, "big") + body
                row = pdus.new_row()
                start = octets.append(record, 0, len(record))
                values = {"timestamp_ns": number * 1_000_000, "frame": number, "flow": 1, "direction": direction, "source": 5 + direction,
                          "destination": 6 - direction, "start": start, "end": start + len(record), "flags": flags}
                for column in pdus.schema.columns:
                    getattr(pdus, column.name)[row] = values.get(column.name, column.default)
        self.dissector.feed(pdus, operations, Anomalies(), facts)
        assert facts == []
        self.handshakes.feed(pdus, operations, Anomalies(), facts)
        rows = []
        for index in range(operations.rows):
            row_of: dict[str, Any] = operations.row(index)
            said_here = octets.tobytes(row_of["value_at"], row_of["value_at"] + row_of["value_length"])
            row_of["value"] = PROTOCOL.value(row_of["value_kind"], said_here, row_of)
            rows.append(row_of)
        return rows, facts


@pytest.mark.parametrize(("version", "number"), [(ssl.TLSVersion.TLSv1_2, 771), (ssl.TLSVersion.TLSv1_3, 772)])
def test_who_and_how_much_but_never_what(tmp_path: Path, version: ssl.TLSVersion, number: int) -> None:
    wire = Wire()
    rows, facts = wire.run(conversation(tmp_path, version))
    assert [(row["role"], row["action"], row["subfunction"], row["value"], row["request_frame"]) for row in rows[:2]] == [
        (Role.REQUEST, Action.CONNECT, number, "plc.lab", -1), (Role.RESPONSE, Action.CONNECT, number, None, 1)]  # fmt: skip
    encrypted = [row["role"] for row in rows if row["action"] == Action.ENCRYPTED]
    assert encrypted.count(Role.REQUEST) >= 3
    assert encrypted.count(Role.RESPONSE) >= 3
    told = {(fact.address, fact.kind): fact.value for fact in facts}
    assert told[6, "server_name"] == "plc.lab"
    assert told[6, "tls_version"] == ("TLS 1.2" if number == 771 else "TLS 1.3")
    assert told[5, "ja4"].startswith(f"t1{'2' if number == 771 else '3'}d")
    assert told.get((6, "certificate_subject")) == ("CN=plc.lab, O=Lab, C=CH" if number == 771 else None)
    assert told.get((6, "certificate_uri")) == ("urn:lab:plc" if number == 771 else None)
    assert wire.dissector.forget(1) == 0


def test_a_handshake_in_any_pieces_says_the_same(tmp_path: Path) -> None:
    said = conversation(tmp_path, ssl.TLSVersion.TLSv1_2)
    pieces = []
    for direction, octets in said:
        for kind, version, body in records(octets):
            size = 40 if kind == 0x16 else len(body)
            for at in range(0, len(body), max(1, size)):
                part = body[at : at + size]
                pieces.append((direction, bytes((kind, version >> 8, version & 255)) + len(part).to_bytes(2, "big") + part))

    def told(facts: list[Any]) -> list[tuple[str, str]]:
        return [(fact.kind, fact.value) for fact in facts]

    assert told(Wire().run(pieces)[1]) == told(Wire().run(said)[1])


def test_ja4_is_that_of_its_description() -> None:
    # https://github.com/FoxIO-LLC/ja4 gives t13d1516h2_8daaf6152771_e5627efa2ab1 for this client; the parts are hashed as there
    ciphers = "002f,0035,009c,009d,1301,1302,1303,c013,c014,c02b,c02c,c02f,c030,cca8,cca9"
    order = [int(text, 16) for text in reversed(ciphers.split(","))]
    kinds = [0x0005, 0x000A, 0x000B, 0x000D, 0x0012, 0x0015, 0x0017, 0x001B, 0x0023, 0x002B, 0x002D, 0x0033, 0x4469, 0xFF01]
    signatures = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601]
    bodies = {0x000D: (2 * len(signatures)).to_bytes(2, "big") + b"".join(each.to_bytes(2, "big") for each in signatures),
              0x002B: b"\x06\x7a\x7a\x03\x04\x03\x03", 0x0000: b"\x00\x06\x00\x00\x03plc", 0x0010: b"\x00\x0c\x02h2\x08http/1.1"}
    listed = b"".join(kind.to_bytes(2, "big") + len(bodies.get(kind, b"")).to_bytes(2, "big") + bodies.get(kind, b"")
                      for kind in [0x0A0A, 0x0000, 0x0010, *kinds])
    suites = b"\x3a\x3a" + b"".join(each.to_bytes(2, "big") for each in order)
    body = b"\x03\x03" + bytes(32) + b"\0" + len(suites).to_bytes(2, "big") + suites + b"\x01\0" + len(listed).to_bytes(2, "big") + listed
    hello = read_hello(1, body)
    assert hello is not None
    assert hello.ja4 == "t13d1516h2_8daaf6152771_e5627efa2ab1"


def test_what_follows_a_gap_is_encrypted_or_nothing(tmp_path: Path) -> None:
    rows, facts = Wire().run(conversation(tmp_path, ssl.TLSVersion.TLSv1_2)[2:], flags=1)
    assert {row["action"] for row in rows} == {Action.ENCRYPTED}
    assert facts == []


@given(st.binary(max_size=300), st.integers(0, 127))
def test_nothing_raises(octets: bytes, flags: int) -> None:
    Wire().run([(0, octets), (1, b"\x16\x03\x03" + len(octets).to_bytes(2, "big") + octets)], flags)
    for kind in (1, 2, 11):
        handshake_facts(b"\x16\x03\x03" + (len(octets) + 4).to_bytes(2, "big") + bytes((kind,)) + len(octets).to_bytes(3, "big") + octets)


@given(st.data())
def test_a_damaged_certificate_never_raises(data: st.DataObject) -> None:
    octets = bytearray(ssl.PEM_cert_to_DER_cert(PEM[PEM.index("-----BEGIN CERT"):]))
    assert read_certificate(bytes(octets)) is not None
    for _ in range(data.draw(st.integers(1, 4))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    read_certificate(bytes(octets[: data.draw(st.integers(0, len(octets)))]))


@pytest.mark.parametrize("octets", [b"\x17\x03\x03\x00\x20" + bytes(32), b"\x16\x03\x01\x00\xc8\x01" + bytes(32)])
def test_the_bytes_alone_prove_nothing(octets: bytes) -> None:
    assert probe(octets, 0) is Verdict.UNSURE


@pytest.mark.parametrize("octets", [b"\x16\x03\x01\x00\xc8\x05", b"\x00\x01\x00\x00\x00\x06\x01\x03", b"GET / HTTP/1.1"])
def test_others_are_not_taken_for_it(octets: bytes) -> None:
    assert probe(octets, 0) is Verdict.NO


def test_a_handshake_is_read_up_to_the_first_encrypted_record(tmp_path: Path) -> None:
    for direction, octets in conversation(tmp_path, ssl.TLSVersion.TLSv1_2)[:2]:
        assert begins(octets[:64], direction) is Verdict.YES
        assert begins(octets[:64], 1 - direction) is Verdict.NO
        assert begins(octets[:5], direction) is Verdict.UNSURE
        assert cut(octets, 0, direction, 0) == (5 + int.from_bytes(octets[3:5], "big"),) * 2
    assert cut(b"\x14\x03\x03\0\1\1", 0, 0, 3) == (0, WHOLE_FLOW)
    assert cut(b"GET / HTTP/1.1", 0, 0, 1)[0] < 0
