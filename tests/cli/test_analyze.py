"""otwatch analyze, as people call it: what it prints, where, and with which exit code."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

from tests.cli.calling import ATTACK, LEARN, PLANT, ROOT, SITE, SMALL, assert_one_line, otwatch, process
from tests.engine.network import Host, Wire, identification, modbus, polls

root_reads_all = pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")


def records(text: str, kind: str) -> list[dict[str, Any]]:
    return [record for record in map(json.loads, text.splitlines()) if record["type"] == kind]


@pytest.mark.parametrize("capture", sorted(PLANT.glob("*.pcap"))[::6], ids=lambda path: path.stem)
def test_every_capture_of_ours_is_analysed(capture: Path) -> None:
    told = otwatch("analyze", capture)
    assert (told.returncode, told.stderr) == (0, "")
    for heading in ("Judged: ", "What this capture could not show", "Assets (", "Conversations ("):
        assert heading in told.stdout


def test_the_verdict_comes_first_and_then_where_to_look() -> None:
    lines = [line for line in otwatch("analyze", ATTACK, "--site", SITE).stdout.splitlines() if line.strip()]
    assert lines[0].startswith("ACT NOW  1 incident (critical): ")
    assert lines[1].startswith("Judged: ")
    assert " rules" in lines[1]
    assert lines[2].startswith("1 CRITICAL ")


def test_a_quiet_capture_says_what_to_try() -> None:
    told = otwatch("analyze", SMALL, "--site", SITE)
    assert "Clean as far as judged  No incident and no note in " in told.stdout
    assert "What to try next" in told.stdout


# JSON lines: a public contract


@pytest.fixture(scope="module")
def attack_lines() -> str:
    told = otwatch("analyze", ATTACK, "--format", "jsonl")
    assert told.returncode == 0
    return told.stdout


def test_the_summary_is_the_first_record(attack_lines: str) -> None:
    summary = json.loads(attack_lines.splitlines()[0])
    assert summary["type"] == "summary"
    assert summary["schema"] == 2
    assert summary["packets"] == 935
    assert summary["first"] < summary["last"]
    assert summary["first"].startswith("2026-11-22T05:34:0")
    assert summary["first"].endswith("Z")
    assert summary["link_types"] == {"1": 935}
    assert set(summary["protocols"]) == {"modbus", "dnp3", "s7comm"}
    assert set(summary["undecoded"]) == {"packets", "services"}
    assert set(summary["visibility"]) == {"complete", "blind_spots"}
    assert summary["visibility"]["complete"] is True


def test_bytes_are_those_on_the_wire(attack_lines: str) -> None:
    summary = json.loads(attack_lines.splitlines()[0])
    assert summary["bytes"] == ATTACK.stat().st_size - 24 - 16 * summary["packets"]


def test_the_records_are_of_the_known_types(attack_lines: str) -> None:
    kinds = {json.loads(line)["type"] for line in attack_lines.splitlines()}
    always = {"summary", "asset", "conversation", "incident", "alert"}
    assert always <= kinds <= {*always, "anomaly"}


def test_an_alert_has_every_field_of_the_contract(attack_lines: str) -> None:
    wanted = {"time", "first_seen", "last_seen", "count", "rule", "title", "severity", "confidence", "src", "dst", "protocol", "action", "attack",
              "frames", "evidence", "why", "false_positives", "evaluable"}
    for alert in records(attack_lines, "alert"):
        assert wanted <= set(alert)
        assert alert["severity"] in {"info", "low", "medium", "high", "critical"}
        assert all(1 <= frame <= 935 for frame in alert["frames"])


def test_twice_is_the_same(attack_lines: str) -> None:
    assert process("analyze", ATTACK, "--format", "jsonl", PYTHONHASHSEED="77").stdout == attack_lines


def test_min_severity_leaves_out_alerts(attack_lines: str) -> None:
    told = otwatch("analyze", ATTACK, "--format", "jsonl", "--min-severity", "critical").stdout
    assert {alert["severity"] for alert in records(told, "alert")} == {"critical"}
    assert json.loads(told.splitlines()[0])["alerts"] == json.loads(attack_lines.splitlines()[0])["alerts"]  # the summary counts them all


# Where captures come from


def test_standard_input() -> None:
    told = process("analyze", "-", "--format", "jsonl", stdin=ATTACK.read_bytes())
    assert told.returncode == 0
    assert json.loads(told.stdout.splitlines()[0])["packets"] == 935


def test_a_glob_a_folder_and_compressed_files(tmp_path: Path) -> None:
    for name in ("a.pcap", "b.pcap"):
        shutil.copy(SMALL, tmp_path / name)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c.pcap.gz").write_bytes(gzip.compress(SMALL.read_bytes()))
    one = json.loads(otwatch("analyze", SMALL, "--format", "jsonl").stdout.splitlines()[0])["packets"]
    for arguments, times in (((tmp_path,), 3), ((str(tmp_path / "*.pcap"),), 2), ((tmp_path / "sub" / "c.pcap.gz",), 1)):
        told = otwatch("analyze", *arguments, "--format", "jsonl")
        assert told.returncode == 0, told.stderr
        assert json.loads(told.stdout.splitlines()[0])["packets"] == times * one


# What goes wrong: one line, what to do, exit code 2, and the others are analysed all the same


def test_a_missing_file() -> None:
    assert_one_line(otwatch("analyze", "nowhere.pcap"), "nowhere.pcap", "no such file")


def test_an_empty_folder(tmp_path: Path) -> None:
    assert_one_line(otwatch("analyze", tmp_path), str(tmp_path))


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.pcap").touch()
    told = otwatch("analyze", tmp_path / "empty.pcap")
    assert_one_line(told, "empty.pcap")
    assert "Nothing of what is looked for" not in told.stdout


def test_a_capture_without_packets_is_no_clean_bill(tmp_path: Path) -> None:
    (tmp_path / "head.pcap").write_bytes(SMALL.read_bytes()[:24])
    told = otwatch("analyze", tmp_path / "head.pcap")
    assert_one_line(told, "no packet")
    assert told.stdout == ""


@pytest.mark.parametrize("command", [("analyze",), ("export", "flows"), ("baseline", "learn")])
def test_a_capture_without_a_packet_is_named(command: tuple[str, ...], tmp_path: Path) -> None:
    whole = SMALL.read_bytes()
    for name, size, words in (("cut.pcap", 30, "cut short inside its first packet, at byte 24"), ("empty.pcap", 24, "check that it holds packets")):
        (tmp_path / name).write_bytes(whole[:size])
        output = ("--output", tmp_path / "plant.json") if command[0] == "baseline" else ()
        told = otwatch(*command, tmp_path / name, *output)
        assert told.returncode == 2
        assert f"{name}: no packet was read: " in told.stderr
        assert words in told.stderr


def test_something_that_is_no_capture(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("the pump hums")
    assert_one_line(otwatch("analyze", tmp_path / "notes.txt"), "notes.txt")


@root_reads_all
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    shutil.copy(SMALL, tmp_path / "locked.pcap")
    (tmp_path / "locked.pcap").chmod(0)
    assert_one_line(otwatch("analyze", tmp_path / "locked.pcap"), "locked.pcap")


def test_the_others_are_analysed_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("the pump hums")
    told = otwatch("analyze", "nowhere.pcap", tmp_path / "notes.txt", ATTACK, "--format", "jsonl")
    assert_one_line(told, "nowhere.pcap", "notes.txt", lines=2)
    summary = json.loads(told.stdout.splitlines()[0])
    assert summary["packets"] == 935
    assert len(summary["unreadable"]) == 2
    spot = next(spot for spot in summary["visibility"]["blind_spots"] if spot["kind"] == "file-unreadable")
    assert (spot["count"], spot["incomplete"]) == (2, True)
    assert "notes.txt: " in spot["text"]


@pytest.mark.parametrize("captures", [("good", "bad"), ("bad", "good")])
def test_a_file_that_cannot_be_read_makes_every_output_incomplete(captures: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "t.pcap").write_text("the pump hums")
    named = [SMALL if name == "good" else tmp_path / "t.pcap" for name in captures]
    text = otwatch("analyze", *named, "--report", tmp_path / "r.html")
    assert text.returncode == 2
    assert "Clean as far as" not in text.stdout
    assert "but 1 file could not be read" in text.stdout
    assert "Observation incomplete: 1 file could not be read: " in text.stdout
    assert "! 1 file could not be read: " in text.stdout
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "1 file could not be read" in page
    assert "t.pcap" in page
    assert "Clean as far as" not in page
    summary = json.loads(otwatch("analyze", *named, "--format", "jsonl").stdout.splitlines()[0])
    assert summary["visibility"]["complete"] is False
    assert "t.pcap" in summary["verdict"]


@pytest.mark.parametrize(("option", "content", "words"), [
    ("--rules", "id: x\nnonsense: [", ("bad.yaml:",)),
    ("--rules", "id: my.rule\ntitel: misspelt\n", ("bad.yaml:2:8", 'did you mean "title"')),
    ("--site", "zones: 7\n", ("bad.yaml:",)),
    ("--site", "[unclosed", ("bad.yaml:1",)),
    ("--baseline", "{}", ("bad.yaml",)),
    ("--baseline", "no json", ("bad.yaml",)),
])
def test_a_bad_file_of_the_user(option: str, content: str, words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(content)
    told = otwatch("analyze", SMALL, option, tmp_path / "bad.yaml")
    assert_one_line(told, *words, lines=max(1, len(told.stderr.splitlines())))
    assert told.stdout == ""


@pytest.mark.parametrize("option", ["--rules", "--site", "--baseline"])
def test_a_missing_file_of_the_user(option: str) -> None:
    assert_one_line(otwatch("analyze", SMALL, option, "nowhere.yaml"), "nowhere.yaml")


def test_a_time_that_is_none() -> None:
    assert_one_line(otwatch("analyze", SMALL, "--learn-until", "yesterday"), "yesterday", "2026-11-22T06:00:00")


@pytest.mark.parametrize(("option", "name"), [("--output", "no/where/x.txt"), ("--graph", "no/where/x.graphml"), ("--graph", "x.svg")])
def test_output_that_cannot_be_written_is_told_before_the_work(option: str, name: str, tmp_path: Path) -> None:
    told = otwatch("analyze", ATTACK, option, tmp_path / name)
    assert_one_line(told, name)
    assert told.stdout == ""


@pytest.mark.parametrize("option", ["--output", "--graph"])
def test_a_capture_is_never_overwritten(option: str, tmp_path: Path) -> None:
    evidence = tmp_path / ("evidence.dot" if option == "--graph" else "evidence.pcap")
    shutil.copy(SMALL, evidence)
    assert_one_line(otwatch("analyze", evidence, option, evidence), "evidence")
    assert evidence.read_bytes() == SMALL.read_bytes()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("form", ["text", "jsonl"])
def test_a_full_disk_is_one_line(form: str) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "otwatch", "analyze", str(ATTACK), "--format", form]
        told = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=ROOT)
    assert told.returncode == 2
    assert "No space left" in told.stderr
    assert len(told.stderr.splitlines()) == 1


@pytest.mark.parametrize("form", ["text", "jsonl"])
def test_a_broken_pipe_is_quiet(form: str) -> None:
    command = f"'{sys.executable}' -m otwatch analyze '{ATTACK}' --format {form} | head -n 1"
    told = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False, cwd=ROOT)
    assert told.stderr == ""
    assert told.stdout.count("\n") == 1
    assert told.returncode == 0


def test_what_could_not_be_read_is_told_although_the_reader_of_the_output_has_gone(tmp_path: Path) -> None:
    command = f"'{sys.executable}' -m otwatch analyze '{ATTACK}' '{tmp_path}/nowhere.pcap' | true"
    told = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=ROOT)
    assert "nowhere.pcap: no such file" in told.stderr
    assert len(told.stderr.splitlines()) == 1


def test_a_folder_with_a_capture_that_cannot_be_read_is_no_clean_bill(tmp_path: Path) -> None:
    shutil.copy(ATTACK, tmp_path / "good.pcap")
    (tmp_path / "empty.pcap").touch()
    (tmp_path / "gone.pcapng").symlink_to(tmp_path / "nowhere")
    (tmp_path / "text.cap").write_text("the pump hums")
    (tmp_path / "notes.txt").write_text("the pump hums")
    told = otwatch("analyze", tmp_path, "--format", "jsonl")
    assert_one_line(told, "empty.pcap: empty", "gone.pcapng: a link that leads nowhere", "text.cap: not a pcap", lines=3)
    assert json.loads(told.stdout.splitlines()[0])["packets"] == 935


# Exit code 3


@pytest.mark.parametrize(("capture", "severity", "code"), [(ATTACK, "critical", 3), (ATTACK, "medium", 3), (SMALL, "medium", 0)])
def test_fail_on(capture: Path, severity: str, code: int) -> None:
    told = otwatch("analyze", capture, "--site", SITE, "--fail-on", severity)
    assert told.returncode == code
    assert told.stdout


def test_what_could_not_be_read_weighs_more_than_an_alert() -> None:
    assert otwatch("analyze", ATTACK, "nowhere.pcap", "--fail-on", "low").returncode == 2


# Files


def test_the_result_in_a_file(tmp_path: Path) -> None:
    told = otwatch("analyze", ATTACK, "--output", tmp_path / "out.txt")
    assert (told.returncode, told.stdout) == (0, "")
    text = (tmp_path / "out.txt").read_text(encoding="utf-8")
    assert "INC-" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("form", ["graphml", "gexf", "json", "dot"])
def test_the_graph_in_a_file(form: str, tmp_path: Path) -> None:
    assert otwatch("analyze", ATTACK, "--graph", tmp_path / f"plant.{form}").returncode == 0
    assert "192.168.10.10" in (tmp_path / f"plant.{form}").read_text(encoding="utf-8")
    if form == "graphml":
        assert "192.168.10.10" in nx.read_graphml(tmp_path / "plant.graphml")


def test_with_a_baseline(tmp_path: Path) -> None:
    assert otwatch("baseline", "learn", LEARN, "--output", tmp_path / "plant.json").returncode == 0
    told = otwatch("analyze", LEARN, "--baseline", tmp_path / "plant.json", "--site", SITE, "--fail-on", "high")
    assert told.returncode == 0, told.stdout


# Names from the wire

EVIL = b"\x1b]0;owned\x07\x1b[2J[bold red]x[/bold red][link=http://evil]y[/]\r\n=1+1"


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A device whose identification wants to act on the terminal."""
    hmi, plc = Host("10.0.0.5", "00:d0:c9:0a:10:20"), Host("10.0.0.9", "00:80:f4:0a:10:10")
    wire = Wire()
    report = modbus(9, 1, b"\x11" + bytes([len(EVIL) + 1]) + EVIL + b"\xff")  # report server id
    wire.tcp(hmi, plc, 502, [*polls(5), identification(EVIL, EVIL, b"[/]" + EVIL), (modbus(9, 1, b"\x11"), report)])
    return wire.write(tmp_path / "hostile.pcap")


