"""otwatch status: how a running sensor is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from otwatch.cli.failing import EXIT_UNUSABLE, one_line_errors
from otwatch.cli.options import FILE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from otwatch.sensor.status import Status


@click.command()
@click.option("--state", type=FILE, default="/var/lib/otwatch", show_default=True, metavar="FOLDER", help="The sensor's state.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Text, or JSON lines.")
def status(state: str, form: str) -> None:
    """Show the state of a sensor: rate, drops, conditions, last alert, destinations, disk, learning.

    Exit code 0 when it is alive, 2 when its heartbeat stays away.

    \b
    Example:
      otwatch status
    """
    with one_line_errors():
        import time
        from dataclasses import asdict
        from pathlib import Path

        from otwatch.outputs.escape import one_line
        from otwatch.outputs.json_text import json_text
        from otwatch.sensor.status import folders_of, read_status

        found = [read_status(folder, time.time()) for folder in folders_of(Path(state))]
        for one in found:
            for line in [json_text(asdict(one))] if form == "json" else _lines(one):
                click.echo(one_line(line))
    if any(one.late for one in found):
        sys.exit(EXIT_UNUSABLE)


def _lines(one: Status) -> Iterator[str]:
    alive = "does not answer" if one.late else "alive"
    yield f"{one.name}: {alive}, last heartbeat {one.age_seconds:.0f} s ago{', learning' if one.learning else ''}"
    seen = one.coverage
    rate = "" if one.packets_per_second is None else f", {one.packets_per_second:,.0f} a second"
    drops = "" if one.dropped is None else f" ({one.dropped:,} since the heartbeat before)"
    yield f"  packets       {seen.get('packets', 0):,}{rate}; dropped {seen.get('dropped', 0):,}{drops}"
    links = [f"{name} {'up' if link.get('up') else 'DOWN'}" for name, link in seen.get("interfaces", {}).items()]
    yield f"  interfaces    {', '.join(links) or 'none'}"
    yield f"  hosts         {seen.get('hosts', 0):,}, {seen.get('open_flows', 0):,} open flows, {seen.get('behaviours', 0):,} behaviours"
    rules = seen.get("rules", {})
    judged = f"{rules.get('not_evaluable', 0)} cannot be judged on this tap, {rules.get('partly', 0)} in part"
    yield f"  rules         {rules.get('all', 0)}, {judged if seen.get('packets') else 'none judged yet: no packet was seen'}"
    then = f" (as of {one.age_seconds:.0f} s ago; the sensor's log has what came since)" if one.late else ""
    yield f"  conditions    {', '.join(one.conditions) or 'none'}{then}"
    yield f"  last alert    {_alert(one.last_alert)}"
    if one.gravest_alert is not None and one.gravest_alert is not one.last_alert:
        yield f"  gravest       {_alert(one.gravest_alert)} (of the last 24 hours)"
    for name, count in one.pending.items():
        yield f"  destination   {name}: {f'{count:,} events not confirmed' if count else 'has everything'}"
    yield f"  disk          {one.free_bytes // 2**20:,} MB free"


def _alert(record: dict[str, Any] | None) -> str:
    return f"{record['last_seen'][:19]} {record['severity']} {record['title']}" if record else "none"
