"""The unit that is shipped: hardened, and the sensor works under its hardest condition, no writable and executable memory."""

from __future__ import annotations

import configparser
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from otwatch.sensor.config import read_config

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "otwatch" / "systemd"

_UNDER_MDWE = """
import ctypes, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0):
    raise SystemExit(77)
from otwatch.cli import main
main()
"""


def test_the_unit_gives_one_capability_and_takes_everything_else() -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[method-assign,assignment]
    unit.read(FOLDER / "otwatch-sensor.service")
    service = unit["Service"]
    assert service["AmbientCapabilities"] == service["CapabilityBoundingSet"] == "CAP_NET_RAW"
    for name in ("NoNewPrivileges", "MemoryDenyWriteExecute", "ProtectHome", "PrivateDevices", "ProtectKernelModules", "RestrictNamespaces"):
        assert service[name] == "yes"
    assert service["User"] == "otwatch"
    assert service["Restart"] == "always"
    assert service["Type"] == "notify"


systemd_analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")


@systemd_analyze
def test_systemd_understands_every_line_of_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "otwatch-sensor.service"
    unit.write_text((FOLDER / unit.name).read_text().replace("/opt/otwatch/bin/otwatch", "/bin/true"))  # it looks for the program, too
    told = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False)
    assert [line for line in told.stderr.splitlines() if unit.name in line] == []


@systemd_analyze
def test_systemd_finds_little_that_the_unit_could_still_give_up() -> None:
    """Exposure from 0 (none) to 10; docs/howto/sensor.md names the figure."""
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", FOLDER / "otwatch-sensor.service"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    if "exposure level" not in told.stdout:
        pytest.skip(f"this systemd cannot look at a unit that is not loaded: {told.stderr.strip()[:100]}")
    figure = re.search(r"exposure level for \S+ ([\d.]+)", told.stdout)
    assert figure is not None
    assert float(figure[1]) <= 2.0


def test_the_configuration_to_start_from_is_right() -> None:
    config = read_config(str(FOLDER / "sensor.toml"))
    assert config["sensor.interfaces"] == ("eth1",)


@pytest.mark.skipif(tuple(map(int, platform.release().split(".")[:2])) < (6, 3), reason="the kernel has no PR_SET_MDWE (Linux 6.3)")
def test_it_runs_without_writable_and_executable_memory(tmp_path: Path) -> None:
    capture = ROOT / "pcaps" / "plant" / "plant-attack.pcap"
    arguments = ["sensor", "--replay", str(capture), "--state", str(tmp_path), "--db", str(tmp_path / "s.sqlite"), "--syslog", "tcp://127.0.0.1:1"]
    done = subprocess.run([sys.executable, "-c", _UNDER_MDWE, *arguments], capture_output=True, text=True, cwd=ROOT, check=False, timeout=120)
    if done.returncode == 77:
        pytest.skip("PR_SET_MDWE is refused here")
    assert done.returncode == 0, done.stderr
    assert "alerts" in done.stdout
