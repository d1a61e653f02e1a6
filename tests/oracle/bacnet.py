"""BACnet/IP messages read by scapy-free, slow code of its own: what rows a read or write of properties must give (135, 15.5 to 15.10, 20.2)."""

from __future__ import annotations


def unsigned(number: int) -> bytes:
    """The shortest big-endian form."""
    return number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")


def context(number: int, data: bytes) -> bytes:
    """A context tag with its data."""
    head = bytes(((number if number < 15 else 15) << 4 | 8 | (len(data) if len(data) < 5 else 5),))
    return head + (bytes((number,)) if number > 14 else b"") + (bytes((len(data),)) if len(data) > 4 else b"") + data


def wrapped(number: int, inside: bytes) -> bytes:
    """Opening and closing tag around something."""
    return bytes((number << 4 | 14,)) + inside + bytes((number << 4 | 15,))


def object_id(kind: int, instance: int) -> bytes:
    """Type in ten bits, instance in twenty-two."""
    return (kind << 22 | instance).to_bytes(4, "big")


def confirmed(invoke: int, service: int, parameters: bytes) -> bytes:
    """A confirmed request without segments."""
    return bytes((0x00, 0x05, invoke, service)) + parameters


def complex_ack(invoke: int, service: int, parameters: bytes) -> bytes:
    """A complex ack without segments."""
    return bytes((0x30, invoke, service)) + parameters


def datagram(apdu: bytes, *, function: int = 0x0A, source: tuple[int, bytes] | None = None, destination: tuple[int, bytes] | None = None) -> bytes:
    """BVLC and network layer around an APDU."""
    control = 4 | (0x20 if destination else 0) | (8 if source else 0)
    network = bytes((1, control))
    for end in (destination, source):
        if end:
            network += end[0].to_bytes(2, "big") + bytes((len(end[1]),)) + end[1]
    network += b"\xff" if destination else b""
    return bytes((0x81, function)) + (4 + len(network) + len(apdu)).to_bytes(2, "big") + network + apdu
