"""The protocols: one folder each, found by convention. A protocol's id is its place in the list, from 1; ids are not stored anywhere."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from otwatch.protocols.spec import ProtocolSpec


@cache
def protocols() -> tuple[ProtocolSpec, ...]:
    """Every protocol: the folders beside this file that hold a PROTOCOL, then those that other packages offer under `otwatch.protocols`."""
    found = []
    for module in pkgutil.iter_modules(__path__):
        if module.ispkg:
            spec = getattr(import_module(f"{__name__}.{module.name}"), "PROTOCOL", None)
            if spec is not None:
                found.append(spec)
    found.extend(point.load() for point in sorted(entry_points(group="otwatch.protocols"), key=lambda point: point.name))
    return tuple(found)


def riders_of(carrier: str) -> list[tuple[int, int, ProtocolSpec]]:
    """(id, id of the protocol whose dissector reads it, spec) of the protocols that ride on a carrier."""
    return [
        (number, protocol_id(spec.ride.read_by or spec.name), spec)
        for number, spec in enumerate(protocols(), 1) if spec.ride is not None and spec.ride.carrier == carrier
    ]


def protocol_of(protocol_id: int) -> ProtocolSpec | None:
    """The protocol of an id; None for 0, unknown."""
    known = protocols()
    return known[protocol_id - 1] if 0 < protocol_id <= len(known) else None


def protocol_name(protocol_id: int) -> str:
    """Its name; empty for 0, unknown."""
    spec = protocol_of(protocol_id)
    return spec.name if spec else ""


def protocol_id(name: str) -> int:
    """The id of a name; KeyError if there is no such protocol."""
    for index, spec in enumerate(protocols(), 1):
        if spec.name == name:
            return index
    raise KeyError(name)
