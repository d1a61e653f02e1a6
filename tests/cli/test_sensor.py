"""otwatch sensor --check and --replay, alerts, assets, resend and doctor as people call them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from otwatch.cli import main
from otwatch.outputs.siem.cursors import Cursors

PLANT = Path(__file__).parents[2] / "pcaps" / "plant"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("state")
    done = run("sensor", "--replay", str(PLANT / "plant-attack.pcap"), "--state", str(folder), "--db", str(folder / "s.sqlite"), "--name", "s7",
               "--site", str(PLANT / "site.yaml"))
    assert done.exit_code == 0, done.output
    assert "935 packets" in done.output
    return folder


def test_alerts_and_assets_are_asked_for(state: Path) -> None:
    done = run("alerts", "--db", str(state / "s.sqlite"), "--min-severity", "critical", "--format", "jsonl")
    assert done.exit_code == 0
    assert {json.loads(line)["severity"] for line in done.stdout.splitlines()} == {"critical"}
    assert "rtu" in run("alerts", "--db", str(state / "s.sqlite"), "--rule", "dnp3.*", "--also").output
    assert "plc-s7" in run("assets", "--db", str(state / "s.sqlite"), "--role", "controller").output
    assert run("alerts", "--db", str(state / "none")).exit_code == 2


def test_resend_leaves_a_request_for_the_sensor(state: Path) -> None:
    assert run("resend", "--from", "3", "--state", str(state)).exit_code == 2, "no destination is known yet"
    Cursors(state / "spool").move("tcp_siem_601__cef", 20)
    done = run("resend", "--from", "3", "--state", str(state))
    assert done.exit_code == 0
    assert Cursors(state / "spool").take_resend("tcp_siem_601__cef") == 3
    assert run("resend", "--from", "2000-01-01T00:00:00", "--state", str(state)).exit_code == 0
    assert Cursors(state / "spool").take_resend("tcp_siem_601__cef") == 1
    assert run("resend", "--from", "999999", "--state", str(state)).exit_code == 2


def test_check_says_every_mistake_in_a_line(tmp_path: Path) -> None:
    config = tmp_path / "s.toml"
    config.write_text("[sensor]\nnane = 1\n[health]\nquiet_seconds = 0\n")
    done = run("sensor", "--config", str(config), "--check")
    assert done.exit_code == 2
    assert f"{config}:2:1: " in done.output
    assert f"{config}:4:1: " in done.output
    config.write_text("[sensor]\nname = 'x'\n")
    assert "good: " in run("sensor", "--config", str(config), "--check").output


def test_no_interface_is_wrong_use() -> None:
    done = run("sensor", "--state", "/nonexistent")
    assert done.exit_code == 2
    assert "no interface" in done.output


def test_the_doctor_says_what_to_do(tmp_path: Path) -> None:
    done = run("doctor", "lo", "no-such-interface")
    assert done.exit_code == 2
    assert "no-such-interface: does not exist" in done.output
    assert "interface lo: is up" in done.output
    assert "otwatch baseline learn" in done.output
    config = tmp_path / "s.toml"
    config.write_text(f'[sensor]\nstate = "{tmp_path}"\n[outputs]\ndestinations = ["tcp://127.0.0.1:1"]\n')
    assert "destination tcp://127.0.0.1:1" in run("doctor", "--config", str(config)).output


def test_several_processes_have_no_view_and_need_rings(tmp_path: Path) -> None:
    done = run("sensor", "lo", "--workers", "2", "--view", "--state", str(tmp_path))
    assert done.exit_code == 2
    assert "--view shows one process" in done.output
    done = run("sensor", "lo", "--workers", "2", "--capture", "libpcap", "--state", str(tmp_path))
    assert done.exit_code == 2
    assert "AF_PACKET rings" in done.output
