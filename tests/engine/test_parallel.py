"""Recordings in several processes: the same results, and one that fails costs no other."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from otwatch.engine import parallel
from otwatch.engine.observing import observe
from otwatch.engine.parallel import Done, in_order
from otwatch.engine.processes import Processes
from otwatch.engine.state import NOTHING_MORE, Observed, Wanted
from otwatch.outputs.rows import Rows
from tests.engine.test_recordings import capture

pytestmark = pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork: what is patched here would not be there")


@pytest.fixture(scope="module")
def plants(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    folder = tmp_path_factory.mktemp("plants")
    return [[str(capture(folder / f"{number}.pcap", 1_000_000_000 + number, f"00:1b:{number:02x}"))] for number in range(6)]


def in_two(recordings: list[list[str]], wanted: Wanted = NOTHING_MORE, stop: Callable[[], bool] = lambda: False) -> Iterator[Done]:
    return in_order(recordings, Processes(2, None, wanted), stop=stop)


def results(done: list[Done]) -> list[Any]:
    return [(paths, observed.result) for paths, observed in done]


def test_results_are_those_of_one_process_in_their_order(plants: list[list[str]]) -> None:
    wanted = Wanted(anomalies=True, tables=("operations",))
    found = list(in_two(plants, wanted))
    assert results(found) == [(paths, observe(paths, None, NOTHING_MORE, {}).result) for paths in plants]
    rows = Rows()
    observe(plants[0], None, wanted, {"operations": rows})
    assert list(found[0][1].tables["operations"]) == list(rows)


def broken(how: Callable[[], None]) -> Callable[..., Observed]:
    def work(paths: list[str], *arguments: Any, **options: Any) -> Observed:
        if paths[0].endswith("2.pcap"):
            how()
        return observe(paths, *arguments, **options)

    return work


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def failed() -> None:
    raise ZeroDivisionError("a bug")


@pytest.mark.parametrize(("how", "text"), [(killed, "2.pcap: the process that read it was killed"), (failed, "2.pcap: the analysis failed: ZeroDiv")])
def test_a_recording_that_cannot_be_read_is_named_and_the_others_are_kept(
    how: Callable[[], None], text: str, plants: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "observe", broken(how))
    found = list(in_two(plants))
    assert [paths for paths, _ in found] == plants
    assert [observed.result.packets > 0 for _, observed in found] == [True, True, False, True, True, True]
    assert text in found[2][1].result.unreadable[0]
    assert not multiprocessing.active_children()


def test_the_end_is_for_all(plants: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    def work(paths: list[str], *arguments: Any, stop: Callable[[], bool], **_: Any) -> Observed:
        while not stop():
            time.sleep(0.01)
        observed = observe(paths, *arguments)
        observed.stopped = True
        return observed

    monkeypatch.setattr(parallel, "observe", work)
    asked = threading.Event()
    threading.Timer(0.3, asked.set).start()
    found = list(in_two(plants, stop=asked.is_set))
    assert 1 <= len(found) < len(plants)
    assert all(observed.stopped for _, observed in found)
    assert not multiprocessing.active_children()


def test_nobody_who_looks_any_more_leaves_no_process(plants: list[list[str]]) -> None:
    found = in_two(plants)
    next(found)
    found.close()  # type: ignore[attr-defined]
    assert not multiprocessing.active_children()
