"""Disks behind a running sensor: damaged stores and spools, a disk that is full from the start, or while alerts come."""

from __future__ import annotations

import ipaddress
import json
import os
import signal
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from otwatch.outputs.siem.reading import segments_of, stored_events
from tests.capture.wire import Wire, lab
from tests.live.sensors import RunningSensor, frames_of
from tests.outputs.siem.receivers import Rsyslog, wait_for

pytestmark = lab


@pytest.fixture
def rsyslog(tmp_path: Path, wire: Wire) -> Iterator[Rsyslog]:
    wire.run("ip", "-n", wire.sensor, "link", "set", "lo", "up")
    receiver = Rsyslog(tmp_path / "rsyslog", namespace=wire.sensor)
    receiver.start()
    yield receiver
    receiver.stop()


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """A small disk in the place of everything that the sensor writes: what 200 alerts take, as records, in the store and its log, it holds."""
    disk = folder / "disk"
    disk.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m,mode=777", "tmpfs", str(disk)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount a tmpfs here: {done.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as full:
        for size in (65_536, 4096, 1):
            with suppress(OSError):
                while True:
                    full.write(b"x" * size)
    return filler


def attacks(count: int, first: int = 0) -> list[bytes]:
    """So many hosts that each stop a controller of their own: the recorded attack, moved to other addresses."""
    recorded = frames_of("s7comm-stop")
    attacker, controller = ipaddress.ip_address("192.168.10.77").packed, ipaddress.ip_address("192.168.10.11").packed
    of_attack = [frame for frame in recorded if {frame[26:30], frame[30:34]} == {attacker, controller}]
    found = []
    for number in range(first, first + count):
        places = bytes([10, 1, number // 200, number % 200 + 1]), bytes([10, 2, number // 200, number % 200 + 1])
        new = {attacker: places[0], controller: places[1]}
        found += [_moved(frame, new[frame[26:30]], new[frame[30:34]]) for frame in of_attack]
    return found


def _moved(frame: bytes, source: bytes, destination: bytes) -> bytes:
    """An Ethernet frame with TCP in IPv4 without options, between other addresses (and cards)."""
    total = int.from_bytes(frame[16:18], "big")
    header = frame[14:24] + b"\0\0" + source + destination
    segment = frame[34:14 + total]
    pseudo = source + destination + b"\0\x06" + len(segment).to_bytes(2, "big")
    segment = segment[:16] + b"\0\0" + segment[18:]
    segment = segment[:16] + _checksum(pseudo + segment) + segment[18:]
    cards = b"\2\0" + destination + b"\2\0" + source
    return cards + frame[12:14] + header[:10] + _checksum(header) + header[12:] + segment


def _checksum(octets: bytes) -> bytes:
    total = sum(struct.unpack(f">{len(octets) // 2 + len(octets) % 2}H", octets + b"\0" * (len(octets) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return (~total & 0xFFFF).to_bytes(2, "big")


def reported(records: list[dict[str, object]]) -> set[str]:
    return {str(record["id"]) for record in records if record["type"] == "alert" and not str(record["rule"]).startswith("sensor.")}


def in_store(path: Path) -> list[dict[str, object]]:
    with suppress(sqlite3.OperationalError), sqlite3.connect(f"file:{path}?mode=ro", uri=True) as store:  # just being made
        return [json.loads(record) for (record,) in store.execute("SELECT record FROM alerts")]
    return []


@pytest.mark.parametrize("damage", ["zeros", "text", "cut"])
def test_a_damaged_store_is_set_aside_and_the_sensor_watches(folder: Path, wire: Wire, damage: str) -> None:
    sensor = RunningSensor(wire.sensor, "wire0", folder)
    sensor.start()
    wire.send(frames_of("s7comm-stop"))
    sensor.wait("ot.controller-stop")
    sensor.stop()
    content = bytearray(sensor.database.read_bytes())
    if damage == "cut":
        del content[len(content) // 3:]
    else:
        content[:4096] = (b"\0" if damage == "zeros" else b"what is this? ").ljust(4096, b"\0")[:4096]
    sensor.database.write_bytes(content)
    sensor.start()
    try:
        told = sensor.wait("sensor.store-damaged")
        assert (told["severity"], told["evidence"]["text"].count(f"{sensor.database}.damaged-")) == ("high", 1)
        wire.send(frames_of("dnp3-cold-restart"))
        sensor.wait("dnp3.cold-restart")
        assert wait_for(lambda: any(record["rule"] == "dnp3.cold-restart" for record in in_store(sensor.database)))
        assert list(folder.glob("store.sqlite.damaged-*"))
    finally:
        sensor.stop()


def test_a_store_that_is_damaged_while_it_runs_is_set_aside(folder: Path, wire: Wire) -> None:
    with RunningSensor(wire.sensor, "wire0", folder) as sensor:
        wire.send(frames_of("s7comm-stop"))
        sensor.wait("ot.controller-stop")
        assert wait_for(lambda: reported(in_store(sensor.database)))
        with sensor.database.open("r+b") as store:
            store.write(b"\xff" * 65_536)
        for name in ("-wal", "-shm"):
            with suppress(OSError), (folder / f"store.sqlite{name}").open("r+b") as shadow:
                shadow.write(b"\xff" * os.fstat(shadow.fileno()).st_size)
        wire.send(frames_of("dnp3-cold-restart"))
        sensor.wait("sensor.store-damaged")
        assert wait_for(lambda: sensor.database.exists() and any(record["rule"] == "dnp3.cold-restart" for record in in_store(sensor.database)))


def test_a_disk_that_is_full_from_the_start_costs_no_alert(folder: Path, small_disk: Path, wire: Wire, rsyslog: Rsyslog) -> None:
    sensor = RunningSensor(wire.sensor, "wire0", folder, destinations=(f"tcp://127.0.0.1:{rsyslog.ports['tcp']}?format=json&events=all",),
                           keys="checkpoint_seconds = 1")
    sensor.on(small_disk)
    filler = fill(small_disk)

    def arrived() -> list[dict[str, object]]:
        return [json.loads(message["msg"]) for message in rsyslog.received("tcp")]

    sensor.start(wait_for_heartbeat=False)
    try:
        assert wait_for(lambda: [record for record in arrived() if record["rule"] == "sensor.storage-failing"]), (folder / "log").read_text()
        wire.send(frames_of("s7comm-stop"))
        assert wait_for(lambda: [record for record in arrived() if record["rule"] == "ot.controller-stop"])
        filler.unlink()
        assert wait_for(lambda: reported(sensor.records()) == reported(arrived()))
        assert wait_for(lambda: sensor.database.exists() and reported(in_store(sensor.database)) == reported(arrived()))
        assert wait_for(lambda: sensor.over("sensor.storage-failing"))
        numbers = [record["sequence"] for record in sensor.records()]
        assert numbers == list(range(1, len(numbers) + 1)), "the file has everything, in order, once"
    finally:
        sensor.stop()


def test_what_a_full_disk_kept_back_is_written_to_file_and_store(folder: Path, small_disk: Path, wire: Wire, rsyslog: Rsyslog) -> None:
    sensor = RunningSensor(wire.sensor, "wire0", folder, destinations=(f"tcp://127.0.0.1:{rsyslog.ports['tcp']}?format=json&events=all",),
                           keys="checkpoint_seconds = 3600")
    sensor.on(small_disk)
    with sensor:
        wire.send(attacks(10))
        assert wait_for(lambda: len(reported(sensor.records())) >= 10)
        filler = fill(small_disk)
        wire.send(attacks(200, first=10), pause=0.001)

        def arrived() -> list[dict[str, object]]:
            return [json.loads(message["msg"]) for message in rsyslog.received("tcp")]

        targets = {f"10.2.{number // 200}.{number % 200 + 1}" for number in range(210)}
        assert wait_for(lambda: targets <= {record.get("dst") for record in arrived() if record["type"] == "alert"})
        assert len(reported(sensor.records())) < len(reported(arrived())), "the disk is full indeed"
        filler.unlink()
        assert wait_for(lambda: reported(sensor.records()) == reported(arrived()))
        assert wait_for(lambda: reported(in_store(sensor.database)) == reported(arrived()))
        print(f"sent {len(reported(arrived()))}, JSON lines {len(reported(sensor.records()))}, store {len(reported(in_store(sensor.database)))}")
    assert [event.sequence for event in stored_events(small_disk / "state/spool")] == [record["sequence"] for record in sensor.records()]


def test_a_damaged_spool_costs_what_is_damaged_and_says_which(folder: Path, wire: Wire, rsyslog: Rsyslog) -> None:
    """The receiver is away, alerts wait in the spool, the sensor stops, bits of the newest segment flip and its end is cut."""
    sensor = RunningSensor(wire.sensor, "wire0", folder, destinations=(f"tcp://127.0.0.1:{rsyslog.ports['tcp']}?format=json&events=all",))
    sensor.start()
    rsyslog.stop()
    wire.send(attacks(40))
    assert wait_for(lambda: len(reported(sensor.records())) >= 40)
    sensor.stop(signal.SIGKILL)
    spool = folder / "state/spool"
    written = {event.sequence for event in stored_events(spool)}
    delivered = int(next(spool.glob("*.cursor")).read_bytes())
    path = segments_of(spool)[-1][1]
    octets = bytearray(path.read_bytes())
    for place in Random(1).sample(range(len(octets)), 20):
        octets[place] ^= 1
    path.write_bytes(octets[:-37])
    (spool / "99999999999999999999.events").write_bytes(b"x" * 36)
    whole = {event.sequence for event in stored_events(spool)}
    lost = {number for number in written - whole if number > delivered}
    assert lost
    had = set(rsyslog.sequences())
    rsyslog.start()
    sensor.start()
    try:
        told = sensor.wait("sensor.alerts-lost")
        assert told["severity"] == "critical"
        assert told["evidence"]["alerts"] == len(lost)
        assert str(max(lost)) in told["evidence"]["sequences"]
        assert "99999999999999999999" in sensor.wait("sensor.spool-damaged")["evidence"]["text"]
        assert wait_for(lambda: {number for number in whole if number > delivered} <= set(rsyslog.sequences()))
        assert not lost & set(rsyslog.sequences()) - had
        print(f"in the spool {len(written)}, damaged {len(lost)}, arrived {len(set(rsyslog.sequences()))}")
    finally:
        sensor.stop()
    assert "Traceback" not in (folder / "log").read_text()


def test_a_second_sensor_on_a_full_disk_hears_that_the_state_is_in_use(folder: Path, small_disk: Path, wire: Wire) -> None:
    sensor = RunningSensor(wire.sensor, "wire0", folder)
    sensor.on(small_disk)
    with sensor:
        fill(small_disk)
        second = subprocess.run(["ip", "netns", "exec", wire.sensor, sys.executable, "-c", "from otwatch.cli import main; main()", "sensor",
                                 "--config", str(sensor.config)], capture_output=True, text=True, check=False)
        assert second.returncode == 2
        assert "in use by another sensor" in second.stderr
        assert "Traceback" not in second.stderr
