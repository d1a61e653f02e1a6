"""The documentation is true: its pages are fresh, its commands run and end as they say."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.calling import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#: ]+)(?:#[^)]*)?\)")
_EXIT = re.compile(r"exit(?:s with)?(?: code)? (\d)")


def commands(page: Path) -> list[str]:
    """Every quoted command of a page that reads captures of ours, in order."""
    found = []
    for language, block in _BLOCK.findall(page.read_text(encoding="utf-8")):
        if language not in ("", "console", "sh", "bash"):
            continue
        for line in block.replace("\\\n", " ").splitlines():
            text = line.strip().removeprefix("$ ")
            if text.startswith("otwatch ") and "pcaps/" in text:
                found.append(text)
    return found


@pytest.mark.parametrize("script", ["generate.py", "declare_tables.py"])
def test_what_is_written_from_the_code_is_fresh(script: str) -> None:
    command = [sys.executable, str(ROOT / "docs" / "reference" / script), "--check"]
    told = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert told.returncode == 0, told.stderr


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: str(page.relative_to(ROOT)))
def test_quoted_commands_end_as_they_say(page: Path, tmp_path: Path) -> None:
    """All of a page, in order, in a folder of its own beside `pcaps` and `rules`; what stands behind `#` may name the exit code."""
    (tmp_path / "pcaps").symlink_to(ROOT / "pcaps")
    (tmp_path / "rules").symlink_to(ROOT / "rules")
    for text in commands(page):
        command, _, remark = text.partition(" #")
        said = _EXIT.search(remark)
        words = shlex.split(command.partition(" | ")[0].partition(" > ")[0])
        told = subprocess.run([sys.executable, "-m", "otwatch", *words[1:]], capture_output=True, text=True, check=False, cwd=tmp_path)
        assert told.returncode == (int(said[1]) if said else 0), f"{text}\n{told.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = _LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_readme_shows_both_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in text
    assert "make test" in text
