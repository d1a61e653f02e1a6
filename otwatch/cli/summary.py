"""otwatch summary: a week of a sensor on a page."""

from __future__ import annotations

import click

from otwatch.cli.failing import one_line_errors
from otwatch.cli.options import FILE


@click.command()
@click.option(
    "--db", "database", type=FILE, default="/var/lib/otwatch/otwatch.sqlite", show_default=True, metavar="FILE", help="The store of the sensor."
)
@click.option("--days", type=click.IntRange(1, 3660), default=7, show_default=True, help="So many days up to --until.")
@click.option("--until", default="", metavar="TIME", help="The end of the period, UTC (2026-12-01T00:00:00); default: now.")
@click.option(
    "--format", "form", type=click.Choice(["text", "mail", "json"]), default="text", show_default=True, help="mail: with a subject, for sendmail."
)
def summary(database: str, days: int, until: str, form: str) -> None:
    """Show a week on a page: incidents, notes, new and silent assets, and what the sensor reported about itself.

    \b
    Examples:
      otwatch summary
      otwatch summary --format mail | sendmail plant@example.org
      otwatch summary | logger --tag otwatch-summary
    """
    with one_line_errors():
        import time
        from dataclasses import asdict
        from pathlib import Path

        from otwatch.engine.detector import utc_ns
        from otwatch.outputs.json_text import json_text
        from otwatch.outputs.period import lines_of, period_of, subject_of
        from otwatch.outputs.store import StoreReader
        from otwatch.outputs.times import time_text

        end_ns = utc_ns(until) if until else time.time_ns()
        period = period_of(StoreReader(Path(database)), time_text(end_ns - days * 86_400_000_000_000), time_text(end_ns))
        if form == "json":
            click.echo(json_text(asdict(period)))
            return
        click.echo(f"Subject: {subject_of(period)}\nContent-Type: text/plain; charset=utf-8\n" if form == "mail" else subject_of(period))
        for line in lines_of(period):
            click.echo(line)
