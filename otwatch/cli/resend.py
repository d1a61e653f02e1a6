"""otwatch resend: send events of the spool again."""

from __future__ import annotations

import click

from otwatch.cli.failing import one_line_errors
from otwatch.cli.options import FILE


@click.command()
@click.option(
    "--from", "begin", required=True, metavar="SEQ|TIME", help="First sequence number, or UTC time of the first event (2026-11-22T06:00:00)."
)
@click.option(
    "--state", type=FILE, default="/var/lib/otwatch", show_default=True, metavar="FOLDER", help="The sensor's state."
)
@click.option("--to", "wanted", multiple=True, metavar="DESTINATION", help="Only these (names as the command prints them); default: all.")
def resend(begin: str, state: str, wanted: tuple[str, ...]) -> None:
    """Send events again that a SIEM has lost: the running sensor does it at once, a stopped one when it starts.

    Sequence numbers stay the same, so that what is already there can be recognised.

    \b
    Examples:
      otwatch resend --from 1200
      otwatch resend --from 2026-11-22T06:00:00 --to tls_siem.example_6514__cef
    """
    with one_line_errors():
        from pathlib import Path

        from otwatch.engine.detector import utc_ns
        from otwatch.errors import CaptureError
        from otwatch.outputs.siem.cursors import Cursors
        from otwatch.outputs.siem.reading import stored_events
        from otwatch.outputs.times import time_text

        folder = Path(state) / "spool"
        known = sorted(path.stem for path in folder.glob("*.cursor"))
        if not known:
            raise CaptureError(f"{folder}: no destination has a place in this spool; name the sensor's state folder with --state")
        unknown = sorted(set(wanted) - set(known))
        if unknown:
            raise CaptureError(f"no destination {unknown[0]!r} in {folder}; there are: {', '.join(known)}")
        since = "" if begin.isdigit() else time_text(utc_ns(begin))
        first = next(
            (
                event.sequence
                for event in stored_events(folder)
                if (str(event.record.get("time", "")) >= since if since else event.sequence >= int(begin))
            ),
            None,
        )
        if first is None:
            raise CaptureError(f"{folder}: holds no event from {begin} on")
        for destination in wanted or known:
            if not Cursors(folder).request_resend(destination, first):
                raise CaptureError(f"{folder}: cannot be written; run as the sensor's user or as root")
            click.echo(f"{destination}: everything from sequence number {first} on will be sent again")
