"""OPC UA binary written and read slowly with struct from the standard's tables, apart from otwatch's own: what the rows of the dissector must say."""

from __future__ import annotations

import struct
from typing import Any

SCALARS = {1: "<?", 2: "<b", 3: "<B", 4: "<h", 5: "<H", 6: "<i", 7: "<I", 8: "<q", 9: "<Q", 10: "<f", 11: "<d", 13: "<q", 19: "<I"}
NODE = int | str | bytes  # a number, a string, or (16 octets) a GUID


def text(said: str | bytes | None) -> bytes:
    """A String or ByteString; None is null (5.2.2.4)."""
    octets = said.encode() if isinstance(said, str) else said
    return struct.pack("<i", -1) if octets is None else struct.pack("<i", len(octets)) + octets


def node(identifier: NODE, namespace: int = 0, *, shortest: bool = True) -> bytes:
    """A NodeId (5.2.2.9)."""
    if isinstance(identifier, bytes):
        return b"\x04" + struct.pack("<H", namespace) + identifier
    if isinstance(identifier, str):
        return b"\x03" + struct.pack("<H", namespace) + text(identifier)
    if shortest and namespace == 0 and identifier < 256:
        return bytes((0, identifier))
    if shortest and namespace < 256 and identifier < 65536:
        return struct.pack("<BBH", 1, namespace, identifier)
    return struct.pack("<BHI", 2, namespace, identifier)


def array(elements: list[bytes] | None) -> bytes:
    """Its length, then its elements (5.2.5)."""
    return struct.pack("<i", -1) if elements is None else struct.pack("<i", len(elements)) + b"".join(elements)


def variant(kind: int, value: Any) -> bytes:
    """A Variant of a scalar, a string (12) or a byte string (15), or a list of them (5.2.2.16)."""
    one = (lambda each: struct.pack(SCALARS[kind], each)) if kind in SCALARS else text
    return bytes((kind | 0x80,)) + array([one(each) for each in value]) if isinstance(value, list) else bytes((kind,)) + one(value)


def data_value(inner: bytes = b"", status: int | None = None, source_time: int | None = None) -> bytes:
    """A DataValue (5.2.2.17)."""
    mask = (1 if inner else 0) | (2 if status is not None else 0) | (4 if source_time is not None else 0)
    octets = bytes((mask,)) + inner
    octets += struct.pack("<I", status) if status is not None else b""
    return octets + (struct.pack("<q", source_time) if source_time is not None else b"")


def localized(said: str) -> bytes:
    """A LocalizedText without locale."""
    return b"\x02" + text(said)


def extension(kind: int, body: bytes) -> bytes:
    """An ExtensionObject with a binary body."""
    return node(kind) + b"\x01" + text(body)


NULL_EXTENSION = b"\x00\x00\x00"


def request(service: int, body: bytes, handle: int = 7) -> bytes:
    """Type, RequestHeader, parameters."""
    return node(service, shortest=False)[:0] + struct.pack("<BBH", 1, 0, service) + node("token", 1) + struct.pack("<qII", 0, handle, 0) + text(
        None) + struct.pack("<I", 5000) + NULL_EXTENSION + body


def response(service: int, body: bytes, result: int = 0, diagnostics: bytes = b"\x00") -> bytes:
    """Type (of the response), ResponseHeader, parameters."""
    return struct.pack("<BBH", 1, 0, service) + struct.pack("<qII", 0, 7, result) + diagnostics + array(None) + NULL_EXTENSION + body


def chunk(kind: str, octets: bytes) -> bytes:
    """Message type and chunk type, whole length, the rest."""
    return kind.encode() + struct.pack("<I", 8 + len(octets)) + octets


def message(body: bytes, request_id: int, sequence: int, *, channel: int = 5, chunks: str = "MSGF") -> bytes:
    """A chunk of the symmetric algorithm, without security."""
    return chunk(chunks, struct.pack("<IIII", channel, 1, sequence, request_id) + body)


def hello(url: str = "opc.tcp://plc:4840", receive: int = 65536, send: int = 65536) -> bytes:
    """A Hello (7.1.2.3)."""
    return chunk("HELF", struct.pack("<IIIII", 0, receive, send, 0, 0) + text(url))


def acknowledge() -> bytes:
    """Its answer (7.1.2.4)."""
    return chunk("ACKF", struct.pack("<IIIII", 0, 65536, 65536, 0, 0))


def open_channel(body: bytes, request_id: int, sequence: int, *, policy: str = "None", certificate: bytes | None = None, channel: int = 0) -> bytes:
    """OpenSecureChannel: with a policy, `body` stands for what is encrypted."""
    head = struct.pack("<I", channel) + text("http://opcfoundation.org/UA/SecurityPolicy#" + policy) + text(certificate) + text(
        None if certificate is None else bytes(20))
    return chunk("OPNF", head + (struct.pack("<II", sequence, request_id) if policy == "None" else b"") + body)


class Cursor:
    """Reads what the writers above write, and what stacks do."""

    def __init__(self, octets: bytes) -> None:
        self.octets, self.at = octets, 0

    def take(self, form: str) -> Any:
        found = struct.unpack_from(form, self.octets, self.at)
        self.at += struct.calcsize(form)
        return found[0] if len(found) == 1 else found

    def text(self) -> bytes | None:
        size = self.take("<i")
        if size < 0:
            return None
        self.at += size
        assert self.at <= len(self.octets)
        return self.octets[self.at - size : self.at]

    def node(self) -> str:
        kind = self.take("<B")
        namespace = {0: lambda: 0, 1: lambda: self.take("<B")}.get(kind & 0x3F, lambda: self.take("<H"))()
        if kind & 0x3F < 3:
            name = f"i={self.take(('<B', '<H', '<I')[kind])}"
        else:
            assert kind == 3
            name = f"s={(self.text() or b'').decode()}"
        return f"ns={namespace};{name}" if namespace else name

    def skip_variant(self) -> None:
        mask = self.take("<B")
        for _ in range(self.take("<i") if mask & 0x80 else 1):
            if mask & 0x3F in SCALARS:
                self.take(SCALARS[mask & 0x3F])
            elif mask & 0x3F:
                assert mask & 0x3F in (12, 15)
                self.text()

    def skip_data_value(self) -> None:
        mask = self.take("<B")
        if mask & 1:
            self.skip_variant()
        self.at += 4 * (mask >> 1 & 1) + 8 * (mask >> 2 & 1) + 8 * (mask >> 3 & 1) + 2 * (mask >> 4 & 1) + 2 * (mask >> 5 & 1)


def nodes_of(octets: bytes) -> tuple[int, list[tuple[str, int]]] | None:
    """Service, and node and attribute of each item, of a read, write or call in one chunk on a channel without encryption; None of all else."""
    if octets[:4] != b"MSGF" or octets[24:26] != b"\x01\x00":
        return None
    cursor = Cursor(octets)
    cursor.at = 26
    service = cursor.take("<H")
    if service not in (631, 673, 712):
        return None
    cursor.node()
    cursor.at += 16
    cursor.text()
    cursor.at += 4 + 3
    cursor.at += 12 if service == 631 else 0
    found = []
    for _ in range(cursor.take("<i")):
        name = cursor.node()
        if service == 712:
            name = f"{cursor.node()} on {name}"
            for _ in range(max(0, cursor.take("<i"))):
                cursor.skip_variant()
            found.append((name, -1))
            continue
        attribute = cursor.take("<I")
        cursor.text()
        if service == 631:
            cursor.at += 2
            cursor.text()
        else:
            cursor.skip_data_value()
        found.append((name, attribute))
    return service, found
