"""otwatch analyze --syslog: the alerts of a capture in rsyslog's file, and one line when a receiver is out of reach."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from otwatch.outputs.siem import delivery, sending
from tests.cli.calling import ATTACK, ROOT, SITE, SMALL, assert_one_line, otwatch
from tests.outputs.siem.reading_back import read_cef
from tests.outputs.siem.receivers import Authority, Rsyslog, free_port, structured_data, wait_for


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "SETTLE_SECONDS", 0.3)
    monkeypatch.setattr(sending.send_all, "__kwdefaults__", {"patience_seconds": 1.0})


@pytest.mark.parametrize("form", ["cef", "json"])
def test_the_incidents_are_in_the_file_of_rsyslog_by_udp_tcp_and_tls(form: str, tmp_path: Path, quick: None) -> None:
    authority = Authority(tmp_path)
    rsyslog = Rsyslog(tmp_path / "rsyslog", authority)
    rsyslog.start()
    try:
        urls = [f"{scheme}://localhost:{rsyslog.ports[scheme]}?format={form}" for scheme in ("udp", "tcp")]
        urls.append(f"tls://localhost:{rsyslog.ports['tls']}?format={form}&ca={authority.ca}")
        told = otwatch("analyze", ATTACK, "--site", SITE, "--format", "jsonl", "--min-severity", "high",
                       *(part for url in urls for part in ("--syslog", url)))
        assert told.returncode == 0
        shown = [record for record in map(json.loads, told.stdout.splitlines()) if record["type"] == "incident"]
        assert [line.split()[-1] for line in told.stderr.splitlines()] == [url.split("?")[0] for url in urls]
        assert f"{len(shown)} incident{'' if len(shown) == 1 else 's'} sent" in told.stderr
        for scheme in ("udp", "tcp", "tls"):
            assert wait_for(lambda scheme=scheme: len(rsyslog.received(scheme)) == len(shown)), scheme
            messages = rsyslog.received(scheme)
            data = [structured_data(message["sd"])["otwatch@32473"] for message in messages]
            assert [item["seq"] for item in data] == list(range(1, len(shown) + 1))
            assert {item["id"] for item in data} == {alert["id"] for alert in shown}
            by_id = {alert["id"]: alert for alert in shown}
            for message, item in zip(messages, data, strict=True):
                alert = by_id[item["id"]]
                assert message["time"].startswith(alert["time"][:26]), "the capture's own time"
                assert (message["host"], message["app"], message["msgid"]) == (socket.gethostname(), "otwatch", "incident")
                body = message["msg"].lstrip(" ")
                if form == "cef":
                    header, fields = read_cef(body)
                    assert header[4:6] == [alert["rule"], alert["title"]]
                    assert [fields.get(key, "") for key in ("src", "dst", "app", "cs2", "cnt")] == [
                        str(alert[name]) for name in ("src", "dst", "protocol", "object", "count")]
                else:
                    assert {name: json.loads(body)[name] for name in ("rule", "src", "dst", "first_seen", "count")} == {
                        name: alert[name] for name in ("rule", "src", "dst", "first_seen", "count")}
        assert [message["time"] for message in messages] == sorted(message["time"] for message in messages)
    finally:
        rsyslog.stop()


def test_out_of_reach_is_a_line_and_code_2_and_everything_else_is_there(tmp_path: Path, quick: None) -> None:
    rsyslog = Rsyslog(tmp_path / "rsyslog")
    rsyslog.start()
    try:
        told = otwatch("analyze", ATTACK, "--syslog", f"tcp://127.0.0.1:{free_port()}?ca=", "--syslog", f"tcp://127.0.0.1:{rsyslog.ports['tcp']}",
                       "--graph", tmp_path / "x.dot", "--db", tmp_path / "x.sqlite", "--output", tmp_path / "x.txt", "--fail-on", "low")
        assert told.returncode == 2
        bad, good = told.stderr.splitlines()
        assert bad.startswith("otwatch: tcp://127.0.0.1:")
        assert "Connection refused" in bad
        assert " 0 of " in bad
        assert "check that address" in bad
        many = int(good.split()[1])
        assert wait_for(lambda: len(rsyslog.received()) == many)
        assert "INC-" in (tmp_path / "x.txt").read_text(encoding="utf-8")
        assert (tmp_path / "x.dot").stat().st_size
        assert len(otwatch("incidents", "--db", tmp_path / "x.sqlite", "--min-severity", "info", "--format", "jsonl").stdout.splitlines()) == many
    finally:
        rsyslog.stop()


@pytest.mark.parametrize(("url", "words"), [
    ("siem.example", ("not a destination", "write udp://")), ("tcp://siem?format=xml", ("unknown format",)),
    ("tls://siem?ca=/nowhere.pem", ("certificate files",))])
def test_a_wrong_destination_is_told_before_the_work(url: str, words: tuple[str, ...]) -> None:
    told = otwatch("analyze", ATTACK, "--syslog", url)
    assert_one_line(told, *words)
    assert told.stdout == ""


def test_nothing_found_is_nothing_sent(quick: None) -> None:
    told = otwatch("analyze", SMALL, "--site", SITE, "--min-severity", "critical", "--syslog", "tcp://127.0.0.1:1")
    assert (told.returncode, told.stderr) == (0, "otwatch: 0 incidents sent to tcp://127.0.0.1:1\n")


def test_a_reader_of_the_output_that_has_gone_does_not_keep_the_alerts_from_the_siem(tmp_path: Path) -> None:
    rsyslog = Rsyslog(tmp_path / "rsyslog")
    rsyslog.start()
    try:
        command = f"'{sys.executable}' -m otwatch analyze '{ATTACK}' --syslog tcp://127.0.0.1:{rsyslog.ports['tcp']} | true"
        told = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=ROOT)
        assert "sent to tcp://" in told.stderr
        assert wait_for(rsyslog.received)
    finally:
        rsyslog.stop()


def test_runs_are_told_apart_by_their_process(tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    rsyslog = Rsyslog(tmp_path / "rsyslog")
    rsyslog.start()
    try:
        for process in (4711, 4712):
            monkeypatch.setattr("otwatch.cli.sending.os.getpid", lambda process=process: process)
            told = otwatch("analyze", ATTACK, "--min-severity", "critical", "--syslog", f"udp://127.0.0.1:{rsyslog.ports['udp']}")
            assert told.returncode == 0, told.stderr
        many = int(told.stderr.split()[1])
        assert wait_for(lambda: len(rsyslog.received()) == 2 * many)
        messages = rsyslog.received()
        assert [message["procid"] for message in messages] == ["4711"] * many + ["4712"] * many
        ids = [structured_data(message["sd"])["otwatch@32473"]["id"] for message in messages]
        assert ids[:many] == ids[many:], "the same packets give the same ids"
    finally:
        rsyslog.stop()
