"""Text from the wire on its way out."""

from __future__ import annotations

import csv
import io
import unicodedata

import pytest

from otwatch.outputs.escape import cell, one_line


@pytest.mark.parametrize(("text", "escaped"), [
    ("\x1b[2J", "\\x1b[2J"),
    ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
    ("\x9b31m", "\\x9b31m"),  # CSI as one C1 character
    ("a\r\nb\tc", "a\\x0d\\x0ab\\x09c"),
    ("a\u2028b\u2029c\x85d", "a\\u2028b\\u2029c\\x85d"),
    ("\u202egnp.exe", "\\u202egnp.exe"),  # shown from right to left
    ("\u2066x\u2069", "\\u2066x\\u2069"),
    ("\u061cx\u200b\u2060", "\\u061cx\\u200b\\u2060"),
    ("\ud800", "\\ud800"),
    ("\x00\x7f", "\\x00\\x7f"),
    ("Pumpe Süd 水", "Pumpe Süd 水"),
    ("", ""),
])
def test_active_characters_become_visible(text: str, escaped: str) -> None:
    assert one_line(text) == escaped


def test_no_character_that_acts_is_left() -> None:
    """Every code point: controls, formats that order or hide text, separators of lines, and halves of pairs."""
    everything = "".join(map(chr, range(0x110000)))
    left = {character for character in one_line(everything) if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp", "Cf")}
    assert left == set()


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0"])
def test_a_formula_is_text(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["\t=1+1", "\r=1+1", " =1+1", "\u00a0=1+1"])
def test_a_formula_behind_blanks_is_text(text: str) -> None:
    assert str(cell(text)).lstrip(" \u00a0")[0] in "'\\"


@pytest.mark.parametrize("value", [0, -5, 1.5, True, None])
def test_numbers_stay_numbers(value: object) -> None:
    assert cell(value) is value


def test_ordinary_text_stays() -> None:
    assert cell("10.0.0.1") == "10.0.0.1"


def test_a_line_break_does_not_make_a_row() -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([cell("a\nb\rc"), cell('"x"')])
    assert out.getvalue().count("\n") == 1
    assert next(csv.reader(io.StringIO(out.getvalue()))) == ["a\\x0ab\\x0dc", '"x"']
