"""otwatch diff: what changed between two observations."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

from otwatch.cli.failing import EXIT_FAIL_ON, complain, one_line_errors
from otwatch.cli.options import FILE, MERGE_AND_JOBS, add_options

if TYPE_CHECKING:
    from otwatch.outputs.changes import Comparison
    from otwatch.outputs.snapshot import Snapshot

_SITE: Final = (click.option("--site", type=FILE, metavar="FILE", help="Site file: names and zones (see: otwatch site)."),)


@click.command()
@click.argument("old", type=FILE, metavar="A")
@click.argument("new", type=FILE, metavar="B")
@add_options(_SITE)
@add_options(MERGE_AND_JOBS)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people, or a JSON document (a line for each, where there are several recordings).",
)
@click.option("--fail-on", default="", metavar="KINDS", help="Exit with code 3 at a change of these kinds: new-asset,new-writer,firmware,program ...")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Show at most so many of a kind as text.")
def diff(old: str, new: str, site: str | None, merge: bool, jobs: int, form: str, fail_on: str, limit: int) -> None:
    """Say what changed from A to B: captures, folders of captures, stores of a sensor, or days of a lake.

    What one side could not see is "not comparable", never "gone". Recordings of a folder are compared each with the one of A that shows its hosts.

    \b
    Examples:
      otwatch diff monday.pcap tuesday.pcap
      otwatch diff before/ after/ --fail-on new-asset,new-writer,firmware
      otwatch diff lake@2026-11-22 lake@2026-11-29
      otwatch diff backup.sqlite /var/lib/otwatch/otwatch.sqlite --format json
    """
    with one_line_errors():
        from dataclasses import replace

        from otwatch.cli.observing import is_lake_day, snapshots_of
        from otwatch.cli.running import policy_from
        from otwatch.documents import nearest
        from otwatch.errors import CaptureError
        from otwatch.outputs.changes import KINDS, compare, counterparts

        wanted = [kind.strip() for kind in fail_on.split(",") if kind.strip()]
        for kind in wanted:
            if kind not in KINDS:
                raise CaptureError(f'--fail-on: there is no kind "{kind}"{nearest(kind, KINDS)}; there are {", ".join(KINDS)}')
        policy = policy_from({"rule_paths": (), "site": site, "baseline": None, "learn_until": None})
        sides = [snapshots_of(name, policy, merge=merge, jobs=jobs) for name in (old, new)]
        if is_lake_day(old) != is_lake_day(new):  # what was written is worded otherwise in a lake
            sides = [[replace(one, points=None) for one in side] for side in sides]
        pairs, alone = counterparts(*sides)
        several = len(pairs) + len(alone) > 1
        comparisons = [(before, after, compare(before, after)) for before, after in pairs]
        if form == "json":
            from dataclasses import asdict

            from otwatch.outputs.json_text import json_text

            for before, after, found in comparisons:
                names = {"from": before.name, "to": after.name} if several else {"from": old, "to": new}
                click.echo(json_text({"type": "diff", **names, **asdict(found)}))
        else:
            from otwatch.outputs.escape import one_line

            for before, after, found in comparisons:
                for line in _lines(before, after, found, limit):
                    click.echo(one_line(line))
                if several:
                    click.echo()
        for one in alone:
            complain(f"{one.name} is compared with nothing: no recording of {new} shows its hosts (--merge: all of one plant)")
    if any(change.kind in wanted for _, _, found in comparisons for change in found.changes):
        sys.exit(EXIT_FAIL_ON)


def _lines(old: Snapshot, new: Snapshot, found: Comparison, limit: int) -> Iterator[str]:
    from otwatch.outputs.changes import KINDS

    for mark, one in (("A", old), ("B", new)):
        packets = "" if one.packets is None else f", {one.packets:,} packets"
        holds = f"{len(one.devices):,} assets, {len(one.ways):,} conversations"
        yield f"{mark}  {one.name}: {_time(one.first_ns)} to {_time(one.last_ns)}{packets}, {holds}"
    if not found.changes:
        yield "No change was seen."
    for kind, title in KINDS.items():
        changes = [change for change in found.changes if change.kind == kind]
        if changes:
            yield ""
            yield f"{title} ({len(changes)}, {kind})"
        for change in changes[:limit]:
            sides = f"  {change.before} → {change.after}" if change.before and change.after else f"  {change.before or change.after}".rstrip()
            yield f"  {change.subject}{sides}{f'  ({change.where})' if change.where else ''}"
        if len(changes) > limit:
            yield f"  and {len(changes) - limit} more: --limit {len(changes)}, or --format json"
    if found.not_comparable:
        yield ""
        yield "Not comparable"
        for text in found.not_comparable:
            yield f"  {text}"


def _time(time_ns: int) -> str:
    from otwatch.outputs.times import time_text

    return time_text(time_ns)[:19] if time_ns else "?"
