"""YAML files written by people, read strictly: every value knows its place, every mistake is collected with file, line and column.

Plain data only. Duplicate keys, anchors and aliases are refused; only `true`/`false` are booleans, numbers are decimal or 0x, and neither
dates nor `1:30` turn into something else than text.
"""

from __future__ import annotations

import difflib
import errno
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.composer import ComposerError
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from otwatch.errors import ConfigError, ConfigErrors

MAX_BYTES: Final = 16_777_216
_MAX_DEPTH: Final = 64


# Scalars of YAML 1.2: a MAC address is not a number in base 60, `off` is a word.
_WORDS: Final = {"true": True, "false": False, "null": None, "~": None, "": None}
_NUMBER: Final = re.compile(r"(?:0|[-+]?[1-9][0-9]*|0x[0-9a-fA-F]+)$|([-+]?[0-9]+\.[0-9]+(?:[eE][-+]?[0-9]+)?)$")
_TEXT_TAGS: Final = (None, "!", "tag:yaml.org,2002:str")

_Parser = Callable[[str], Any]
_SlowParser: _Parser = yaml.SafeLoader
try:
    from yaml.cyaml import CParser  # type: ignore[attr-defined]
except ImportError:  # PyYAML without libyaml
    _QuickParser = _SlowParser
else:
    _QuickParser = CParser


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a document with its place. `raw` is a str, int, float, bool, None, a list of Value or a dict of str to Value."""

    raw: Any
    path: str
    line: int
    column: int

    def error(self, message: str) -> ConfigError:
        """A complaint about this value."""
        return ConfigError(message, path=self.path, line=self.line, column=self.column)

    def plain(self) -> Any:
        """The value without places."""
        if isinstance(self.raw, dict):
            return {key: value.plain() for key, value in self.raw.items()}
        if isinstance(self.raw, list):
            return [value.plain() for value in self.raw]
        return self.raw


class Complaints:
    """Collects errors, so that the user sees all of them at once."""

    def __init__(self) -> None:
        self.errors: list[ConfigError] = []

    def add(self, place: Value, message: str) -> None:
        """One more."""
        self.errors.append(place.error(message))

    def raise_if_any(self) -> None:
        """ConfigErrors with everything collected."""
        if self.errors:
            raise ConfigErrors(self.errors)


def nearest(word: object, known: Iterable[str]) -> str:
    """`, did you mean "x"?` or, with nothing near, nothing."""
    names = list(known)
    close = difflib.get_close_matches(str(word), names, 1, 0.6)
    if not close:
        lower = {name.lower(): name for name in names}
        close = [lower[found] for found in difflib.get_close_matches(str(word).lower(), list(lower), 1, 0.6)]
    return f', did you mean "{close[0]}"?' if close else ""


def read_regular(path: Path, *, max_bytes: int = -1) -> bytes:
    """The content of a regular file, at most so much of it. OSError for anything else: a pipe would make the reader wait for its writer."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - of a descriptor
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        return file.read(max_bytes)


