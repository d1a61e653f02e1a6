"""otwatch export: any table, whole."""

from __future__ import annotations

from typing import Any

import click

from otwatch.cli.ending import Ending
from otwatch.cli.failing import complain, one_line_errors
from otwatch.cli.options import ANALYSIS_OPTIONS, MERGE_AND_JOBS, add_options

TABLES = ("operations", "flows", "assets", "conversations", "facts", "anomalies", "alerts", "incidents")
NETBOX = "netbox"
ZEEK = ("zeek-json", "zeek-tsv")


@click.command()
@click.argument("table", type=click.Choice([*TABLES, NETBOX, *ZEEK]))
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...")
@click.option(
    "--output",
    default="-",
    show_default=True,
    metavar="FILE",
    help="*.jsonl, *.csv or *.parquet (needs otwatch[parquet]); - is standard output. For netbox and zeek: a folder.",
)
@add_options(MERGE_AND_JOBS)
@add_options(ANALYSIS_OPTIONS)
def export(table: str, captures: tuple[str, ...], output: str, merge: bool, jobs: int, **options: Any) -> None:
    """Write one table of an analysis, whole; netbox: the assets as CSV files that NetBox imports, in the order of their names.

    zeek-json, zeek-tsv: conn.log, modbus.log, dnp3.log and s7comm.log with the fields of Zeek and ICSNPP.

    \b
    Examples:
      otwatch export operations capture.pcap --output operations.csv
      otwatch export assets captures/ --output assets.jsonl
      otwatch export netbox captures/ --site site.yaml --output netbox
      otwatch export operations capture.pcap | jq 'select(.action=="WRITE" and .role=="request")'
    """
    if table == NETBOX:
        _export_netbox(captures, output, merge, jobs, options)
        return
    if table in ZEEK:
        _export_zeek(captures, output, merge, jobs, tsv=table == "zeek-tsv")
        return
    with one_line_errors():
        from otwatch.cli.running import observed_recordings, policy_from
        from otwatch.cli.writing import check_output
        from otwatch.engine.exporters import EXPORTERS
        from otwatch.engine.state import Wanted
        from otwatch.engine.writers import Writer
        from otwatch.outputs.alert_records import alert_record, incident_record
        from otwatch.outputs.headers import HEADERS
        from otwatch.outputs.operation_file import OperationFile
        from otwatch.outputs.records import asset_record, talk_record
        from otwatch.outputs.story import plural
        from otwatch.outputs.tables import TableWriter

        if output != "-":
            check_output(output, captures)
        ending = Ending()
        policy = policy_from(options) if table in ("alerts", "assets", "incidents") else None
        wanted = Wanted(anomalies=table == "anomalies", tables=(table,) if table in EXPORTERS else ())
        with OperationFile(output) if table == "operations" else TableWriter(output, HEADERS[table]) as writer:

            def writers(_number: int) -> dict[str, Writer]:
                return dict.fromkeys(wanted.tables, writer)

            for one in observed_recordings(captures, policy, wanted, writers=writers, merge=merge, jobs=jobs):
                result = one.result
                if table == "assets":
                    writer.write(asset_record(asset) for asset in result.assets)
                elif table == "conversations":
                    writer.write(talk_record(talk) for talk in result.talks)
                elif table == "alerts":
                    writer.write(alert_record(alert) for alert in result.alerts)
                elif table == "incidents":
                    writer.write(incident_record(incident) for incident in result.incidents)
                elif table == "anomalies":
                    writer.write(one.anomalies)
                ending.note(one.result, stopped=one.stopped)
    if output != "-":
        complain(f"{plural(writer.rows, 'row')} of {table} written to {output}")
    ending.exit()


def _export_zeek(captures: tuple[str, ...], output: str, merge: bool, jobs: int, *, tsv: bool) -> None:
    if output == "-":
        raise click.UsageError("the logs are several files: name a folder with --output")
    with one_line_errors():
        from otwatch.cli.running import observed_recordings
        from otwatch.engine.state import Wanted
        from otwatch.engine.writers import Taking
        from otwatch.outputs.story import plural
        from otwatch.outputs.zeek import ZeekLogs

        ending = Ending()
        with ZeekLogs(output, tsv=tsv) as logs:
            taking = {"operations": Taking(logs.operations), "flows": Taking(logs.flows)}
            for one in observed_recordings(captures, None, Wanted(tables=tuple(taking)), writers=lambda _: taking, merge=merge, jobs=jobs):
                ending.note(one.result, stopped=one.stopped)
    complain(f"{plural(logs.rows, 'line')} written to {output}")
    ending.exit()


def _export_netbox(captures: tuple[str, ...], output: str, merge: bool, jobs: int, options: dict[str, Any]) -> None:
    if output == "-":
        raise click.UsageError("netbox are several files: name a folder with --output")
    with one_line_errors():
        from pathlib import Path

        from otwatch.cli.running import observed_recordings, policy_from
        from otwatch.outputs.netbox import write_netbox
        from otwatch.outputs.story import plural

        policy, ending, assets = policy_from(options), Ending(), []
        for one in observed_recordings(captures, policy, merge=merge, jobs=jobs):
            assets += one.result.assets
            ending.note(one.result, stopped=one.stopped)
        devices = write_netbox(Path(output), assets, (policy.site.name if policy.site else "") or "Plant") if assets else 0
    complain(f"{plural(devices, 'device')} written to {output}: import the files in the order of their names")
    ending.exit()
