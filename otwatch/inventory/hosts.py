"""Closed flows and ARP to hosts and conversations: the counted, mergeable raw material of the inventory.

The counting is in `tally`, in columns; here are the words in which the rest of the house reads it. Objects are made when somebody looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from otwatch.inventory.tally import SUMMED, Tally
from otwatch.limits import Limits
from otwatch.tables import Flows, Packets, Table

Key = tuple[int, int]  # (interned IP address or -1, MAC where there is no IP address, else -1)
Place = tuple[Key, Key, int, int, int]  # client, server, IP protocol, server port, protocol

_TCP = 6
_SYN = 0x02
_AT_ONCE: Final = 1024  # rows that are Python objects at one time
_HOST_COLUMNS: Final = ("first_ns", "last_ns", "packets_sent", "packets_received", "bytes_sent", "bytes_received", "to_group")
_TALK_COLUMNS: Final = (
    "first_ns",
    "last_ns",
    "first_frame",
    "flows",
    "answered",
    "unanswered_requests",
    "protocol_how",
    "tcp_flags_to_client",
    "vlan",
    "tunnel",
    "ethertype",
)


@dataclass(slots=True)
class Host:
    """One address on the network and what its packets showed."""

    key: Key
    macs: dict[int, int] = field(default_factory=dict)  # MAC -> flows that showed it
    first_ns: int = 0
    last_ns: int = 0
    packets_sent: int = 0
    packets_received: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    to_group: int = 0  # flows to it that carried a group's MAC: a directed broadcast address
    vlans: set[int] = field(default_factory=set)
    arp_macs: dict[int, int] = field(default_factory=dict)  # MAC -> times ARP said so


@dataclass(slots=True)
class Conversation:
    """All flows of one client to one service of one server."""

    client: Key  # (-1, -1) where those of several were merged beyond the limit, likewise the server
    server: Key
    ip_protocol: int
    server_port: int  # -1 when merged beyond the limit or where there are no ports
    ethertype: int
    protocol: int  # protocol id, 0 unknown
    first_ns: int = 0
    last_ns: int = 0
    first_frame: int = 0
    flows: int = 0
    answered: int = 0  # flows with packets in both directions
    unanswered_requests: int = 0
    protocol_how: int = 0
    tcp_flags_to_client: int = 0
    vlan: int = -1
    tunnel: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SUMMED, 0))

    @property
    def served(self) -> bool:
        """Whether somebody was at home: TCP accepted the connection or sent data, others answered. A reset is no service."""
        if self.ip_protocol == _TCP:
            return self.counts["payload_to_client"] > 0 or bool(self.tcp_flags_to_client & _SYN)
        return self.answered > 0


class HostView(Mapping[Key, Host]):
    """The hosts of a tally by key, in order of appearance. What is got is a copy; what is set replaces, and finds no room beyond the limit."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def __len__(self) -> int:
        return int(self._tally.hosts.rows)

    def __iter__(self) -> Iterator[Key]:
        rows = self._tally.hosts
        return iter(list(zip(rows.array("address").tolist(), rows.array("mac").tolist(), strict=True)))

    def __getitem__(self, key: Key) -> Host:
        row = self._tally.find_host(*key)
        if row < 0:
            raise KeyError(key)
        return next(self._hosts(row, row + 1))

    def values(self) -> Iterator[Host]:  # type: ignore[override]
        """Every host; few of them are objects at one time."""
        for start in range(0, len(self), _AT_ONCE):
            yield from self._hosts(start, min(start + _AT_ONCE, len(self)))

    def items(self) -> Iterator[tuple[Key, Host]]:  # type: ignore[override]
        """Every host with its key."""
        return ((host.key, host) for host in self.values())

    def _hosts(self, start: int, end: int) -> Iterator[Host]:
        tally = self._tally
        columns = _lists(tally.hosts, ("address", "mac", "shown_mac", "shown_times", "told_mac", "told_times", "vlan", *_HOST_COLUMNS), start, end)
        for row, (address, mac, shown, times, told, told_times, vlan, *counts) in enumerate(zip(*columns, strict=True), start):
            host = Host((address, mac), {shown: times} if shown >= 0 else {}, *counts)
            host.macs.update(tally.shown.get(row, {}))
            if vlan >= 0:
                host.vlans = {vlan, *tally.vlans.get(row, {})}
            if told >= 0:
                host.arp_macs = {told: told_times, **tally.told.get(row, {})}
            yield host

    def __setitem__(self, key: Key, host: Host) -> None:
        tally = self._tally
        row = tally.host(*key, 2)
        if row < 0:
            return
        rows = tally.hosts
        for name in _HOST_COLUMNS:
            getattr(rows, name)[row] = getattr(host, name)
        for macs, mac, times, more in (
            (host.macs, rows.shown_mac, rows.shown_times, tally.shown),
            (host.arp_macs, rows.told_mac, rows.told_times, tally.told),
            (dict.fromkeys(sorted(host.vlans), 1), rows.vlan, None, tally.vlans),
        ):
            first = next(iter(macs), -1)
            mac[row] = first
            if times is not None:
                times[row] = macs.get(first, 0)
            more[row] = dict(list(macs.items())[1 : tally.most_macs])
            if not more[row]:
                del more[row]


