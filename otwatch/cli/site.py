"""otwatch site: what the people of the plant say about it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from otwatch.cli.failing import complain, one_line_errors
from otwatch.cli.options import FILE, MERGE_AND_JOBS, add_options

if TYPE_CHECKING:
    from otwatch.capture.report import CaptureReport

_NAMED: Final = 8  # captures that a draft names


@click.group()
def site() -> None:
    """The site file: zones, allowed writers, engineering hosts, jump hosts, maintenance tickets."""


@site.command()
@click.option("--output", default="site.yaml", show_default=True, type=FILE, metavar="FILE", help="The file to write.")
def init(output: str) -> None:
    """Write a commented site file to fill in."""
    with one_line_errors():
        from otwatch.errors import CaptureError

        if Path(output).exists():
            raise CaptureError(f"{output}: exists already: name another with --output")
        try:
            Path(output).write_text((files("otwatch.site") / "template.yaml").read_text(encoding="utf-8"), encoding="utf-8")
        except OSError as error:
            raise CaptureError(f"{output}: cannot be written: {error.strerror}") from error
        click.echo(f"{output} written: its examples are comments: fill in your zones and writers, then: otwatch site check {output}")


@site.command()
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...")
@click.option("--output", default="site.yaml", show_default=True, type=FILE, metavar="FILE", help="The file to write.")
@add_options(MERGE_AND_JOBS)
def draft(captures: tuple[str, ...], output: str, merge: bool, jobs: int) -> None:
    """Propose zones, assets, writers, engineering hosts and conduits from captures.

    Every line is a comment, with the observation behind it: nothing is active until a person takes the # away.

    \b
    Example:
      otwatch site draft monday.pcap --output site.yaml
    """
    with one_line_errors():
        from otwatch.cli.running import observed_recordings, policy_from
        from otwatch.cli.writing import check_output, numbered
        from otwatch.errors import CaptureError
        from otwatch.outputs.site_draft import site_draft

        if Path(output).exists():
            raise CaptureError(f"{output}: exists already: name another with --output")
        check_output(output, captures)
        policy = policy_from({"rule_paths": (), "site": None, "baseline": None, "learn_until": None})
        unreadable, number = [], 0
        for one in observed_recordings(captures, policy, merge=merge, jobs=jobs):
            unreadable += one.result.unreadable
            if not one.result.packets:
                continue
            number += 1
            place = Path(numbered(output, number))
            if place.exists():
                raise CaptureError(f"{place}: exists already: name another with --output")
            place.write_text(site_draft(one.result, _names(one.result.captures)), encoding="utf-8")
            click.echo(f"{place} written: every line is a proposal and inactive; take the # off what you confirm, then: otwatch site check {place}")
        if not number:
            raise CaptureError("; ".join(unreadable) or f"{', '.join(captures)}: no packets, so there is nothing to propose")
        for message in unreadable:
            complain(message)
        if number > 1:
            complain(f"{number} recordings share neither hosts nor time: a file for each (--merge: all of one plant)")


def _names(captures: Sequence[CaptureReport]) -> list[str]:
    more = len(captures) - _NAMED
    return [*(capture.path for capture in captures[:_NAMED]), *([f"and {more:,} more"] if more > 0 else [])]


@site.command()
@click.argument("site_file", type=FILE, metavar="FILE")
def check(site_file: str) -> None:
    """Check a site file: every mistake with file, line and column."""
    with one_line_errors():
        from otwatch.site.load import load_site

        empty = load_site(Path(site_file)).is_empty
        click.echo(f"{site_file}: no mistakes" + ("; nothing is active in it: its entries are comments, or there are none." if empty else "."))
