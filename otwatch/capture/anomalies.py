"""What can be wrong with a capture itself, as a closed list: anomalies of Layer.CAPTURE."""

from __future__ import annotations

from enum import IntEnum

from otwatch.vocabulary import AnomalyKind, Layer


class CaptureAnomaly(IntEnum):
    """anomalies.kind of Layer.CAPTURE. `offset` is in the record or block, `needed` and `had` are in the unit that the kind's text names."""

    TRUNCATED = 1
    BAD_RECORD = 2
    BAD_BLOCK_LENGTH = 3
    BLOCK_LENGTHS_DIFFER = 4
    BAD_SECTION = 5
    BAD_OPTION = 6
    UNKNOWN_INTERFACE = 7
    PACKET_OUTSIDE_BLOCK = 8
    LONGER_THAN_WIRE = 9
    TIME_OUT_OF_RANGE = 10
    TOO_MANY_INTERFACES = 11
    DAMAGED_COMPRESSION = 12
    RESYNCHRONISED = 13


def _kind(code: CaptureAnomaly, doc: str, clause: str) -> AnomalyKind:
    return AnomalyKind(code=code, name=code.name.lower().replace("_", "-"), doc=doc, clause=clause)


_PCAP = "draft-ietf-opsawg-pcap"
_PCAPNG = "draft-ietf-opsawg-pcapng"

ANOMALIES: dict[Layer, tuple[AnomalyKind, ...]] = {
    Layer.CAPTURE: (
        _kind(CaptureAnomaly.TRUNCATED, "The file ends inside a record: bytes needed, bytes there.", ""),
        _kind(CaptureAnomaly.BAD_RECORD,
              "A record claims more bytes than a packet can have, or there are only zeros: bytes allowed or needed, bytes claimed.",
              f"{_PCAP} section 5"),
        _kind(CaptureAnomaly.BAD_BLOCK_LENGTH,
              "A block's length is too small for its type, no multiple of four or beyond the limit: bytes needed or allowed, bytes claimed.",
              f"{_PCAPNG} section 3.1"),
        _kind(CaptureAnomaly.BLOCK_LENGTHS_DIFFER, "A block's length at its end is not that at its start: length at the start, at the end.",
              f"{_PCAPNG} section 3.1"),
        _kind(CaptureAnomaly.BAD_SECTION, "A section header has no byte-order magic or an unknown major version: value needed, value there.",
              f"{_PCAPNG} section 4.1"),
        _kind(CaptureAnomaly.BAD_OPTION, "An option reaches beyond its block or has a wrong length: bytes needed, bytes there.",
              f"{_PCAPNG} section 3.5"),
        _kind(CaptureAnomaly.UNKNOWN_INTERFACE, "A packet or statistic names an interface that was not described: interfaces described, "
              "number named.", f"{_PCAPNG} section 4.3"),
        _kind(CaptureAnomaly.PACKET_OUTSIDE_BLOCK, "A packet claims more captured bytes than its block holds: bytes claimed, bytes there.",
              f"{_PCAPNG} section 4.3"),
        _kind(CaptureAnomaly.LONGER_THAN_WIRE, "More bytes were captured than were on the wire: captured, on the wire.", f"{_PCAP} section 5"),
        _kind(CaptureAnomaly.TIME_OUT_OF_RANGE, "A time outside 1970 to 2106, or a fraction of a second beyond one: "
              "limit or units in a second, value there.", f"{_PCAP} section 5"),
        _kind(CaptureAnomaly.TOO_MANY_INTERFACES, "More interfaces are described than the limit keeps: limit, number.", ""),
        _kind(CaptureAnomaly.DAMAGED_COMPRESSION, "The compressed data end early or are damaged: 0, compressed bytes read.", ""),
        _kind(CaptureAnomaly.RESYNCHRONISED, "After wrong bytes the next whole record was found by searching: 0, bytes skipped.", ""),
    ),
}
