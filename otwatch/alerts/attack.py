"""MITRE ATT&CK for ICS: techniques by id, the ids of version 18 beside those of version 19, and the Navigator layer.

Derived from ATT&CK for ICS. (c) The MITRE Corporation. This work is reproduced and distributed with the permission of The MITRE Corporation.
ATT&CK is a registered trademark of The MITRE Corporation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from otwatch.alerts.attack_table import FORMER, TABLE, VERSION

_LAYER_VERSION: Final = "4.5"
_NAVIGATOR_VERSION: Final = "5.1.0"


@dataclass(frozen=True, slots=True)
class Technique:
    """One technique or sub-technique of the current version."""

    id: str
    name: str  # of a sub-technique with its parent: `Unauthorized Message: Command Message`
    tactics: tuple[str, ...]
    former: str = ""  # its id in version 18, where it was another

    @property
    def url(self) -> str:
        """Its page."""
        return f"https://attack.mitre.org/techniques/{self.id.replace('.', '/')}/"


_FORMER_OF: Final = {current_id: former for former, (current_id, _) in FORMER.items()}
TECHNIQUES: Final[dict[str, Technique]] = {number: Technique(number, name, tactics, _FORMER_OF.get(number, "")) for number, name, tactics in TABLE}


def current(number: str) -> str:
    """The id of today for an id of version 18 or 19: T0855 is T1692.001; an unknown id stays as it is."""
    return FORMER[number][0] if number in FORMER else number


def former(number: str) -> str:
    """The id of version 18 of a current technique: T1692.001 was T0855; the same id where it did not change."""
    return _FORMER_OF.get(number, number)


def technique_text(number: str) -> str:
    """`T1692.001 Unauthorized Message: Command Message`; the bare id when it is not in the table."""
    known = TECHNIQUES.get(current(number))
    return f"{known.id} {known.name}" if known else number


def navigator_layer(name: str, description: str, scores: Mapping[str, int], comments: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """A layer for the ATT&CK Navigator (layer format 4.5): score and comment of each technique, by current id."""
    highest = max(scores.values(), default=0)
    return {
        "name": name,
        "versions": {"attack": VERSION.partition(".")[0], "navigator": _NAVIGATOR_VERSION, "layer": _LAYER_VERSION},
        "domain": "ics-attack",
        "description": description,
        "sorting": 3,  # by score, highest first
        "layout": {"layout": "side", "showID": True, "showName": True, "expandedSubtechniques": "annotated"},
        "techniques": [
            {
                "techniqueID": number,
                "score": score,
                "comment": "\n".join(comments.get(number, ())),
                "enabled": True,
                "showSubtechniques": "." in number,
                "metadata": [{"name": "ATT&CK v18 id", "value": former(number)}] if former(number) != number else [],
            }
            for number, score in sorted(scores.items())
        ],
        "gradient": {"colors": ["#ffe0a0", "#ff6666"], "minValue": 0, "maxValue": max(highest, 1)},
        "legendItems": [],
    }
