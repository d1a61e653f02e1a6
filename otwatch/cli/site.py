"""otwatch site: what the people of the plant say about it."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import click

from otwatch.cli.failing import one_line_errors
from otwatch.cli.options import FILE


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
@click.argument("site_file", type=FILE, metavar="FILE")
def check(site_file: str) -> None:
    """Check a site file: every mistake with file, line and column."""
    with one_line_errors():
        from otwatch.site.load import load_site

        empty = load_site(Path(site_file)).is_empty
        click.echo(f"{site_file}: no mistakes" + ("; nothing is active in it: its entries are comments, or there are none." if empty else "."))