@pytest.mark.parametrize("arguments", [("analyze",), ("analyze", "--format", "jsonl"), ("export", "facts"), ("export", "assets")], ids=" ".join)
def test_a_hostile_name_does_not_act_on_the_terminal(arguments: tuple[str, ...], hostile: Path) -> None:
    told = otwatch(*arguments, hostile)
    assert told.returncode == 0, told.stderr
    assert "owned" in told.stdout  # it is shown, as text
    assert [character for character in told.stdout if not character.isprintable() and character != "\n"] == []
    if arguments == ("analyze",):
        assert "[bold red]" in told.stdout  # markup is text, too


def test_a_hostile_name_on_a_coloured_terminal(hostile: Path) -> None:
    told = otwatch("analyze", hostile, FORCE_COLOR="1", TERM="xterm-256color")
    assert "\x1b]" not in told.stdout
    assert "\x1b[2J" not in told.stdout
    assert "evil\x1b" not in told.stdout


def test_a_hostile_file_name(tmp_path: Path) -> None:
    told = otwatch("analyze", tmp_path / "x\x1b[2J\n.pcap")
    assert_one_line(told, "\\x1b[2J\\x0a")


def test_a_dash_is_standard_output(tmp_path: Path) -> None:
    told = process("analyze", LEARN, "--format", "jsonl", "--output", "-", cwd=tmp_path)
    assert json.loads(told.stdout.splitlines()[0])["type"] == "summary"
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_of_another_encoding_shows_what_it_can(tmp_path: Path) -> None:
    """No traceback: what the encoding lacks is spelled in what it has."""
    wire = Wire()
    wire.tcp(Host("10.0.0.5", "00:d0:c9:0a:10:20"), Host("10.0.0.9", "00:80:f4:0a:10:10"), 502, polls(3))
    wire.write(tmp_path / "x.pcap")
    for encoding in ("ascii", "iso-8859-1"):
        done = subprocess.run([sys.executable, "-m", "otwatch", "analyze", str(tmp_path / "x.pcap")], capture_output=True, check=False,
                              env=os.environ | {"PYTHONIOENCODING": encoding})
        assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
        assert b"10.0.0.9" in done.stdout
        assert b"->" in done.stdout
        assert b"?" not in done.stdout


@pytest.mark.parametrize("arguments", [("analyze", ATTACK), ("rules", "list"), ("export", "assets", ATTACK)], ids=["analyze", "rules", "export"])
def test_closed_standard_streams_are_no_error(arguments: tuple[object, ...], tmp_path: Path) -> None:
    """As a service may start it: the numbers of the streams are not given to files either."""
    command = " ".join(map(str, (sys.executable, "-m", "otwatch", *arguments)))
    done = subprocess.run(["sh", "-c", f"exec {command} <&- >&- 2>{tmp_path}/said"], check=False)
    assert (done.returncode, (tmp_path / "said").read_text()) == (0, "")
