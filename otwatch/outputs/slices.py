"""Evidence of one incident as a folder that can be handed on: packets, records, rows, and a manifest with the hash of everything."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import otwatch
from otwatch.alerts.alert import Alert
from otwatch.alerts.incidents import Incident
from otwatch.outputs.alert_records import alert_record, incident_record
from otwatch.outputs.json_text import json_text

PACKETS: Final = "packets.pcapng"
RECORDS: Final = "incident.jsonl"
OPERATIONS: Final = "operations.jsonl"
MANIFEST: Final = "manifest.json"


def name_of(incident: str) -> str:
    """An incident as people see it."""
    return f"INC-{incident[:8]}"


def addresses_of(incident: Incident) -> set[str]:
    """All hosts of an incident."""
    return {party.address for party in (*incident.path, *incident.targets)} | set(incident.sources)


def frames_of(incident: Incident, alerts: Iterable[Alert]) -> dict[str, set[int]]:
    """The frames that its alerts name, by file."""
    found: dict[str, set[int]] = {}
    for alert in alerts:
        if alert.id in incident.alerts:
            hops = (hop.frame for hop in alert.evidence.chain if hop.frame is not None)
            found.setdefault(alert.file, set()).update(alert.frames, *(burst.frames for burst in alert.bursts), hops)
    for step in incident.steps:
        found.setdefault(incident.lead.file, set()).update(step.frames)
    return found


def records_of(incident: Incident, alerts: Iterable[Alert]) -> list[dict[str, Any]]:
    """The incident, then its alerts, as public records."""
    return [incident_record(incident), *(alert_record(alert) for alert in alerts if alert.id in incident.alerts)]


def write_records(folder: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """incident.jsonl."""
    (folder / RECORDS).write_text("".join(json_text(dict(record)) + "\n" for record in records), encoding="utf-8")


def write_manifest(folder: Path, said: Mapping[str, Any], inputs: Mapping[str, Sequence[str | Path]]) -> None:
    """manifest.json: what the slice is, of what it was made (`inputs`: kind -> files, hashed), and the hash of every other file of the folder."""
    manifest = {
        "otwatch": otwatch.__version__,
        **said,
        "inputs": {kind: [_hashed(Path(path)) for path in paths] for kind, paths in inputs.items() if paths},
        "files": {path.name: sha256(path) for path in sorted(folder.iterdir()) if path.name != MANIFEST},
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def _hashed(path: Path) -> dict[str, Any]:
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": sha256(path)} if path.is_file() else {"name": path.name}


def sha256(path: Path) -> str:
    """In hexadecimal; in constant memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
