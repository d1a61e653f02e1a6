"""otwatch lake: years of observations as Parquet, asked with SQL or ready questions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from otwatch.cli.failing import EXIT_FAIL_ON, complain, one_line_errors
from otwatch.cli.options import FILE, Decorator, add_options

if TYPE_CHECKING:
    from otwatch.lake.asking import Answer, Span

_LAKE: Sequence[Decorator] = (
    click.option("--lake", "folder", type=FILE, default="lake", show_default=True, metavar="FOLDER", help="The lake."),
)
_SPAN: Sequence[Decorator] = (
    *_LAKE,
    click.option("--since", default="", metavar="TIME", help="From this UTC time or day on."),
    click.option("--until", default="", metavar="TIME", help="Before this UTC time or day."),
    click.option("--site", metavar="NAME", help="Of this site only."),
    click.option("--sensor", metavar="NAME", help="Of this sensor only."),
)
_ASKING: Sequence[Decorator] = (
    *_SPAN,
    click.option("--clickhouse", "url", metavar="URL", help="Ask what `otwatch lake push URL` brought there, not the lake."),
    click.option("--format", "form", type=click.Choice(["text", "jsonl", "csv"]), default="text", show_default=True, help="For people or programs."),
)
_LIMIT: Sequence[Decorator] = (click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many rows."),)


@click.group()
def lake() -> None:
    """Keep years of observations as Parquet files and ask them: written by `analyze --lake` and by a sensor with outputs.lake.

    \b
    Examples:
      otwatch analyze captures/ --lake lake
      otwatch lake writers 10.0.0.9 --since 2026-11-01
      otwatch lake query "SELECT dst, count(*) FROM operations WHERE action = 'WRITE' GROUP BY dst"
      otwatch lake verify
    """


@lake.command()
@click.argument("sql")
@add_options(_ASKING)
def query(sql: str, folder: str, url: str | None, form: str, **span: Any) -> None:
    """Ask SQL (DuckDB) of the tables operations, behaviours, reads, flows, facts, anomalies, alerts, incidents, assets.

    `alerts`, `incidents` and `assets` have the newest row of each id; `all_alerts` ... every row.
    """
    _answer(folder, url, _span(span), form, lambda ask: ask(sql))


def _question(name: str, doc: str, *, needed: bool) -> click.Command:
    def asked(target: str, folder: str, url: str | None, form: str, limit: int, **span: Any) -> None:
        from otwatch.lake.questions import sql_of

        _answer(folder, url, _span(span), form, lambda ask: ask(sql_of(name, lambda sql: ask(sql).rows, target=target, limit=limit)))

    command: Any = add_options(_LIMIT)(add_options(_ASKING)(asked))
    argument = click.argument("target", required=True) if needed else click.argument("target", required=False, default="")
    return click.command(name, help=doc)(argument(command))


lake.add_command(_question("writers", "Say who wrote to what and when. TARGET: an address or name of a device; none: all.", needed=False))
lake.add_command(_question("history", "Say what became of an asset. TARGET: its address or name.", needed=True))
lake.add_command(_question("first-seen", "Say when each address was seen first, newest first. TARGET: one address.", needed=False))
lake.add_command(_question("alerts", "List incidents with their alerts, gravest first. TARGET: an address or the id of an incident.", needed=False))


@lake.command()
@click.argument("url", metavar="URL")
@add_options(_SPAN)
def push(url: str, folder: str, **span: Any) -> None:
    """Bring the lake into ClickHouse: what is not there yet, file by file; may be interrupted and repeated.

    URL is clickhouse://user:password@host:8123/database, or clickhouses:// over TLS. Tables are made where they are missing.

    \b
    Examples:
      otwatch lake push clickhouse://otwatch:secret@warehouse.example/otwatch
      otwatch lake writers 10.0.0.9 --clickhouse clickhouse://otwatch:secret@warehouse.example/otwatch
    """
    with one_line_errors():
        from otwatch.lake.clickhouse import Server
        from otwatch.lake.clickhouse import push as run
        from otwatch.lake.layout import Lake

        rows = run(Lake(folder), Server.of(url), _span(span), say=complain)
    complain(f"{rows} rows pushed")


@lake.command()
@add_options(_LAKE)
def days(folder: str) -> None:
    """Say what is there: days of each site and sensor, rows, bytes, hours without a sensor."""
    with one_line_errors():
        from otwatch.lake.layout import Lake
        from otwatch.lake.manifest import hours_without
        from otwatch.outputs.escape import one_line

        for place in Lake(folder).places():
            for day in place.days():
                segments = place.segments(day)
                rows: dict[str, int] = {}
                for segment in segments:
                    for table, count in segment.about.get("rows", {}).items():
                        rows[table] = rows.get(table, 0) + count
                size = sum(path.stat().st_size for segment in segments for path in segment.files())
                without = hours_without(segments, day)
                what = ", ".join(f"{count:,} {table}" for table, count in rows.items())
                gaps = f"; {len(without)} hours without a sensor" if without else ""
                click.echo(one_line(f"{day}  {place.site}  {place.sensor}  {size:,} bytes: {what or 'nothing'}{gaps}"))


@lake.command()
@click.argument("folder", required=False, default="lake", type=FILE)
@click.option("--head", "heads", multiple=True, metavar="SHA256", help="A head that was kept elsewhere has to be in a chain; may be repeated.")
def verify(folder: str, heads: tuple[str, ...]) -> None:
    """Check that no file and no line of the manifests of FOLDER was changed, removed or added; exit code 3 when one was.

    Prints the head of each chain: keep it where whoever could change the lake cannot write.
    """
    with one_line_errors():
        from otwatch.lake.layout import Lake
        from otwatch.lake.manifest import heads as heads_of
        from otwatch.lake.manifest import latest, read
        from otwatch.lake.manifest import verify as check
        from otwatch.outputs.escape import one_line

        broken, known = False, set[str]()
        for place in Lake(folder).places():
            for found in check(place):
                broken |= found.broken
                click.echo(one_line(f"{'BROKEN' if found.broken else 'note'}  {found.place}: {found.text}"))
            chain = heads_of(place)
            known |= set(chain)
            kept = [line for line in latest(read(place)[0]).values() if line["kind"] == "day"]
            head = chain[-1] if chain else "none"
            click.echo(one_line(f"{place.site}, {place.sensor}: {len(chain)} lines, {len(kept)} days with files, head {head}"))
        for head in heads:
            if head.lower() not in known:
                broken = True
                click.echo(one_line(f"BROKEN  no chain has the head {head}: lines that were there are gone"))
    if broken:
        sys.exit(EXIT_FAIL_ON)


@lake.command()
@add_options(_LAKE)
@click.option("--days", type=click.IntRange(0), default=0, metavar="N", help="Delete days older than this; 0: none.")
@click.option("--reads-days", type=click.IntRange(0), default=0, metavar="N", help="Delete raw reads older than this; 0: none.")
@click.option("--size", default="", metavar="SIZE", help='Delete the oldest days beyond this size ("500 GB").')
def tidy(folder: str, days: int, reads_days: int, size: str) -> None:
    """Merge the files of days that are over, add them to the manifest, and delete what is too old. A deleted day keeps its line in the manifest."""
    with one_line_errors():
        from otwatch.errors import CaptureError
        from otwatch.lake.layout import Lake
        from otwatch.lake.tidying import tidy as run
        from otwatch.sensor.config import size_bytes

        try:
            most = size_bytes(size)
        except ValueError as error:
            raise CaptureError(f'--size: "{size}" is no size: write "500 GB"') from error
        run(Lake(folder), days=days, reads_days=reads_days, size_bytes=most, say=complain)


def _span(given: dict[str, Any]) -> Span:
    from otwatch.lake.asking import Span

    return Span(since=given["since"], until=given["until"], site=given["site"], sensor=given["sensor"])


def _answer(folder: str, url: str | None, span: Span, form: str, ask: Callable[[Callable[[str], Answer]], Answer]) -> None:
    with one_line_errors():
        from otwatch.cli.lake_text import show_answer
        from otwatch.lake.asking import Question
        from otwatch.lake.layout import Lake

        if url is not None:
            from otwatch.lake.clickhouse import Server, answer

            server = Server.of(url)
            show_answer(ask(lambda sql: answer(server, sql, span, server.database)), form)
            return
        question = Question(Lake(folder), span)
        try:
            show_answer(ask(question.ask), form)
        finally:
            question.close()
