"""The maker of a network card, by the first 24, 28 or 36 bits of its MAC address.

The table is `oui.tsv.gz`, one line per assignment, `\\n<hex digits>\\t<organisation>`, made from the public IEEE registries by `oui_table.py`.
It is searched as it lies in memory: unpacking costs a few milliseconds, parsing would cost more than all look-ups of a plant.
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
    table = _table()
    for length in (9, 7, 6):
        found = table.find(f"\n{digits[:length]}\t".encode())
        if found >= 0:
            start = found + length + 2
            return table[start : table.index(b"\n", start)].decode()
    return ""


def mac_text(mac: int) -> str:
    """aa:bb:cc:dd:ee:ff; empty for none."""
    return "" if mac < 0 else ":".join(f"{mac:012x}"[i : i + 2] for i in range(0, 12, 2))


def is_group_mac(mac: int) -> bool:
    """Broadcast or multicast: the address of nobody in particular."""
    return mac >= 0 and bool((mac >> 40) & _GROUP)
