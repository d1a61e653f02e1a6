"""What a symbol looks like, by role, and how much of a label fits under it. Shapes stand around 0 0 and are some 36 pixels wide."""

from __future__ import annotations

import unicodedata
from typing import Final

SHAPES: Final = {
    "square": "M-16 -14h32v28h-32z",
    "hexagon": "M-18 0l9 -15h18l9 15l-9 15h-18z",
    "octagon": "M-17 -6l10 -9h14l10 9v12l-10 9h-14l-10 -9z",
    "screen": "M-18 -14h36v22h-14v4h6v3h-20v-3h6v-4h-14z",
    "laptop": "M-14 -13h28v18h5l3 8h-44l3 -8h5z",
    "tower": "M-11 -17h22v34h-22z",
    "circle": "M-14 0a14 14 0 1 0 28 0a14 14 0 1 0 -28 0z",
    "diamond": "M0 -17l20 17l-20 17l-20 -17z",
    "triangle": "M0 -16l17 29h-34z",
    "pentagon": "M0 -17l17 12l-6 20h-22l-6 -20z",
}
SHAPE_OF_ROLE: Final = {
    "controller": "square",
    "outstation": "hexagon",
    "gateway": "octagon",
    "ied": "pentagon",
    "sis": "pentagon",
    "drive": "pentagon",
    "hmi": "screen",
    "scada_server": "screen",
    "engineering_station": "laptop",
    "jump_host": "tower",
    "historian": "tower",
    "server": "tower",
    "router": "diamond",
    "firewall": "diamond",
    "switch": "diamond",
    "scanner": "triangle",
}
LEGEND: Final = (
    ("square", "controller"),
    ("hexagon", "outstation (RTU)"),
    ("octagon", "gateway"),
    ("pentagon", "IED, safety system, drive"),
    ("screen", "HMI, SCADA server"),
    ("laptop", "engineering station"),
    ("tower", "server"),
    ("circle", "IT host, host"),
    ("diamond", "router, firewall, switch"),
    ("triangle", "scanner"),
)


def shape(role: str) -> str:
    """The name of the shape of a role."""
    return SHAPE_OF_ROLE.get(role, "circle")


def fitted(text: str, tenths: int) -> str:
    """As much of a text as fits; `tenths` of the width of a lower-case letter. What is cut ends with an ellipsis."""
    used = 0
    for place, character in enumerate(text):
        used += _width(character)
        if used > tenths:
            kept = place
            while kept and used > tenths - 10:
                kept -= 1
                used -= _width(text[kept])
            return text[:kept] + "…"
    return text


def _width(character: str) -> int:
    if unicodedata.east_asian_width(character) in "WF" or ord(character) > 0xFFFF:
        return 21
    if character in "mwMW@%—":
        return 17
    return 13 if character.isupper() or ord(character) > 0x2000 else 11 if character.isdigit() else 6 if character in "iljt.,:;!|' " else 10
