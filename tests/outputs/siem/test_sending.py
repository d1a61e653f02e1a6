"""Alerts of a capture to real and failing receivers: all delivered, or told which not and why."""

from __future__ import annotations

import http.server
import socket
import threading
from pathlib import Path

import pytest

from otwatch.errors import CaptureError
from otwatch.outputs.siem import delivery as delivery_module
from otwatch.outputs.siem import transport as transport_module
from otwatch.outputs.siem.event import Sensor
from otwatch.outputs.siem.sending import check_target, send_all
from otwatch.outputs.siem.transport import parse_target
from tests.outputs.siem.receivers import Authority, Rsyslog, alert, free_port, structured_data, wait_for

SENDER = Sensor(name="desk-1", version="0.1.0", process="4711")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_module, "SETTLE_SECONDS", 0.3)


@pytest.mark.parametrize("scheme", ["udp", "tcp", "tls"])
def test_rsyslog_has_every_alert_with_its_own_time(tmp_path: Path, scheme: str) -> None:
    authority = Authority(tmp_path)
    rsyslog = Rsyslog(tmp_path / "rsyslog", authority)
    rsyslog.start()
    try:
        query = f"?ca={authority.ca}" if scheme == "tls" else ""
        records = [alert(time=f"2019-05-06T07:08:{i:02}.000001000Z", id=f"{i:016x}") for i in range(20)]
        (outcome,) = send_all(records, [parse_target(f"{scheme}://localhost:{rsyslog.ports[scheme]}{query}")], SENDER)
        assert (outcome.delivered, outcome.error) == (20, "")
        assert wait_for(lambda: len(rsyslog.received(scheme)) == 20)
        for i, message in enumerate(rsyslog.received(scheme)):
            data = structured_data(message["sd"])["otwatch@32473"]
            assert (message["host"], message["procid"], data["seq"], data["id"]) == ("desk-1", "4711", i + 1, f"{i:016x}")
            assert message["time"].startswith(f"2019-05-06T07:08:{i:02}.000001")
    finally:
        rsyslog.stop()


def test_one_out_of_reach_does_not_hold_up_the_others(tmp_path: Path) -> None:
    rsyslog = Rsyslog(tmp_path / "rsyslog")
    rsyslog.start()
    try:
        dead = [parse_target(f"{scheme}://127.0.0.1:{free_port(kind)}")
                for scheme, kind in (("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM), ("https", socket.SOCK_STREAM))]
        good = parse_target(f"tcp://127.0.0.1:{rsyslog.ports['tcp']}")
        outcomes = send_all([alert()] * 5, [dead[0], good, *dead[1:]], SENDER, patience_seconds=2)
        assert [outcome.delivered for outcome in outcomes] == [0, 5, 0, 0]
        assert [bool(outcome.error) for outcome in outcomes] == [True, False, True, True]
        assert "refused" in outcomes[0].error
        assert wait_for(lambda: rsyslog.sequences() == [1, 2, 3, 4, 5])
    finally:
        rsyslog.stop()


def test_a_receiver_that_comes_back_in_time_gets_all(tmp_path: Path) -> None:
    rsyslog = Rsyslog(tmp_path / "rsyslog")
    starter = threading.Timer(1.0, rsyslog.start)
    starter.start()
    try:
        (outcome,) = send_all([alert()] * 5, [parse_target(f"tcp://127.0.0.1:{rsyslog.ports['tcp']}")], SENDER, patience_seconds=60)
        assert (outcome.delivered, outcome.error) == (5, "")
        assert wait_for(lambda: set(rsyslog.sequences()) == {1, 2, 3, 4, 5})
    finally:
        starter.join()
        rsyslog.stop()


class _Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(413)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_what_a_receiver_will_never_take_is_an_error_and_not_tried_for_ever() -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        (outcome,) = send_all([alert()] * 3, [parse_target(f"http://127.0.0.1:{server.server_port}/hook")], SENDER)
        assert outcome.delivered == 0
        assert "413" in outcome.error
    finally:
        server.shutdown()
        server.server_close()


def test_a_receiver_that_takes_connections_and_reads_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection stands, everything waits in our own kernel: nothing ever fails by itself."""
    monkeypatch.setattr(transport_module, "_UNCONFIRMED_MILLISECONDS", 1000)
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        server.bind(("127.0.0.1", 0))
        server.listen()
        records = [alert(why="x" * 400)] * 200
        (outcome,) = send_all(records, [parse_target(f"tcp://127.0.0.1:{server.getsockname()[1]}?format=json")], SENDER, patience_seconds=0.5)
    assert outcome.delivered < 200
    assert "timed out" in outcome.error


def test_nothing_to_send_is_done_at_once() -> None:
    (outcome,) = send_all([], [parse_target("tcp://127.0.0.1:1")], SENDER)
    assert (outcome.delivered, outcome.error) == (0, "")


def test_the_same_destination_twice_gets_each_alert_once(tmp_path: Path) -> None:
    rsyslog = Rsyslog(tmp_path / "rsyslog")
    rsyslog.start()
    try:
        target = parse_target(f"tcp://127.0.0.1:{rsyslog.ports['tcp']}")
        assert len(send_all([alert()], [target, target], SENDER)) == 1
        assert wait_for(rsyslog.sequences) == [1]
    finally:
        rsyslog.stop()


def test_certificate_files_are_looked_at_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="certificate files of tls://"):
        check_target(parse_target(f"tls://siem?ca={tmp_path}/none.pem"))
    check_target(parse_target("tcp://siem"))
