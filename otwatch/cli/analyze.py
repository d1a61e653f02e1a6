"""otwatch analyze: captures in, verdict out."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from otwatch.cli.ending import Ending
from otwatch.cli.failing import complain, one_line_errors
from otwatch.cli.options import ANALYSIS_OPTIONS, FILE, LAKE_OPTIONS, MERGE_AND_JOBS, SEVERITIES, SHARE, add_options, severity

if TYPE_CHECKING:
    from otwatch.cli.into_lake import IntoLake
    from otwatch.engine.detector import Policy
    from otwatch.engine.state import Observed
    from otwatch.engine.writers import Writer
    from otwatch.intel.advisories import Library
    from otwatch.outputs.analysis_store import AnalysisStore
    from otwatch.outputs.pseudonyms import Pseudonyms
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
@click.option(
    "--advisories",
    type=FILE,
    metavar="FOLDER",
    help="Look devices up in security advisories: a folder of CSAF 2.0 files (*.json), as makers and CISA publish them. Nothing is fetched.",
)
@add_options(SHARE)
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
@add_options(LAKE_OPTIONS)
@add_options(MERGE_AND_JOBS)
@click.option(
    "--dask",
    metavar="URL",
    help="Read each recording as a task of this Dask cluster (tcp://scheduler:8786); its workers open the captures by the same paths.",
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
    advisories: str | None,
    share: str | None,
    navigator: str | None,
    urls: tuple[str, ...],
    database: str | None,
    lake: str | None,
    lake_sensor: str,
    lake_raw_reads: bool,
    merge: bool,
    jobs: int,
    dask: str | None,
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
      otwatch analyze captures/ --lake lake && otwatch lake writers --lake lake
      otwatch analyze captures/ --syslog 'tls://siem.example:6514?format=cef' --db found.sqlite
    """
    with one_line_errors():
        from otwatch.cli.running import observed_recordings, policy_from, recordings_of_cluster
        from otwatch.cli.showing import Pages, Records
        from otwatch.cli.writing import check_new, check_output
        from otwatch.engine.state import Shelf, Wanted
        from otwatch.errors import CaptureError
        from otwatch.outputs.view.activity import NO_ACTIVITY

        if graph is not None:
            _check_graph_name(graph)
        output = None if output == "-" else output
        for name in (graph, report, navigator, database, output):
            if name is not None:
                check_output(name, captures)
        if evidence is not None:
            check_new(evidence)
        if report is not None:
            _check_report_name(report)
        names = _pseudonyms(share, stores=(database, lake, *urls))
        library = _library(advisories)
        targets = _destinations(urls)
        policy = policy_from(options)
        least = severity(min_severity)
        into = None if lake is None else _into_lake(lake, lake_sensor, policy.site.name if policy.site else "", raw_reads=lake_raw_reads)
        wanted = Wanted(
            activity=report is not None,
            anomalies=form == "jsonl" or into is not None,
            tables=tuple(dict.fromkeys((*(("flows",) if database is not None else ()), *(into.tables if into is not None else ())))),
        )
        showing = Records(least, library) if form == "jsonl" else Pages(least, library)
        to_send, ending, unwritten = Shelf(), Ending(), None
        with ExitStack() as stores:
            if into is not None:
                stores.callback(into.close)
            store: AnalysisStore | None = None

            def writers(number: int) -> dict[str, Writer]:
                nonlocal store
                store = stores.enter_context(_store(_named(database, number)))
                taking: dict[str, Writer] = {} if store is None else {"flows": store}
                return taking if into is None else into.begin(taking)

            if dask is None:
                recordings = observed_recordings(captures, policy, wanted, writers=writers, merge=merge, jobs=jobs)
            else:
                recordings = recordings_of_cluster(captures, options, wanted, scheduler=dask, writers=writers, merge=merge)
            for one in recordings:
                result, number = one.result, one.result.recording
                ending.complete &= store is None or not result.packets or _fill(store, result)
                ending.complete &= into is None or into.finish(one)
                ending.note(one.result, stopped=one.stopped)
                if names is not None:
                    names.learn(result, policy.site)
                try:
                    _write_files(
                        one,
                        policy,
                        options,
                        names,
                        library,
                        report=_named(report, number),
                        graph=_named(graph, number),
                        evidence=_named(evidence, number),
                        navigator=_named(navigator, number),
                    )
                except CaptureError as error:  # the result is still to be shown
                    unwritten = unwritten or error
                one.activity = NO_ACTIVITY
                if names is not None:
                    one.result, one.anomalies = names.of(one.result), names.of(one.anomalies)
                one.tables = {}
                showing.add(one)
                if targets:
                    to_send.add(one)
        try:
            with _destination(output) as out:
                showing.write(out)
            from otwatch.cli.sharing import save

            save(names, share)
            if unwritten is not None:
                raise unwritten
        finally:  # also when the reader of the output has gone, or its disk is full
            ending.complain()
            if targets:
                from otwatch.cli.sending import send

                for one in to_send:
                    ending.complete &= not one.result.packets or send(one.result, targets, least)
    ending.exit(fail_on)


