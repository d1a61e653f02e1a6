"""Our dataclasses as JSON and back, so that a result can go to another process or machine without pickles.

Self-describing and closed: only the dataclasses and enumerations that the fields of the one at the top name may stand in it, so that what
comes back is data of ours or nothing. Tuples stay tuples, keys keep their types; what a field of type Any holds besides becomes a number or text.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import typing
from collections.abc import Callable
from functools import cache
from typing import Any, Final, TypeVar

_Kind = TypeVar("_Kind")
_DAMAGE: Final = (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError, RecursionError)


def as_json(thing: Any) -> str:
    """A dataclass as JSON: a list with a tag for whatever is no plain value of JSON."""
    return json.dumps(_Writer(type(thing)).plain(thing), separators=(",", ":"))


def from_json(text: str | bytes, kind: type[_Kind]) -> _Kind:
    """What `as_json` wrote of a dataclass of this kind. ValueError when it is anything else."""
    try:
        found = _Reader(kind).thing(json.loads(text))
    except _DAMAGE as error:
        raise ValueError(f"a damaged {kind.__name__}: {type(error).__name__} {error}") from error
    if not isinstance(found, kind):
        raise ValueError(f"no {kind.__name__}")  # noqa: TRY004 - of the text, not of an argument
    return found


@cache
def classes_of(kind: Any) -> tuple[type, ...]:
    """The dataclasses and enumerations that the fields of a dataclass name, through all of them, in a fixed order."""
    found: dict[type, None] = {}

    def note(hint: Any) -> None:
        for part in typing.get_args(hint):
            note(part)
        if not isinstance(hint, type) or hint in found:
            return
        if issubclass(hint, enum.Enum):
            found[hint] = None
        elif dataclasses.is_dataclass(hint):
            found[hint] = None
            for one in typing.get_type_hints(hint).values():
                note(one)

    note(kind)
    return tuple(found)


@cache
def _fields(kind: Any) -> tuple[str, ...]:
    return tuple(one.name for one in dataclasses.fields(kind))


class _Writer:
    def __init__(self, kind: Any) -> None:
        self._numbers = {one: number for number, one in enumerate(classes_of(kind))}

    def plain(self, thing: Any) -> Any:
        kind: Any = type(thing)
        if thing is None or kind in (int, str, bool, float):
            return thing
        if kind is dict:
            plain = self.plain
            return ["d", *(plain(part) for pair in thing.items() for part in pair)]
        if kind in (list, tuple):
            return ["l" if kind is list else "t", *map(self.plain, thing)]
        if kind in self._numbers:
            number = self._numbers[kind]
            if isinstance(thing, enum.Enum):
                return ["e", number, thing.value]
            return ["c", number, *(self.plain(getattr(thing, name)) for name in _fields(kind))]
        if dataclasses.is_dataclass(thing):
            raise TypeError(f"{kind.__name__} is in no field's type")
        return self._other(thing)

    def _other(self, thing: Any) -> Any:
        """What only a field of type Any holds."""
        if isinstance(thing, tuple | list):
            return ["t", *map(self.plain, thing)]
        if isinstance(thing, bytes):
            return ["b", thing.hex()]
        if isinstance(thing, set | frozenset):
            return ["f", *map(self.plain, sorted(thing, key=repr))]
        for base in (int, float, str):
            if isinstance(thing, base):
                return base(thing.value if isinstance(thing, enum.Enum) else thing)
        return str(thing)


class _Reader:
    def __init__(self, kind: Any) -> None:
        self._classes: tuple[Any, ...] = classes_of(kind)
        self._make: dict[str, Callable[[list[Any]], Any]] = {
            "l": lambda parts: [self.thing(part) for part in parts],
            "t": lambda parts: tuple(self.thing(part) for part in parts),
            "f": lambda parts: frozenset(self.thing(part) for part in parts),
            "d": self._dict,
            "b": lambda parts: bytes.fromhex(parts[0]),
            "e": lambda parts: self._classes[parts[0]](parts[1]),
            "c": self._dataclass,
        }

    def thing(self, plain: Any) -> Any:
        return self._make[plain[0]](plain[1:]) if type(plain) is list else plain

    def _dict(self, parts: list[Any]) -> dict[Any, Any]:
        values = map(self.thing, parts)
        return dict(zip(values, values, strict=True))

    def _dataclass(self, parts: list[Any]) -> Any:
        kind = self._classes[parts[0]]
        return kind(**dict(zip(_fields(kind), map(self.thing, parts[1:]), strict=True)))
