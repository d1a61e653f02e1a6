"""The recorder of the report: nothing is lost in its bins, however long the capture, and the last value of a command is kept."""

from __future__ import annotations

import numpy as np
import pytest

from otwatch.engine.activity import Recorder, _halved
from otwatch.engine.analysis import Analysis
from otwatch.limits import Limits
from otwatch.outputs.view.activity import BINS, Activity
from otwatch.site.load import load_site
from tests.cli.calling import ATTACK, LEARN, SITE


def recorded(*paths: str) -> tuple[Analysis, Activity]:
    analysis = Analysis(Limits())
    recorder = Recorder(analysis)
    analysis.listeners.append(recorder)
    analysis.run(paths)
    analysis.finish()
    return analysis, recorder.activity(load_site(SITE))


@pytest.mark.parametrize("paths", [(str(ATTACK),), (str(LEARN), str(ATTACK))], ids=["one", "two"])
def test_every_packet_and_request_is_in_a_bin(paths: tuple[str, ...]) -> None:
    analysis, activity = recorded(*paths)
    assert sum(activity.packets) == analysis.summary.packets
    assert 0 < len(activity.packets) <= BINS
    assert sum(activity.requests) == sum(line.total for line in activity.functions) > 0
    assert {len(line.counts) for line in activity.functions} == {len(activity.packets)}


def test_commands_have_their_last_value_and_what_the_site_file_says() -> None:
    _, activity = recorded(str(ATTACK))
    found = {(one.source, one.point): one for one in activity.commands if one.target == "192.168.10.10"}
    assert found["192.168.10.30", "40101"].value == "900"
    assert found["192.168.10.30", "40101"].allowed == "engineering"
    assert found["172.16.5.66", "40101"].allowed == "denied"
    hmi = found["192.168.10.20", "40101"]
    assert (hmi.value, hmi.count, hmi.allowed) == ("460", 2, "permitted")


def test_halving_keeps_the_sum() -> None:
    counts = np.arange(BINS)
    assert _halved(counts).sum() == counts.sum()
    assert not _halved(counts)[BINS // 2 :].any()


def test_nothing_read_is_an_empty_activity() -> None:
    _, activity = recorded()
    assert (activity.packets, activity.commands, activity.functions) == ((), (), ())
