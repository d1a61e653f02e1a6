"""Delivery at least once, with a real rsyslog that is stopped, restarted and killed, and a sender that is killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from otwatch.outputs.siem import delivery as module
from otwatch.outputs.siem.cursors import Cursors
from otwatch.outputs.siem.delivery import Delivery
from otwatch.outputs.siem.reading import stored_events
from otwatch.outputs.siem.spool import Spool
from otwatch.outputs.siem.transport import Target, parse_target
from tests.outputs.siem.receivers import SENSOR, Authority, Rsyslog, alert, free_port, wait_for


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same code with shorter waits."""
    monkeypatch.setattr(module, "SETTLE_SECONDS", 0.5)
    monkeypatch.setattr(module, "_LONGEST_PAUSE_SECONDS", 1.0)


@pytest.mark.parametrize("scheme", ["udp", "tcp", "tls"])
def test_rsyslog_stopped_and_restarted_loses_nothing(tmp_path: Path, scheme: str, quick: None) -> None:
    # UDP has no acknowledgement (RFC 5426): the socket of a receiver that has bound but does not read yet holds some 90 datagrams, and the rest is
    # lost unsaid. The datagrams of the outage are therefore fewer; the streams get many.
    few = 15 if scheme == "udp" else 50
    authority = Authority(tmp_path)
    rsyslog = Rsyslog(tmp_path / "rsyslog", authority)
    rsyslog.start()
    spool = Spool(tmp_path / "spool")
    query = f"&ca={authority.ca}" if scheme == "tls" else ""
    delivery = Delivery(spool, parse_target(f"{scheme}://localhost:{rsyslog.ports[scheme]}?format=cef{query}"), SENSOR)
    delivery.start()
    try:
        for _ in range(few):
            spool.append(alert())
        delivery.wake()
        assert wait_for(lambda: delivery.state.delivered == few)
        assert wait_for(lambda: len(set(rsyslog.sequences())) == few), "what was delivered is written before the outage"
        rsyslog.stop()
        for _ in range(few):
            spool.append(alert())
        delivery.wake()
        assert wait_for(lambda: delivery.state.failing_since is not None), "the outage must be seen"
        assert delivery.state.last_error
        for _ in range(few):
            spool.append(alert())
        rsyslog.start()
        assert wait_for(lambda: delivery.state.delivered == 3 * few)
        assert delivery.state.failing_since is None
        everything = set(range(1, 3 * few + 1))
        assert wait_for(lambda: set(rsyslog.sequences()) == everything), sorted(everything - set(rsyslog.sequences()))
        first_times = list(dict.fromkeys(rsyslog.sequences()))
        assert first_times == sorted(first_times), "order is kept, repetitions aside"
    finally:
        delivery.stop()
        rsyslog.stop()


def test_a_receiver_that_dies_while_events_flow_loses_nothing(tmp_path: Path) -> None:
    """kill -9 of rsyslog under load: what its kernel had confirmed within the settling time is sent again."""
    rsyslog = Rsyslog(tmp_path / "rsyslog")
    rsyslog.start()
    spool = Spool(tmp_path / "spool")
    delivery = Delivery(spool, parse_target(f"tcp://localhost:{rsyslog.ports['tcp']}"), SENSOR)
    delivery.start()
    try:
        for i in range(600):
            spool.append(alert())
            if i in (150, 350):
                rsyslog.stop(signal.SIGKILL)
                rsyslog.start()
            time.sleep(0.001)
        assert wait_for(lambda: set(rsyslog.sequences()) == set(range(1, 601)))
    finally:
        delivery.stop()
        rsyslog.stop()


_SENDER = """
import sys
from pathlib import Path
from otwatch.outputs.siem.delivery import Delivery
from otwatch.outputs.siem.spool import Spool
from otwatch.outputs.siem.transport import parse_target
from tests.outputs.siem.receivers import SENSOR, alert

spool = Spool(Path(sys.argv[1]))
delivery = Delivery(spool, parse_target(sys.argv[2]), SENSOR)
delivery.start()
while True:
    print(spool.append(alert()), flush=True)
    delivery.wake()
"""


