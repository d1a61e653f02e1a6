"""Dataclasses as JSON and back: the same, or nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

import pytest

from otwatch.outputs.plain import as_json, classes_of, from_json


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Foreign(IntEnum):
    ONE = 1


@dataclass(frozen=True, slots=True)
class Part:
    level: Level
    names: tuple[str, ...]


@dataclass(slots=True)
class Whole:
    parts: list[Part]
    by_number: dict[int, tuple[Part, Colour]]
    maybe: Part | None = None
    anything: dict[str, Any] = field(default_factory=dict)


@dataclass
class Stranger:
    number: int


WHOLE = Whole([Part(Level.HIGH, ("a", "ä\udc80"))], {2**70: (Part(Level.HIGH, ()), Colour.RED), -1: (Part(Level.HIGH, ("",)), Colour.RED)})


def test_what_is_written_comes_back_the_same() -> None:
    assert from_json(as_json(WHOLE), Whole) == WHOLE
    found = from_json(as_json(WHOLE), Whole)
    assert type(found.parts[0].level) is Level
    assert type(found.parts[0].names) is tuple
    assert type(found.by_number[-1][1]) is Colour


@pytest.mark.parametrize(
    "value", [None, True, 0, 1.5, float("inf"), "text", b"\x00\xff", [1, (2, [3])], {"a": {1: (2,)}}, frozenset({1, 2})], ids=repr
)
def test_whatever_a_field_of_any_type_holds(value: Any) -> None:
    whole = Whole([], {}, anything={"value": value})
    found = from_json(as_json(whole), Whole).anything["value"]
    assert found == value
    assert type(found) is type(value)


def test_an_enumeration_that_no_field_names_is_its_value() -> None:
    found = from_json(as_json(Whole([], {}, anything={"value": Foreign.ONE})), Whole).anything["value"]
    assert type(found) is int
    assert found == 1


def test_only_what_the_fields_name_may_stand_in_it() -> None:
    assert set(classes_of(Whole)) == {Whole, Part, Colour, Level}
    with pytest.raises(TypeError, match="Stranger"):
        as_json(Whole([], {}, anything={"value": Stranger(1)}))


@pytest.mark.parametrize(
    "text", ["", "{", "null", '["c",99]', '["c",0]', '["c",-7,1]', '["x"]', "[]", '["c",1,3,["t"]]', '["e",0,"red"]', '["d",1]', "[" * 9999]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Whole"):
        from_json(text, Whole)


def test_every_text_that_is_cut_is_refused() -> None:
    text = as_json(WHOLE)
    assert json.loads(text)
    for end in range(len(text)):
        with pytest.raises(ValueError, match="Whole"):
            from_json(text[:end], Whole)
