"""otwatch report: the HTML report of what a store or a lake holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from otwatch.cli.failing import complain, one_line_errors
from otwatch.cli.options import FILE

if TYPE_CHECKING:
    from otwatch.outputs.view.stored import Stored


@click.command()
@click.argument("store", type=FILE, metavar="STORE|LAKE")
@click.option("--output", type=FILE, metavar="FILE", required=True, help="The report (*.html); it loads nothing from anywhere.")
@click.option("--since", default="", metavar="TIME", help="Incidents, alerts and conversations at or after this UTC time (2026-11-22T06:00:00).")
@click.option("--until", default="", metavar="TIME", help="With a lake: before this UTC time.")
@click.option("--lake-site", metavar="NAME", help="With a lake of several plants: this one.")
@click.option("--lake-sensor", metavar="NAME", help="With a lake: what this sensor observed only.")
@click.option("--site", type=FILE, metavar="FILE", help="The site file: the name of the plant, and which conduits are allowed.")
def report(store: str, output: str, since: str, until: str, lake_site: str | None, lake_sensor: str | None, site: str | None) -> None:
    """Write the HTML report of a store or a lake.

    STORE is that of a sensor, also while it runs, or of `otwatch analyze --db FILE`. LAKE is a folder of `analyze --lake` or of a sensor: its report
    has commands and requests over time, too, and what its manifest proves of continuous monitoring.

    \b
    Examples:
      otwatch report /var/lib/otwatch/otwatch.sqlite --since 2026-11-23 --output plant.html
      otwatch report found.sqlite --site site.yaml --output plant.html
      otwatch report /var/lib/otwatch/lake --since 2026-11-01 --until 2026-12-01 --output november.html
    """
    with one_line_errors():
        from otwatch.cli.writing import check_output
        from otwatch.errors import CaptureError
        from otwatch.outputs.report.html import write_html
        from otwatch.outputs.story import plural
        from otwatch.outputs.view.stored import stored_view
        from otwatch.site.load import load_site

        check_output(output)
        if Path(output).suffix.lower() not in (".html", ".htm"):
            raise CaptureError(f"{output}: unknown report format: name it *.html")
        known = load_site(Path(site)) if site else None
        if Path(store).is_dir():
            from otwatch.lake.asking import Span
            from otwatch.lake.layout import Lake
            from otwatch.lake.reporting import stored_of

            stored = stored_of(Lake(store), Span(since=since, until=until, site=lake_site, sensor=lake_sensor), known)
        elif until or lake_site or lake_sensor:
            raise CaptureError(f"{store}: --until, --lake-site and --lake-sensor are for the folder of a lake")
        else:
            stored = _of_store(Path(store), since)
        view = stored_view(stored, known)
        write_html(view, Path(output))
    complain(f"{plural(len(view.view.incidents), 'incident')}, {plural(len(view.assets), 'asset')} written to {output}")


def _of_store(store: Path, since: str) -> Stored:
    from otwatch.alerts.severity import Severity
    from otwatch.engine.detector import utc_ns
    from otwatch.outputs.store import StoreReader
    from otwatch.outputs.times import time_text
    from otwatch.outputs.view.stored import Stored

    after = time_text(utc_ns(since)) if since else ""
    reader = StoreReader(store)
    severities = [one.label for one in Severity]
    return Stored(
        name=store.name,
        assets=list(reader.assets()),
        flows=reader.flows(since=after),
        alerts=list(reader.alerts(severities=severities, since=after, limit=_ALERTS)),
        incidents=list(reader.incidents(severities=severities, since=after, limit=_INCIDENTS)),
        since=after,
    )


_ALERTS = 10_000
_INCIDENTS = 500
