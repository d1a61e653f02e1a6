"""Packets cut out of captures: those of some hosts in some time, as one pcapng file."""

from __future__ import annotations

import ipaddress
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from otwatch.capture.files import open_capture
from otwatch.capture.pcapng_blocks import interface_block, packet_blocks, rows_between, section_header
from otwatch.limits import Limits
from otwatch.tables import Packets

AROUND_NS: Final = 30_000_000_000  # before and after what is cut out for
MOST_ADDRESSES: Final = 32  # of more hosts, everything of the time is taken

_Rows = np.ndarray[Any, np.dtype[np.int64]]
_Link = tuple[str, int]  # name and link type


@dataclass(slots=True)
class Cut:
    """What became of it. `frames`: (key, frame in the new file) of the packets that were asked for."""

    packets: int = 0
    complete: bool = True  # False: the file was full before the end
    frames: list[tuple[Hashable, int]] = field(default_factory=list)


def needles_of(addresses: Iterable[str]) -> list[bytes]:
    """The addresses (IP or MAC) as they stand in packets; none where there are so many that everything is to be taken."""
    found = sorted(set(addresses))
    return [] if len(found) > MOST_ADDRESSES else [_octets(address) for address in found]


def _octets(address: str) -> bytes:
    try:
        return ipaddress.ip_address(address).packed
    except ValueError:
        return bytes.fromhex(address.replace(":", ""))


def cut_packets(
    captures: Iterable[tuple[str, Mapping[int, Hashable]]],
    target: Path,
    *,
    first_ns: int,
    last_ns: int,
    needles: list[bytes],
    most_bytes: int,
    limits: Limits,
) -> Cut:
    """Writes `target`; each capture comes with its frames of interest, by number. CaptureError when one cannot be read, OSError of the disk."""
    cut = Cut()
    links: dict[_Link, int] = {}
    with target.open("wb") as file:
        room = most_bytes - file.write(section_header())
        for path, wanted in captures:
            for packets, rows, of in _chosen(path, first_ns, last_ns, needles, limits):
                for link in dict.fromkeys(of):
                    if link not in links:
                        links[link] = len(links)
                        room -= file.write(interface_block(*link))
                room -= file.write(packet_blocks(packets, rows, np.array([links[link] for link in of], dtype=np.int32)))
                for number, frame in enumerate(packets.array("frame")[rows].tolist() if wanted else (), cut.packets + 1):
                    if frame in wanted:
                        cut.frames.append((wanted[frame], number))
                cut.packets += len(rows)
                if room < 0:
                    cut.complete = False
                    return cut
    return cut


def _chosen(path: str, first_ns: int, last_ns: int, needles: list[bytes], limits: Limits) -> Iterator[tuple[Packets, _Rows, list[_Link]]]:
    """(batch, rows, link of each row); a batch is valid until the next."""
    with open_capture(path, limits) as reader:
        for packets in reader:
            rows = np.empty(packets.rows, dtype=np.int64)
            rows = rows[: rows_between(packets, first_ns, last_ns, needles, rows)]
            if len(rows):
                names = [interface.name for interface in reader.report.interfaces]
                numbers, link_types = packets.array("interface")[rows].tolist(), packets.array("link_type")[rows].tolist()
                yield packets, rows, [(names[number] if number < len(names) else "", link) for number, link in zip(numbers, link_types, strict=True)]
