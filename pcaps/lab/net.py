"""The lab's network: namespaces, one switch with a mirror port, a routing firewall. Root needed, nothing else touched.

Every host is a namespace `otwlab-<name>` with a veth whose other end is a port of the bridge `br-ot` in the
namespace `otwlab-sw`; the firewall `otwlab-fw` routes to a second bridge with the IT hosts. No interface leads
out of these namespaces, so no packet can leave them.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from hosts import FIREWALL_IT, FIREWALL_MAC, FIREWALL_OT, HOSTS, Host

PREFIX = "otwlab-"
LOCK = Path("/run/otwlab.lock")
SWITCH = PREFIX + "sw"
FIREWALL = PREFIX + "fw"
TOOLS = {"ip": "iproute2", "tcpdump": "tcpdump", "ethtool": "ethtool", "sysctl": "procps"}


class LabError(RuntimeError):
    """The lab cannot be built or run here; the message says what to do."""


def missing() -> str | None:
    """What keeps the lab from running on this machine, or None."""
    if os.geteuid() != 0:
        return "the lab needs root (network namespaces): run it with sudo"
    for tool, package in TOOLS.items():
        if shutil.which(tool) is None:
            return f"the lab needs {tool!r}: apt-get install {package}"
    return None


def run(*command: str) -> str:
    """Run a command; its standard output. `LabError` with its standard error when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def inside(namespace: str, *command: str) -> tuple[str, ...]:
    """`command` as run inside a namespace."""
    return ("ip", "netns", "exec", namespace, *command)


class Lab:
    """The network of the plant as a context manager. Entering first removes what an earlier run left behind."""

    def __init__(self, hosts: Sequence[Host] = tuple(HOSTS.values())) -> None:
        problem = missing()
        if problem:
            raise LabError(problem)
        self.hosts = hosts

    def __enter__(self) -> Lab:
        self.lock = LOCK.open("w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)  # a second lab on this machine waits: both would use the same names
        self.remove()
        try:
            self._build()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.remove()
        self.lock.close()

    def remove(self) -> None:
        """End every process in the lab's namespaces and delete these. Does nothing where there are none."""
        for line in run("ip", "netns", "list").splitlines():
            name = line.split()[0]
            if name.startswith(PREFIX):
                for pid in run("ip", "netns", "pids", name).split():
                    with contextlib.suppress(ProcessLookupError):  # it ended by itself in the meantime
                        os.kill(int(pid), signal.SIGKILL)
                run("ip", "netns", "delete", name)

    def _build(self) -> None:
        for name in (SWITCH, FIREWALL, *(PREFIX + host.name for host in self.hosts)):
            run("ip", "netns", "add", name)
            # no IPv6, or router solicitations and MLD would be recorded as well
            run(
                *inside(
                    name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"
                )
            )
            run("ip", "-n", name, "link", "set", "lo", "up")
        self._bridge(SWITCH, "br-ot")
        self._bridge(FIREWALL, "br-it")
        self._cable(namespace=FIREWALL, interface="ot0", mac=FIREWALL_MAC, switch=SWITCH, port="p-fw", bridge="br-ot")
        run("ip", "-n", FIREWALL, "address", "add", FIREWALL_OT + "/24", "dev", "ot0")
        run("ip", "-n", FIREWALL, "address", "add", FIREWALL_IT + "/24", "dev", "br-it")
        run(*inside(FIREWALL, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.send_redirects=0"))
        for host in self.hosts:
            switch, bridge, router = (
                (SWITCH, "br-ot", FIREWALL_OT) if host.net == "ot" else (FIREWALL, "br-it", FIREWALL_IT)
            )
            namespace = PREFIX + host.name
            port = "p-" + host.name
            self._cable(namespace=namespace, interface="eth0", mac=host.mac, switch=switch, port=port, bridge=bridge)
            run("ip", "-n", namespace, "address", "add", host.ip + "/24", "dev", "eth0")
            run("ip", "-n", namespace, "route", "add", "default", "via", router)

    @staticmethod
    def _bridge(namespace: str, name: str) -> None:
        run("ip", "-n", namespace, "link", "add", name, "type", "bridge", "stp_state", "0", "mcast_snooping", "0")
        run("ip", "-n", namespace, "link", "set", name, "up")

    @staticmethod
    def _cable(*, namespace: str, interface: str, mac: str, switch: str, port: str, bridge: str) -> None:
        run("ip", "-n", switch, "link", "add", port, "type", "veth", "peer", "name", interface, "netns", namespace)
        run("ip", "-n", namespace, "link", "set", interface, "address", mac)
        run("ip", "-n", switch, "link", "set", port, "master", bridge)
        for where, link in ((namespace, interface), (switch, port)):
            # with offloads on, the recorded checksums are wrong and segments larger than the wire's
            run(
                *inside(
                    where, "ethtool", "-K", link, "tx", "off", "rx", "off", "tso", "off", "gso", "off", "gro", "off"
                )
            )
            run("ip", "-n", where, "link", "set", link, "up")

    def forget_neighbours(self) -> None:
        """Empty the ARP tables, so that a recording begins with the address resolution."""
        for name in (FIREWALL, *(PREFIX + host.name for host in self.hosts)):
            run("ip", "-n", name, "neighbour", "flush", "all")


class Tcpdump:
    """Records the OT bridge (the view of a SPAN port) into a pcap file, microseconds, whole frames."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Tcpdump:
        command = inside(
            SWITCH,
            "tcpdump",
            "-i",
            "br-ot",
            "-n",
            "-U",
            "--immediate-mode",
            "-B",
            "8192",
            "-s",
            "0",
            "-Z",
            "root",
            "-w",
            str(self.path),
        )
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        while line and "listening on" not in line:
            line = self.process.stderr.readline()
        if not line:
            raise LabError("tcpdump ended at once")
        time.sleep(0.1)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        time.sleep(0.3)  # the last FIN and ACK
        self.process.send_signal(signal.SIGINT)
        _, text = self.process.communicate(timeout=10)
        if kind is None and "\n0 packets dropped by kernel" not in "\n" + text:
            raise LabError(f"tcpdump lost packets: {text.strip()}")
