"""otwatch analyze: captures in, verdict out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from otwatch.alerts.alert import Severity
from otwatch.cli.failing import EXIT_FAIL_ON, EXIT_UNUSABLE, complain, one_line_errors
from otwatch.cli.options import ANALYSIS_OPTIONS, SEVERITIES, add_options, severity

if TYPE_CHECKING:
    from otwatch.engine.analysis import Analysis
    from otwatch.outputs.result import Result


@click.command()
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...")
@add_options(ANALYSIS_OPTIONS)
@click.option(
    "--format", "form", type=click.Choice(["text", "jsonl"]), default="text", show_default=True, help="For people, or one JSON record a line."
)
@click.option("--min-severity", type=click.Choice(SEVERITIES), default="info", show_default=True, help="Show alerts from this severity on.")
@click.option("--fail-on", type=click.Choice(SEVERITIES), help="Exit with code 3 when an alert of this severity or above was found.")
@click.option(
    "--graph", type=click.Path(dir_okay=False), metavar="FILE", help="Write the asset graph: *.graphml, *.gexf, *.json (Cytoscape) or *.dot."
)
@click.option("--output", type=click.Path(dir_okay=False), metavar="FILE", help="Write the result here; - is standard output, as without.")
def analyze(
    captures: tuple[str, ...], form: str, min_severity: str, fail_on: str | None, graph: str | None, output: str | None, **options: Any
) -> None:
    """Say what is on the network, who does what to the controllers, and what of that should not be happening.

    CAPTURE is a pcap or pcapng file (also .gz, .zst, .xz), a folder, a glob, or - for standard input.

    \b
    Examples:
      otwatch analyze capture.pcap
      otwatch analyze captures/ --site site.yaml --baseline plant.json
      otwatch analyze capture.pcap --format jsonl | jq 'select(.type=="alert")'
      otwatch analyze capture.pcap --graph plant.graphml --fail-on high
    """
    with one_line_errors():
        from otwatch.cli.running import finished_analysis, policy_from
        from otwatch.cli.writing import check_output

        if graph is not None:
            _check_graph_name(graph)
        output = None if output == "-" else output
        for name in (graph, output):
            if name is not None:
                check_output(name, captures)
        analysis, result = finished_analysis(captures, policy_from(options))
        _write(analysis, result, form, severity(min_severity), output)
        if graph is not None:
            _write_graph(result, graph)
    for message in result.unreadable:
        complain(message)
    if result.unreadable or not result.packets:
        if not result.unreadable:
            complain("no packet was read: this is no clean bill; check that the capture holds packets (capinfos FILE)")
        sys.exit(EXIT_UNUSABLE)
    if fail_on is not None and any(alert.severity >= severity(fail_on) for alert in result.alerts):
        sys.exit(EXIT_FAIL_ON)


@contextmanager
def _destination(output: str | None) -> Iterator[IO[str]]:
    from otwatch.errors import CaptureError

    if output is None:
        yield sys.stdout
        return
    try:
        with Path(output).open("w", encoding="utf-8") as out:
            yield out
    except OSError as error:
        raise CaptureError(f"{output}: cannot be written: {error.strerror}") from error


def _write(analysis: Analysis, result: Result, form: str, least: Severity, output: str | None) -> None:
    with _destination(output) as out:
        if form == "jsonl":
            from otwatch.outputs.jsonl import line, records

            for record in chain(records(result, min_severity=least), analysis.anomaly_records()):
                out.write(line(record) + "\n")
        elif result.packets:
            from otwatch.cli.text import QuietConsole, show

            show(result, QuietConsole(file=out, highlight=False, width=None if out.isatty() else 160), min_severity=least)


def _check_graph_name(graph: str) -> None:
    from otwatch.errors import CaptureError

    if Path(graph).suffix.lstrip(".").lower() not in ("graphml", "gexf", "json", "dot"):
        raise CaptureError(f"{graph}: unknown graph format: name it *.graphml, *.gexf, *.json or *.dot")


def _write_graph(result: Result, graph: str) -> None:
    from otwatch.errors import CaptureError
    from otwatch.inventory.graph import asset_graph, graph_text

    try:
        Path(graph).write_text(graph_text(asset_graph(result.assets, result.talks), Path(graph).suffix.lstrip(".").lower()), encoding="utf-8")
    except OSError as error:
        raise CaptureError(f"{graph}: cannot be written: {error.strerror}") from error
