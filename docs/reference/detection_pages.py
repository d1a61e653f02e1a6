"""The page of the detection catalogue: every row, and the rules that detect it or the reason why none does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from otwatch.documents import read_document
from otwatch.engine.detector import rules_of
from otwatch.markdown import table
from otwatch.sensor.health import CONDITIONS

NOTE = "<!-- Written by docs/reference/generate.py: do not edit. -->\n"
CATALOGUE = Path(__file__).parent / "catalogue.yaml"


def sections() -> list[dict[str, Any]]:
    """The catalogue as it is written: sections with their rows (id, name, and by, note or reason)."""
    plain: list[dict[str, Any]] = read_document(CATALOGUE).plain()
    return plain


def detected_by() -> dict[str, list[str]]:
    """Row -> the ids of the rules and the conditions of the sensor that detect it."""
    found: dict[str, list[str]] = {}
    for rule in rules_of():
        for row in rule.catalogue:
            found.setdefault(row, []).append(rule.id)
    for section in sections():
        for row in section["rows"]:
            for name in row.get("by", ()):
                if name.removeprefix("sensor.") not in CONDITIONS:
                    raise ValueError(f"{row['id']}: the sensor has no {name}")
                found.setdefault(row["id"], []).append(name)
    return found


def page() -> str:
    """detections.md."""
    known, found = sections(), detected_by()
    known_rows = [row for section in known for row in section["rows"]]
    covered = sum(row["id"] in found for row in known_rows)
    parts = [
        "# What is looked for, and what is not\n",
        NOTE,
        "The rows of the detection catalogue for the protocols that are decoded, the network and the sensor: "
        f"{covered} of {len(known_rows)} are detected "
        "by at least one rule, the others say why not. Rows of protocols that otwatch does not decode "
        "(GOOSE, FINS, SRTP and others) are not listed: none of them is covered, except by rules that look at connections only.\n",
    ]
    for section in known:
        parts.append(f"## {section['section']}\n")
        rows = [(row["id"], row["name"], _by(row, found.get(row["id"], []))) for row in section["rows"]]
        parts.append(table(("row", "what", "detected by"), *rows))
    return "\n".join(parts)


def _by(row: dict[str, Any], by: list[str]) -> str:
    if not by:
        return f"**not detected:** {row['reason']}"
    return ", ".join(map(_link, by)) + (f": {row['note']}" if "note" in row else "")


def _link(name: str) -> str:
    place = "sensor-health.md" if name.removeprefix("sensor.") in CONDITIONS else f"rules.md#{name.replace('.', '')}"
    return f"[`{name}`]({place})"
