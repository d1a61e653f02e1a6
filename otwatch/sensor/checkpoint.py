"""The sensor's state in one file, so that a restart or a `kill -9` forgets at most what came since the last checkpoint.

A .npz archive without pickles: addresses, behaviours, hosts and conversations as arrays; facts, ARP bindings, what the rules remember (open windows,
half-done sequences, running incidents) and what was reported as JSON. Written whole or not at all. What it does not hold: the inside of connections
(bytes of unfinished messages, requests that wait for their answer), which a dead process has missed anyway.
"""

from __future__ import annotations

import json
import os
import struct
import tokenize
import zipfile
import zlib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

import numpy as np

from otwatch.actions import Role
from otwatch.engine.analysis import Analysis
from otwatch.engine.pipeline import Pipeline
from otwatch.engine.summary import AnomalyCount
from otwatch.errors import ConfigError
from otwatch.inventory.asset import KnownFact
from otwatch.inventory.inventory import Inventory
from otwatch.names import NAMES
from otwatch.tables import Operations

VERSION: Final = 3
_FOUND_BY: Final = (
    "source",
    "destination",
    "protocol",
    "role",
    "function",
    "subfunction",
    "action",
    "unit",
    "area",
    "object",
    "start",
    "count",
    "status",
)
_COUNTED: Final = ("messages", "first_ns", "second_ns", "third_ns", "last_ns", "first_frame", "last_frame")


# What reading a file that is not what it should be can raise.
_DAMAGE: Final = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    OverflowError,
    EOFError,
    RuntimeError,  # recursion, an archive that says it is encrypted or packed in an unknown way
    MemoryError,
    SyntaxError,
    struct.error,
    tokenize.TokenError,  # of NumPy's headers
    zipfile.BadZipFile,
    zlib.error,
)
_FACT: Final = tuple(item.name for item in fields(KnownFact))


@dataclass(slots=True, kw_only=True)
class Memory:
    """What the sensor itself remembers."""

    # alert id -> count, severity, outcome and number of alerts folded into it when it was last reported
    reported: dict[str, tuple[int, int, str, int]] = field(default_factory=dict)
    operations: int = 0
    started_ns: int = 0  # first start of the sensor: learning counts from here


def save_checkpoint(path: Path, analysis: Analysis, inventory: Inventory, memory: Memory, rules: dict[str, Any] | None) -> None:
    """Writes the file whole or not at all; OSError when the disk does not take it. `inventory` holds the open flows, too; `rules` is their state."""
    pipeline, summary = analysis.pipeline, analysis.summary
    behaviours = pipeline.behaviour_index.behaviours
    document = {
        "version": VERSION,
        "now_ns": pipeline.now_ns,
        "memory": asdict(memory),
        "protocols": [spec.name for spec in pipeline.protocols],
        "bindings": [
            [[address, *owner] for address, owner in pipeline.bindings.owners.items()],
            list(pipeline.bindings.first_ip.items()),
        ],
        "cards": pipeline.streams.cards.state(),
        "rules": rules,
        "names": NAMES.known(),
        "facts": [[*key, _row(fact, _FACT)] for key, fact in inventory.facts.items()],
        "summary": {
            "packets": summary.packets,
            "wire_bytes": summary.wire_bytes,
            "first_ns": summary.first_ns,
            "last_ns": summary.last_ns,
            "anomalies": [[*key, asdict(count)] for key, count in summary.anomalies.items()],
        },
    }
    arrays: dict[str, Any] = {name: behaviours.array(name) for name in (*_FOUND_BY, *_COUNTED)}
    arrays |= inventory.hosts.arrays()
    arrays |= {f"addresses.{name}": column for name, column in pipeline.addresses.arrays().items()}
    arrays["document"] = np.frombuffer(json.dumps(document, default=int).encode(), np.uint8)
    scratch = path.with_name(path.name + ".new")
    try:
        with scratch.open("wb") as out:
            np.savez(out, **arrays)
            out.flush()
            os.fsync(out.fileno())
        scratch.replace(path)
    except OSError:
        scratch.unlink(missing_ok=True)
        raise


