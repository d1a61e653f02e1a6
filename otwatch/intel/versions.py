"""Versions and ranges of versions as advisories write them. What is not understood is said to be so, never guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_VERSION: Final = r"[vV]?\.?\s?(\d+(?:\.\d+)*)(?:\s*(?:SP|Service Pack)\s*(\d+))?(?:\s*(?:Upd(?:ate)?|HF|Hotfix|Patch)\s*(\d+))?"
_WHOLE: Final = re.compile(rf"{_VERSION}", re.IGNORECASE)
_BOUND: Final = re.compile(rf"(<=|>=|<|>|=|≤|≥)\s*(?:versions?\s*)?({_VERSION})", re.IGNORECASE)
_BEFORE: Final = re.compile(
    rf"(?:all\s+)?(?:versions?\s+|firmware\s+)*(?:prior\s+to|before|earlier\s+than)\s+(?:versions?\s+)?({_VERSION})", re.IGNORECASE
)
_UNTIL: Final = re.compile(rf"(?:all\s+)?(?:versions?\s+)*({_VERSION})\s+(?:and|or)\s+(?:prior|earlier|below|older)(?:\s+versions?)?", re.IGNORECASE)
_SPAN: Final = re.compile(rf"({_VERSION})\s*\((including|excluding)\)\s*(?:to|-|through)?\s*({_VERSION})\s*\((including|excluding)\)", re.IGNORECASE)
_BETWEEN: Final = re.compile(r"[\s|,;&]|all versions|versions?|and", re.IGNORECASE)
_SIGNS: Final = {"≤": "<=", "≥": ">="}


@dataclass(frozen=True, slots=True)
class Version:
    """Numbers, then service pack and update; -1 where none is written."""

    numbers: tuple[int, ...]
    pack: int = -1
    update: int = -1

    def against(self, other: Version) -> int | None:
        """-1, 0 or 1; None where this one is written less precisely than the other, and agrees as far as it goes."""
        common = min(len(self.numbers), len(other.numbers))
        if self.numbers[:common] != other.numbers[:common]:
            return -1 if self.numbers[:common] < other.numbers[:common] else 1
        if any(other.numbers[common:]):
            return None  # V4.2 against V4.2.3: which V4.2 it is, is not said
        if any(self.numbers[common:]):
            return 1
        for mine, its in ((self.pack, other.pack), (self.update, other.update)):
            if mine != its:
                if mine < 0:
                    return None
                return -1 if mine < its else 1
        return 0


def version_of(text: str) -> Version | None:
    """A version that is written as numbers, with a V, a service pack or an update; None for letters, dates with words, wildcards."""
    found = _WHOLE.fullmatch(text.strip())
    return _made(found.groups()) if found else None


def _made(groups: tuple[str | None, ...]) -> Version:
    numbers, pack, update = groups
    return Version(tuple(map(int, (numbers or "0").split("."))), int(pack or -1), int(update or -1))


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds that all hold: (sign, version). None at all: every version."""

    bounds: tuple[tuple[str, Version], ...]

    def holds(self, version: Version) -> bool | None:
        """Whether a version is inside; None where it cannot be told."""
        doubt = False
        for sign, bound in self.bounds:
            order = version.against(bound)
            if order is None:
                doubt = True
            elif not {"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0, "=": order == 0}[sign]:
                return False
        return None if doubt else True

    @property
    def only_upper(self) -> Version | None:
        """The bound of a range that is nothing but "below"."""
        return self.bounds[0][1] if len(self.bounds) == 1 and self.bounds[0][0] in ("<", "<=") else None


def range_of(text: str) -> Range | None:
    """A range as advisories write it: `vers:` with bounds, comparisons, "prior to", "and earlier", one version. None where it is not understood.

    `vers:all/*` and "All versions" are every version; `vers:all/<V3.2` is a range like any other.
    """
    words = re.sub(r"^vers:[^/]*/", "", text.strip())
    if words == "*" or words.lower() in ("all", "all versions", "all version"):
        return Range(())
    if version := version_of(words):
        return Range((("=", version),))
    if found := _SPAN.fullmatch(words):
        _, *first, low, _, second, third, fourth, high = found.groups()
        signs = (">=" if low.lower() == "including" else ">", "<=" if high.lower() == "including" else "<")
        return Range(((signs[0], _made(tuple(first))), (signs[1], _made((second, third, fourth)))))
    if found := _BEFORE.fullmatch(words):
        return Range((("<", _made(found.groups()[1:])),))
    if found := _UNTIL.fullmatch(words):
        return Range((("<=", _made(found.groups()[1:])),))
    bounds = tuple((_SIGNS.get(found[1], found[1]), _made(found.groups()[2:])) for found in _BOUND.finditer(words))
    rest = _BETWEEN.sub("", _BOUND.sub("", words))
    return Range(bounds) if bounds and not rest else None
