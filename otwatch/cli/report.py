"""otwatch report: the HTML report of what a store holds."""

from __future__ import annotations

import click

from otwatch.cli.failing import complain, one_line_errors
from otwatch.cli.options import FILE


@click.command()
@click.argument("store", type=FILE, metavar="STORE")
@click.option("--output", type=FILE, metavar="FILE", required=True, help="The report (*.html); it loads nothing from anywhere.")
@click.option("--since", default="", metavar="TIME", help="Incidents, alerts and conversations at or after this UTC time (2026-11-22T06:00:00).")
@click.option("--site", type=FILE, metavar="FILE", help="The site file: the name of the plant, and which conduits are allowed.")
def report(store: str, output: str, since: str, site: str | None) -> None:
    """Write the HTML report of a store: that of a sensor, also while it runs, or of `otwatch analyze --db FILE`.

    \b
    Examples:
      otwatch report /var/lib/otwatch/otwatch.sqlite --since 2026-11-23 --output plant.html
      otwatch report found.sqlite --site site.yaml --output plant.html
    """
    with one_line_errors():
        from pathlib import Path

        from otwatch.alerts.severity import Severity
        from otwatch.cli.writing import check_output
        from otwatch.engine.detector import utc_ns
        from otwatch.errors import CaptureError
        from otwatch.outputs.report.html import write_html
        from otwatch.outputs.store import StoreReader
        from otwatch.outputs.times import time_text
        from otwatch.outputs.view.stored import Stored, stored_view
        from otwatch.site.load import load_site

        check_output(output)
        if Path(output).suffix.lower() not in (".html", ".htm"):
            raise CaptureError(f"{output}: unknown report format: name it *.html")
        after = time_text(utc_ns(since)) if since else ""
        reader = StoreReader(Path(store))
        severities = [one.label for one in Severity]
        stored = Stored(
            name=Path(store).name,
            assets=list(reader.assets()),
            flows=reader.flows(since=after),
            alerts=list(reader.alerts(severities=severities, since=after, limit=_ALERTS)),
            incidents=list(reader.incidents(severities=severities, since=after, limit=_INCIDENTS)),
            since=after,
        )
        view = stored_view(stored, load_site(Path(site)) if site else None)
        write_html(view, Path(output))
    complain(f"{len(view.view.incidents)} incidents, {len(view.assets)} assets written to {output}")


_ALERTS = 10_000
_INCIDENTS = 500