def read_document(path: Path, *, up_to: str = "") -> Value:
    """The document of a file. ConfigErrors when the file is missing, not a regular file, too large, not UTF-8 or not strict YAML.

    `up_to`: a key of the outermost mapping that is left out where it is the last one; most of a rule file is its tests.
    """
    try:
        content = read_regular(path, max_bytes=MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ConfigErrors([ConfigError("larger than 16 MiB: not a file for people", path=str(path))])
        text = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except OSError as error:
        raise ConfigErrors([ConfigError(f"cannot be read: {error.strerror}", path=str(path))]) from error
    except UnicodeDecodeError as error:
        raise ConfigErrors([ConfigError(f"is not UTF-8 text (byte {error.start})", path=str(path))]) from error
    return parse_document(_head(text, up_to) if up_to else text, str(path))


def _head(text: str, key: str) -> str:
    """The text before the last outermost key, where that is `key`; else all of it."""
    head, found, rest = text.rpartition(f"\n{key}:\n")
    return head + "\n" if found and not re.search(r"^[^\s#-]", rest, re.MULTILINE) else text


def parse_document(text: str, path: str) -> Value:
    """The document of a text; `path` is the name used in errors."""
    try:
        return _parsed(text, path, _QuickParser)
    except ConfigErrors:
        return _parsed(text, path, _SlowParser)  # libyaml is several times as fast and less well-spoken: what is wrong, in the other's words


def _parsed(text: str, path: str, parser: _Parser) -> Value:
    try:
        reader = _Reader(parser, text, path)
        value = reader.document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = {"line": mark.line + 1, "column": mark.column + 1} if mark else {}
        raise ConfigErrors([ConfigError(f"is not YAML: {error.problem or error.context}", path=path, **place)]) from error
    except yaml.YAMLError as error:
        raise ConfigErrors([ConfigError(f"is not YAML: {str(error).splitlines()[0]}", path=path)]) from error
    reader.complaints.raise_if_any()
    return value


class _Reader:
    """The events of a YAML parser as one Value; what the language allows and this program does not goes to `complaints`."""

    def __init__(self, parser: _Parser, text: str, path: str) -> None:
        self.path = path
        self.complaints = Complaints()
        self.anchors: dict[str, Value] = {}
        self.next_event = parser(text).get_event

    def document(self) -> Value:
        """The only document of the text."""
        self.next_event()  # the start of the stream
        first = self.next_event()
        if isinstance(first, StreamEndEvent):
            raise ConfigErrors([ConfigError("is empty", path=self.path)])
        value = self.value(self.next_event(), 0)
        self.next_event()  # the end of the document
        behind = self.next_event()
        if not isinstance(behind, StreamEndEvent):
            raise ComposerError("expected a single document", first.start_mark, "but found another document", behind.start_mark)
        return value

    def value(self, event: Any, depth: int) -> Value:
        """The value that begins with the event."""
        mark = event.start_mark
        here = Value(None, self.path, mark.line + 1, mark.column + 1)
        kind = type(event)
        if kind is AliasEvent:
            if event.anchor not in self.anchors:
                raise ComposerError(None, None, f"found undefined alias {event.anchor!r}", mark)
            self.complaints.add(self.anchors[event.anchor], "aliases (*name) are not allowed: write the value out")
            return here
        if event.anchor is not None:
            self.anchors[event.anchor] = here
        if kind is ScalarEvent:
            return Value(self.scalar(event, here), self.path, here.line, here.column)
        if depth > _MAX_DEPTH:
            raise ConfigErrors([*self.complaints.errors, here.error("is nested too deeply")])
        raw: Any
        if kind is MappingStartEvent:
            raw = {}
            while type(event := self.next_event()) is not MappingEndEvent:
                key = self.value(event, depth + 1)
                value = self.value(self.next_event(), depth + 1)
                name = str(key.raw)
                if isinstance(key.raw, dict | list):
                    self.complaints.add(key, "a key must be a word")
                elif name in raw:
                    self.complaints.add(key, f'"{name}" stands here twice')
                else:
                    raw[name] = value
        else:
            raw = []
            while type(event := self.next_event()) is not SequenceEndEvent:
                raw.append(self.value(event, depth + 1))
        return Value(raw, self.path, here.line, here.column)

    def scalar(self, event: Any, here: Value) -> Any:
        """Words and numbers where they are written plainly, text else."""
        text = event.value
        if not event.implicit[0]:
            if event.tag not in _TEXT_TAGS:
                self.complaints.add(here, f"the tag {event.tag} is not allowed: plain data only")
            return text
        if text in _WORDS:
            return _WORDS[text]
        number = _NUMBER.match(text)
        if number is None:
            return text
        try:
            return float(text) if number[1] else int(text, 16 if text.startswith("0x") else 10)
        except ValueError:  # more digits than Python reads
            self.complaints.add(here, "is not a number")
            return 0


class Mapping:
    """A mapping being read: hands out its keys checked, then complains about those that nobody asked for."""

    def __init__(self, value: Value, complaints: Complaints, what: str) -> None:
        self.value = value
        self.complaints = complaints
        self.what = what
        self.asked: list[str] = []
        self.raw: dict[str, Value] = {}
        if isinstance(value.raw, dict):
            self.raw = value.raw
        else:
            complaints.add(value, f"{what} must be a mapping (key: value)")

    def get(self, key: str) -> Value | None:
        """The value of a key, None when it is not there."""
        self.asked.append(key)
        return self.raw.get(key)

    def text(self, key: str, default: str | None = None) -> str:
        """A required (no default) or optional text."""
        value = self.get(key)
        if value is None:
            if default is None:
                self.complaints.add(self.value, f'{self.what} needs "{key}"')
            return default or ""
        if not isinstance(value.raw, str | int | float) or isinstance(value.raw, bool):
            self.complaints.add(value, f'"{key}" must be text')
            return default or ""
        return str(value.raw)

    def number(self, key: str, default: int | None = None, low: int = 0, high: int = 2**63 - 1) -> int:
        """A required (no default) or optional whole number in low..high."""
        value = self.get(key)
        if value is None:
            if default is None:
                self.complaints.add(self.value, f'{self.what} needs "{key}"')
            return default or 0
        if not isinstance(value.raw, int) or isinstance(value.raw, bool) or not low <= value.raw <= high:
            self.complaints.add(value, f'"{key}" must be a whole number from {low} to {high}')
            return default or 0
        return value.raw

    def word(self, key: str, known: Iterable[str], default: str | None = None) -> str:
        """One of a closed list of words."""
        names = list(known)
        text = self.text(key, default)
        if text and text not in names:
            self.complaints.add(self.raw.get(key, self.value), f'"{text}" is no {key}{nearest(text, names) or ": one of " + ", ".join(names)}')
        return text

    def items(self, key: str) -> Iterator[Value]:
        """The items of a list; a single value stands for a list of one."""
        value = self.get(key)
        if value is not None:
            yield from value.raw if isinstance(value.raw, list) else [value]

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        found = []
        for item in self.items(key):
            if isinstance(item.raw, str | int) and not isinstance(item.raw, bool):
                found.append(str(item.raw))
            else:
                self.complaints.add(item, f'"{key}" must be a list of texts')
        return tuple(found)

    def done(self) -> None:
        """Complains about keys that are not known."""
        for key, value in self.raw.items():
            if key not in self.asked:
                self.complaints.add(value, f'{self.what} has no "{key}"{nearest(key, self.asked)}')


_DURATION = re.compile(r"^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$")
_UNIT_NS: Final = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9}


def duration_ns(text: str) -> int:
    """`10s`, `5m`, `1.5h`, `500ms`, `2d` in nanoseconds; ValueError otherwise."""
    match = _DURATION.match(text.strip())
    if not match:
        raise ValueError(f'"{text}" is no duration: write 500ms, 10s, 5m, 1h or 2d')
    return int(float(match[1]) * _UNIT_NS[match[2]])
