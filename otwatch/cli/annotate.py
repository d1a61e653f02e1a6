"""otwatch alerts ack, note, snooze: what people say of an alert or an incident."""

from __future__ import annotations

import getpass

import click

from otwatch.cli.failing import one_line_errors
from otwatch.cli.options import FILE

_DATABASE = click.option("--db", "--database", "database", type=FILE, default="/var/lib/otwatch/otwatch.sqlite", show_default=True, metavar="FILE",
                         help="The store of the sensor.")
_STATE = click.option("--state", type=FILE, default="/var/lib/otwatch", show_default=True, metavar="FOLDER", help="The sensor's state.")
_NAME = click.option("--name", default=getpass.getuser, show_default="your user name", help="Who says it.")
_REASON = click.option("--reason", required=True, metavar="TEXT", help="Why.")


@click.command()
@click.argument("identity", metavar="ID")
@_NAME
@_REASON
@_STATE
@_DATABASE
def ack(identity: str, name: str, reason: str, state: str, database: str) -> None:
    """Acknowledge an alert or an incident: it was seen, and by whom. It goes on being reported."""
    _write("ack", identity, name, reason, state, database)


@click.command()
@click.argument("identity", metavar="ID")
@_NAME
@_REASON
@_STATE
@_DATABASE
def note(identity: str, name: str, reason: str, state: str, database: str) -> None:
    """Add a note to an alert or an incident."""
    _write("note", identity, name, reason, state, database)


@click.command()
@click.argument("identity", metavar="ID")
@click.option("--until", required=True, metavar="TIME", help="UTC time when it ends (2026-12-24T06:00:00).")
@_NAME
@_REASON
@_STATE
@_DATABASE
def snooze(identity: str, until: str, name: str, reason: str, state: str, database: str) -> None:
    """Snooze an alert or an incident until a time: events still reach the SIEM, marked with snoozed_until.

    It comes back by itself at a higher severity, with a new target, or when it succeeds where it had not.

    \b
    Example:
      otwatch alerts snooze 9542e071 --until 2026-12-24T06:00:00 --name kim --reason "commissioning of line 2"
    """
    _write("snooze", identity, name, reason, state, database, until)


def _write(kind: str, identity: str, name: str, reason: str, state: str, database: str, until: str = "") -> None:
    with one_line_errors():
        import time
        from pathlib import Path

        from otwatch.engine.detector import utc_ns
        from otwatch.errors import CaptureError
        from otwatch.outputs.annotations import annotate, annotation_of
        from otwatch.outputs.store import StoreReader
        from otwatch.outputs.times import time_text

        now = time.time_ns()
        if until and utc_ns(until) <= now:
            raise CaptureError(f"{until!r} is over already: name a time to come (UTC)")
        found = StoreReader(Path(database)).identified(identity.removeprefix("INC-").lower())
        if len(found) != 1:
            several = f"{len(found)} alerts and incidents begin with {identity!r}: write more of it"
            raise CaptureError(several if found else f"nothing in the store has the id {identity!r}")
        end = time_text(utc_ns(until)) if until else ""
        annotate(Path(state), annotation_of(found[0], kind, name=name, reason=reason, time=time_text(now), until=end))
        click.echo(f"{kind} of {found[0]['type']} {found[0]['id']} ({found[0]['title']}) is noted")