def _named(name: str | None, number: int) -> str | None:
    from otwatch.cli.writing import numbered

    return None if name is None else numbered(name, number)


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


def _pseudonyms(share: str | None, *, stores: Sequence[str | None]) -> Pseudonyms | None:
    from otwatch.errors import CaptureError

    if share is not None and any(stores):
        raise CaptureError("--share is for what is shown to others: leave out --db, --lake and --syslog")
    from otwatch.cli.sharing import pseudonyms_of

    return pseudonyms_of(share)


def _into_lake(folder: str, sensor: str, site: str, *, raw_reads: bool) -> IntoLake:
    from otwatch.cli.into_lake import IntoLake

    return IntoLake(folder, sensor, site, raw_reads=raw_reads)


def _library(folder: str | None) -> Library | None:
    if folder is None:
        return None
    from otwatch.intel.advisories import read_library

    return read_library(folder)


def _store(database: str | None) -> AbstractContextManager[AnalysisStore | None]:
    if database is None:
        return nullcontext()
    from otwatch.outputs.analysis_store import AnalysisStore

    return AnalysisStore(Path(database))


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


def _check_report_name(report: str) -> None:
    from otwatch.errors import CaptureError

    if Path(report).suffix.lower() not in (".html", ".htm"):
        raise CaptureError(f"{report}: unknown report format: name it *.html")


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
    one: Observed,
    policy: Policy,
    options: dict[str, Any],
    names: Pseudonyms | None,
    library: Library | None,
    *,
    report: str | None,
    graph: str | None,
    evidence: str | None,
    navigator: str | None,
) -> None:
    if report is not None:
        from otwatch.cli.reporting import write_report

        write_report(one, Path(report), policy.site, names, library)
    result = one.result if names is None else names.of(one.result)
    if graph is not None:
        _write_graph(result, graph)
    if evidence is not None:
        _write_evidence(one.result, Path(evidence), policy, options, names)
    if navigator is not None:
        _write_navigator(result, navigator)


def _write_evidence(result: Result, folder: Path, policy: Policy, options: dict[str, Any], names: Pseudonyms | None) -> None:
    from otwatch.cli.slice import write_slice
    from otwatch.outputs.slices import name_of

    for incident in result.incidents:
        if not incident.is_note:
            name = name_of(incident.id)
            write_slice(result, incident, folder / (name if names is None else names.text(name)), policy, options, names)


def _write_graph(result: Result, graph: str) -> None:
    from otwatch.errors import CaptureError
    from otwatch.inventory.graph import asset_graph, graph_text

    try:
        Path(graph).write_text(graph_text(asset_graph(result.assets, result.talks), Path(graph).suffix.lstrip(".").lower()), encoding="utf-8")
    except OSError as error:
        raise CaptureError(f"{graph}: cannot be written: {error.strerror}") from error
