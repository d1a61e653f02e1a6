"""Values, decoded late, and the texts of identification records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otwatch.limits import Limits
from otwatch.protocols.pn_io import spec

_TEXT_CHARACTERS: Final = Limits().text_characters


def value(kind: int, octets: bytes, row: Mapping[str, int]) -> Any:
    """The value of a row: a name, an identification record in words, else the bytes of the record."""
    if kind == spec.VALUE_TEXT:
        return text(octets)
    if kind == spec.VALUE_IM:
        said = identity(row["object"], octets)
        return ", ".join(f"{name} {what}" for name, what in said) if said else octets.hex()
    return octets.hex()


def text(octets: bytes) -> str:
    """A string of the wire, tolerantly."""
    return octets.rstrip(b"\0 ").decode("utf-8", "replace").strip()[:_TEXT_CHARACTERS]


def identity(index: int, block: bytes) -> list[tuple[str, str]]:
    """(kind of fact, value) of what an I&M record holds, from the head of its block on (IEC 61158-6-10, 5.2; I&M functions)."""
    body = block[6:]
    if index == spec.IM0 and len(body) >= 54:
        software = f"{chr(body[40]) if 0x41 <= body[40] <= 0x5A else ''}{body[41]}.{body[42]}.{body[43]}"
        found = [
            ("order_number", text(body[2:22])),
            ("serial", text(body[22:38])),
            ("hardware", str(int.from_bytes(body[38:40]))),
            ("firmware", software),
            ("vendor_id", f"{body[:2].hex()}"),
        ]
        return [(kind, said) for kind, said in found if said]
    if index == 0xAFF1 and len(body) >= 54:
        return [(kind, said) for kind, said in (("plant", text(body[:32])), ("location", text(body[32:54]))) if said]
    if index == 0xAFF2 and len(body) >= 16:
        return [("installed", said)] if (said := text(body[:16])) else []
    if index == 0xAFF3 and len(body) >= 54:
        return [("descriptor", said)] if (said := text(body[:54])) else []
    return []
