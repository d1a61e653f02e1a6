"""What goes wrong behind the sensor: killed amid alerts, a full disk, a wrong certificate, a SIEM that is away, a hostile name."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from otwatch.outputs.siem.reading import stored_events
from tests.capture.wire import Wire, lab
from tests.engine import network
from tests.live.sensors import RunningSensor, frames_of
from tests.outputs.siem.reading_back import read_cef, read_leef
from tests.outputs.siem.receivers import Authority, Receiver, Rsyslog, structured_data, wait_for

pytestmark = lab


@pytest.fixture
def beside(wire: Wire) -> Wire:
    """The wire, with a loopback on the sensor's side for a receiver."""
    wire.run("ip", "-n", wire.sensor, "link", "set", "lo", "up")
    return wire


def sequences(folder: Path) -> list[int]:
    return [event.sequence for event in stored_events(folder / "state/spool")]


@pytest.mark.slow
@pytest.mark.extended
def test_kill_9_amid_alerts_loses_nothing_and_repeats_only_under_the_same_number(tmp_path: Path, folder: Path, beside: Wire) -> None:
    """Four lives: each of the first three ends by kill -9 while alerts are told, never by a clean stop."""
    rsyslog = Rsyslog(tmp_path / "rsyslog", namespace=beside.sensor)
    rsyslog.start()
    url = f"tcp://127.0.0.1:{rsyslog.ports['tcp']}?format=json&events=all"
    sensor = RunningSensor(beside.sensor, "wire0", folder, destinations=(url,), keys="checkpoint_seconds = 1")
    try:
        for attack in ("plant-attack", "modbus-scan-units", "s7comm-download"):
            sensor.start()
            before = len(sensor.alerts())
            sender = threading.Thread(target=beside.send, args=(frames_of(attack),), kwargs={"pause": 0.01})
            sender.start()
            assert wait_for(lambda before=before: [a for a in sensor.alerts()[before:] if not a["rule"].startswith("sensor.")])
            assert sensor.stop(signal.SIGKILL) == -signal.SIGKILL
            sender.join()
        sensor.start()
        assert wait_for(lambda: set(rsyslog.sequences()) >= set(sequences(folder))), "what is in the spool arrives"
        sensor.stop()
        stored = {event.sequence: event.record for event in stored_events(folder / "state/spool")}
        assert sequences(folder) == list(range(1, len(stored) + 1)), "no number is missing, none is used twice"
        for record in sensor.records():
            assert stored[record.pop("sequence")] == record, "what was acknowledged to the file is in the spool"
        assert wait_for(lambda: set(rsyslog.sequences()) == set(stored))
        for message in rsyslog.received("tcp"):
            body = json.loads(message["msg"].lstrip(" "))
            assert stored[body.pop("sequence")]["title"] == body["title"], "a repetition says under its number what was said at first"
    finally:
        if sensor.process is not None:
            sensor.stop(signal.SIGKILL)
        rsyslog.stop()


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    state = folder / "state"
    state.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=777", "tmpfs", str(state)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount a tmpfs here: {done.stderr.decode().strip()}")
    yield state
    subprocess.run(["umount", "-l", str(state)], check=True)


def test_a_full_disk_is_told_and_alerts_leave_from_memory(tmp_path: Path, folder: Path, small_disk: Path, beside: Wire) -> None:
    rsyslog = Rsyslog(tmp_path / "rsyslog", namespace=beside.sensor)
    rsyslog.start()
    url = f"tcp://127.0.0.1:{rsyslog.ports['tcp']}?events=all"
    filler = small_disk / "filler"
    try:
        with RunningSensor(beside.sensor, "wire0", folder, destinations=(url,), keys="checkpoint_seconds = 1") as sensor:
            with filler.open("wb", buffering=0) as full:
                for size in (65_536, 4096, 1):
                    try:
                        while True:
                            full.write(b"x" * size)
                    except OSError:
                        continue
            beside.send(frames_of("plant-attack"))
            sensor.wait("dnp3.cold-restart")
            assert sensor.wait("sensor.storage-failing")["severity"] == "high"
            told = {record["sequence"] for record in sensor.alerts()}
            assert wait_for(lambda: told <= set(rsyslog.sequences())), "alerts are sent from memory"
            assert len(sequences(folder)) < len(told), "the disk is full indeed"
            filler.unlink()
            assert wait_for(lambda: set(sequences(folder)) >= told), "they are on disk as soon as it takes them"
            assert wait_for(lambda: sensor.over("sensor.storage-failing"))
        assert sequences(folder) == list(range(1, len(sensor.records()) + 1))
        assert wait_for(lambda: set(rsyslog.sequences()) == set(sequences(folder)))
    finally:
        rsyslog.stop()


