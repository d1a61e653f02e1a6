"""Where the symbols of the map stand: a zone is a column, a Purdue level is a row. Integers only, no force, no chance.

A symbol's place depends on its zone, level and order alone. A new host widens or heightens its own cell; every other column keeps its inner order and
moves, if at all, as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

SLOT_WIDTH: Final = 124
SLOT_HEIGHT: Final = 88
CARD: Final = 2  # slots, in both directions, of a symbol that stands for many
ACROSS: Final = 8  # slots side by side in one cell; then a new line begins
MARGIN: Final = 132  # left of the columns: names of the levels
GAP: Final = 28  # between columns
TITLE: Final = 30  # above the symbols of a cell: the name of the zone
PADDING: Final = 10
_RATIO: Final = 2  # a drawing wider than this gets a second bank

LEVELS: Final = (5.0, 4.0, 3.5, 3.0, 2.0, 1.0, 0.0, None)
LEVEL_TITLES: Final = {
    5.0: "5 internet",
    4.0: "4 enterprise IT",
    3.5: "3.5 DMZ, routers",
    3.0: "3 operations",
    2.0: "2 supervision",
    1.0: "1 control",
    0.0: "0 field",
    None: "level not known",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """What is to be placed: `order` decides within a cell, `key` names it and is unique."""

    key: str
    zone: str
    level: float | None
    order: tuple[int, str] = (0, "")
    card: bool = False  # stands for many


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle of the drawing."""

    x: int
    y: int
    width: int
    height: int
    text: str = ""

    @property
    def middle(self) -> tuple[int, int]:
        """Its centre."""
        return self.x + self.width // 2, self.y + self.height // 2

    def overlaps(self, other: Box) -> bool:
        """Whether they share an area."""
        return self.x < other.x + other.width and other.x < self.x + self.width and self.y < other.y + other.height and other.y < self.y + self.height


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The places."""

    width: int
    height: int
    spots: dict[str, Box]
    zones: tuple[Box, ...]
    bands: tuple[Box, ...]  # one per level and bank


@dataclass(slots=True)
class _Column:
    zone: str
    cells: dict[float | None, list[tuple[Symbol, int, int]]]  # slot across, slot down
    across: int
    down: dict[float | None, int]

    @property
    def width(self) -> int:
        return self.across * SLOT_WIDTH + 2 * PADDING


def layout(symbols: Iterable[Symbol]) -> Layout:
    """Places all symbols. Keys must differ; the order of the input does not matter."""
    by_zone: dict[str, list[Symbol]] = {}
    for symbol in sorted(symbols, key=lambda one: (one.order, one.key)):
        by_zone.setdefault(symbol.zone, []).append(symbol)
    columns = [_column(zone, members) for zone, members in sorted(by_zone.items(), key=_from_it_to_cells)]
    banks = _banks(columns)
    return _drawn(banks)


def _from_it_to_cells(item: tuple[str, list[Symbol]]) -> tuple[float, str]:
    zone, members = item
    return -max(-1.0 if one.level is None else one.level for one in members), zone


def _column(zone: str, members: Sequence[Symbol]) -> _Column:
    cells: dict[float | None, list[tuple[Symbol, int, int]]] = {}
    down: dict[float | None, int] = {}
    across = 1
    for level in LEVELS:
        here = [one for one in members if one.level == level]
        if not here:
            continue
        placed: list[tuple[Symbol, int, int]] = []
        rows = 0
        for size, of_size in ((CARD, [one for one in here if one.card]), (1, [one for one in here if not one.card])):
            in_line = ACROSS // size
            for number, symbol in enumerate(of_size):
                placed.append((symbol, number % in_line * size, rows + number // in_line * size))
            rows += -(-len(of_size) // in_line) * size
            across = max(across, min(len(of_size), in_line) * size)
        cells[level] = placed
        down[level] = rows
    return _Column(zone, cells, max(across, CARD), down)


def _banks(columns: Sequence[_Column]) -> list[list[_Column]]:
    """The columns in as few banks, one below the other, as give a drawing of about 2:1."""
    total = sum(column.width + GAP for column in columns)
    count = 1
    while count <= len(columns):
        banks = _split(columns, -(-total // count))
        width, height = max(map(_width, banks)), sum(map(_height, banks))
        if width <= _RATIO * height:
            return banks
        count = max(count + 1, count * 5 // 4)  # few tries, also where forged addresses give thousands of columns
    return [[column] for column in columns]


def _split(columns: Sequence[_Column], width: int) -> list[list[_Column]]:
    banks: list[list[_Column]] = [[]]
    filled = 0
    for column in columns:
        if banks[-1] and filled + column.width > width:
            banks.append([])
            filled = 0
        banks[-1].append(column)
        filled += column.width + GAP
    return banks


def _width(bank: Sequence[_Column]) -> int:
    return MARGIN + sum(column.width + GAP for column in bank)


def _rows(bank: Sequence[_Column]) -> dict[float | None, int]:
    """Height of each level that a bank has."""
    rows = {}
    for level in LEVELS:
        down = max((column.down.get(level, 0) for column in bank), default=0)
        if down:
            rows[level] = down * SLOT_HEIGHT + TITLE + PADDING
    return rows


def _height(bank: Sequence[_Column]) -> int:
    return sum(_rows(bank).values()) + GAP


def _drawn(banks: Sequence[Sequence[_Column]]) -> Layout:
    width = max((_width(bank) for bank in banks), default=MARGIN)
    spots: dict[str, Box] = {}
    zones, bands = [], []
    top = 0
    for bank in banks:
        tops = {}
        below = top
        for level, height in _rows(bank).items():
            tops[level] = below
            bands.append(Box(x=0, y=below, width=width, height=height, text=LEVEL_TITLES[level]))
            below += height
        left = MARGIN
        for column in bank:
            edges = [tops[level] for level in column.cells], [tops[level] + TITLE + column.down[level] * SLOT_HEIGHT for level in column.cells]
            zones.append(Box(x=left, y=min(edges[0]) + 4, width=column.width, height=max(edges[1]) - min(edges[0]), text=column.zone))
            for level, placed in column.cells.items():
                for symbol, across, down in placed:
                    size = CARD if symbol.card else 1
                    spots[symbol.key] = Box(
                        x=left + PADDING + across * SLOT_WIDTH,
                        y=tops[level] + TITLE + down * SLOT_HEIGHT,
                        width=size * SLOT_WIDTH,
                        height=size * SLOT_HEIGHT,
                    )
            left += column.width + GAP
        top = below + GAP
    return Layout(width=width, height=max(top - GAP, 0), spots=spots, zones=tuple(zones), bands=tuple(bands))
