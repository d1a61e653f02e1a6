"""The operations of a batch as people read them, by column: what repeats is decoded once.

A plant repeats a few thousand *kinds* of operations (a function of a protocol on an object of a unit, with its outcome) between a few hundred
*pairs* of ends. Names are made once per kind and pair and kept from batch to batch; a row is then some numbers and two indices. Values are decoded
once per kind and distinct bytes.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np

from otwatch.actions import Action, Role
from otwatch.addresses import Addresses
from otwatch.batch import Batch
from otwatch.limits import Limits
from otwatch.names import plain
from otwatch.outputs.json_text import json_text
from otwatch.outputs.siem.community_id import community_id_of
from otwatch.outputs.times import time_text
from otwatch.protocols.spec import ProtocolSpec
from otwatch.tables import Octets

Record = dict[str, Any]
Array = np.ndarray[Any, Any]
T = TypeVar("T")
_KEPT_VALUES: Final = 16_384  # decoded values that may come again: with their texts some 10 MB
_KEPT_BYTES: Final = 64  # longer ones hardly do

# What names and values are made of: ProtocolSpec.value and object_name see these columns of a row, and no others
KIND_COLUMNS: Final = (
    "protocol", "role", "function", "subfunction", "action", "unit", "area", "object", "start", "count", "status", "value_kind",
)  # fmt: skip
_OTHER_COLUMNS: Final = ("timestamp_ns", "frame", "transaction", "item", "request_frame", "latency_ns", "behaviour")
_MULTIPLIERS: Final = np.array([secrets.randbits(64) | 1 for _ in KIND_COLUMNS], np.uint64)  # the wire must not choose what looks alike


def absent(number: int) -> int | None:
    """A number of a column; None where there is none."""
    return number if number >= 0 else None


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """What one kind of operation is called."""

    row: Mapping[str, int]
    spec: ProtocolSpec
    fields: Record  # protocol to count, as in a record
    status: str

    def value(self, data: bytes) -> Any:
        """The value of these bytes, decoded."""
        return self.spec.value(self.row["value_kind"], data, self.row)


@dataclass(frozen=True, slots=True)
class OperationTable:
    """The operations of one batch; valid until the next. `numbers` are arrays of the rows, -1 where there is none."""

    file: str
    rows: int
    numbers: Mapping[str, Array]  # timestamp_ns, frame, transaction, item, request_frame, latency_ns, behaviour, flow, value_at, value_length
    kinds: Sequence[Kind]
    kind: Array  # of each row, into `kinds`
    pairs: Sequence[Record]  # src, src_port, dst, dst_port, community_id
    pair: Array  # of each row, into `pairs`
    octets: Octets
    known_values: dict[tuple[Kind, bytes], str]  # as JSON; the reader's own

    def values(self) -> Iterator[tuple[int, Kind, bytes]]:
        """(row, its kind, the bytes of its value) of the rows that have one."""
        valued = np.array([kind.row["value_kind"] != 0 for kind in self.kinds], np.bool_)
        rows = np.flatnonzero(valued[self.kind]) if self.rows else np.zeros(0, np.int64)
        starts = self.numbers["value_at"][rows]
        ends = starts + self.numbers["value_length"][rows]
        data = memoryview(self.octets.data)
        kinds = self.kinds
        for row, kind, start, end in zip(rows.tolist(), self.kind[rows].tolist(), starts.tolist(), ends.tolist(), strict=True):
            yield row, kinds[kind], data[start:end].tobytes()

    def value_texts(self, none: str | None) -> list[str | None]:
        """The value of each row as JSON; `none` where there is none."""
        texts, known = [none] * self.rows, self.known_values
        for row, kind, data in self.values():
            text = known.get((kind, data))
            if text is None:
                text = json_text(kind.value(data))
                if len(data) <= _KEPT_BYTES:
                    if len(known) >= _KEPT_VALUES:
                        known.clear()
                    known[kind, data] = text
            if text != "null":
                texts[row] = text
        return texts

    def records(self) -> list[Record]:
        """One public record per row (DESIGN section 6)."""
        numbers = {name: self.numbers[name].tolist() for name in (*_OTHER_COLUMNS, "flow")}
        values = {row: kind.value(data) for row, kind, data in self.values()}
        records = []
        for row, (kind_index, pair) in enumerate(zip(self.kind.tolist(), self.pair.tolist(), strict=True)):
            kind = self.kinds[kind_index]
            records.append(
                {
                    "type": "operation",
                    "time": time_text(numbers["timestamp_ns"][row]),
                    "file": self.file,
                    "frame": numbers["frame"][row],
                    **self.pairs[pair],
                    **kind.fields,
                    "value": values.get(row),
                    "status": kind.status,
                    "transaction": absent(numbers["transaction"][row]),
                    "item": numbers["item"][row],
                    "request_frame": absent(numbers["request_frame"][row]),
                    "latency_ns": absent(numbers["latency_ns"][row]),
                    "flow": numbers["flow"][row],
                    "behaviour": numbers["behaviour"][row],
                }
            )
        return records


class OperationReader:
    """Makes the table of each batch, and keeps the names from batch to batch."""

    def __init__(self, addresses: Addresses, protocols: Sequence[ProtocolSpec], *, limit: int = Limits().named_kinds) -> None:
        self._addresses = addresses
        self._protocols = protocols
        self._limit = limit
        self._kinds: dict[tuple[int, ...], Kind] = {}
        self._values: dict[tuple[Kind, bytes], str] = {}

    def read(self, batch: Batch, chosen: Array | None = None) -> OperationTable:
        """The operations of a batch; those of the rows `chosen` alone, where it is given. Call before the next batch."""
        operations, flows = batch.operations, batch.flows

        def column(name: str) -> Array:
            array = operations.array(name)
            return array if chosen is None else array[chosen]

        slots = column("flow")
        numbers = {name: column(name) for name in (*_OTHER_COLUMNS, "value_at", "value_length")}
        numbers["flow"] = np.asarray(flows.number)[slots]
        if len(self._kinds) >= self._limit:
            self._kinds.clear()  # the names are made again: slower, nothing is lost
            self._values.clear()
        kinds, kind = _distinct([column(name) for name in KIND_COLUMNS], self._kind_of)
        back = column("direction") != 0
        client, server = np.asarray(flows.client_port)[slots], np.asarray(flows.server_port)[slots]
        ends = [column("source"), np.where(back, server, client), column("destination"), np.where(back, client, server)]
        ends.append(np.asarray(flows.ip_protocol)[slots])
        pairs, pair = _distinct(ends, self._pair_of)
        return OperationTable(batch.file, len(slots), numbers, kinds, kind, pairs, pair, batch.octets, self._values)

    def _kind_of(self, key: tuple[int, ...]) -> Kind:
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds[key] = self._named(dict(zip(KIND_COLUMNS, key, strict=True)))
        return kind

    def _named(self, row: dict[str, int]) -> Kind:
        spec = self._protocols[row["protocol"] - 1]
        fields = {
            "protocol": spec.name,
            "role": Role(row["role"]).name.lower(),
            "function": absent(row["function"]),
            "function_name": spec.function_name(row["function"], row["subfunction"]),
            "subfunction": absent(row["subfunction"]),
            "action": Action(row["action"]).name,
            "unit": plain(row["unit"]),
            "area": spec.areas.get(row["area"], row["area"]) if row["area"] >= 0 else None,
            "object": plain(row["object"]),
            "object_name": spec.object_name(row),
            "start": absent(row["start"]),
            "count": absent(row["count"]),
        }
        return Kind(row, spec, fields, spec.status_name(row["status"]))

    def _pair_of(self, key: tuple[int, ...]) -> Record:
        source, source_port, destination, destination_port, ip_protocol = key
        src, dst = self._addresses.text(source), self._addresses.text(destination)
        ports = absent(source_port), absent(destination_port)
        connection = community_id_of(ip_protocol, src, ports[0], dst, ports[1])
        return {"src": src, "src_port": ports[0], "dst": dst, "dst_port": ports[1], "community_id": connection}


def operation_records(batch: Batch, addresses: Addresses, protocols: Sequence[ProtocolSpec]) -> list[Record]:
    """The operations of a batch, one record per item of a PDU, values decoded. Call before the next batch."""
    return OperationReader(addresses, protocols).read(batch).records()


def _distinct(columns: Sequence[Array], make: Callable[[tuple[int, ...]], T]) -> tuple[list[T], Array]:
    """`make(key)` of each distinct row of the columns, and which of them each row is."""
    mixed = np.zeros(len(columns[0]), np.uint64)
    for column, multiplier in zip(columns, _MULTIPLIERS, strict=False):
        mixed += column.astype(np.uint64) * multiplier
    _, first, index = np.unique(mixed, return_index=True, return_inverse=True)
    keys = zip(*(column[first].tolist() for column in columns), strict=True)
    return [make(key) for key in keys], index
