"""otwatch baseline: what is normal here."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from otwatch.cli.ending import Ending
from otwatch.cli.failing import EXIT_FAIL_ON, complain, one_line_errors
from otwatch.cli.options import FILE, MERGE_OPTION, add_options

if TYPE_CHECKING:
    from otwatch.baseline.baseline import Places
    from otwatch.baseline.completeness import Completeness


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
@add_options(MERGE_OPTION)
def learn(captures: tuple[str, ...], output: str, extend: bool, merge: bool) -> None:
    """Learn from captures of normal operation.

    \b
    Example:
      otwatch baseline learn monday.pcap tuesday.pcap --output plant.json
    """
    with one_line_errors():
        from otwatch.baseline.baseline import Baseline
        from otwatch.baseline.store import load_baseline, save_baseline
        from otwatch.cli.running import analysed_recordings
        from otwatch.cli.writing import check_output, numbered
        from otwatch.errors import CaptureError

        check_output(output, captures)
        known = load_baseline(Path(output)) if extend else None
        ending, found = Ending(), []
        for analysis, result in analysed_recordings(captures, merge=merge):
            ending.note(result, stopped=analysis.stopped)
            if not result.packets:
                continue
            learned = known or Baseline()
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
            found.append(learned)
            if extend and len(found) > 1:
                raise CaptureError(f"{output}: not extended: captures share neither hosts nor time; name those of its plant only, or add --merge")
        for number, learned in enumerate(found, 1):
            place = numbered(output, number)
            try:
                save_baseline(learned, Path(place))
            except OSError as error:
                raise CaptureError(f"{place}: cannot be written: {error.strerror}") from error
            click.echo(f"{place}: {len(learned.hosts)} hosts, {len(learned.verbs)} conversations by verb. {_how_far(learned.completeness())}")
        if len(found) > 1:
            complain(f"{len(found)} recordings share neither hosts nor time: a baseline for each (--merge: all of one plant)")
    ending.exit()


@baseline.command()
@click.argument("baseline_file", type=FILE, metavar="BASELINE")
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...")
@click.option("--fail-on-deviation", is_flag=True, help="Exit with code 3 when anything is new.")
@add_options(MERGE_OPTION)
def check(baseline_file: str, captures: tuple[str, ...], fail_on_deviation: bool, merge: bool) -> None:
    """Say what captures show that the baseline does not know."""
    with one_line_errors():
        from otwatch.baseline.store import load_baseline
        from otwatch.cli.running import analysed_recordings
        from otwatch.outputs.escape import one_line
        from otwatch.outputs.story import clock

        known = load_baseline(Path(baseline_file))
        ending, deviations, packets, incomplete = Ending(), 0, 0, False
        for analysis, result in analysed_recordings(captures, merge=merge):
            ending.note(result, stopped=analysis.stopped)
            packets, incomplete = packets + result.packets, incomplete or result.incomplete
            for one in known.compare(
                analysis.pipeline.behaviour_index.behaviours, analysis.pipeline.addresses, [spec.name for spec in analysis.pipeline.protocols]
            ):
                deviations += 1
                click.echo(
                    one_line(
                        f"{clock(one.first_ns)}  {one.kind:14} {one.src} -> {one.dst} {one.protocol} {one.verb} {one.detail} "
                        f"({one.messages} messages, first in frame {one.first_frame})"
                    )
                )
        if packets:
            click.echo(
                f"{deviations} deviations from {baseline_file} in {packets:,} packets."
                + (" Observation incomplete: see otwatch analyze." if incomplete else "")
            )
    ending.exit()
    if fail_on_deviation and deviations:
        sys.exit(EXIT_FAIL_ON)


@baseline.command()
@click.argument("baseline_file", type=FILE, metavar="BASELINE")
def show(baseline_file: str) -> None:
    """Show what a baseline knows: who talks to whom and does what, and which addresses are written and read."""
    with one_line_errors():
        from otwatch.baseline.store import load_baseline
        from otwatch.outputs.story import clock
        from otwatch.protocols import protocols

        known = load_baseline(Path(baseline_file))
        area_names = {spec.name: spec.areas for spec in protocols()}
        unit_names = {spec.name: spec.unit_name for spec in protocols()}

        def places(title: str, verb: str, found: Places) -> None:
            rows: dict[str, list[tuple[str, ...]]] = {}
            for place, times in sorted(found.items()):
                src, dst, protocol, unit, area, object_ = place
                spans = ", ".join(f"{low}-{high}" if high > low else str(low) for low, high in known.ranges(verb, place))
                rows.setdefault(f"{src} -> {dst}  {protocol}", []).append(
                    (
                        unit_names.get(protocol, _number)(unit) if unit >= 0 else "",
                        area_names.get(protocol, {}).get(area, _number(area)),
                        f"object {object_}" if object_ >= 0 else "",
                        spans if spans != "-1" else "",
                        f"{sum(times.values()):,} messages",
                    )
                )
            _echo_rows(title, rows)

        click.echo(f"{len(known.hosts)} hosts, learned from {clock(known.first_ns)} to {clock(known.last_ns)} UTC")
        click.echo(_how_far(known.completeness()))
        verbs: dict[str, list[tuple[str, ...]]] = {}
        for (src, dst, protocol, verb), seen in sorted(known.verbs.items()):
            verbs.setdefault(f"{src} -> {dst}  {protocol}", []).append((verb, f"{seen.messages:,} messages"))
        _echo_rows("Conversations", verbs)
        places("Written addresses", "write", known.written)
        places("Read, browsed and identified", "read", known.asked)
        if not known.knows_reads:
            click.echo("\nLearned by an older version, which did not keep what is read: learn it again.")


def _echo_rows(title: str, rows: Mapping[str, Sequence[tuple[str, ...]]]) -> None:
    """Each pair of hosts, then its rows in columns; nothing is cut, however narrow the terminal is."""
    if not rows:
        return
    from otwatch.outputs.escape import one_line

    click.echo(f"\n{title}")
    widths = [max(map(len, column)) for column in zip(*(row for of_pair in rows.values() for row in of_pair), strict=True)]
    for pair, of_pair in rows.items():
        click.echo(f"  {one_line(pair)}")
        for row in of_pair:
            cells = [cell.rjust(width) if cell.endswith(" messages") else cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width]
            click.echo(one_line("      " + "  ".join(cells).rstrip()))


def _number(number: int) -> str:
    return str(number) if number >= 0 else ""


def _how_far(known: Completeness) -> str:
    missing = known.missing()
    if not missing:
        return "That is enough."
    return f"Not enough yet: {'; '.join(missing)}." + (" Add more captures with --extend." if known.known else "")
