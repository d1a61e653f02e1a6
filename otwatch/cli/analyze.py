"""otwatch analyze: captures in, verdict out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from otwatch.alerts.alert import Severity
from otwatch.cli.failing import EXIT_FAIL_ON, EXIT_INTERRUPTED, EXIT_UNUSABLE, complain, nothing_read, one_line_errors
from otwatch.cli.options import ANALYSIS_OPTIONS, FILE, SEVERITIES, add_options, severity

if TYPE_CHECKING:
    from otwatch.cli.reporting import Reporter
    from otwatch.engine.analysis import Analysis, Listener
    from otwatch.engine.detector import Policy
    from otwatch.outputs.analysis_store import AnalysisStore
    from otwatch.outputs.result import Result
    from otwatch.outputs.siem.transport import Target


@click.command()
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...")
@add_options(ANALYSIS_OPTIONS)
@click.option(
    "--format", "form", type=click.Choice(["text", "jsonl"]), default="text", show_default=True, help="For people, or one JSON record a line."
)
@click.option("--min-severity", type=click.Choice(SEVERITIES), default="info", show_default=True, help="Show alerts from this severity on.")
@click.option("--fail-on", type=click.Choice(SEVERITIES), help="Exit with code 3 when an alert of this severity or above was found.")
@click.option(
    "--graph", type=FILE, metavar="FILE", help="Write the asset graph: *.graphml, *.gexf, *.json (Cytoscape) or *.dot."
)
@click.option(
    "--report",
    type=FILE,
    metavar="FILE",
    help="Write everything as one HTML file (*.html) with the map of the plant; it loads nothing from anywhere, opens in any browser and prints.",
)
@click.option(
    "--evidence",
    type=FILE,
    metavar="FOLDER",
    help="Write the packets, records and rows of each incident from medium on into a folder of its own in FOLDER, with hashes (see: otwatch slice).",
)
@click.option("--navigator", type=FILE, metavar="FILE", help="Write the techniques of the alerts as a layer (*.json) for the ATT&CK Navigator.")
@click.option(
    "--syslog",
    "urls",
    multiple=True,
    metavar="URL",
    help="Send the incidents to udp://, tcp://, tls:// or https:// as a sensor does, from --min-severity on (events=all in the URL: "
    "their alerts, too); may be repeated.",
)
@click.option(
    "--db",
    "database",
    type=FILE,
    metavar="FILE",
    help="Write incidents, alerts, assets and flows into a SQLite store, for `otwatch incidents`, `alerts` and `assets` with --db FILE.",
)
@click.option("--output", type=FILE, metavar="FILE", help="Write the result here; - is standard output, as without.")
def analyze(
    captures: tuple[str, ...],
    form: str,
    min_severity: str,
    fail_on: str | None,
    graph: str | None,
    report: str | None,
    evidence: str | None,
    navigator: str | None,
    urls: tuple[str, ...],
    database: str | None,
    output: str | None,
    **options: Any,
) -> None:
    """Say what is on the network, who does what to the controllers, and what of that should not be happening.

    CAPTURE is a pcap or pcapng file (also .gz, .bz2, .xz, .zst), a folder, a glob, or - for standard input.

    \b
    Examples:
      otwatch analyze capture.pcap
      otwatch analyze captures/ --site site.yaml --baseline plant.json
      otwatch analyze capture.pcap --site site.yaml --report plant.html
      otwatch analyze capture.pcap --format jsonl | jq 'select(.type=="alert")'
      otwatch analyze capture.pcap --graph plant.graphml --fail-on high
      otwatch analyze captures/ --syslog 'tls://siem.example:6514?format=cef' --db found.sqlite
    """
    with one_line_errors():
        from otwatch.cli.running import finished_analysis, policy_from
        from otwatch.cli.writing import check_new, check_output

        if graph is not None:
            _check_graph_name(graph)
        output = None if output == "-" else output
        for name in (graph, report, navigator, database, output):
            if name is not None:
                check_output(name, captures)
        if evidence is not None:
            check_new(evidence)
        reporter = _reporter(report)
        targets = _destinations(urls)
        policy = policy_from(options)
        with _store(database) as store:
            analysis, result = finished_analysis(captures, policy, listeners=[*_flows_to(store), *([reporter.listen] if reporter else [])])
            complete = store is None or not result.packets or _fill(store, result)
        try:
            try:
                _write_files(result, policy, options, reporter, graph=graph, evidence=evidence, navigator=navigator)
            finally:  # files come first: whoever reads the text may be gone before its end
                _write(analysis, result, form, severity(min_severity), output)
        finally:  # also when the reader of the output has gone, or its disk is full
            for message in result.unreadable:
                complain(message)
            if targets and result.packets:
                from otwatch.cli.sending import send

                complete &= send(result, targets, severity(min_severity))
    if result.unreadable or not result.packets:
        if not result.unreadable:
            for message in nothing_read(result.captures):
                complain(message)
        sys.exit(EXIT_UNUSABLE)
    if analysis.stopped:
        sys.exit(EXIT_INTERRUPTED)
    if not complete:
        sys.exit(EXIT_UNUSABLE)
    if fail_on is not None and any(alert.severity >= severity(fail_on) for alert in result.alerts):
        sys.exit(EXIT_FAIL_ON)


def _destinations(urls: Sequence[str]) -> list[Target]:
    if not urls:
        return []  # and what speaks to a SIEM is not loaded
    from otwatch.cli.sending import destinations

    return destinations(urls)


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
            from otwatch.cli.view_text import width_of

            show(result, QuietConsole(file=out, highlight=False, width=width_of(out)), min_severity=least)


def _store(database: str | None) -> AbstractContextManager[AnalysisStore | None]:
    if database is None:
        return nullcontext()
    from otwatch.outputs.analysis_store import AnalysisStore

    return AnalysisStore(Path(database))


def _reporter(report: str | None) -> Reporter | None:
    if report is None:
        return None
    from otwatch.cli.reporting import Reporter

    return Reporter(report)


def _flows_to(store: AnalysisStore | None) -> list[Callable[[Analysis], Listener]]:
    if store is None:
        return []
    from otwatch.engine.exporters import FlowExporter

    return [lambda analysis: FlowExporter(analysis, store)]


def _fill(store: AnalysisStore, result: Result) -> bool:
    """False when the disk did not take it, which is told: the result is still to be shown."""
    from otwatch.cli.sending import alert_records
    from otwatch.errors import CaptureError
    from otwatch.outputs.alert_records import incident_record
    from otwatch.outputs.records import asset_record

    store.assets(map(asset_record, result.assets))
    for sequence, record in enumerate(alert_records(result), 1):
        store.alert(record, sequence)
    for sequence, incident in enumerate(result.incidents, 1):
        store.incident(incident_record(incident), sequence)
    try:
        store.finish()
    except CaptureError as error:
        complain(str(error))
        return False
    return True


def _check_graph_name(graph: str) -> None:
    from otwatch.errors import CaptureError

    if Path(graph).suffix.lstrip(".").lower() not in ("graphml", "gexf", "json", "dot"):
        raise CaptureError(f"{graph}: unknown graph format: name it *.graphml, *.gexf, *.json or *.dot")


def _write_navigator(result: Result, path: str) -> None:
    from otwatch.errors import CaptureError
    from otwatch.outputs.navigator import layer_of

    try:
        Path(path).write_text(layer_of(result), encoding="utf-8")
    except OSError as error:
        raise CaptureError(f"{path}: cannot be written: {error.strerror}") from error


def _write_files(
    result: Result,
    policy: Policy,
    options: dict[str, Any],
    reporter: Reporter | None,
    *,
    graph: str | None,
    evidence: str | None,
    navigator: str | None,
) -> None:
    if graph is not None:
        _write_graph(result, graph)
    if reporter is not None:
        reporter.write(result, policy.site)
    if evidence is not None:
        _write_evidence(result, Path(evidence), policy, options)
    if navigator is not None:
        _write_navigator(result, navigator)


def _write_evidence(result: Result, folder: Path, policy: Policy, options: dict[str, Any]) -> None:
    from otwatch.cli.slice import write_slice
    from otwatch.outputs.slices import name_of

    for incident in result.incidents:
        if not incident.is_note:
            write_slice(result, incident, folder / name_of(incident.id), policy, options)


def _write_graph(result: Result, graph: str) -> None:
    from otwatch.errors import CaptureError
    from otwatch.inventory.graph import asset_graph, graph_text

    try:
        Path(graph).write_text(graph_text(asset_graph(result.assets, result.talks), Path(graph).suffix.lstrip(".").lower()), encoding="utf-8")
    except OSError as error:
        raise CaptureError(f"{graph}: cannot be written: {error.strerror}") from error
