"""A folder is not one heap: which captures belong together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from otwatch.engine.recordings import Recordings
from otwatch.limits import Limits
from tests.cli.calling import otwatch
from tests.engine.network import Host, Wire, polls, writes

DAY = 86_400


def capture(path: Path, at: int, cards: str, *, client: str = "192.168.10.20") -> Path:
    """A plant of a client and a controller whose cards begin so, at a time in seconds."""
    wire = Wire()
    wire.tcp(Host(client, f"{cards}:00:00:20"), Host("192.168.10.10", f"{cards}:00:00:10"), 502, polls(3))
    wire.write(path)
    text = bytearray(path.read_bytes())
    place = 24
    while place < len(text):  # the times of the records
        length = int.from_bytes(text[place + 8 : place + 12], "little")
        text[place : place + 4] = (int.from_bytes(text[place : place + 4], "little") - 1_700_000_000 + at).to_bytes(4, "little")
        place += 16 + length
    path.write_bytes(text)
    return path


@pytest.mark.parametrize(("second", "together"), [
    (("00:80:f4", 1_000_000_060, "192.168.10.20"), True),  # the next file of a rotation
    (("00:80:f4", 1_000_000_000 + 30 * DAY, "192.168.10.20"), True),  # the same plant a month later
    (("00:1b:1b", 1_000_000_000 + 30 * DAY, "192.168.10.20"), False),  # another plant with the same addresses
    (("00:1b:1b", 1_000_000_010, "192.168.10.20"), False),  # and at the same time
    (("00:80:f4", 1_000_000_060, "192.168.10.99"), True),  # shares a card, at the same time
])
def test_what_belongs_together(second: tuple[str, int, str], together: bool, tmp_path: Path) -> None:
    recordings = Recordings(Limits())
    assert recordings.belongs(str(capture(tmp_path / "a.pcap", 1_000_000_000, "00:80:f4")))
    cards, at, client = second
    assert recordings.belongs(str(capture(tmp_path / "b.pcap", at, cards, client=client))) is together


def test_what_cannot_be_read_begins_nothing(tmp_path: Path) -> None:
    recordings = Recordings(Limits())
    (tmp_path / "x.pcap").write_bytes(b"no capture")
    assert recordings.belongs(str(tmp_path / "x.pcap"))
    assert recordings.belongs(str(tmp_path / "absent.pcap"))
    assert recordings.belongs("-")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("two plants")
    capture(path / "north-1.pcap", 1_000_000_000, "00:80:f4")
    capture(path / "north-2.pcap", 1_000_000_060, "00:80:f4")
    capture(path / "south.pcap", 1_000_000_000 + 900 * DAY, "00:1b:1b")
    return path


def test_two_plants_with_the_same_addresses_stay_apart(folder: Path) -> None:
    records = [json.loads(line) for line in otwatch("export", "assets", folder).stdout.splitlines()]
    found = {(one["recording"], one["id"]): one["macs"] for one in records}
    assert found == {
        (1, "192.168.10.10"): ["00:80:f4:00:00:10"], (1, "192.168.10.20"): ["00:80:f4:00:00:20"],
        (2, "192.168.10.10"): ["00:1b:1b:00:00:10"], (2, "192.168.10.20"): ["00:1b:1b:00:00:20"],
    }
    merged = [json.loads(line) for line in otwatch("export", "assets", folder, "--merge").stdout.splitlines()]
    assert {one["recording"] for one in merged} == {1}


def test_every_output_of_a_recording_is_its_own(folder: Path, tmp_path: Path) -> None:
    done = otwatch("analyze", folder, "--report", tmp_path / "plant.html", "--graph", tmp_path / "plant.graphml", "--db", tmp_path / "plant.sqlite")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {
        f"plant{number}.{kind}" for number in ("", "-2") for kind in ("html", "graphml", "sqlite")
    }
    assert "2 recordings that share neither hosts nor time" in done.stdout
    assert "900 days" not in done.stdout  # no span over what does not belong together
    assert "north-1.pcap" in (tmp_path / "plant.html").read_text(encoding="utf-8")
    assert "north-1.pcap" not in (tmp_path / "plant-2.html").read_text(encoding="utf-8")


def test_one_capture_is_shown_as_ever(folder: Path) -> None:
    assert "Recording" not in otwatch("analyze", folder / "south.pcap").stdout


def test_an_alert_of_one_recording_fails_the_run(folder: Path, tmp_path: Path) -> None:
    wire = Wire()
    wire.tcp(Host("192.168.7.20", "00:d0:c9:00:00:20"), Host("192.168.7.10", "00:0e:8c:00:00:10"), 502, writes(40))
    wire.write(tmp_path / "z.pcap")
    assert otwatch("analyze", folder, tmp_path / "z.pcap", "--fail-on", "low").returncode == 3


def test_a_draft_and_a_baseline_of_a_recording_are_its_own(folder: Path, tmp_path: Path) -> None:
    for command in (("site", "draft"), ("baseline", "learn")):
        done = otwatch(*command, folder, "--output", tmp_path / f"{command[0]}.x")
        assert done.returncode == 0, done.stderr
        assert "2 recordings share neither hosts nor time" in done.stderr
        assert {path.name for path in tmp_path.glob(f"{command[0]}*")} == {f"{command[0]}.x", f"{command[0]}-2.x"}
    assert "south.pcap" in (tmp_path / "baseline-2.x").read_text(encoding="utf-8")
    assert "south.pcap" not in (tmp_path / "baseline.x").read_text(encoding="utf-8")
    refused = otwatch("baseline", "learn", folder, "--extend", "--output", tmp_path / "baseline.x")
    assert refused.returncode == 2
    assert "share neither hosts nor time" in refused.stderr
    assert otwatch("baseline", "learn", folder, "--extend", "--merge", "--output", tmp_path / "baseline.x").returncode == 0
    assert otwatch("baseline", "check", tmp_path / "baseline.x", folder, "--fail-on-deviation").returncode == 0


def test_each_recording_is_compared_with_its_own_past(folder: Path, tmp_path: Path) -> None:
    capture(tmp_path / "south.pcap", 1_000_000_000 + 901 * DAY, "00:1b:1b")
    capture(tmp_path / "west.pcap", 1_000_000_000 + 950 * DAY, "00:0e:8c")
    done = otwatch("diff", folder, tmp_path, "--format", "json")
    assert done.returncode == 0, done.stderr
    south, west = map(json.loads, done.stdout.splitlines())
    assert south["changes"] == []
    assert {change["kind"] for change in west["changes"]} >= {"new-asset"}
    assert (south["from"], south["to"]) == (f"{folder}, recording 2", f"{tmp_path}, recording 1")
    assert f"{folder}, recording 1 is compared with nothing" in done.stderr
    assert otwatch("diff", folder, tmp_path, "--fail-on", "new-asset").returncode == 3
    (tmp_path / "west.pcap").unlink()
    assert json.loads(otwatch("diff", folder, tmp_path, "--format", "json").stdout)["changes"] == []


def test_the_graph_of_each_recording_that_shows_the_hosts(folder: Path) -> None:
    done = otwatch("graph", folder, "reach-of", "192.168.10.20")
    assert [line for line in done.stdout.splitlines() if line.endswith(":") and "recording" in line] == [f"{folder}, recording {n}:" for n in (1, 2)]
    assert "192.168.10.10" in done.stdout
    unknown = otwatch("graph", folder, "reach-of", "192.168.10.21")
    assert unknown.returncode == 2
    assert "no such host" in unknown.stderr


def test_an_incident_is_cut_out_of_its_recording(folder: Path, tmp_path: Path) -> None:
    wire = Wire()
    wire.tcp(Host("192.168.7.20", "00:d0:c9:00:00:20"), Host("192.168.7.10", "00:0e:8c:00:00:10"), 502, writes(40))
    wire.write(tmp_path / "z.pcap")
    records = [json.loads(line) for line in otwatch("export", "incidents", folder, tmp_path / "z.pcap").stdout.splitlines()]
    wanted = next(record["id"] for record in records if record["actor"] == "192.168.7.20")
    done = otwatch("slice", folder, tmp_path / "z.pcap", "--incident", wanted, "--output", tmp_path / "evidence")
    assert done.returncode == 0, done.stderr
    manifest = (tmp_path / "evidence" / "manifest.json").read_text(encoding="utf-8")
    assert "z.pcap" in manifest
    assert "north" not in manifest