def test_kill_9_of_the_sender_loses_nothing_that_was_appended(tmp_path: Path) -> None:
    rsyslog = Rsyslog(tmp_path / "rsyslog")
    rsyslog.start()
    url = f"tcp://localhost:{rsyslog.ports['tcp']}?format=json"
    acknowledged: list[int] = []
    try:
        for _ in range(3):
            sender = subprocess.Popen([sys.executable, "-c", _SENDER, str(tmp_path / "spool"), url], stdout=subprocess.PIPE,
                                      cwd=Path(__file__).parents[3], env={**os.environ, "PYTHONPATH": "."})
            assert sender.stdout is not None
            for _ in range(300):
                acknowledged.append(int(sender.stdout.readline()))
            sender.send_signal(signal.SIGKILL)
            rest = sender.stdout.read().split(b"\n")
            acknowledged += [int(number) for number in rest[:-1]]
            sender.wait()
        assert acknowledged == sorted(set(acknowledged)), "a number was used twice"
        spool = Spool(tmp_path / "spool")
        assert {event.sequence for event in stored_events(tmp_path / "spool")} >= set(acknowledged)
        delivery = Delivery(spool, parse_target(url), SENSOR)
        delivery.start()
        assert wait_for(lambda: set(rsyslog.sequences()) >= set(acknowledged))
        delivery.stop()
        spool.close()
    finally:
        rsyslog.stop()


def test_a_wrong_certificate_is_reported_and_nothing_is_sent(tmp_path: Path, quick: None) -> None:
    authority, other = Authority(tmp_path), tmp_path / "other"
    other.mkdir()
    stranger = Authority(other)
    rsyslog = Rsyslog(tmp_path / "rsyslog", authority)
    rsyslog.start()
    spool = Spool(tmp_path / "spool")
    delivery = Delivery(spool, parse_target(f"tls://localhost:{rsyslog.ports['tls']}?ca={stranger.ca}"), SENSOR)
    spool.append(alert())
    delivery.start()
    try:
        assert wait_for(lambda: delivery.state.failures > 1)
        assert "CERTIFICATE_VERIFY_FAILED" in delivery.state.last_error
        assert delivery.state.failing_since is not None
        assert delivery.state.delivered == 0
        assert delivery.pending == 1
        assert rsyslog.sequences() == []
    finally:
        delivery.stop(drain_seconds=0)
        rsyslog.stop()


def test_a_receiver_that_goes_away_is_noticed_while_nothing_is_to_be_said(tmp_path: Path, quick: None) -> None:
    rsyslog = Rsyslog(tmp_path / "rsyslog")
    rsyslog.start()
    spool = Spool(tmp_path / "spool")
    delivery = Delivery(spool, parse_target(f"tcp://localhost:{rsyslog.ports['tcp']}"), SENSOR)
    delivery.start()
    try:
        assert wait_for(lambda: delivery.state.connected)
        rsyslog.stop()
        assert wait_for(lambda: delivery.state.failing_since is not None)
    finally:
        delivery.stop(drain_seconds=0)


def test_a_new_destination_gets_what_comes_from_now_on(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for _ in range(5):
        spool.append(alert())
    assert Delivery(spool, parse_target("tcp://localhost:1"), SENSOR).state.delivered == 5


def test_events_are_sent_again_on_request(tmp_path: Path, quick: None) -> None:
    rsyslog = Rsyslog(tmp_path / "rsyslog")
    rsyslog.start()
    spool = Spool(tmp_path / "spool")
    target = parse_target(f"tcp://localhost:{rsyslog.ports['tcp']}")
    delivery = Delivery(spool, target, SENSOR)
    delivery.start()
    try:
        for _ in range(10):
            spool.append(alert())
        assert wait_for(lambda: delivery.state.delivered == 10)
        Cursors(tmp_path / "spool").request_resend(target.id, 8)
        assert wait_for(lambda: rsyslog.sequences() == [*range(1, 11), 8, 9, 10])
    finally:
        delivery.stop()
        rsyslog.stop()


def test_a_record_that_no_body_can_say_does_not_block_the_others(tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bytes] = []

    class Pretended:
        def send(self, message: bytes) -> None:
            sent.append(message)

        def unacknowledged_bytes(self) -> int:
            return 0

        def close(self) -> None:
            pass

    def pretended(_: Target) -> Pretended:
        return Pretended()

    monkeypatch.setattr(module, "connect", pretended)
    spool = Spool(tmp_path)
    delivery = Delivery(spool, parse_target("tcp://localhost:1?format=ecs"), SENSOR)
    spool.append({"type": "alert", "attack": {"a": 1}, "severity": ["high"], "time": 5, "title": "odd"})
    spool.append(alert())
    delivery.start()
    assert wait_for(lambda: delivery.state.delivered == 2)
    delivery.stop()
    assert len(sent) == 2


def test_a_receiver_that_hangs_does_not_count_as_having_anything(tmp_path: Path, quick: None) -> None:
    """It accepts and never reads: once its window is full, nothing more is sure, and the cursor stays."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    server.bind(("127.0.0.1", free_port()))
    server.listen()
    spool = Spool(tmp_path)
    delivery = Delivery(spool, parse_target(f"tcp://127.0.0.1:{server.getsockname()[1]}"), SENSOR)
    for _ in range(3000):
        spool.append(alert())
    delivery.start()
    time.sleep(2.5)
    assert delivery.state.delivered == 0
    server.close()
    delivery._stop.set()
