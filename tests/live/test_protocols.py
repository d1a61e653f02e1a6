"""The lab's attacks on other protocols, live: real stacks in namespaces, a mirror port, and what the sensor reports of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.live.sensors import RunningSensor, open_folder
from tests.live.test_plant import SPAN, attacks_in, attacks_of, lab_modules, mirror_port, transmitted
from tests.outputs.siem.receivers import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.slow]
__all__ = ["lab_modules"]

# Attack of the lab: rules that must be among what is reported.
ATTACKS = {
    "cip-stop": {"ot.controller-stop", "cip.controller-lock"},
    "cip-owner-fight": {"cip.io-hijack", "cip.connection-refused"},
    "pccc-download": {"ot.program-download", "ot.controller-stop", "ot.stop-load-start"},
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_of_the_lab_is_reported_live_as_from_a_capture(name: str, tmp_path: Path, lab_modules: None) -> None:
    pytest.importorskip("ethernetip", reason="the lab's stacks are not installed: pip install --group traffic")
    pytest.importorskip("pycomm3", reason="the lab's stacks are not installed: pip install --group traffic")
    from net import Lab  # type: ignore[import-not-found]
    from recording import Recording  # type: ignore[import-not-found]
    from scenarios import SCENARIOS  # type: ignore[import-not-found]

    scenario = SCENARIOS[name]
    with Lab() as lab, open_folder() as folder:
        mirror_port()
        with RunningSensor(SPAN, "span0", folder) as sensor:
            with Recording(lab, tmp_path, "live", scenario.shows, servers=scenario.servers, quirks=[]) as recording:
                scenario.play(recording)
            expected, folded = attacks_in(tmp_path / "live.pcap", site=None)
            assert wait_for(lambda: attacks_of(sensor) >= expected, 60), sorted(expected - attacks_of(sensor))
            assert transmitted() == 0, "the sensor's interface has sent"
        found = attacks_of(sensor)
        assert sensor.heartbeats()[-1]["coverage"]["dropped"] == 0
    assert ATTACKS[name] <= {rule for rule, _, _ in found}
    assert expected <= found <= expected | folded
