"""ISO transport (ISO 8073 / X.224, on TPKT) in numbers and names: what the carrier and those who ride on it say of connects in common."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Cotp(IntEnum):
    """TPDU types, ISO 8073 section 13.1 table 8 (the low nibble of CR, CC and some others is the credit)."""

    CR = 0xE0
    CC = 0xD0
    DR = 0x80
    DC = 0xC0
    DT = 0xF0
    ED = 0x10
    AK = 0x60
    EA = 0x20
    RJ = 0x50
    ER = 0x70


COTP: Final = -1  # operations.function of the rows that connect and disconnect; subfunction is then the TPDU type
COTP_NAMES: Final = {
    Cotp.CR: "cotp_connect_request", Cotp.CC: "cotp_connect_confirm", Cotp.DR: "cotp_disconnect_request",
    Cotp.DC: "cotp_disconnect_confirm", Cotp.DT: "cotp_data", Cotp.ED: "cotp_expedited_data", Cotp.AK: "cotp_data_acknowledge",
    Cotp.EA: "cotp_expedited_acknowledge", Cotp.RJ: "cotp_reject", Cotp.ER: "cotp_error",
}
# operations.status of a DR is this plus its reason (ISO 8073 section 13.5.3), of an ER or RJ the second plus its cause.
DISCONNECT_STATUS: Final = 0x10000
TPDU_ERROR_STATUS: Final = 0x10100
TPDU_SIZE, SOURCE_TSAP, DESTINATION_TSAP = 0xC0, 0xC1, 0xC2
MESSAGE, CONTROL = 0, 1  # pdus.framing of what the carrier hands on: a whole message; a TPDU that carries none, from its header on


def parameters(text: bytes) -> tuple[dict[int, bytes], bool]:
    """The variable part of a TPDU: code, length, value; and whether it fills its room exactly."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 2 <= len(text):
        stop = at + 2 + text[at + 1]
        found.setdefault(text[at], text[at + 2:stop])
        at = stop
    return found, at == len(text)


def called_tsap(header: bytes) -> bytes:
    """The called TSAP of a CR or CC; `header` from the header length on."""
    return parameters(header[7:])[0].get(DESTINATION_TSAP, b"")
