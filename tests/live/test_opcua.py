"""OPC UA on the wire: the sensor reports what an unknown host does, while it happens."""

from __future__ import annotations

from pathlib import Path

from tests.capture.wire import Wire, lab
from tests.live.sensors import RunningSensor, frames_of

pytestmark = lab


def test_a_password_in_clear_text_and_a_deleted_node_are_reported(folder: Path, wire: Wire) -> None:
    sensor = RunningSensor(wire.sensor, "wire0", folder)
    sensor.start()
    try:
        wire.send(frames_of("opcua-clear-password"))
        assert sensor.wait("opcua.clear-text-password")["src"] == "192.168.10.77"
        wire.send(frames_of("opcua-sizes"))
        assert sensor.wait("opcua.malformed")["src"] == "192.168.10.77"
    finally:
        assert sensor.stop() == 0
    assert "lab-password" not in "".join(map(str, sensor.records()))
