"""A running `otwatch sensor` in a network namespace, for tests."""

from __future__ import annotations

import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.outputs.siem.receivers import wait_for

ROOT = Path(__file__).parents[2]


@contextmanager
def open_folder() -> Iterator[Path]:
    """pytest's own folders cannot be entered by another user."""
    folder = Path(tempfile.mkdtemp(prefix="otwatch-sensor-", dir="/tmp"))
    folder.chmod(0o777)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def frames_of(name: str) -> list[bytes]:
    """The frames of one of our captures."""
    data = (ROOT / "pcaps" / "plant" / f"{name}.pcap").read_bytes()
    frames, at = [], 24
    while at < len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        frames.append(data[at + 16:at + 16 + length])
        at += 16 + length
    return frames


class RunningSensor:
    """The command as a child process. It becomes `nobody`, so its folder is one that everybody may write (`open_folder`)."""

    def __init__(self, namespace: str, interface: str, folder: Path, *, destinations: tuple[str, ...] = (), more: str = "",
                 keys: str = "") -> None:
        """`interface`: several with commas between them; `keys` go into the section [sensor], `more` are sections of their own."""
        self.namespace, self.interface, self.folder = namespace, interface, folder
        self.records_in = folder
        self.lines = folder / "alerts.jsonl"
        self.database = folder / "store.sqlite"
        self.config = folder / "sensor.toml"
        self.config.write_text(
            f'[sensor]\nname = "sensor-7"\ninterfaces = {json.dumps(interface.split(","))}\nstate = "{folder}/state"\nuser = "nobody"\n'
            f'ring_megabytes = 16\n{keys}\n'
            f'[outputs]\ndestinations = {json.dumps(list(destinations))}\njsonl = "{self.lines}"\ndatabase = "{self.database}"\n'
            f'metrics_file = "{folder}/metrics.prom"\nheartbeat_seconds = 2\n{more}'
        )
        self.process: subprocess.Popen[str] | None = None

    def on(self, disk: Path) -> None:
        """Puts everything that it writes on another disk; call it before the start."""
        text = self.config.read_text().replace(f'"{self.folder}/', f'"{disk}/')
        self.config.write_text(text)
        self.lines, self.database, self.records_in = disk / "alerts.jsonl", disk / "store.sqlite", disk

    def start(self, program: str = "from otwatch.cli import main; main()", *, wait_for_heartbeat: bool = True) -> None:
        """Until it says that it is alive."""
        command = [sys.executable, "-c", program, "sensor", "--config", str(self.config)]
        before = len(self.heartbeats())
        with (self.folder / "log").open("a") as log:
            process = subprocess.Popen(["ip", "netns", "exec", self.namespace, *command], stdout=log, stderr=log, text=True,
                                       env={**os.environ, "PYTHONUNBUFFERED": "1"})
        self.process = process
        if not wait_for_heartbeat:
            return
        wait_for(lambda: len(self.heartbeats()) > before or process.poll() is not None)
        if len(self.heartbeats()) == before:
            process.kill()
            process.wait()
            self.process = None
            raise AssertionError(f"the sensor does not start: {(self.folder / 'log').read_text()}")

    def send_signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self, how: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        code = self.process.wait(timeout=90)
        self.process = None
        return code

    def __enter__(self) -> RunningSensor:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.stop()

    def records(self) -> list[dict[str, Any]]:
        lines = [line for path in sorted(self.records_in.glob("alerts*.jsonl")) for line in path.read_text().split("\n")]
        return [json.loads(line) for line in lines if line.endswith("}")]

    def coverage(self) -> dict[str, Any]:
        """Of the newest heartbeat."""
        return dict(self.heartbeats()[-1]["coverage"])

    def alerts(self, rule: str = "") -> list[dict[str, Any]]:
        return [record for record in self.records() if record["type"] == "alert" and record["rule"].startswith(rule)]

    def heartbeats(self) -> list[dict[str, Any]]:
        return [record for record in self.records() if record["type"] == "heartbeat"]

    def deeds(self) -> set[tuple[str, str, str]]:
        """(rule, source, destination) of all that was grave, also where the alert of another rule tells it: which one does depends on what the
        second knew in which it was told."""
        return {(told["rule"], alert["src"], told["dst"]) for alert in self.alerts() for told in (alert, *alert["evidence"].get("also", ()))
                if told["severity"] in ("high", "critical") and not told["rule"].startswith("sensor.")}

    def lasting(self) -> list[str]:
        """The conditions of the newest heartbeat."""
        return list(self.heartbeats()[-1]["conditions"])

    def over(self, rule: str) -> list[dict[str, Any]]:
        """Alerts that say that a condition has ended."""
        return [alert for alert in self.alerts(rule) if alert["evidence"].get("over")]

    def wait_judged(self, rule: str, **fields: Any) -> dict[str, Any]:
        """What a rule said, in an alert of its own or folded into one that holds the same rows."""

        def fitting() -> dict[str, Any] | None:
            said = (told for alert in self.alerts() for told in (alert, *alert["evidence"].get("also", ())))
            return next((told for told in said if told["rule"] == rule and all(told.get(name) == value for name, value in fields.items())), None)

        found = wait_for(fitting)
        assert found, f"no {rule} {fields} among {sorted({alert['rule'] for alert in self.alerts()})}"
        return dict(found)

    def memory_kilobytes(self) -> int:
        assert self.process is not None
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0

    def descriptors(self) -> int:
        assert self.process is not None
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def wait(self, rule: str, seconds: float = 120, **fields: Any) -> dict[str, Any]:
        """The first alert of a rule with these fields."""

        def fitting() -> dict[str, Any] | None:
            return next((alert for alert in self.alerts(rule) if all(alert.get(name) == value for name, value in fields.items())), None)

        found = wait_for(fitting, seconds)
        assert found, f"no {rule} {fields} among {sorted({alert['rule'] for alert in self.alerts()})}"
        return dict(found)
