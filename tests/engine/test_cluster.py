"""Recordings on a real Dask cluster of two worker processes, one of which is killed on the way."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from otwatch.engine.cluster import Cluster
from otwatch.engine.detector import policy_of
from otwatch.engine.observing import observe
from otwatch.engine.parallel import in_order
from otwatch.engine.state import Wanted
from otwatch.errors import CaptureError
from tests.cli.calling import ATTACK, ROOT, SITE, SMALL, process

pytest.importorskip("distributed", reason="Dask is not installed: pip install 'otwatch[dask]'")
pytestmark = pytest.mark.extended

RECORDINGS = 12
POLICY = {"rules": (), "site": str(SITE), "baseline": None, "learn_until": None, "intel": ()}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The scheduler's address, and its workers."""
    file = tmp_path / "scheduler.json"
    shared = ["--scheduler-file", str(file), "--no-dashboard"]

    def start(*command: str) -> subprocess.Popen[bytes]:
        with (tmp_path / f"{len(started)}.log").open("wb") as log:
            started.append(subprocess.Popen([sys.executable, "-m", *command], stdout=log, stderr=log, cwd=ROOT))
        return started[-1]

    started: list[subprocess.Popen[bytes]] = []
    try:
        start("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", *shared)
        for _ in range(300):
            if file.exists():
                break
            time.sleep(0.1)
        address = json.loads(file.read_text(encoding="utf-8"))["address"]
        local = ["--local-directory", str(tmp_path)]
        yield address, [start("distributed.cli.dask_worker", "--no-nanny", "--nthreads", "1", *shared, *local) for _ in range(2)]
    finally:
        for one in started:
            one.kill()
            one.wait()


def test_a_worker_that_is_killed_costs_nothing(cluster: tuple[str, list[subprocess.Popen[bytes]]]) -> None:
    address, workers = cluster
    wanted = Wanted(activity=True, anomalies=True, tables=("flows",))
    absent = str(ROOT / "absent.pcap")
    paths = [str(ATTACK)] * RECORDINGS
    found = in_order([*([path] for path in paths), [absent]], Cluster(address, POLICY, wanted))
    done = [next(found)]
    workers[0].kill()  # while it reads one, and others wait for it
    done += found
    here = observe([str(ATTACK)], policy_of(site=str(SITE)), Wanted(activity=True), {})
    assert [each for each, _ in done] == [*([path] for path in paths), [absent]]
    assert all(observed.result == here.result for _, observed in done[:-1])
    assert all(observed.activity == here.activity and list(observed.tables["flows"]) for _, observed in done[:-1])
    assert absent in done[-1][1].result.unreadable[0]
    assert workers[1].poll() is None


def test_the_command_says_the_same_as_without(cluster: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path) -> None:
    address, _ = cluster
    captures = [ATTACK, SMALL]
    command = ("analyze", *captures, "--site", SITE, "--format", "jsonl", "--report", tmp_path / "x.html")
    with_it, without = (process(*command, *more) for more in (("--dask", address), ()))
    assert with_it.returncode == without.returncode == 0, with_it.stderr
    assert with_it.stdout == without.stdout
    refused = process("analyze", ATTACK, "--dask", address, "--site", tmp_path / "absent.yaml")
    assert refused.returncode == 2
    assert "absent.yaml" in refused.stderr


def test_a_scheduler_that_is_not_there_is_named() -> None:
    with pytest.raises(CaptureError, match=r"127\.0\.0\.1:9: no Dask scheduler answers"):
        Cluster("tcp://127.0.0.1:9", POLICY, Wanted())
