"""The check of words finds a phrase in a page, a rule and a message, and leaves names and docstrings alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs import words


@pytest.mark.parametrize(
    ("name", "text", "count"),
    [
        ("page.md", "The attack was told at once.\n", 1),
        ("rule.yaml", "why: a stranger wrote\n", 1),
        ("rule.yaml", "capture: modbus-write-stranger.pcap\n", 0),
        ("module.py", '"""It was told."""\ntold = "what was told"\nmessage = f"{told}: passed over"\n', 2),
        ("page.md", "The attack was reported at once.\n", 0),
    ],
)
def test_phrases(name: str, text: str, count: int, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    found = [place for place in words.texts(tmp_path / name) if any(pattern.search(place[1]) for pattern, _ in words._PATTERNS)]
    assert len(found) == count


def test_what_people_read_is_clean() -> None:
    assert words.found() == []
