"""Which captures belong together: a folder is not one heap.

Files are read in the given order. A file goes on with the recording before it when it shows the same hosts, or shares some and is of the same time;
else it begins a recording of its own, with its own assets, flows and rules: two plants with the same private addresses stay apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np

from otwatch.addresses import Addresses
from otwatch.capture.files import STANDARD_INPUT, open_capture
from otwatch.decode.decoder import Decoder
from otwatch.errors import CaptureError
from otwatch.limits import Limits
from otwatch.tables import Anomalies

_ADJACENT_NS: Final = 300_000_000_000  # of the same time: what begins at most five minutes after the other ended, or before it began
_PACKETS: Final = 2_048  # of a file that are looked at
_HOSTS: Final = 4_096  # bindings of a recording that are remembered
_GROUP_BIT: Final = 1 << 40


@dataclass(slots=True)
class Seen:
    """What the beginning of a file shows."""

    first_ns: int = 0
    last_ns: int = 0
    hosts: set[tuple[int, int]] = field(default_factory=set)  # MAC (-1 where the link has none) and address that sent


def recordings(paths: Sequence[str], limits: Limits, *, merge: bool = False) -> Iterator[list[str]]:
    """The captures of each recording, in the given order, as soon as the next one begins. `merge`: all of them are one."""
    if merge or len(paths) == 1:
        yield list(paths)
        return
    together, current = Recordings(limits), list[str]()
    for path in paths:
        if not together.belongs(path) and current:
            yield current
            current = []
        current.append(path)
    yield current


class Recordings:
    """Decides file by file, from the beginning of each; the end of one is looked for only where it matters."""

    def __init__(self, limits: Limits) -> None:
        self._limits = replace(limits, batch_packets=_PACKETS)
        self._addresses = Addresses(limits.addresses)
        self._current: Seen | None = None
        self._unended: list[str] = []  # files of the current recording whose last packet was not looked for

    def belongs(self, path: str) -> bool:
        """Whether a file goes on with the recording so far; it is part of it, or begins the next, from now on. What cannot be looked at does."""
        if path == STANDARD_INPUT or Path(path).is_fifo():
            return True
        try:
            seen = self._beginning(path)
        except CaptureError:
            return True
        known = self._current
        together = known is None or not seen.hosts or not known.hosts or self._together(known, seen)
        if known is None or not together:
            self._current, self._unended = seen, []
        else:
            known.hosts |= set(sorted(seen.hosts)[: max(0, _HOSTS - len(known.hosts))])
            known.first_ns = min(known.first_ns or seen.first_ns, seen.first_ns or known.first_ns)
            known.last_ns = max(known.last_ns, seen.last_ns)
        self._unended.append(path)
        return together

    def _together(self, known: Seen, seen: Seen) -> bool:
        """The same hosts: half of those of the smaller side. Of the same time: one MAC is enough, or an address where the link has none."""
        common = known.hosts & seen.hosts
        proof = sum(mac > 0 for mac, _ in common)  # addresses alone, and the loopback, are the same in many places
        if proof and 2 * proof >= min(len(known.hosts), len(seen.hosts)):
            return True
        macs = {mac for mac, _ in known.hosts if mac > 0}
        if not common and macs.isdisjoint(mac for mac, _ in seen.hosts):
            return False
        if seen.last_ns < known.first_ns - _ADJACENT_NS:
            return False
        return seen.first_ns <= known.last_ns + _ADJACENT_NS or seen.first_ns <= self._end(known) + _ADJACENT_NS

    def _end(self, known: Seen) -> int:
        """Time of the last packet of the recording: its files are walked to their ends, each once."""
        for path in self._unended:
            with suppress(CaptureError), open_capture(path, self._limits) as reader:
                for _ in reader:
                    pass
                known.last_ns = max(known.last_ns, reader.report.last_ns or 0)
        self._unended = []
        return known.last_ns

    def _beginning(self, path: str) -> Seen:
        seen, decoder, anomalies = Seen(), Decoder(self._addresses, self._limits), Anomalies()
        with open_capture(path, self._limits) as reader:
            for packets in reader:
                anomalies.clear()
                decoder.feed(packets, anomalies)
                rows = min(packets.rows, _PACKETS)
                if not rows:
                    continue
                times, macs, sources = (packets.array(name)[:rows] for name in ("timestamp_ns", "mac_source", "source"))
                seen.first_ns, seen.last_ns = int(times.min()), int(times.max())
                named = (sources > 0) | (macs >= 0)
                pairs = np.unique(np.stack([macs[named], sources[named].astype(np.int64)], axis=1), axis=0)
                seen.hosts = {(mac, address) for mac, address in pairs.tolist() if mac < 0 or not mac & _GROUP_BIT}
                break
        return seen