class TalkView(Mapping[Place, Conversation]):
    """The conversations of a tally by place, in order of appearance. What is got is a copy; what is set replaces."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def __len__(self) -> int:
        return int(self._tally.talks.rows)

    def __iter__(self) -> Iterator[Place]:
        return (place for place, _ in self.items())

    def __getitem__(self, place: Place) -> Conversation:
        row = self._tally.find_talk(*_flat(place))
        if row < 0:
            raise KeyError(place)
        return next(self._talks(row, row + 1))

    def values(self) -> Iterator[Conversation]:  # type: ignore[override]
        """Every conversation; few of them are objects at one time."""
        for start in range(0, len(self), _AT_ONCE):
            yield from self._talks(start, min(start + _AT_ONCE, len(self)))

    def items(self) -> Iterator[tuple[Place, Conversation]]:  # type: ignore[override]
        """Every conversation with its place."""
        return (((talk.client, talk.server, talk.ip_protocol, talk.server_port, talk.protocol), talk) for talk in self.values())

    def _talks(self, start: int, end: int) -> Iterator[Conversation]:
        names = ("client", "client_mac", "server", "server_mac", "ip_protocol", "server_port", "protocol", *_TALK_COLUMNS)
        rows = zip(*_lists(self._tally.talks, names, start, end), strict=True)
        sums = zip(*_lists(self._tally.talks, SUMMED, start, end), strict=True)
        for (client, client_mac, server, server_mac, ip_protocol, port, protocol, *rest), counts in zip(rows, sums, strict=True):
            yield Conversation(
                (client, client_mac),
                (server, server_mac),
                ip_protocol,
                port,
                protocol=protocol,
                counts=dict(zip(SUMMED, counts, strict=True)),
                **dict(zip(_TALK_COLUMNS, rest, strict=True)),
            )

    def __setitem__(self, place: Place, talk: Conversation) -> None:
        rows = self._tally.talks
        row = self._tally.talk(*_flat(place), 2)
        for name in _TALK_COLUMNS:
            getattr(rows, name)[row] = getattr(talk, name)
        for name in SUMMED:
            getattr(rows, name)[row] = talk.counts[name]


class Hosts:
    """Folds flows, once they are closed, into hosts and conversations. Counters add, times take the minimum and maximum."""

    def __init__(self, limits: Limits, tally: Tally | None = None) -> None:
        self.limits = limits
        self.tally = tally if tally is not None else Tally(limits)
        self.hosts = HostView(self.tally)
        self.conversations = TalkView(self.tally)

    @property
    def refused_hosts(self) -> int:
        """Times that a host found no room."""
        return int(self.tally.refused_hosts)

    @property
    def merged_conversations(self) -> int:
        """Flows that were added to those of other conversations, because theirs found no room."""
        return int(self.tally.merged_talks)

    @property
    def refused_macs(self) -> int:
        """Times that a further MAC or VLAN of a host found no room."""
        return int(self.tally.refused_macs)

    def copy(self) -> Hosts:
        """The same, apart."""
        return Hosts(self.limits, self.tally.copy(self.limits))

    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """Everything, as arrays of integers: views, valid until the next `fold` or `arp`."""
        tally = self.tally
        found: dict[str, np.ndarray[Any, Any]] = {}
        for table in (tally.hosts, tally.talks):
            found |= {f"{table.schema.name}.{column.name}": table.array(column.name) for column in table.schema.columns}
        for name, more in self._more().items():
            triples = [(row, key, times) for row, keys in more.items() for key, times in keys.items()]
            found[name] = np.array(triples, np.int64).reshape(-1, 3)
        return found

    def restore(self, arrays: Mapping[str, np.ndarray[Any, Any]], addresses: int) -> None:
        """Fills one that is empty with what `arrays` gave; `addresses`: how many are known. KeyError or ValueError when they do not fit together."""
        tally = self.tally
        for table in (tally.hosts, tally.talks):
            rows = len(arrays[f"{table.schema.name}.{table.schema.columns[0].name}"])
            table.grow(max(table.capacity, rows))
            table.rows = rows
            for column in table.schema.columns:
                stored = arrays[f"{table.schema.name}.{column.name}"]
                if stored.shape != (rows,) or stored.dtype != np.dtype(column.dtype):
                    raise ValueError(f"{table.schema.name}: {column.name} is no column of {rows} rows")
                table.array(column.name)[:] = stored
        for ids in (tally.hosts.array("address"), tally.talks.array("client"), tally.talks.array("server")):
            if len(ids) and not -1 <= ids.min() <= ids.max() < addresses:
                raise ValueError("an address that is not there")
        for name, more in self._more().items():
            if arrays[name].ndim != 2 or arrays[name].shape[1] != 3:
                raise ValueError(f"{name}: no triples")
            for row, key, times in arrays[name].tolist():
                more.setdefault(row, {})[key] = times
        tally.recount()
        tally.rehash()
        if len(set(self.hosts)) < len(self.hosts) or len(set(self.conversations)) < len(self.conversations):
            raise ValueError("a host or conversation stands there twice")

    def _more(self) -> dict[str, dict[int, dict[int, int]]]:
        return {"hosts.shown": self.tally.shown, "hosts.told": self.tally.told, "hosts.vlans": self.tally.vlans}

    def fold(self, flows: Flows, slots: Iterable[int] | np.ndarray[Any, Any], unanswered: dict[int, int]) -> None:
        """Adds the rows of closed flows."""
        chosen = np.array(slots if isinstance(slots, np.ndarray) else list(slots), np.int64)
        if len(chosen):
            self.tally.fold(flows, memoryview(chosen), unanswered)  # type: ignore[arg-type]

    def arp(self, packets: Packets) -> None:
        """Who says which MAC has which address."""
        self.tally.arp(packets)


def _lists(table: Table, names: Iterable[str], start: int, end: int) -> list[list[int]]:
    return [table.array(name)[start:end].tolist() for name in names]


def _flat(place: Place) -> tuple[int, int, int, int, int, int, int]:
    (client, client_mac), (server, server_mac), ip_protocol, port, protocol = place
    return client, client_mac, server, server_mac, ip_protocol, port, protocol
