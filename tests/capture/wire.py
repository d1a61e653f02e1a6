"""Two network namespaces with a wire between them, for the tests of live capture. Root needed; nothing outside them is touched."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

missing = ("live capture is tested as root" if os.geteuid() != 0 else "live capture is tested with iproute2" if shutil.which("ip") is None
           else "")
lab = [pytest.mark.lab, pytest.mark.skipif(bool(missing), reason=missing)]

_numbers = itertools.count()

_SEND = """
import socket, struct, sys, time
count, pause, interface = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
octets = sys.stdin.buffer.read()
frames = []
while octets:
    length, = struct.unpack_from("<I", octets)
    frames.append(octets[4:4 + length])
    octets = octets[4 + length:]
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
sender.bind((interface, 0))
for number in range(count):
    while True:
        try:
            sender.send(frames[number % len(frames)])
            break
        except OSError:
            time.sleep(0.001)
    if pause:
        time.sleep(pause)
"""


class Wire:
    """`wire0` in the namespace of the sensor, `wire1` in that of the others; neither says anything by itself."""

    def __init__(self) -> None:
        number = next(_numbers)
        self.sensor, self.others = (f"otwcap-{os.getpid()}-{number}{side}" for side in "ab")

    def __enter__(self) -> Wire:
        trial = subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True)
        if trial.returncode:
            pytest.skip("network namespaces cannot be made here")
        for namespace in (self.sensor, self.others):
            self.run("ip", "netns", "add", namespace)
            for scope in ("all", "default"):
                self.inside(namespace, "sh", "-c", f"echo 1 > /proc/sys/net/ipv6/conf/{scope}/disable_ipv6")
        self.plug()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for namespace in (self.sensor, self.others):
            subprocess.run(["ip", "netns", "del", namespace], check=False, capture_output=True)

    def plug(self, mine: str = "wire0", theirs: str = "wire1") -> None:
        """Makes the wire, or one more."""
        self.run("ip", "-n", self.sensor, "link", "add", mine, "type", "veth", "peer", "name", theirs, "netns", self.others)
        self.run("ip", "-n", self.sensor, "link", "set", mine, "up", "arp", "off")
        self.run("ip", "-n", self.others, "link", "set", theirs, "up", "arp", "off")

    def unplug(self) -> None:
        """Takes the wire away."""
        self.run("ip", "-n", self.sensor, "link", "del", "wire0")

    def up(self, state: bool, mine: str = "wire0") -> None:
        """Sets an interface of the sensor up or down."""
        self.run("ip", "-n", self.sensor, "link", "set", mine, "up" if state else "down")

    def send(self, frames: list[bytes], *, count: int | None = None, pause: float = 0, theirs: str = "wire1") -> None:
        """Sends the frames from the other side, `count` in all."""
        octets = b"".join(len(frame).to_bytes(4, "little") + frame for frame in frames)
        subprocess.run(self.command(self.others, _SEND, str(len(frames) if count is None else count), str(pause), theirs), input=octets, check=True)

    def counter(self, name: str, namespace: str = "") -> int:
        """A counter of the sensor's interface by the kernel's count: rx_packets, tx_packets, rx_dropped."""
        return int(self.inside(namespace or self.sensor, "cat", f"/sys/class/net/wire0/statistics/{name}"))

    def listen(self, script: str, *arguments: str) -> subprocess.Popen[str]:
        """Starts a script in the sensor's namespace; it prints one line when it is ready and its result as the last line."""
        process = subprocess.Popen(self.command(self.sensor, script, *arguments), stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True,
                                   cwd=ROOT)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line == "ready\n", line
        return process

    @staticmethod
    def command(namespace: str, script: str, *arguments: str) -> list[str]:
        return ["ip", "netns", "exec", namespace, sys.executable, "-c", script, *arguments]

    def inside(self, namespace: str, *command: str) -> str:
        return self.run("ip", "netns", "exec", namespace, *command)

    @staticmethod
    def run(*command: str) -> str:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


_WATCH = """
import sys, time
from otwatch.capture.live import open_live
with open_live(["wire0"], capture=sys.argv[1]) as source:
    print("ready", flush=True)
    packets = 0
    for line in sys.stdin:
        deadline, calm = time.monotonic() + 120, 0
        while calm < 3 and time.monotonic() < deadline:
            packets += sum(batch.rows for _, batch in source.poll(0.1))
            told = source.statistics()[0]
            seen = str((packets, told.up, told.losses))
            calm = calm + 1 if seen == line.strip() else 0
        print(seen, flush=True)
"""


class Watcher:
    """A listener that says what it has seen: packets, whether the interface is up, how often it was lost."""

    def __init__(self, wire: Wire, capture: str) -> None:
        self._process = wire.listen(_WATCH, capture)

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.communicate("", timeout=180)
        assert self._process.returncode == 0

    def sees(self, *, packets: int, up: bool, losses: int) -> None:
        """It will see exactly this, and go on seeing it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        wanted = str((packets, up, losses))
        self._process.stdin.write(f"{wanted}\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline().strip() == wanted


def frame(number: int, *, size: int = 80, tag: bytes = b"") -> bytes:
    """An Ethernet frame of a local experimental EtherType with a number in it."""
    return (b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02" + tag + b"\x88\xb5" + number.to_bytes(8, "big")).ljust(size, b".")


def result(process: subprocess.Popen[str]) -> Any:
    """The last line that a listener prints, evaluated."""
    import ast

    out, _ = process.communicate("", timeout=180)
    assert process.returncode == 0
    return ast.literal_eval(out.splitlines()[-1])
