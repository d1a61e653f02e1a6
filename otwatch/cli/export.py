"""otwatch export: any table, whole."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from otwatch.cli.failing import EXIT_INTERRUPTED, EXIT_UNUSABLE, complain, nothing_read, one_line_errors
from otwatch.cli.options import ANALYSIS_OPTIONS, add_options

if TYPE_CHECKING:
    from otwatch.engine.analysis import Analysis
    from otwatch.outputs.result import Result

TABLES = ("operations", "flows", "assets", "conversations", "facts", "anomalies", "alerts", "incidents")
NETBOX = "netbox"


@click.command()
@click.argument("table", type=click.Choice([*TABLES, NETBOX]))
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...")
@click.option(
    "--output",
    default="-",
    show_default=True,
    metavar="FILE",
    help="*.jsonl, *.csv or *.parquet (needs duckdb); - is standard output. For netbox: a folder.",
)
@click.option(
    "--merge", is_flag=True, help="All captures are of one plant. Else captures that share neither hosts nor time are recordings of their own."
)
@add_options(ANALYSIS_OPTIONS)
def export(table: str, captures: tuple[str, ...], output: str, merge: bool, **options: Any) -> None:
    """Write one table of an analysis, whole; netbox: the assets as CSV files that NetBox imports, in the order of their names.

    \b
    Examples:
      otwatch export operations capture.pcap --output operations.csv
      otwatch export assets captures/ --output assets.jsonl
      otwatch export netbox captures/ --site site.yaml --output netbox
      otwatch export operations capture.pcap | jq 'select(.action=="WRITE" and .role=="request")'
    """
    if table == NETBOX:
        _export_netbox(captures, output, merge, options)
        return
    with one_line_errors():
        from otwatch.cli.running import finished_recordings, policy_from
        from otwatch.cli.writing import check_output
        from otwatch.engine.analysis import Listener
        from otwatch.engine.exporters import FactExporter, FlowExporter, OperationExporter
        from otwatch.outputs.alert_records import alert_record, incident_record
        from otwatch.outputs.headers import HEADERS
        from otwatch.outputs.records import asset_record, talk_record
        from otwatch.outputs.tables import TableWriter

        if output != "-":
            check_output(output, captures)
        results, stopped = [], False
        policy = policy_from(options) if table in ("alerts", "assets", "incidents") else None
        with TableWriter(output, HEADERS[table]) as writer:
            exporters: dict[str, Callable[[Analysis, TableWriter], Listener]] = {
                "operations": OperationExporter,
                "flows": FlowExporter,
                "facts": FactExporter,
            }
            make = exporters.get(table)

            def listeners(_number: int, analysis: Analysis) -> list[Listener]:
                return [make(analysis, writer)] if make else []

            for number, analysis, result in finished_recordings(captures, policy, listeners=listeners, merge=merge):
                result.number(number)
                if table == "assets":
                    writer.write(asset_record(asset) for asset in result.assets)
                elif table == "conversations":
                    writer.write(talk_record(talk) for talk in result.talks)
                elif table == "alerts":
                    writer.write(alert_record(alert) for alert in result.alerts)
                elif table == "incidents":
                    writer.write(incident_record(incident) for incident in result.incidents)
                elif table == "anomalies":
                    writer.write(analysis.anomaly_records())
                results.append(result)
                stopped = analysis.stopped
    if output != "-":
        complain(f"{writer.rows} {table} written to {output}")
    _end(results, stopped=stopped)


def _export_netbox(captures: tuple[str, ...], output: str, merge: bool, options: dict[str, Any]) -> None:
    if output == "-":
        raise click.UsageError("netbox are several files: name a folder with --output")
    with one_line_errors():
        from pathlib import Path

        from otwatch.cli.running import finished_recordings, policy_from
        from otwatch.outputs.netbox import write_netbox

        policy, results, stopped = policy_from(options), [], False
        for _, analysis, result in finished_recordings(captures, policy, listeners=lambda _number, _analysis: [], merge=merge):
            results.append(result)
            stopped = analysis.stopped
        assets = [asset for result in results for asset in result.assets]
        devices = write_netbox(Path(output), assets, (policy.site.name if policy.site else "") or "Plant") if assets else 0
    complain(f"{devices} devices written to {output}: import the files in the order of their names")
    _end(results, stopped=stopped)


def _end(results: Sequence[Result], *, stopped: bool) -> None:
    unreadable = [message for result in results for message in result.unreadable]
    for message in unreadable:
        complain(message)
    if stopped:
        sys.exit(EXIT_INTERRUPTED)
    if unreadable or not any(result.packets for result in results):
        if not unreadable:
            for message in nothing_read([report for result in results for report in result.captures]):
                complain(message)
        sys.exit(EXIT_UNUSABLE)
