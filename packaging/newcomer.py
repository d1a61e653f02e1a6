#!/usr/bin/env python3
"""From bare Debian to events in the fields of a SIEM, by the commands of docs/howto/sensor.md, in a Debian of its own.

    sudo python3 packaging/newcomer.py [--debian FOLDER] [--share PATH]...

Debootstrap makes the Debian (or FOLDER is one, which is changed); step 1 of the page runs in it with the network of this machine, then its own
systemd is booted in namespaces with an interface eth1, and steps 2 to 5 run there. An attack is replayed at the other end of eth1. Prints every step
with its seconds, and what rsyslog wrote. --share binds a folder of this machine into it, for a package index that is one.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
PAGE = CHECKOUT / "docs/howto/sensor.md"
PLANT = CHECKOUT / "pcaps/plant"
BARE = "systemd,systemd-sysv,iproute2,procps,ca-certificates"  # what Debian's installer leaves even without any task
RECEIVER = "/etc/rsyslog.d/otwatch.conf"
_SEND = """
import socket, struct, sys, time
data, at = open(sys.argv[1], "rb").read(), 24
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
sender.bind(("far", 0))
while at < len(data):
    length, = struct.unpack_from("<I", data, at + 8)
    sender.send(data[at + 16:at + 16 + length])
    at += 16 + length
    time.sleep(0.005)
