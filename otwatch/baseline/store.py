"""A baseline as a JSON file: versioned, sorted, the same bytes for the same knowledge, so that it can be kept under version control."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

from otwatch.actions import VERBS
from otwatch.baseline.baseline import VERSION, Baseline, Places, Seen
from otwatch.documents import read_regular
from otwatch.errors import ConfigError, ConfigErrors
from otwatch.names import NAMES, is_name

_FORMAT: Final = "otwatch-baseline"


def save_baseline(baseline: Baseline, path: Path) -> None:
    """Writes the file whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(baseline_text(baseline), encoding="utf-8")
    os.replace(partial, path)  # noqa: PTH105 - atomic, as Path.replace is; named so on purpose


def baseline_text(baseline: Baseline) -> str:
    """The file's text."""
    completeness = baseline.completeness()
    document = {
        "format": _FORMAT,
        "version": VERSION,
        "first_ns": baseline.first_ns,
        "last_ns": baseline.last_ns,
        "sources": sorted(baseline.sources),
        "knows_reads": baseline.knows_reads,
        "knows_quirks": baseline.knows_quirks,
        "completeness": {
            "known": completeness.known,
            "new_in_last_fifth": completeness.new_in_last_fifth,
            "unseen_questions": _rounded(completeness.unseen_questions),
            "unseen_commands": _rounded(completeness.unseen_commands),
            "enough": completeness.enough,
            "missing": completeness.missing(),
        },
        "hosts": sorted(baseline.hosts),
        "conversations": [
            {
                "src": src,
                "dst": dst,
                "protocol": protocol,
                "verb": verb,
                "messages": seen.messages,
                "first_ns": seen.first_ns,
                "last_ns": seen.last_ns,
            }
            for (src, dst, protocol, verb), seen in sorted(baseline.verbs.items())
        ],
        "functions": [
            {
                "src": src,
                "dst": dst,
                "protocol": protocol,
                "function": function,
                "subfunction": subfunction,
                "messages": seen.messages,
                "first_ns": seen.first_ns,
                "last_ns": seen.last_ns,
            }
            for (src, dst, protocol, function, subfunction), seen in sorted(baseline.functions.items())
        ],
        "services": [
            {"client": client, "server": server, "transport": transport, "port": port}
            for client, server, transport, port in sorted(baseline.services)
        ],
        "quirks": [{"device": device, "protocol": protocol, "quirk": quirk} for device, protocol, quirk in sorted(baseline.quirks)],
        "rates": [
            {"src": src, "dst": dst, "protocol": protocol, "requests_per_s": rate} for (src, dst, protocol), rate in sorted(baseline.rates.items())
        ],
        "written": _places(baseline.written),
        "asked": _places(baseline.asked),
    }
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


def _places(places: Places) -> list[dict[str, Any]]:
    return [
        {
            "src": src,
            "dst": dst,
            "protocol": protocol,
            "unit": unit,
            "area": area,
            "object": NAMES.text(object_) if is_name(object_) else object_,
            "ranges": [[low, high, times] for (low, high), times in sorted(ranges.items())],
        }
        for (src, dst, protocol, unit, area, object_), ranges in sorted(places.items())
    ]


def _object(stored: object) -> int:
    """The number of an object: itself, or that of its name."""
    return NAMES.number_of(stored) if isinstance(stored, str) else int(stored)  # type: ignore[call-overload]


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


def load_baseline(path: Path) -> Baseline:
    """The baseline of a file. ConfigErrors when it is none, damaged, or of a newer version."""
    try:
        text = read_regular(path).decode("utf-8")
        document = json.loads(text)
    except OSError as error:
        raise ConfigErrors([ConfigError(f"cannot be read: {error.strerror}", path=str(path))]) from error
    except UnicodeDecodeError as error:
        raise ConfigErrors([ConfigError("is not UTF-8 text", path=str(path))]) from error
    except json.JSONDecodeError as error:
        raise ConfigErrors([ConfigError(f"is not JSON: {error.msg}", path=str(path), line=error.lineno, column=error.colno)]) from error
    except (RecursionError, ValueError) as error:  # brackets in brackets, or a number of thousands of digits
        raise ConfigErrors([ConfigError("is not a baseline: nested too deeply, or a number too long", path=str(path))]) from error
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        raise ConfigErrors([ConfigError("is no otwatch baseline (make one with: otwatch baseline learn)", path=str(path))])
    if document.get("version") not in (1, VERSION):
        raise ConfigErrors([ConfigError(f"is a baseline of version {document.get('version')}; this otwatch reads 1 and {VERSION}", path=str(path))])
    try:
        return _baseline(document)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigErrors([ConfigError(f"is a damaged baseline: {error!r}", path=str(path))]) from error


def _baseline(document: dict[str, Any]) -> Baseline:
    baseline = Baseline(
        first_ns=int(document["first_ns"]),
        last_ns=int(document["last_ns"]),
        sources=set(map(str, document["sources"])),
        hosts=set(map(str, document["hosts"])),
    )
    known_verbs = set(VERBS.values())
    for entry in document["conversations"]:
        if entry["verb"] not in known_verbs:
            raise ValueError(f"no verb {entry['verb']}")
        key = str(entry["src"]), str(entry["dst"]), str(entry["protocol"]), str(entry["verb"])
        baseline.verbs[key] = Seen(int(entry["messages"]), int(entry["first_ns"]), int(entry["last_ns"]))
    for entry in document.get("services", ()):  # older baselines have none
        baseline.services.add((str(entry["client"]), str(entry["server"]), str(entry["transport"]), int(entry["port"])))
    baseline.knows_quirks = bool(document.get("knows_quirks", False))
    for entry in document.get("quirks", ()):
        baseline.quirks.add((str(entry["device"]), str(entry["protocol"]), str(entry["quirk"])))
    if document["version"] == 1:  # ranges without their numbers, and nothing of what was read
        baseline.knows_reads = False
        document = {**document, "functions": [], "rates": [], "asked": []}
    else:
        baseline.knows_reads = bool(document["knows_reads"])
    for entry in document["functions"]:
        function = str(entry["src"]), str(entry["dst"]), str(entry["protocol"]), int(entry["function"]), int(entry["subfunction"])
        baseline.functions[function] = Seen(int(entry["messages"]), int(entry["first_ns"]), int(entry["last_ns"]))
    for entry in document["rates"]:
        baseline.rates[str(entry["src"]), str(entry["dst"]), str(entry["protocol"])] = float(entry["requests_per_s"])
    for places, name in ((baseline.written, "written"), (baseline.asked, "asked")):
        for entry in document[name]:
            place = str(entry["src"]), str(entry["dst"]), str(entry["protocol"]), int(entry["unit"]), int(entry["area"]), _object(entry["object"])
            places[place] = {(int(low), int(high)): int(times[0]) if times else 1 for low, high, *times in entry["ranges"]}
    return baseline
