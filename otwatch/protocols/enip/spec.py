"""EtherNet/IP as data: commands, items, status codes and anomalies, with the clauses that define them.

Clauses are those of The CIP Networks Library, volume 2 (EtherNet/IP adaptation of CIP). Columns of `operations`: function = command; count = items
of an answer to a list command; status = encapsulation status; transaction = sender context, folded. Data commands make no rows of their own: what
they carry is CIP's.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from otwatch.actions import Action
from otwatch.protocols.spec import AnomalyKind

REFERENCES: Final = ("ODVA, The CIP Networks Library, volume 2: EtherNet/IP adaptation of CIP, chapters 2 (encapsulation) and 3 (I/O)",)
PORT: Final = 44818
IO_PORT: Final = 2222
HEADER: Final = 24
ENCAPSULATED, IO = 0, 1  # the framings: the encapsulation protocol, and connected data in datagrams of its own

NOP: Final = 0x00
LIST_IDENTITY: Final = 0x63
SEND_RR_DATA: Final = 0x6F
SEND_UNIT_DATA: Final = 0x70
_A = Action
COMMANDS: Final[Mapping[int, tuple[str, Action]]] = {  # 2-3.2; 0x01 to 0x03 are kept for legacy use: RSLinx opens a connection with 0x01
    NOP: ("nop", _A.OTHER), 0x01: ("legacy_01", _A.BROWSE), 0x02: ("legacy_02", _A.OTHER), 0x03: ("legacy_03", _A.OTHER),
    0x04: ("list_services", _A.BROWSE), LIST_IDENTITY: ("list_identity", _A.IDENTIFY), 0x64: ("list_interfaces", _A.BROWSE),
    0x65: ("register_session", _A.CONNECT), 0x66: ("unregister_session", _A.CONNECT), SEND_RR_DATA: ("send_rr_data", _A.OTHER),
    SEND_UNIT_DATA: ("send_unit_data", _A.OTHER), 0x72: ("indicate_status", _A.OTHER), 0x73: ("cancel", _A.OTHER), 0xC8: ("start_dtls", _A.CONNECT),
}
FUNCTIONS: Final[Mapping[int, str]] = {command: name for command, (name, _) in COMMANDS.items()}
STATUSES: Final[Mapping[int, str]] = {  # 2-3.4
    0x01: "unsupported_command", 0x02: "out_of_memory", 0x03: "incorrect_data", 0x64: "invalid_session", 0x65: "invalid_length",
    0x69: "unsupported_version", 0x6A: "cip_security_required",
}
STATES: Final[Mapping[int, str]] = {  # 4-5.2, Identity object attribute 8
    0: "nonexistent", 1: "self testing", 2: "standby", 3: "operational", 4: "major recoverable fault", 5: "major unrecoverable fault",
}
NULL_ITEM, IDENTITY_ITEM, CONNECTED_ADDRESS, CONNECTED_DATA, UNCONNECTED_DATA = 0x00, 0x0C, 0xA1, 0xB1, 0xB2  # 2-6.2
SERVICES_ITEM, SOCKET_OUT, SOCKET_IN, SEQUENCED_ADDRESS, SECURITY_ITEM = 0x100, 0x8000, 0x8001, 0x8002, 0x86
ITEMS: Final = frozenset({NULL_ITEM, IDENTITY_ITEM, CONNECTED_ADDRESS, CONNECTED_DATA, UNCONNECTED_DATA, SERVICES_ITEM, SOCKET_OUT, SOCKET_IN,
                          SEQUENCED_ADDRESS, SECURITY_ITEM})
VALUE_IDENTITY: Final = 1  # value_kind: the data of an identity item
VALUE_SERVICES: Final = 2


class Anomaly(IntEnum):
    """Codes of ANOMALIES, as the dissector writes them."""

    TRUNCATED = 1
    UNKNOWN_COMMAND = 2
    ITEM_LENGTH = 3
    UNKNOWN_ITEM = 4
    TRAILING_BYTES = 5
    UNKNOWN_SESSION = 6
    ITEM_MISSING = 7
    INTERFACE = 8
    UNASKED_RESPONSE = 9


_DOCS: Final[Mapping[Anomaly, tuple[str, str, bool]]] = {
    Anomaly.TRUNCATED: ("The message ends before the fields of its command do.", "vol 2, 2-3.1", True),
    Anomaly.UNKNOWN_COMMAND: ("A command that is not defined: what it carries was not decoded.", "vol 2, 2-3.2", True),
    Anomaly.ITEM_LENGTH: ("An item of the common packet format reaches beyond the message, or is too short for its type.", "vol 2, 2-6.1", True),
    Anomaly.UNKNOWN_ITEM: ("An item of a type that is not defined: its data were not decoded.", "vol 2, 2-6.2", True),
    Anomaly.TRAILING_BYTES: ("Bytes stand behind the last item.", "vol 2, 2-6.1", False),
    Anomaly.UNKNOWN_SESSION: ("Data in another session than the one that was registered on this connection.", "vol 2, 2-2.1.4", False),
    Anomaly.ITEM_MISSING: ("Data without the item that says where they belong, or an address without data.", "vol 2, 2-6.3", True),
    Anomaly.INTERFACE: ("Data of an interface other than CIP: they were not decoded.", "vol 2, 2-4.7", True),
    Anomaly.UNASKED_RESPONSE: ("A response that no request asked for.", "vol 2, 2-3.5", False),
}
ANOMALIES: Final[tuple[AnomalyKind, ...]] = tuple(
    AnomalyKind(code=kind.value, name=kind.name.lower().replace("_", "-"), doc=doc, clause=clause, hides=hides)
    for kind, (doc, clause, hides) in _DOCS.items())


def function_name(function: int, _subfunction: int) -> str:
    """snake_case name of a command."""
    return FUNCTIONS.get(function, f"command_{function:02x}")


def status_name(status: int) -> str:
    """`ok`, or the encapsulation error."""
    return "ok" if status == 0 else f"error:{STATUSES.get(status, f'0x{status & 0xFFFFFFFF:04x}')}"
