"""Where a TPKT ends by what it carries, and which one answers which: evidence against a length field that says more than there is."""

from __future__ import annotations

_COTP = 7  # TPKT header and the header of a data TPDU
_JOB, _ACK, _ACK_DATA, _USERDATA = 1, 2, 3, 7


def _ber_end(data: bytes, at: int) -> int:
    """Behind the element at `at`, 0 where its length is not there or not definite."""
    if len(data) < at + 2:
        return 0
    first = data[at + 1]
    if first < 0x80:
        return at + 2 + first
    count = first & 0x7F
    if not 1 <= count <= 4 or len(data) < at + 2 + count:
        return 0
    return at + 2 + count + int.from_bytes(data[at + 2:at + 2 + count], "big")


def ends(data: bytes, _direction: int, length: int) -> int:
    """See Framing.ends."""
    if len(data) < _COTP:
        return 0
    end = 0
    kind = data[5] & 0xF0
    if kind in (0xE0, 0xD0):
        end = 5 + data[4]
    elif data[5] == 0xF0 and data[4] == 2 and data[6] & 0x80:
        if data[7:8] == b"\x32" and len(data) >= 17:
            head = 12 if data[8] in (_ACK, _ACK_DATA) else 10
            end = _COTP + head + int.from_bytes(data[13:15], "big") + int.from_bytes(data[15:17], "big")
        elif data[7:8] == b"\x72" and len(data) >= 11:
            end = _COTP + 4 + int.from_bytes(data[9:11], "big") + (0 if data[8] == 0xFF else 4)
        elif data[7:11] == b"\x01\x00\x01\x00":
            end = _ber_end(data, 11)
        elif data[7:8] in (b"\x0d", b"\x0e") and len(data) > 8 and data[8] < 0xFF:
            end = _COTP + 2 + data[8]
    if end == 0:
        return 0
    return -1 if end >= length else end


def pairs(asked: bytes, replied: bytes) -> bool:
    """A confirmation to a connect request; an answer with the reference and the function of a job."""
    if len(asked) < 19 or len(replied) < 19:
        return len(asked) > 5 < len(replied) and asked[5] & 0xF0 == 0xE0 and replied[5] & 0xF0 == 0xD0
    if asked[5] & 0xF0 == 0xE0:
        return replied[5] & 0xF0 == 0xD0
    if asked[7] != 0x32 or replied[7] != 0x32 or asked[11:13] != replied[11:13]:
        return False
    if asked[8] == _JOB and replied[8] in (_ACK, _ACK_DATA):
        return len(replied) < 20 or replied[13:15] == b"\0\0" or asked[17] == replied[19]
    return asked[8] == replied[8] == _USERDATA
