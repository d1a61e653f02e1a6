"""Advisories beside the inventory: what published documents say of the devices that were observed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from otwatch.intel.advisories import Library
from otwatch.intel.matching import Finding, Subject, findings
from otwatch.inventory.asset import Asset, KnownFact
from otwatch.outputs.result import Result


def subjects_of(assets: Iterable[Asset]) -> list[Subject]:
    """Each device as it described itself. The maker of a network card is not the maker of the device."""
    found = []
    for asset in assets:
        found.append(_subject(asset.label, asset.identity, asset.vendor if asset.vendor_source != "oui" else "", frozenset(asset.conflicts)))
        for child in asset.children:
            said = {fact.kind: fact for fact in child.facts}
            if said:
                found.append(_subject(f"{asset.label} {child.name}", said, said["vendor"].value if "vendor" in said else "", frozenset()))
    return found


def _subject(name: str, said: Mapping[str, KnownFact], vendor: str, doubtful: frozenset[str]) -> Subject:
    firmware = said.get("firmware") or said.get("software")
    return Subject(
        id=name,
        vendor=vendor,
        model=said["model"].value if "model" in said else "",
        order_number=said["order_number"].value if "order_number" in said else "",
        firmware=firmware.value if firmware else "",
        where=f"frame {firmware.frame} of {Path(firmware.file).name}" if firmware else "",
        doubtful=doubtful,
    )


def library_line(library: Library, now: str) -> str:
    """What was read, and how old it is at the end of what was observed."""
    from datetime import date  # noqa: PLC0415 - a page of its own

    refused = f", {len(library.refused)} files refused" if library.refused else ""
    age = ""
    with suppress(ValueError):
        age = f", {(date.fromisoformat(now[:10]) - date.fromisoformat(library.newest)).days} days before the end of the capture" if now else ""
    return f"{len(library.advisories)} advisories in {library.read} files{refused}; the newest of {library.newest}{age}"


def findings_of(result: Result, library: Library) -> list[Finding]:
    """What is published about the devices of a result."""
    return findings(subjects_of(result.assets), library)


def advisory_records(result: Result, library: Library | None) -> Iterable[dict[str, Any]]:
    """The same as public records; none without a library."""
    return ({"type": "advisory", **asdict(finding)} for finding in findings_of(result, library)) if library is not None else ()