"""
_BOOT = """
set -eu
mount --bind "$1" "$1"; cd "$1"
mount -t proc proc proc; mount -t sysfs sysfs sys; mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run; mount -t tmpfs -o mode=1777 tmpfs tmp; mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do touch dev/$device; mount --bind /dev/$device dev/$device; done
mkdir dev/shm dev/pts; mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts; ln -s pts/ptmx dev/ptmx
ip link set lo up; ip link add eth1 type veth peer name far
sysctl -qw net.ipv6.conf.far.disable_ipv6=1; ip link set far up arp off
mkdir -p old; pivot_root . old
exec chroot . /bin/sh -c 'umount -l /old; container=lab exec /lib/systemd/systemd --system --log-target=null --show-status=no' </dev/null
"""


def steps(page: str) -> dict[str, list[str]]:
    """Title of a step -> its blocks, as they stand on the page."""
    parts = re.split(r"^## (\d\..*)$", page, flags=re.MULTILINE)
    below = [re.findall(r"^```\n(.*?)^```$", text.partition("\n## ")[0], re.MULTILINE | re.DOTALL) for text in parts[2::2]]
    return dict(zip(parts[1::2], below, strict=True))


def script_of(block: str) -> str:
    """What a person does with a block: a configuration is written to its file, an editor is closed again, and the log is looked at afterwards."""
    if block.startswith("module("):
        return f"cat > {RECEIVER} <<'END'\n{block}END\n"
    lines = [line for line in block.splitlines() if not line.startswith(("editor ", "tail -f ", "otwatch sensor --replay"))]
    # without a network the clock is set by nobody, of which the doctor complains
    return "\n".join(f"{line} || true" if line.startswith("otwatch doctor") else line for line in lines) + "\n"


class Newcomer:
    """Somebody at the prompt of the new machine."""

    def __init__(self, root: Path) -> None:
        self.root, self.began, self.prompt = root, time.monotonic(), ["chroot", str(root)]

    def types(self, title: str, script: str) -> None:
        begin, used = time.monotonic(), os.times()
        command = [*self.prompt, "/bin/sh", "-euc", f"export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n{script}"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        now = os.times()
        processor = now.children_user + now.children_system - used.children_user - used.children_system
        print(f"{time.monotonic() - begin:6.1f} s ({processor:5.1f} s of a processor)  {title}", flush=True)
        if done.returncode:
            sys.exit(f"{script}\n{done.stdout}\nends with {done.returncode}")

    def reads(self, path: str) -> str:
        return subprocess.run([*self.prompt, "cat", path], capture_output=True, text=True, check=False).stdout


@contextmanager
def shared(root: Path, paths: list[str]) -> Iterator[None]:
    """Folders and files of this machine inside."""
    with ExitStack() as stack:
        for path in ["/proc", "/dev", *paths]:
            place = root / path.lstrip("/")
            if Path(path).is_dir():
                place.mkdir(parents=True, exist_ok=True)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.touch()
            subprocess.run(["mount", "--rbind", path, place], check=True)
            subprocess.run(["mount", "--make-rslave", place], check=True)
            stack.callback(subprocess.run, ["umount", "-R", "-l", place], check=False)
        yield


def boot(root: Path) -> subprocess.Popen[bytes]:
    """The machine is switched on, without a network but eth1 and its other end, `far`."""
    groups = next(line.split()[1] for line in Path("/proc/mounts").read_text().splitlines() if line.split()[2] == "cgroup2")
    group = Path(groups) / f"otwatch-newcomer-{os.getpid()}"
    group.mkdir()
    enter = 'echo $$ > "$1/cgroup.procs"; shift; exec unshare --pid --mount --cgroup --net --ipc --uts --fork --kill-child sh -c "$@"'
    return subprocess.Popen(["sh", "-c", enter, "sh", str(group), _BOOT, "sh", str(root)], stdin=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--debian", type=Path, help="a bare Debian that is there already; it is changed")
    parser.add_argument("--share", action="append", default=[], metavar="PATH", help="of this machine, seen inside")
    wanted = parser.parse_args()
    if os.geteuid():
        sys.exit("newcomer.py: a machine is made as root: sudo python3 packaging/newcomer.py")
    with tempfile.TemporaryDirectory(prefix="otwatch-newcomer-", ignore_cleanup_errors=True) as made:
        root = wanted.debian or Path(made) / "debian"
        if wanted.debian is None:
            begin = time.monotonic()
            subprocess.run(["debootstrap", "--variant=minbase", f"--include={BARE}", "bookworm", root], check=True, stdout=subprocess.DEVNULL)
            print(f"{time.monotonic() - begin:6.1f} s  bare Debian (debootstrap; not counted)", flush=True)
        for name in ("plant-learn.pcap", "plant-attack.pcap"):
            shutil.copy(PLANT / name, root / name)
        shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
        run(root, [str(path) for path in wanted.share])


def run(root: Path, share: list[str]) -> None:
    (root / "path/to/the/checkout").mkdir(parents=True, exist_ok=True)
    for name in ("otwatch", "rules", "pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):  # as git has it: nothing compiled
        source, place = CHECKOUT / name, root / "path/to/the/checkout" / name
        if source.is_dir():
            shutil.copytree(source, place, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.c"))
        else:
            shutil.copy(source, place)
    first, *rest = steps(PAGE.read_text()).items()
    newcomer = Newcomer(root)
    with shared(root, share):
        subprocess.run(["chroot", root, "apt-get", "update", "-qq"], check=True, stdout=subprocess.DEVNULL)
        newcomer.types(first[0], "\n".join(map(script_of, first[1])))
    sys.exit(0 if observe(newcomer, dict(rest)) else 1)


def observe(newcomer: Newcomer, rest: dict[str, list[str]]) -> bool:
    """Steps 2 to 5 in the machine that was switched on, then the attack; whether its fields were parsed."""
    system = boot(newcomer.root)
    try:
        for _ in range(600):
            time.sleep(0.1)
            children = Path(f"/proc/{system.pid}/task/{system.pid}/children").read_text().split()
            newcomer.prompt = ["nsenter", "-t", children[0], "-a"] if children else []
            if children and newcomer_is_up(newcomer):
                break
        send = f"/opt/otwatch/bin/python -c '{_SEND}'"
        again = f"while :; do {send} /plant-learn.pcap; done".replace('"', '\\"')
        newcomer.types("(the plant begins to poll)", f'systemd-run -q sh -c "{again}"')
        for title, blocks in rest.items():
            newcomer.types(title, "\n".join(map(script_of, blocks)))
        begin = time.monotonic()
        newcomer.types("(an attack on the plant)", f"{send} /plant-attack.pcap")
        while "from=172.16.5.66" not in newcomer.reads("/var/log/otwatch.log") and time.monotonic() < begin + 120:
            time.sleep(0.5)
        print(f"{time.monotonic() - newcomer.began:6.1f} s  from bare Debian to these fields:\n")
        log = newcomer.reads("/var/log/otwatch.log")
        print(log)
        return "from=172.16.5.66" in log
    finally:
        system.kill()
        system.wait()


def newcomer_is_up(newcomer: Newcomer) -> bool:
    asked = subprocess.run([*newcomer.prompt, "systemctl", "is-system-running"], capture_output=True, text=True, check=False)
    return asked.stdout.strip() in ("running", "degraded")


if __name__ == "__main__":
    main()
