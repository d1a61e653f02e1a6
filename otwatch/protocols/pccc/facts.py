"""What a diagnostic status says about a controller (1770-6.5.16 10): SLC 500 and MicroLogix, whose status has an extended type (EE)."""

from __future__ import annotations

from typing import Final

from otwatch.protocols.pccc import spec

_EXTENDED_TYPE: Final = 0xEE
_NAME_AT: Final = 5
_NAME_BYTES: Final = 11
_MODE_AT: Final = 18
_MODE: Final = 0x1F


def status_facts(data: bytes, asked: bool, characters: int) -> list[tuple[str, str, float]]:
    """(kind, value, confidence) of the data of a reply; without its command only where the name is text."""
    if len(data) < _NAME_AT + _NAME_BYTES or data[1] != _EXTENDED_TYPE:
        return []
    name = data[_NAME_AT:_NAME_AT + _NAME_BYTES].split(b"\0")[0]
    if not asked and not (name.strip() and all(0x20 <= octet < 0x7F for octet in name)):
        return []
    confidence = 1.0 if asked else 0.8
    found = [("model", name.decode("latin-1").strip()[:characters], confidence)] if name.strip() else []
    revision = data[4]
    if revision & 0x1F < 26:
        found.append(("hardware", f"series {chr(65 + (revision >> 5))} revision {chr(65 + (revision & 0x1F))}", confidence))
    if len(data) > _MODE_AT and data[_MODE_AT] & _MODE in spec.STATES:
        found.append(("state", spec.STATES[data[_MODE_AT] & _MODE], confidence))
    return found
