"""YAML files written by people, read strictly: every value knows its place, every mistake is collected with file, line and column.

Plain data only. Duplicate keys, anchors and aliases are refused; only `true`/`false` are booleans, numbers are decimal or 0x, and neither
dates nor `1:30` turn into something else than text.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.resolver import Resolver

from otwatch.errors import ConfigError, ConfigErrors

MAX_BYTES: Final = 16_777_216
_MAX_DEPTH: Final = 64


class _Loader(yaml.SafeLoader):
    """SafeLoader with the scalars of YAML 1.2: a MAC address is not a number in base 60, `off` is a word."""


try:
    from yaml.cyaml import CParser  # type: ignore[attr-defined]
except ImportError:  # PyYAML without libyaml
    _QuickLoader = _Loader
else:

    class _QuickLoader(Composer, CParser, SafeConstructor, Resolver):  # type: ignore[no-redef]
        """The same over the parser of libyaml: several times as fast, less well-spoken about mistakes. Its composer crashes on deep nesting."""

        def __init__(self, stream: str) -> None:
            CParser.__init__(self, stream)
            Composer.__init__(self)
            SafeConstructor.__init__(self)
            Resolver.__init__(self)


for _loader in (_Loader, _QuickLoader):
    _loader.yaml_implicit_resolvers = {}
    _loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
    _loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|)$"), ["~", "n", ""])
    _loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^(?:0|[-+]?[1-9][0-9]*|0x[0-9a-fA-F]+)$"), list("-+0123456789"))
    _loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+\.[0-9]+(?:[eE][-+]?[0-9]+)?$"), list("-+0123456789"))


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


def read_document(path: Path) -> Value:
    """The document of a file. ConfigErrors when the file is missing, too large, not UTF-8 or not strict YAML."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigErrors([ConfigError("larger than 16 MiB: not a file for people", path=str(path))])
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigErrors([ConfigError(f"cannot be read: {error.strerror}", path=str(path))]) from error
    except UnicodeDecodeError as error:
        raise ConfigErrors([ConfigError(f"is not UTF-8 text (byte {error.start})", path=str(path))]) from error
    return parse_document(text, str(path))


def parse_document(text: str, path: str) -> Value:
    """The document of a text; `path` is the name used in errors."""
    try:
        return _parsed(text, path, _QuickLoader)
    except ConfigErrors:
        return _parsed(text, path, _Loader)  # what is wrong, in its words


def _parsed(text: str, path: str, kind: type[_Loader]) -> Value:
    complaints = Complaints()
    try:
        loader = kind(text)
        node = loader.get_single_node()
        if node is None:
            raise ConfigErrors([ConfigError("is empty", path=path)])
        value = _value(loader, node, path, complaints, set(), 0)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = {"line": mark.line + 1, "column": mark.column + 1} if mark else {}
        raise ConfigErrors([ConfigError(f"is not YAML: {error.problem or error.context}", path=path, **place)]) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigErrors([ConfigError(f"is not YAML: {str(error).splitlines()[0]}", path=path)]) from error
    complaints.raise_if_any()
    return value


def _value(loader: _Loader, node: Node, path: str, complaints: Complaints, seen: set[int], depth: int) -> Value:
    """A node as a Value; a node met twice is an alias."""
    here = Value(None, path, node.start_mark.line + 1, node.start_mark.column + 1)
    if id(node) in seen:
        complaints.add(here, "aliases (*name) are not allowed: write the value out")
        return here
    seen.add(id(node))
    if depth > _MAX_DEPTH:
        complaints.add(here, "is nested too deeply")
        return here
    raw: Any
    if isinstance(node, MappingNode):
        raw = {}
        for key_node, value_node in node.value:
            key = _value(loader, key_node, path, complaints, seen, depth + 1)
            name = str(key.raw)
            if isinstance(key.raw, dict | list):
                complaints.add(key, "a key must be a word")
            elif name in raw:
                complaints.add(key, f'"{name}" stands here twice')
            else:
                raw[name] = _value(loader, value_node, path, complaints, seen, depth + 1)
    elif isinstance(node, SequenceNode):
        raw = [_value(loader, item, path, complaints, seen, depth + 1) for item in node.value]
    else:
        assert isinstance(node, ScalarNode)
        raw = _scalar(loader, node, here, complaints)
    return Value(raw, path, here.line, here.column)


def _scalar(loader: _Loader, node: ScalarNode, here: Value, complaints: Complaints) -> Any:
    if node.tag == "tag:yaml.org,2002:int":
        try:
            return int(node.value, 16) if node.value.lower().startswith("0x") else int(node.value)
        except ValueError:
            complaints.add(here, "is not a number")
            return 0
    try:
        return loader.construct_object(node)
    except (yaml.YAMLError, ValueError):
        complaints.add(here, f"the tag {node.tag} is not allowed: plain data only")
        return None


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
