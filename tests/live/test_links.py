"""Several interfaces, an interface that goes down and comes back under load, and the same by libpcap."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest

from tests.capture.test_bpf import needs_libpcap
from tests.capture.wire import Wire, lab
from tests.live.sensors import RunningSensor, frames_of
from tests.outputs.siem.receivers import wait_for

pytestmark = lab
LIBPCAP = pytest.param('capture = "libpcap"', marks=needs_libpcap, id="libpcap")
both_sources = pytest.mark.parametrize("capture", [pytest.param("", id="ring"), LIBPCAP])


BACKLOG = 1000  # packets that the kernel's queue holds when an interface goes down (net.core.netdev_max_backlog); counted, given to nobody


def test_each_of_several_interfaces_is_watched_and_missed(folder: Path, wire: Wire) -> None:
    wire.plug("wire2", "wire3")
    with RunningSensor(wire.sensor, "wire0,wire2", folder, more="[health]\nquiet_seconds = 3600\n") as sensor:
        first, second = frames_of("modbus-write-stranger"), frames_of("s7comm-stop")
        wire.send(first)
        wire.send(second, theirs="wire3")
        assert {sensor.wait("ot.unauthorized-write")["file"], sensor.wait("ot.controller-stop")["file"]} == {"wire0", "wire2"}
        assert wait_for(lambda: sensor.coverage()["packets"] == len(first) + len(second))
        assert {name: link["received"] for name, link in sensor.coverage()["interfaces"].items()} == {"wire0": len(first), "wire2": len(second)}
        wire.up(False, "wire2")
        assert sensor.wait("sensor.interface-down")["file"] == "wire2"
        wire.send(frames_of("dnp3-cold-restart"))
        assert sensor.wait("dnp3.cold-restart")["file"] == "wire0", "the other interface is watched as before"
        assert sensor.coverage()["interfaces_up"] == 1
        wire.up(True, "wire2")
        assert wait_for(lambda: sensor.over("sensor.interface-down"))
        before = sensor.coverage()["interfaces"]["wire2"]["received"]
        wire.send(second, theirs="wire3")
        assert wait_for(lambda: sensor.coverage()["interfaces"]["wire2"]["received"] == before + len(second))
        assert {alert["file"] for alert in sensor.alerts("sensor.interface-down")} == {"wire2"}


@pytest.mark.slow
@both_sources
def test_down_and_up_under_load(folder: Path, wire: Wire, capture: str) -> None:
    """What came while the interface was up is accounted for to the packet, and each loss is counted and told."""
    with RunningSensor(wire.sensor, "wire0", folder, keys=capture) as sensor:
        stopping = threading.Event()

        def load() -> None:
            while not stopping.is_set():
                wire.send(frames_of("modbus-poll"), count=2000)

        sender = threading.Thread(target=load)
        sender.start()
        try:
            for times in (1, 2):
                before = sensor.coverage()["packets"]
                assert wait_for(lambda before=before: sensor.coverage()["packets"] > before + 1000), "the load arrives"
                wire.up(False)
                assert wait_for(lambda: "interface-down wire0" in sensor.lasting())
                assert sensor.coverage()["interfaces"]["wire0"]["losses"] == times
                wire.up(True)
                assert wait_for(lambda: "interface-down wire0" not in sensor.lasting())
        finally:
            wire.up(True)
            stopping.set()
            sender.join()

        def settled() -> bool:
            seen = sensor.coverage()
            return bool(seen["packets"] == seen["received"] and seen["received"] + seen["dropped"] > wire.counter("rx_packets") - 2 * BACKLOG)

        assert wait_for(settled), (sensor.coverage(), wire.counter("rx_packets"))
        assert sensor.coverage()["received"] + sensor.coverage()["dropped"] <= wire.counter("rx_packets")
        assert wire.counter("tx_packets") == 0
        told = sensor.alerts("sensor.interface-down")
        assert len({alert["id"] for alert in told}) == 2, "twice it was down, two alerts"
        assert len(sensor.over("sensor.interface-down")) == 2


@pytest.mark.slow
@pytest.mark.parametrize("keys", [pytest.param("", id="ring"), LIBPCAP, pytest.param("workers = 2", id="workers")])
def test_an_interface_that_is_made_anew_is_watched_again(folder: Path, wire: Wire, keys: str) -> None:
    """Deleted and created under its name (a USB card, a virtual switch), while no process has a privilege left."""
    with RunningSensor(wire.sensor, "wire0", folder, keys=keys) as sensor:
        wire.send(frames_of("s7comm-stop"))
        sensor.wait("ot.controller-stop")
        for times in (1, 2):
            wire.unplug()
            assert wait_for(lambda: "interface-down wire0" in sensor.lasting())
            wire.plug()
            assert wait_for(lambda: "interface-down wire0" not in sensor.lasting())
            before = len(sensor.alerts("dnp3.cold-restart"))
            wire.send(frames_of("dnp3-cold-restart"))
            if times == 1:
                assert wait_for(lambda before=before: len(sensor.alerts("dnp3.cold-restart")) > before)
        frames = frames_of("modbus-poll")

        def packets() -> int:
            newest = {beat["src"]: beat["coverage"]["packets"] for beat in sensor.heartbeats()}
            return sum(newest.values())

        seen = packets()
        wire.send(frames)
        assert wait_for(lambda: packets() >= seen + len(frames))
        assert sensor.alerts("sensor.confinement-incomplete") == []


@needs_libpcap
def test_libpcap_sees_what_the_ring_sees_and_can_send_as_little(folder: Path, wire: Wire) -> None:
    """Two sensors on one wire, one for each source, through an attack and a pause that costs packets."""
    folders = [folder / name for name in ("ring", "libpcap")]
    for each in folders:
        each.mkdir(mode=0o777)
        each.chmod(0o777)
    frames = frames_of("plant-attack")
    with RunningSensor(wire.sensor, "wire0", folders[0], keys='capture = "ring"') as ring, \
            RunningSensor(wire.sensor, "wire0", folders[1], keys='capture = "libpcap"') as libpcap:
        wire.send(frames, pause=0.002)
        assert wait_for(lambda: [sensor.coverage()["packets"] for sensor in (ring, libpcap)] == [len(frames)] * 2)
        ring.wait("dnp3.cold-restart")
        assert wait_for(lambda: ring.deeds() == libpcap.deeds()), ring.deeds() ^ libpcap.deeds()
        assert len(ring.deeds()) > 5
        libpcap.send_signal(signal.SIGSTOP)
        wire.send(frames_of("modbus-poll"), count=100_000)
        libpcap.send_signal(signal.SIGCONT)

        def accounted() -> bool:
            seen = libpcap.coverage()
            return bool(seen["received"] + seen["dropped"] == len(frames) + 100_000 and seen["packets"] == seen["received"])

        assert wait_for(accounted), libpcap.coverage()
        assert libpcap.coverage()["dropped"] > 1000
        assert libpcap.alerts("sensor.confinement-incomplete") == []
        assert libpcap.process is not None
        for task in Path(f"/proc/{libpcap.process.pid}/task").iterdir():
            fields = dict(line.split(":\t", 1) for line in (task / "status").read_text().splitlines() if ":\t" in line)
            assert (int(fields["CapEff"], 16), fields["NoNewPrivs"].strip(), fields["Seccomp"].strip()) == (0, "1", "2")
        assert wire.counter("tx_packets") == 0
