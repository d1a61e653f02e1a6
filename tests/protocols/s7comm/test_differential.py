"""Sessions by a seed, dissected by otwatch and by tshark, compared PDU by PDU and field by field; and the same over the collection."""

from __future__ import annotations

import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.protocols.s7comm.comparing import Difference, compare
from tests.protocols.s7comm.pipeline import tell
from tests.protocols.s7comm.sessions import JOBS, Kind, write_capture
from tests.protocols.s7comm.sessions_userdata import USERDATA
from tests.protocols.s7comm.test_captures import _captures

# What tshark 4.0 tells otherwise, and why we are right.
EXCUSED: dict[str, Callable[[Difference], bool]] = {
    "USEND (method 0x13) has its R_ID where others have type, group and subfunction; tshark takes it for a mode transition":
        lambda one: one.name == "usend" and one.column in ("group", "subfunction"),
    "the year 89 of a DATE_AND_TIME is 2089: its range is 1990-01-01 to 2089-12-31 (A5E02789976); tshark says 1989":
        lambda one: one.column == "time" and str(one.ours).replace("2089", "1989") == one.theirs,
    "a last part of one byte belongs to its message; tshark only joins parts of two bytes and more":
        lambda one: one.name == "read_szl" and one.theirs == -1,
    "components of list 0x1C beyond index 11 are none that the manual has (A5E02789976); tshark looks at four bits of the index":
        lambda one: one.column == "places" and (2, 32) in one.ours,
}


def excused(found: list[Difference]) -> Counter[str]:
    """How often each excuse was needed; a difference that has none fails."""
    needed: Counter[str] = Counter()
    for one in found:
        reason = next((reason for reason, holds in EXCUSED.items() if holds(one)), "")
        assert reason, str(one)
        needed[reason] += 1
    return needed


pytestmark = [pytest.mark.tshark, pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")]


@pytest.mark.parametrize(("kinds", "seed", "most"), [(JOBS, 1, 0), (USERDATA, 2, 120)], ids=["jobs", "userdata"])
def test_what_is_generated_is_read_as_tshark_reads_it(kinds: tuple[Kind, ...], seed: int, most: int, tmp_path: Path) -> None:
    count, found = compare(write_capture(tmp_path / "sessions.pcap", seed, kinds, sessions=20, exchanges=45))
    assert count["pdus"] > 1_600
    assert count["columns"] > 12_000
    assert sum(excused(found).values()) <= most


def test_answers_carry_the_addresses_of_their_requests(tmp_path: Path) -> None:
    """tshark does not show them in answers; those of requests are compared with it above."""
    asked: dict[tuple[int, int], list[tuple[int, ...]]] = defaultdict(list)
    placed = 0
    for row in tell(write_capture(tmp_path / "sessions.pcap", 1, JOBS, sessions=20, exchanges=45))[0]:
        if row["function"] not in (4, 5) or row["area"] < 0:
            continue
        key, address = (row["flow"], row["transaction"]), (row["area"], row["object"], row["start"], row["count"])
        if row["role"] == 0:
            asked[key].append(address)
        else:
            assert address == asked[key].pop(0)
            placed += 1
    assert placed > 500
    assert sum(map(len, asked.values())) < placed / 4  # refused, or without data


def test_a_difference_is_found(tmp_path: Path) -> None:
    """The comparison itself: rows of one capture beside tshark's of another."""
    here = write_capture(tmp_path / "here.pcap", 1, JOBS, sessions=1, exchanges=20)
    there = write_capture(tmp_path / "there.pcap", 2, JOBS, sessions=1, exchanges=20)
    _count, found = compare(here, there)
    assert len(found) > 20


@pytest.mark.captures
@pytest.mark.slow
@pytest.mark.extended
@pytest.mark.skipif(not _captures(), reason="no capture collection: set OTWATCH_CAPTURES")
def test_the_collection_is_read_as_tshark_reads_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Every fourth capture; all with OTWATCH_WHOLE=1, a minute more (test_captures.py reads all of them, with fewer columns)."""
    total: Counter[str] = Counter()
    needed: Counter[str] = Counter()
    whole = bool(os.environ.get("OTWATCH_WHOLE"))
    for path in _captures()[:: 1 if whole else 4]:
        count, found = compare(path)
        total += count
        needed += excused([one for one in found if (path.name, one.frame) not in FRAMES])
    with capsys.disabled():
        print(f"\ns7comm against tshark: {total['columns']} columns of {total['pdus']} PDUs; excused: {dict(needed)}")
    assert total["pdus"] > (20_000 if whole else 1000)


# Frames where the two differ, and who is right.
FRAMES = {
    ("2.pcapng", frame): "the capture has the answers before the requests, which tshark takes for spurious retransmissions" for frame in (3574, 6934)
}
