"""The doctor on a wire: a mirror port with and without OT traffic, IPv6 that would send, a user that is missing or cannot read."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.capture.wire import Wire, frame, lab
from tests.live.sensors import frames_of

pytestmark = lab


def doctor(wire: Wire, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ip", "netns", "exec", wire.sensor, sys.executable, "-c", "from otwatch.cli import main; main()", "doctor", *arguments],
                          capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize(("frames", "said"), [
    ([], "no packet in 5 s"), ([frame(number) for number in range(50)], "but no OT protocol"), (frames_of("modbus-poll"), "modbus ("),
])
def test_it_says_whether_ot_protocols_are_on_the_mirror_port(wire: Wire, frames: list[bytes], said: str) -> None:
    stopping = threading.Event()

    def load() -> None:
        while frames and not stopping.is_set():
            wire.send(frames, pause=0.001)

    sender = threading.Thread(target=load)
    sender.start()
    try:
        told = doctor(wire, "wire0", "--listen", "5").stdout
    finally:
        stopping.set()
        sender.join()
    assert said in next(line for line in told.splitlines() if "traffic on wire0" in line)
    assert ("BAD   traffic on wire0" in told) == ("modbus" not in said)
    assert wire.counter("tx_packets") == 0


def test_ipv6_on_the_interface_is_found_and_switched_off(wire: Wire) -> None:
    place = "/proc/sys/net/ipv6/conf/wire0/disable_ipv6"
    if subprocess.run(["ip", "netns", "exec", wire.sensor, "test", "-e", place], check=False).returncode:
        pytest.skip("this kernel has no IPv6")
    wire.inside(wire.sensor, "sh", "-c", f"echo 0 > {place}")
    assert "router solicitations" in doctor(wire, "wire0", "--listen", "0").stdout
    done = doctor(wire, "wire0", "--silence")
    assert (done.returncode, "IPv6 is switched off" in done.stdout) == (0, True)
    assert wire.inside(wire.sensor, "cat", place) == "1\n"
    assert "router solicitations" not in doctor(wire, "wire0", "--listen", "0").stdout


def test_a_user_that_is_missing_or_cannot_read_is_found(wire: Wire, folder: Path) -> None:
    home = folder / "home"
    home.mkdir(mode=0o700)
    site = home / "site.yaml"
    site.write_text("version: 1\nzones: []\n")
    config = folder / "sensor.toml"
    for user, said in (("nosuchuser", "no user 'nosuchuser'"), ("nobody", f"{site}: {home} cannot be entered")):
        config.write_text(f'[sensor]\nuser = "{user}"\nstate = "{folder}/state"\n[policy]\nsite = "{site}"\n')
        done = doctor(wire, "wire0", "--config", str(config), "--listen", "0")
        assert done.returncode == 2
        assert f"BAD   user {user}" in done.stdout
        assert said in done.stdout
