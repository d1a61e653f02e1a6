"""From bare Debian to events in fields by the commands of docs/howto/sensor.md: that they are understood, and (extended) the whole way."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[1] / "packaging/newcomer.py"


@pytest.fixture(scope="module")
def newcomer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("newcomer", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_step_of_the_page_is_taken(newcomer: ModuleType) -> None:
    found = newcomer.steps(newcomer.PAGE.read_text())
    assert [title[0] for title in found] == ["1", "2", "3", "4", "5"]
    script = "".join(newcomer.script_of(block) for blocks in found.values() for block in blocks)
    for command in (
        "pip install /path/to/the/checkout", "useradd ", "disable_ipv6=1", "systemctl restart rsyslog", "install -m 0644 otwatch-sensor.service",
        "otwatch doctor --config /etc/otwatch/sensor.toml || true", "systemctl enable --now otwatch-sensor",
    ):
        assert command in script
    assert f"cat > {newcomer.RECEIVER} <<'END'\nmodule(load=\"imtcp\")" in script
    assert "editor " not in script
    assert "tail -f" not in script


def test_rsyslog_takes_the_page_s_configuration(newcomer: ModuleType, tmp_path: Path) -> None:
    if shutil.which("rsyslogd") is None or not Path("/usr/lib/x86_64-linux-gnu/rsyslog/mmjsonparse.so").exists():
        pytest.skip("rsyslog is not installed")
    [block] = [block for blocks in newcomer.steps(newcomer.PAGE.read_text()).values() for block in blocks if block.startswith("module(")]
    (tmp_path / "rsyslog.conf").write_text(f'global(workDirectory="{tmp_path}")\n{block}')
    checked = subprocess.run(["rsyslogd", "-N1", "-f", tmp_path / "rsyslog.conf"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.slow
@pytest.mark.extended
@pytest.mark.skipif(os.geteuid() != 0, reason="a machine is made as root")
@pytest.mark.skipif(shutil.which("debootstrap") is None, reason="bare Debian is made by debootstrap: apt install debootstrap")
def test_from_bare_debian_to_fields() -> None:
    local = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False).stdout
    words = {word.strip("'\"").removeprefix("file://") for word in local.replace("=", " ").split()}
    paths = [word for word in sorted({*words, "/etc/pip.conf", "/etc/ssl/certs"}) if word.startswith("/") and Path(word).exists()]
    share = [part for path in paths for part in ("--share", path)]
    done = subprocess.run([sys.executable, SCRIPT, *share], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "severity=4 rule=" in done.stdout
