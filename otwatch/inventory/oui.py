"""The maker of a network card, by the first 24, 28 or 36 bits of its MAC address.

The table is `oui.tsv.gz`, one line per assignment, `\\n<hex digits>\\t<organisation>`, made from the public IEEE registries by `oui_table.py`.
It is sorted, and searched as it lies in memory: unpacking costs a few milliseconds, parsing would cost more than all look-ups of a plant.
"""

from __future__ import annotations

import gzip
from functools import cache
from importlib.resources import files

_LOCALLY_ADMINISTERED = 0x02  # second bit of the first octet, IEEE 802 clause 8.4
_GROUP = 0x01


@cache
def _table() -> bytes:
    return gzip.decompress((files("otwatch.inventory") / "oui.tsv.gz").read_bytes())


@cache
def vendor_of(mac: int) -> str:
    """The organisation that a 48-bit MAC was assigned to; empty when unknown, locally administered or a group address."""
    if mac < 0 or (mac >> 40) & (_LOCALLY_ADMINISTERED | _GROUP):
        return ""
    digits = f"{mac:012X}"
    return next((name.decode() for length in (9, 7, 6) if (name := _assigned(_table(), f"{digits[:length]}\t".encode()))), "")


def _assigned(table: bytes, key: bytes) -> bytes:
    """What follows the key in the line that begins with it; nothing if none does."""
    low, high = 1, len(table)  # both where a line begins
    while low < high:
        start = table.rfind(b"\n", 0, (low + high) // 2) + 1
        end = table.index(b"\n", start)
        line = table[start:end]
        if line.startswith(key):
            return line[len(key) :]
        if line < key:
            low = end + 1
        else:
            high = start
    return b""