@pytest.mark.slow
@pytest.mark.extended
def test_a_wrong_certificate_and_a_siem_that_is_away_are_told(tmp_path: Path, folder: Path, beside: Wire) -> None:
    """TLS goes to a receiver of another authority: nothing is sent there, and the other destination hears of it. Then that one is away."""
    (tmp_path / "other").mkdir()
    authority, other = Authority(tmp_path), Authority(tmp_path / "other")
    ca = folder / "ca.pem"
    ca.write_bytes(other.ca.read_bytes())
    rsyslog = Rsyslog(tmp_path / "rsyslog", authority, namespace=beside.sensor)
    rsyslog.start()
    tls, tcp = f"tls://localhost:{rsyslog.ports['tls']}", f"tcp://localhost:{rsyslog.ports['tcp']}"
    sensor = RunningSensor(beside.sensor, "wire0", folder, destinations=(f"{tls}?ca={ca}", f"{tcp}?events=all"),
                           more="[health]\ndelivery_seconds = 1\n")
    try:
        with sensor:
            told = sensor.wait("sensor.delivery-failing", file=tls)
            assert "CERTIFICATE_VERIFY_FAILED" in told["evidence"]["error"]
            assert wait_for(lambda: told["sequence"] in rsyslog.sequences())
            rsyslog.stop()
            beside.send(frames_of("modbus-write-stranger"))
            sensor.wait("ot.")
            sensor.wait("sensor.delivery-failing", file=tcp)
            rsyslog.start()
            assert wait_for(lambda: [alert for alert in sensor.over("sensor.delivery-failing") if alert["file"] == tcp])
            assert wait_for(lambda: {record["sequence"] for record in sensor.alerts()} <= set(rsyslog.sequences()))
        assert rsyslog.received("tls") == [], "not a byte to the one who is not who it should be"
    finally:
        rsyslog.stop()


HOSTILE = [
    "PLC\n<34>1 2026-01-01T00:00:00Z forged app - - - all is well\r\n",
    "a|b=c\\|d= act=all\\=well\tsev=0",
    "\x1b[2J\x1b[31mPLC\x07\x00]\"]",
    "=|]\"\\\n" * 38,
]


def hostile_network() -> list[bytes]:
    """Devices that tell such names of themselves, each written to by a stranger."""
    wire = network.Wire()
    operator, stranger = network.Host("10.0.1.5", "02:00:00:00:01:05"), network.Host("10.0.1.66", "02:00:00:00:01:66")
    for number, name in enumerate(HOSTILE, 10):
        device = network.Host(f"10.0.1.{number}", f"02:00:00:00:01:{number:02x}")
        text = name.encode()
        answer = bytes.fromhex("2b0e0202000001") + bytes([4, len(text)]) + text
        identification = network.modbus(7, 255, bytes.fromhex("2b0e0200")), network.modbus(7, 255, answer)
        wire.tcp(operator, device, 502, [identification, *network.polls(12, 255)])
        wire.tcp(stranger, device, 502, network.writes(3, 255))
    return wire.frames


def test_no_device_s_name_forges_an_event_or_a_field(tmp_path: Path, folder: Path, beside: Wire) -> None:
    """All the way from the wire to the receiver's file, in every body: as many messages as records, each whole, whatever devices call themselves."""
    rsyslog = Rsyslog(tmp_path / "rsyslog", namespace=beside.sensor)
    rsyslog.start()
    formats = ("text", "cef", "leef", "json", "ecs")
    urls = tuple(f"tcp://127.0.0.1:{rsyslog.ports['tcp']}?format={form}&events=all" for form in formats)
    try:
        with RunningSensor(beside.sensor, "wire0", folder, destinations=urls) as sensor:
            beside.send(hostile_network(), pause=0.001)
            devices = {f"10.0.1.{number}" for number in range(10, 10 + len(HOSTILE))}
            assert wait_for(lambda: {alert["dst"] for alert in sensor.alerts("ot.")} >= devices), sensor.alerts("ot.")
        records = sensor.records()
        assert wait_for(lambda: len(rsyslog.received("tcp")) >= len(formats) * len(records))
        check_messages(rsyslog, records, len(formats))
    finally:
        rsyslog.stop()


def check_messages(rsyslog: Receiver, records: list[dict[str, object]], bodies: int) -> None:
    numbers = rsyslog.sequences()
    assert sorted(set(numbers)) == [record["sequence"] for record in records]
    by_number = {record["sequence"]: record for record in records}
    seen = set()
    for message in rsyslog.received("tcp"):
        assert (message["host"], message["app"]) == ("sensor-7", "otwatch")
        number = structured_data(message["sd"])["otwatch@32473"]["seq"]
        record, text = by_number[number], message["msg"].lstrip(" ")
        form = "cef" if text.startswith("CEF:") else "leef" if text.startswith("LEEF:") else "document" if text.startswith("{") else "text"
        seen.add(form)
        if form == "cef":
            header, fields = read_cef(text)
            assert (header[4], fields["externalId"]) == (record["rule"], str(number))
            assert fields.get("dst", "") == (record.get("dst") or "")
        elif form == "leef":
            header, fields = read_leef(text)
            assert (header[4], fields["identifier"]) == (record["rule"], str(number))
        elif form == "document":
            assert json.loads(text)
        assert not any(character in text for character in "\n\r\x1b\x00\x07"), "nothing that ends a line or commands a terminal"
    assert seen == {"cef", "leef", "document", "text"}
    assert len(numbers) >= bodies * len(records)