def restore_checkpoint(path: Path, analysis: Analysis) -> tuple[Memory, dict[str, Any] | None] | None:
    """Fills a fresh analysis and gives what else is in the file: the sensor's memory and the state of the rules. None when there is no checkpoint.

    ConfigError when it cannot be read: the analysis must then not be used.
    """
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as archive:
            return _restored(path, {name: archive[name] for name in archive.files}, analysis)
    except ConfigError:
        raise
    except _DAMAGE as error:
        raise ConfigError(f"a damaged checkpoint: {type(error).__name__} {error}", path=str(path)) from error


def _restored(path: Path, arrays: dict[str, Any], analysis: Analysis) -> tuple[Memory, dict[str, Any] | None]:
    document = json.loads(arrays["document"].tobytes())
    _check_kinship(document, analysis, path)
    for name in document.get("names", ()):  # their numbers are made of them
        NAMES.number_of(str(name))
    _restore_tables(analysis.pipeline, arrays)
    analysis.inventory.hosts.restore(arrays, analysis.pipeline.addresses.rows)
    for address, child, kind, value, stored in document["facts"]:
        analysis.inventory.remember((int(address), str(child), str(kind), str(value)), KnownFact(**_fields(stored, _FACT)))
    analysis.pipeline.now_ns = int(document["now_ns"])
    summary, stored = analysis.summary, document["summary"]
    summary.packets, summary.wire_bytes = int(stored["packets"]), int(stored["wire_bytes"])
    summary.first_ns, summary.last_ns = stored["first_ns"], stored["last_ns"]
    summary.anomalies = {(layer, kind): AnomalyCount(**count) for layer, kind, count in stored["anomalies"]}
    owners, first_ip = document["bindings"]
    analysis.pipeline.bindings.owners = {int(address): (int(mac), int(last)) for address, mac, last in owners}
    analysis.pipeline.bindings.first_ip = {int(mac): int(address) for mac, address in first_ip}
    analysis.pipeline.streams.cards.resume(document.get("cards", [[], []]))  # an older checkpoint has none
    memory, rules = document["memory"], document["rules"]
    if rules is not None and not isinstance(rules, dict):
        raise ValueError("no state of rules")
    analysis.operations = int(memory["operations"])
    kept = Memory(
        reported={
            name: (int(count), int(severity), str(outcome), int(also)) for name, (count, severity, outcome, also) in memory["reported"].items()
        },
        operations=int(memory["operations"]),
        started_ns=int(memory["started_ns"]),
    )
    return kept, rules


def _row(thing: Any, names: tuple[str, ...]) -> list[Any]:
    """The fields of a dataclass, many thousand times a minute: `asdict` takes a hundred times as long."""
    return [getattr(thing, name) for name in names]


def _fields(row: list[Any], names: tuple[str, ...]) -> dict[str, Any]:
    return dict(zip(names, row, strict=True))


def _check_kinship(document: dict[str, Any], analysis: Analysis, path: Path) -> None:
    if document["version"] != VERSION:
        raise ConfigError(f"a checkpoint of version {document['version']}; this otwatch reads {VERSION}", path=str(path))
    if document["protocols"] != [spec.name for spec in analysis.pipeline.protocols]:
        raise ConfigError("a checkpoint of an otwatch with other protocols", path=str(path))


def _restore_tables(pipeline: Pipeline, arrays: dict[str, Any]) -> None:
    pipeline.addresses.restore(**{name: arrays[f"addresses.{name}"] for name in ("high", "low", "ids", "taken")})
    index = pipeline.behaviour_index
    operations = Operations(max(1, len(arrays["source"])))
    for _ in arrays["source"]:
        operations.new_row()
    response = arrays["role"] == int(Role.RESPONSE)
    for name in _FOUND_BY:
        operations.array(name)[:] = arrays[name]
    operations.array("direction")[:] = arrays["role"]  # as the index expects it of who acts
    operations.array("source")[:] = np.where(response, arrays["destination"], arrays["source"])
    operations.array("destination")[:] = np.where(response, arrays["source"], arrays["destination"])
    operations.array("timestamp_ns")[:] = arrays["first_ns"]
    index.feed(operations)
    rows = operations.array("behaviour")
    if rows.tolist() != list(range(len(rows))):
        raise ValueError("a behaviour stands there twice")
    for name in _COUNTED:
        index.behaviours.array(name)[:] = arrays.get(name, arrays["last_ns"])  # a checkpoint of 0.1.0 does not say when a message came again
