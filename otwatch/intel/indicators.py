"""Threat intelligence from files: STIX 2.1 bundles (OASIS), CSV and plain lists. Read offline; nothing is fetched, nothing is sent."""

from __future__ import annotations

import csv
import ipaddress
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from otwatch.errors import CaptureError

_MOST_BYTES: Final = 256_000_000  # of a file
_MOST_INDICATORS: Final = 2_000_000
_REFUSED_SHOWN: Final = 5
_SECOND_NS: Final = 1_000_000_000
# What a value is by the object path of a STIX pattern (STIX 2.1, part 6: cyber-observable objects).
_PATHS: Final = {
    "ipv4-addr:value": "address",
    "ipv6-addr:value": "address",
    "domain-name:value": "domain",
    "x509-certificate:hashes": "hash",
    "file:hashes": "hash",
    "network-traffic:extensions": "fingerprint",
    "x-ja4:value": "fingerprint",
}
# A pattern that is a list of alternatives. AND, FOLLOWEDBY and comparisons other than equality say more than one value: they are refused.
_COMPARISON: Final = re.compile(r"\s*(?P<path>[a-z0-9-]+:[^=\s\]]+)\s*=\s*'(?P<value>(?:[^'\\]|\\.)*)'\s*")
_KINDS: Final = {**dict.fromkeys(("ip", "ipv4", "ipv6", "ip-dst", "ip-src", "cidr"), "address"), "hostname": "domain"}
_HEX: Final = re.compile(r"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})")
_JA4: Final = re.compile(r"[tqd](?:1[0-3]|s[123]|d[123]|00)[di][0-9]{4}[0-9a-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}")
_DOMAIN: Final = re.compile(r"(?=.{4,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}")
_ANY: Final = ""  # the kind of a value that a list does not say


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """One value that somebody published. Times in nanoseconds since 1970, None where the source gives none."""

    kind: str  # address, domain, hash, fingerprint
    value: str
    name: str = ""
    source: str
    created_ns: int | None = None
    valid_from_ns: int | None = None
    valid_until_ns: int | None = None

    def holds_at(self, timestamp_ns: int) -> bool:
        """Whether it is valid at a time (STIX 2.1, 4.7: from valid_from, before valid_until)."""
        return (self.valid_from_ns is None or self.valid_from_ns <= timestamp_ns) and (
            self.valid_until_ns is None or timestamp_ns < self.valid_until_ns
        )


@dataclass(slots=True, kw_only=True)
class Indicators:
    """All that was read. `refused`: lines and patterns that say no single value, with the reason, the first of them; all are counted."""

    read: int = 0
    refused_count: int = 0
    refused: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    _values: dict[str, list[Indicator]] = field(default_factory=dict)
    _networks: dict[tuple[int, int], dict[int, list[Indicator]]] = field(default_factory=dict)  # (IP version, prefix) -> network -> its indicators

    def add(self, indicator: Indicator) -> None:
        """Takes one. ValueError when its value is none of its kind."""
        if indicator.kind == "address":
            network = ipaddress.ip_network(indicator.value, strict=False)
            if network.num_addresses > 1:
                if network.prefixlen < (8 if network.version == 4 else 16):
                    raise ValueError(f"{indicator.value} names too many addresses")
                self._networks.setdefault((network.version, network.prefixlen), {}).setdefault(int(network.network_address), []).append(indicator)
                self.read += 1
                return
        self._values.setdefault(_normal(indicator.value.partition("/")[0] if indicator.kind == "address" else indicator.value), []).append(indicator)
        self.read += 1

    def of_address(self, text: str) -> tuple[Indicator, ...]:
        """The indicators that name an address, or a network that holds it. Text that is no address has none."""
        found = list(self._values.get(_normal(text), ()))
        if self._networks:
            try:
                address = ipaddress.ip_address(text)
            except ValueError:
                return tuple(found)
            number, bits = int(address), address.max_prefixlen
            for (version, prefix), networks in self._networks.items():
                if version == address.version:
                    found += networks.get(number >> (bits - prefix) << (bits - prefix), ())
        return tuple(found)

    def of_value(self, value: str) -> tuple[Indicator, ...]:
        """The indicators that name a domain, hash or fingerprint."""
        return tuple(self._values.get(_normal(value), ()))

    def refuse(self, place: str, reason: str) -> None:
        """Counts what is not used."""
        self.refused_count += 1
        if len(self.refused) < _REFUSED_SHOWN:
            self.refused.append(f"{place}: {reason}")


