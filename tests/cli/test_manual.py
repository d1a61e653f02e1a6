"""Every command has a man page with all that its --help says."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from otwatch.cli import main
from otwatch.cli.manual import pages, write


def tree(command: click.Command, path: tuple[str, ...] = ("otwatch",)) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from tree(found, (*path, name))


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    return dict(pages())


def test_every_command_has_a_page_with_every_option(written: dict[str, str]) -> None:
    known = dict(tree(main))
    assert set(written) == {f"{'-'.join(path)}.1" for path in known}
    assert {"otwatch-lake-verify.1", "otwatch-baseline-learn.1", "otwatch-slice.1"} <= set(written)
    for path, command in known.items():
        page = written[f"{'-'.join(path)}.1"].replace("\\-", "-")
        for option in (one for one in command.params if isinstance(one, click.Option) and not one.hidden):
            assert f"\n\\fB{option.opts[0]}" in page, (path, option.opts)


def test_examples_keep_their_lines(written: dict[str, str]) -> None:
    lines = [line.replace("\\-", "-").replace("\\(aq", "'") for line in written["otwatch-analyze.1"].splitlines()]
    assert "  otwatch analyze captures/ --site site.yaml --baseline plant.json" in lines
    assert lines.count(".nf") == lines.count(".fi") == 1


def test_pages_name_each_other(written: dict[str, str]) -> None:
    for name, text in written.items():
        for other in re.findall(r"\\fB(otwatch[^ ]*?)\\fR\(1\)", text):
            assert f"{other.replace(chr(92), '')}.1" in written, name


@pytest.mark.skipif(shutil.which("groff") is None, reason="pages are rendered by groff")
def test_groff_has_nothing_to_complain_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1795305600")
    assert write(tmp_path) == len(list(tmp_path.iterdir()))
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", *sorted(tmp_path.iterdir())], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "2026-11-22" in done.stdout
