"""The lines of the map: from symbol to symbol, in integers, those of one pair beside each other."""

from __future__ import annotations

import math
from typing import Final

from otwatch.outputs.map.layout import SLOT_HEIGHT, Box

ICON: Final = 26  # from the top of a spot to the middle of its symbol
CARD_ICON: Final = 60  # the same of a symbol that stands for many
_RADIUS: Final = 22  # free around the middle of a symbol
_BESIDE: Final = 12  # between lines of one pair


def centre(spot: Box) -> tuple[int, int]:
    """The middle of the symbol in a spot."""
    return spot.x + spot.width // 2, spot.y + (CARD_ICON if spot.height > SLOT_HEIGHT else ICON)


def path(source: Box, target: Box, beside: int) -> str:
    """A curve of SVG. `beside`: 0 the first line of the pair, 1 the second, and so on."""
    (x1, y1), (x2, y2) = centre(source), centre(target)
    dx, dy = x2 - x1, y2 - y1
    length = math.isqrt(dx * dx + dy * dy)
    radius, end_radius = (_RADIUS * (2 if spot.height > SLOT_HEIGHT else 1) for spot in (source, target))
    if length <= radius + end_radius:
        return f"M{x1} {y1 - radius}h1"
    bulge = (length // 7 if abs(dy) < _RADIUS else length // 18) + beside * _BESIDE
    bend_x, bend_y = (x1 + x2) // 2 + dy * bulge // length, (y1 + y2) // 2 - dx * bulge // length
    start = _towards(x1, y1, bend_x, bend_y, radius)
    end = _towards(x2, y2, bend_x, bend_y, end_radius + 2)
    return f"M{start[0]} {start[1]}Q{bend_x} {bend_y} {end[0]} {end[1]}"


def _towards(x: int, y: int, to_x: int, to_y: int, distance: int) -> tuple[int, int]:
    dx, dy = to_x - x, to_y - y
    length = max(math.isqrt(dx * dx + dy * dy), 1)
    return x + dx * distance // length, y + dy * distance // length


def width(packets: int) -> int:
    """In tenths of a pixel: 1 + 1.2 times the decimal logarithm."""
    return 10 + round(12 * math.log10(max(packets, 1)))
