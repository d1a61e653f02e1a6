"""`keep_packets`: the packets behind a live incident are on disk, and otwatch and other programs read them."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from tests.capture.wire import Wire, lab
from tests.cli.calling import otwatch
from tests.live.sensors import RunningSensor, frames_of

pytestmark = lab


def test_the_packets_of_an_incident_are_set_aside(folder: Path, wire: Wire) -> None:
    sensor = RunningSensor(wire.sensor, "wire0", folder, keys="", more='keep_packets = "200 MB"\n[health]\nquiet_seconds = 3600\n')
    with sensor:
        wire.send(frames_of("s7comm-stop"))
        incident = sensor.wait_judged("ot.controller-stop")
        assert incident
        sensor.stop(signal.SIGTERM)
    kept = sorted((folder / "state" / "packets" / "incidents").glob("*.pcapng"))
    assert kept
    manifests = [json.loads(path.with_suffix(".json").read_text()) for path in kept]
    assert all(manifest["packets"] and manifest["frames"] for manifest in manifests)
    cut = otwatch("slice", sensor.database, "--state", folder / "state", "--incident", kept[0].stem, "--output", folder / "evidence")
    assert cut.returncode == 0, cut.stderr
    said = otwatch("analyze", str(folder / "evidence" / "packets.pcapng"), "--format", "jsonl")
    assert "ot.controller-stop" in said.stdout
