"""A baseline as a JSON file: versioned, sorted, the same bytes for the same knowledge, so that it can be kept under version control."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

from otwatch.actions import VERBS
from otwatch.baseline.baseline import VERSION, Baseline, Seen
from otwatch.documents import read_regular
from otwatch.errors import ConfigError, ConfigErrors

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
        "completeness": {"known": completeness.known, "new_in_last_fifth": completeness.new_in_last_fifth, "enough": completeness.enough},
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
        "written": [
            {"src": src, "dst": dst, "protocol": protocol, "unit": unit, "area": area, "object": object_, "ranges": [list(pair) for pair in ranges]}
            for (src, dst, protocol, unit, area, object_), ranges in sorted(baseline.written.items())
        ],
        "services": [
            {"client": client, "server": server, "transport": transport, "port": port}
            for client, server, transport, port in sorted(baseline.services)
        ],
    }
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


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
    if document.get("version") != VERSION:
        raise ConfigErrors([ConfigError(f"is a baseline of version {document.get('version')}; this otwatch reads {VERSION}", path=str(path))])
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
    for entry in document["written"]:
        place = str(entry["src"]), str(entry["dst"]), str(entry["protocol"]), int(entry["unit"]), int(entry["area"]), int(entry["object"])
        baseline.written[place] = [(int(low), int(high)) for low, high in entry["ranges"]]
    for entry in document.get("services", ()):  # older baselines have none
        baseline.services.add((str(entry["client"]), str(entry["server"]), str(entry["transport"]), int(entry["port"])))
    return baseline
