"""The lake in ClickHouse: what is asked there has the answers of the lake, however often the push was interrupted."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from otwatch.errors import CaptureError
from otwatch.lake.asking import Question, Span, quoted
from otwatch.lake.clickhouse import SETTINGS, Server, answer, push
from otwatch.lake.layout import Lake
from otwatch.lake.questions import QUESTIONS, sql_of
from otwatch.lake.schema import TABLES
from otwatch.lake.tidying import merge
from tests.cli.calling import ATTACK, LEARN, PLANT, otwatch
from tests.lake.making import fill

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")


class Chdb:
    """ClickHouse in this process. `left`: so many calls, then it fails as a connection does."""

    def __init__(self, folder: Path) -> None:
        session = pytest.importorskip("chdb.session", reason="chdb is not installed: pip install --group clickhouse")
        self._session = session.Session(str(folder))
        self.left = 1_000_000
        # the columns of the file count, not what its path says of them: a server is sent the file alone
        for name, value in {**SETTINGS, "use_hive_partitioning": "0"}.items():
            self._session.query(f"SET {name} = {value}")

    def ask(self, sql: str) -> list[dict[str, Any]]:
        self._count()
        return [json.loads(line) for line in self._session.query(sql, "JSONEachRow").bytes().decode().splitlines()]

    def insert(self, table: str, columns: str, structure: str, segment: str, path: Path) -> None:
        self._count()
        source = f"file({quoted(str(path))}, 'Parquet', {quoted(structure)})"
        self._session.query(f"INSERT INTO {table} ({columns}, segment) SELECT {columns}, {quoted(segment)} FROM {source}")

    def close(self) -> None:
        self._session.close()

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise CaptureError("the connection is gone")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Chdb]:
    one = Chdb(tmp_path / "clickhouse")
    yield one
    one.close()


@pytest.mark.extended
def test_the_questions_have_the_answers_of_the_lake(tmp_path: Path, engine: Chdb) -> None:
    assert otwatch("analyze", LEARN, ATTACK, PLANT / "opcua-walk.pcap", "--lake", tmp_path / "lake").returncode == 0
    lake = Lake(tmp_path / "lake")
    assert push(lake, engine, Span()) > 500
    for span in (Span(), Span(since="2026-11-22T05:34:00", site="plant"), Span(until="2026-11-23"), Span(sensor="another")):
        question = Question(lake, span)
        for target in ("", "192.168.10.12", "it's none"):
            for name in QUESTIONS:
                here = question.ask(sql_of(name, lambda sql, ask=question.ask: ask(sql).rows, target=target, limit=5000)).rows  # type: ignore[misc]
                asked = sql_of(name, lambda sql, span=span: answer(engine, sql, span, "default").rows, target=target, limit=5000)  # type: ignore[misc]
                assert _plain(answer(engine, asked, span, "default").rows) == _plain(here), (name, span, target)
        question.close()


def _plain(rows: list[tuple[Any, ...]]) -> list[list[str]]:
    """Without times, whose text differs, in an order of our own: the order of NULLs is not the same."""
    return sorted([str(value) for value in row if not hasattr(value, "year") and not str(value).startswith("2026-")] for row in rows)


@pytest.mark.extended
def test_interrupted_at_any_call_nothing_is_twice_or_missing(tmp_path: Path, engine: Chdb) -> None:
    fill(tmp_path / "lake", "r-1")
    lake = Lake(tmp_path / "lake")
    calls = 0
    while True:
        engine.left = calls
        try:
            push(lake, engine, Span())
            break
        except CaptureError:
            calls += 1
    engine.left = 1_000_000
    assert calls > 20
    assert engine.ask("SELECT count() AS n, uniqExact(time, value) AS d FROM facts") == [{"n": 60, "d": 60}]
    assert push(lake, engine, Span()) == 0


@pytest.mark.extended
def test_a_day_that_was_merged_is_there_once(tmp_path: Path, engine: Chdb) -> None:
    fill(tmp_path / "lake", "r-1")
    lake = Lake(tmp_path / "lake")
    [place] = lake.places()
    push(lake, engine, Span())
    fill(tmp_path / "lake", "r-2")
    for day in place.days():
        merge(place, day)  # of r-1, which is there, and r-2, which is not
    push(lake, engine, Span())
    assert engine.ask("SELECT count() AS n FROM facts") == [{"n": 120}]
    fill(tmp_path / "lake", "r-3")
    push(lake, engine, Span())
    for day in place.days():
        merge(place, day)
    push(lake, engine, Span())
    assert engine.ask("SELECT count() AS n FROM facts") == [{"n": 180}]


class Recorder(BaseHTTPRequestHandler):
    """Notes what comes; knows nothing, as an empty server."""

    seen: list[tuple[dict[str, list[str]], str, bytes]]
    status = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.seen.append((parse_qs(urlsplit(self.path).query), self.headers["Authorization"], body))
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b"" if self.status == 200 else b"Code: 516. Authentication failed\nmore")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[tuple[str, type[Recorder]]]:
    handler = type("Handler", (Recorder,), {"seen": [], "status": 200})
    http = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield f"clickhouse://me:p%40ss@127.0.0.1:{http.server_port}/fleet", handler
    http.shutdown()
    http.server_close()
    thread.join()


def test_files_go_as_they_are_over_http(tmp_path: Path, server: tuple[str, type[Recorder]]) -> None:
    url, handler = server
    fill(tmp_path / "lake", "r-1", days=1)
    told = otwatch("lake", "push", url, "--lake", tmp_path / "lake")
    assert (told.returncode, told.stderr.splitlines()[-1]) == (0, "otwatch: 30 rows pushed")
    [place] = Lake(tmp_path / "lake").places()
    [file] = place.segments("2026-11-22")[0].files("facts")
    assert [body for _, _, body in handler.seen if body] == [file.read_bytes()]
    assert {(query["database"][0], authorization) for query, authorization, _ in handler.seen} == {("fleet", "Basic bWU6cEBzcw==")}
    made = [query["query"][0].split(" (")[0] for query, _, _ in handler.seen if query["query"][0].startswith("CREATE TABLE")]
    assert len(made) == len(TABLES) + 1


def test_what_the_server_says_is_one_line_and_no_password(tmp_path: Path, server: tuple[str, type[Recorder]]) -> None:
    url, handler = server
    handler.status = 401
    fill(tmp_path / "lake", "r-1", days=1)
    for asked in (("lake", "push", url, "--lake", tmp_path / "lake"), ("lake", "writers", "--clickhouse", url)):
        told = otwatch(*asked)
        assert told.returncode == 2
        assert len(told.stderr.splitlines()) == 1
        assert "Authentication failed" in told.stderr
        assert "p@ss" not in told.stderr
        assert "p%40ss" not in told.stderr


@pytest.mark.parametrize("url", ["http://x", "clickhouse://", "clickhouse://x:y", "nonsense"])
def test_what_is_no_clickhouse_is_said(url: str) -> None:
    with pytest.raises(CaptureError):
        Server.of(url)


def test_tls_has_its_own_port() -> None:
    server = Server.of("clickhouses://warehouse.example")
    assert (server.port, server.secure, server.user, server.database) == (8443, True, "default", "default")
