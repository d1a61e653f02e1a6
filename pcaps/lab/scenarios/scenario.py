"""The words the scenarios share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recording import Recording

SNAP7 = (
    "python-snap7's server answers SZL requests in a simplified form, which tshark may call malformed",
    "S7 download: the jobs 0x1b and 0x1c are asked by the PLC and answered by the client",
)
OPENDNP3 = (
    "every opendnp3 master starts with disable unsolicited, integrity poll, enable unsolicited (startup_* operations)",
)
PYMODBUS: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scenario:
    """`play` gets a running recording; `servers` are the hosts whose services must be up."""

    name: str
    shows: str
    servers: tuple[str, ...]
    play: Callable[[Recording], None]
    quirks: tuple[str, ...] = ()