def read_indicators(paths: Iterable[str]) -> Indicators:
    """Every file, or every *.json, *.csv and *.txt of a folder. CaptureError when one cannot be read, or none holds an indicator."""
    found = Indicators()
    for name in paths:
        place = Path(name)
        files = sorted(one for one in place.rglob("*") if one.suffix in (".json", ".csv", ".txt")) if place.is_dir() else [place]
        for path in files:
            _read(path, found)
    if not found.read:
        shown = f" ({'; '.join(found.refused)})" if found.refused else ""
        raise CaptureError(f"{', '.join(paths)}: no indicators there: name a STIX 2.1 bundle (*.json), a CSV file or a list, one value a line{shown}")
    return found


def _read(path: Path, found: Indicators) -> None:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise CaptureError(f"{path}: larger than {_MOST_BYTES // 1_000_000} MB: split the list")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CaptureError(f"{path}: {getattr(error, 'strerror', None) or 'not text in UTF-8'}") from error
    parse_indicators(text, path.name, found)


def parse_indicators(text: str, name: str, found: Indicators) -> None:
    """Adds what a text holds, in whichever of the three forms. CaptureError when it is of none of them, or too long."""
    before = found.read
    if text.lstrip().startswith("{"):
        entries = _stix(name, text, found)
    elif "," in (first := next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")) or first.strip() == "value":
        entries = _table(name, text, found)
    else:
        entries = _list(name, text, found)
    for place, indicator in entries:
        if found.read >= _MOST_INDICATORS:
            raise CaptureError(f"{name}: more than {_MOST_INDICATORS:,} indicators in all: use fewer lists")
        try:
            found.add(indicator)
        except ValueError as error:
            found.refuse(place, str(error))
    if found.read > before:
        found.sources.append(name)


def _stix(name: str, text: str, found: Indicators) -> Iterator[tuple[str, Indicator]]:
    try:
        bundle = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CaptureError(f"{name}: no JSON: {error}") from error
    objects = bundle.get("objects")
    if not isinstance(objects, list):
        raise CaptureError(f"{name}: no STIX 2.1 bundle: it has no list of objects")
    by_id = {one.get("id"): one for one in objects if isinstance(one, dict)}
    for number, one in enumerate(objects):
        if not isinstance(one, dict) or one.get("type") != "indicator":
            continue
        place = f"{name}, {one.get('id') or f'object {number}'}"
        if one.get("revoked") is True:
            found.refuse(place, "revoked")
            continue
        if one.get("pattern_type", "stix") != "stix":
            found.refuse(place, f"a pattern of type {one['pattern_type']}")
            continue
        author = by_id.get(one.get("created_by_ref"))
        source = str(author.get("name") or name) if author else name
        try:
            said: dict[str, Any] = {
                "name": str(one.get("name") or ""),
                "source": source,
                "created_ns": _time_ns(one.get("created")),
                "valid_from_ns": _time_ns(one.get("valid_from")),
                "valid_until_ns": _time_ns(one.get("valid_until")),
            }
            values = _alternatives(str(one.get("pattern") or ""))
        except ValueError as error:
            found.refuse(place, str(error))
            continue
        yield from ((place, Indicator(kind=kind, value=value, **said)) for kind, value in values)


def _alternatives(pattern: str) -> list[tuple[str, str]]:
    """Kind and value of each alternative of a STIX pattern; ValueError when it is more than a list of alternatives."""
    values: list[tuple[str, str]] = []
    at, text = 0, pattern.strip()
    inside = False
    while at < len(text):
        if text[at] == "[" and not inside:
            inside, at = True, at + 1
        elif text[at] == "]" and inside:
            inside, at = False, at + 1
            if at == len(text):
                return values
            joined = re.match(r"\s*OR\s*(?=\[)", text[at:])
            if joined is None:
                raise ValueError("a pattern that combines observations")
            at += joined.end()
            continue
        else:
            raise ValueError("a pattern that is no list of alternatives")
        while inside:
            match = _COMPARISON.match(text, at)
            if match is None:
                raise ValueError("a pattern with other comparisons than =")
            kind = next((kind for path, kind in _PATHS.items() if match["path"] == path or match["path"].startswith(f"{path}.")), None)
            if kind is None:
                raise ValueError(f"{match['path']} is not seen on a network")
            values.append((kind, re.sub(r"\\(.)", r"\1", match["value"])))
            at = match.end()
            if text.startswith("]", at):
                break
            joined = re.match(r"OR\b", text[at:])
            if joined is None:
                raise ValueError("a pattern that combines values")
            at += joined.end()
    raise ValueError("a pattern without an end" if text else "no pattern")


def _table(name: str, text: str, found: Indicators) -> Iterator[tuple[str, Indicator]]:
    """CSV with a header line: value (or indicator), and where they are type, name (or description), source, created, valid_from, valid_until."""
    lines = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    columns = {str(column).strip().lower(): column for column in lines.fieldnames or ()}
    value_column = next((columns[one] for one in ("value", "indicator", "ioc") if one in columns), None)
    if value_column is None:
        raise CaptureError(f"{name}: its first line names no column `value` (it has: {', '.join(columns) or 'none'})")
    for row in lines:
        place = f"{name}, line {lines.line_num}"

        def cell(*names: str, row: Mapping[str, Any] = row) -> str:
            return next((str(row[columns[one]]).strip() for one in names if one in columns and row[columns[one]]), "")

        value = str(row[value_column] or "").strip()
        if not value:
            continue
        kind = _KINDS.get(cell("type").lower(), cell("type").lower())
        kind = kind if kind in ("address", "domain", "hash", "fingerprint") else _kind_of(value)
        if kind == _ANY:
            found.refuse(place, f"{value[:60]!r} is no address, domain, hash or fingerprint")
            continue
        try:
            until, since, created = (_time_ns(cell(column)) for column in ("valid_until", "valid_from", "created"))
        except ValueError as error:
            found.refuse(place, str(error))
            continue
        yield (
            place,
            Indicator(
                kind=kind, value=value, name=cell("name", "description"), source=cell("source") or name, created_ns=created, valid_from_ns=since,
                valid_until_ns=until,
            ),
        )


def _list(name: str, text: str, found: Indicators) -> Iterator[tuple[str, Indicator]]:
    for number, line in enumerate(text.splitlines(), 1):
        value = line.partition("#")[0].strip()
        if not value:
            continue
        kind = _kind_of(value)
        if kind == _ANY:
            found.refuse(f"{name}, line {number}", f"{value[:60]!r} is no address, domain, hash or fingerprint")
            continue
        yield f"{name}, line {number}", Indicator(kind=kind, value=value, source=name)


def _kind_of(value: str) -> str:
    text = _normal(value)
    if _HEX.fullmatch(text):
        return "hash"
    if _JA4.fullmatch(text):
        return "fingerprint"
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return "domain" if _DOMAIN.fullmatch(text) else _ANY
    return "address"


def _normal(value: str) -> str:
    text = value.strip().lower().rstrip(".")
    return text.replace(":", "") if re.fullmatch(r"(?:[0-9a-f]{2}:){15,}[0-9a-f]{2}", text) else text


def _time_ns(text: object) -> int | None:
    """A time as STIX and people write it; None where there is none. ValueError when it is no time."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise ValueError(f"{str(text)[:40]!r} is no time: write it as 2026-11-22T06:00:00Z") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * _SECOND_NS
