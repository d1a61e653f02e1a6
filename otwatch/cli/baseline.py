"""otwatch baseline: what is normal here."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from otwatch.cli.failing import EXIT_FAIL_ON, EXIT_UNUSABLE, complain, nothing_read, one_line_errors
from otwatch.cli.options import FILE

if TYPE_CHECKING:
    from otwatch.baseline.completeness import Completeness
    from otwatch.capture.report import CaptureReport


@click.group()
def baseline() -> None:
    """Learn what is normal from quiet traffic, and compare other traffic with it.

    A baseline is a JSON file: who talks to whom, in which protocol, with which functions, how often, and which addresses are read and written.
    It can be read, kept under version control, and learned on from further captures.
    """


@baseline.command()
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...")
@click.option("--output", required=True, type=FILE, metavar="FILE", help="The baseline to write.")
@click.option("--extend", is_flag=True, help="Add to the baseline that FILE holds already.")
def learn(captures: tuple[str, ...], output: str, extend: bool) -> None:
    """Learn from captures of normal operation.

    \b
    Example:
      otwatch baseline learn monday.pcap tuesday.pcap --output plant.json
    """
    with one_line_errors():
        from otwatch.baseline.baseline import Baseline
        from otwatch.baseline.store import load_baseline, save_baseline
        from otwatch.cli.running import finished_analysis
        from otwatch.cli.writing import check_output
        from otwatch.errors import CaptureError

        check_output(output, captures)
        learned = load_baseline(Path(output)) if extend else Baseline()
        analysis, result = finished_analysis(captures, None)
        if result.packets:
            learned.learn(
                analysis.pipeline.behaviour_index.behaviours,
                analysis.pipeline.addresses,
                [spec.name for spec in analysis.pipeline.protocols],
                # also those that never answered: a controller that is switched off is no unknown address
                hosts=[*(address for asset in result.assets for address in asset.addresses or asset.macs), *(talk.server for talk in result.talks)],
                services=analysis.inventory.services(),
                quirks=analysis.inventory.quirks(),
            )
            learned.sources.update(Path(report.path).name for report in result.captures)
            try:
                save_baseline(learned, Path(output))
            except OSError as error:
                raise CaptureError(f"{output}: cannot be written: {error.strerror}") from error
            click.echo(f"{output}: {len(learned.hosts)} hosts, {len(learned.verbs)} conversations by verb. {_how_far(learned.completeness())}")
    _refuse_unread(result.unreadable, result.packets, result.captures)


@baseline.command()
@click.argument("baseline_file", type=FILE, metavar="BASELINE")
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...")
@click.option("--fail-on-deviation", is_flag=True, help="Exit with code 3 when anything is new.")
def check(baseline_file: str, captures: tuple[str, ...], fail_on_deviation: bool) -> None:
    """Say what captures show that the baseline does not know."""
    with one_line_errors():
        from otwatch.baseline.store import load_baseline
        from otwatch.cli.running import finished_analysis
        from otwatch.outputs.escape import one_line
        from otwatch.outputs.story import clock

        known = load_baseline(Path(baseline_file))
        analysis, result = finished_analysis(captures, None)
        deviations = known.compare(
            analysis.pipeline.behaviour_index.behaviours, analysis.pipeline.addresses, [spec.name for spec in analysis.pipeline.protocols]
        )
        for one in deviations:
            click.echo(
                one_line(
                    f"{clock(one.first_ns)}  {one.kind:14} {one.src} -> {one.dst} {one.protocol} {one.verb} {one.detail} "
                    f"({one.messages} messages, first in frame {one.first_frame})"
                )
            )
        if result.packets:
            click.echo(
                f"{len(deviations)} deviations from {baseline_file} in {result.packets:,} packets."
                + (" Observation incomplete: see otwatch analyze." if result.incomplete else "")
            )
    _refuse_unread(result.unreadable, result.packets, result.captures)
    if fail_on_deviation and deviations:
        sys.exit(EXIT_FAIL_ON)


@baseline.command()
@click.argument("baseline_file", type=FILE, metavar="BASELINE")
def show(baseline_file: str) -> None:
    """Show what a baseline knows."""
    with one_line_errors():
        from rich.table import Table

        from otwatch.baseline.store import load_baseline
        from otwatch.cli.text import QuietConsole
        from otwatch.cli.view_text import safe
        from otwatch.outputs.story import clock
        from otwatch.protocols import protocols

        known = load_baseline(Path(baseline_file))
        area_names = {spec.name: spec.areas for spec in protocols()}
        table = Table(
            title=f"{len(known.hosts)} hosts, learned from {clock(known.first_ns)} to {clock(known.last_ns)} UTC", title_justify="left", box=None
        )
        for column in ("source", "destination", "protocol", "verb", "messages"):
            table.add_column(column)
        for (src, dst, protocol, verb), seen in sorted(known.verbs.items()):
            table.add_row(safe(src), safe(dst), safe(protocol), safe(verb), f"{seen.messages:,}")
        console = QuietConsole(highlight=False)
        console.print(table)
        console.print(f"\n{_how_far(known.completeness())}")
        for title, verb, places in (("written", "write", known.written), ("read, browsed and identified", "read", known.asked)):
            ranges = Table(title=f"\n{title}", title_justify="left", box=None)
            for column in ("source", "destination", "protocol", "unit", "area", "object", "addresses", "messages"):
                ranges.add_column(column)
            for place, times in sorted(places.items()):
                src, dst, protocol, unit, area, object_ = place
                spans = ", ".join(f"{low}-{high}" if high > low else str(low) for low, high in known.ranges(verb, place))
                names = area_names.get(protocol, {})
                numbers = [names.get(area, _number(area)), _number(object_), spans if spans != "-1" else "", f"{sum(times.values()):,}"]
                ranges.add_row(safe(src), safe(dst), safe(protocol), _number(unit), *map(safe, numbers))
            if places:
                console.print(ranges)
        if not known.knows_reads:
            console.print("\nLearned by an older version, which did not keep what is read: learn it anew.")


def _number(number: int) -> str:
    return str(number) if number >= 0 else ""


def _how_far(known: Completeness) -> str:
    missing = known.missing()
    if not missing:
        return "That is enough."
    return f"Not enough yet: {'; '.join(missing)}." + (" Add more captures with --extend." if known.known else "")


def _refuse_unread(unreadable: list[str], packets: int, captures: Sequence[CaptureReport]) -> None:
    for message in unreadable:
        complain(message)
    if unreadable or not packets:
        if not unreadable:
            for message in nothing_read(captures):
                complain(message)
        sys.exit(EXIT_UNUSABLE)
