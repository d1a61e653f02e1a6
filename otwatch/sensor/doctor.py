"""Looks at everything a sensor needs on this machine and says what to do. Asks the machine, sends nothing on the capture interfaces."""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import otwatch
from otwatch.capture.bpf import libpcap
from otwatch.capture.live import open_live
from otwatch.engine.analysis import Analysis
from otwatch.errors import CaptureError, ConfigErrors
from otwatch.outputs.siem.transport import connect
from otwatch.outputs.story import plural
from otwatch.sensor.access import refusals
from otwatch.sensor.config import SensorConfig
from otwatch.sensor.learning import load_policy
from otwatch.sensor.limits import SENSOR_LIMITS
from otwatch.sensor.sharing import weakened_rules

_SIOCETHTOOL: Final = 0x8946
_OFFLOADS: Final = {"gro": 0x2B, "lro": 0x21, "tso": 0x1E, "gso": 0x23}  # ETHTOOL_GGRO, GFLAGS (LRO is a bit), GTSO, GGSO (linux/ethtool.h)
_FLAGS: Final = 0x25
_LRO_BIT: Final = 1 << 15
_CAP_NET_RAW: Final = 13
_STA_UNSYNC: Final = 0x40
_LOOPBACK: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at. `state` is good, bad, or worth knowing; `advice` is what to do."""

    what: str
    state: str  # good | bad | note
    text: str
    advice: str = ""


def examine(config: SensorConfig, *, listen_seconds: float = 0.0) -> Iterator[Finding]:
    """Everything, in the order in which it is needed; with `listen_seconds`, also what comes on the interfaces."""
    yield _compiled()
    yield _privileges()
    yield from _user(config)
    interfaces = config["sensor.interfaces"]
    if not interfaces:
        yield Finding(what="interfaces", state="bad", text="none is named", advice="set sensor.interfaces, or name them: otwatch doctor eth1")
    for name in interfaces:
        yield from _interface(name)
        if listen_seconds:
            yield from traffic(config, name, listen_seconds)
    yield from _source(config)
    yield _clock()
    yield _policy(config)
    yield from _folder(config)
    for target in config.targets:
        try:
            connect(target).close()
        except OSError as error:
            yield Finding(
                what=f"destination {target.url}",
                state="bad",
                text=str(error),
                advice="check host, port, firewall and certificates; alerts are kept in the spool meanwhile",
            )
        else:
            udp = target.scheme == "udp"
            yield Finding(
                what=f"destination {target.url}",
                state="note" if udp else "good",
                text="UDP cannot tell whether anybody listens" if udp else "can be reached",
                advice="use tcp:// or tls:// where the receiver can: lost datagrams are never known" if udp else "",
            )
    if not config.targets:
        yield Finding(what="destinations", state="note", text="none: alerts stay on this machine", advice="set outputs.destinations")


def _compiled() -> Finding:
    if otwatch.is_compiled():
        return Finding(what="installation", state="good", text=f"otwatch {otwatch.__version__}, compiled")
    return Finding(
        what="installation",
        state="bad",
        text="not compiled: far too slow for a live sensor",
        advice="install a C compiler and Python headers (apt install gcc python3-dev), then reinstall otwatch",
    )


def _privileges() -> Finding:
    effective = 0
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("CapEff:"):
                effective = int(line.split()[1], 16)
    if effective >> _CAP_NET_RAW & 1:
        return Finding(what="privileges", state="good", text="this user may open capture sockets (CAP_NET_RAW)")
    return Finding(
        what="privileges",
        state="bad",
        text="this user may not open capture sockets",
        advice="run as root (the sensor drops all privileges once it listens), or use the systemd unit: AmbientCapabilities=CAP_NET_RAW",
    )


def _user(config: SensorConfig) -> Iterator[Finding]:
    """The user that the sensor becomes: whether there is one, and what it cannot read."""
    user = config["sensor.user"]
    if os.geteuid() != 0:
        return
    try:
        found = refusals(config)
    except CaptureError as error:
        yield Finding(what=f"user {user}", state="bad", text=str(error), advice=f"useradd --system --shell /usr/sbin/nologin {user}")
        return
    for text in found:
        yield Finding(what=f"user {user}", state="bad", text=text, advice="move it to /etc/otwatch, or change owner and permissions")
    if not found:
        yield Finding(what=f"user {user}", state="good", text="exists, and can read rules, site, baseline and certificates")


def _ipv6(name: str) -> Iterator[Finding]:
    """An interface with IPv6 sends by itself when it comes up: router solicitations, neighbour and multicast listener discovery."""
    path = Path("/proc/sys/net/ipv6/conf") / name / "disable_ipv6"
    with suppress(OSError):
        if path.read_text(encoding="ascii").strip() == "0":
            yield Finding(
                what=f"interface {name}",
                state="bad",
                text="has IPv6 on: the kernel sends router solicitations and neighbour discovery there, so the sensor is not passive",
                advice=f"sysctl -w net.ipv6.conf.{name}.disable_ipv6=1, or otwatch doctor {name} --silence (the systemd unit does it at each start)",
            )


def silence(name: str) -> Finding:
    """Switches IPv6 off on an interface, until the next boot."""
    path = Path("/proc/sys/net/ipv6/conf") / name / "disable_ipv6"
    if "/" in name or name in (".", ".."):
        return Finding(what=f"interface {name}", state="bad", text="is no name of an interface")
    if not path.exists():
        return Finding(what=f"interface {name}", state="good", text="has no IPv6")
    try:
        path.write_text("1", encoding="ascii")
    except OSError as error:
        return Finding(what=f"interface {name}", state="bad", text=f"IPv6 cannot be switched off: {error.strerror}", advice="run as root")
    return Finding(what=f"interface {name}", state="good", text="IPv6 is switched off")


def traffic(config: SensorConfig, name: str, seconds: float) -> Iterator[Finding]:
    """Listens for a while: a mirror port without OT traffic is the wrong port, or a mirror that leaves it out."""
    what = f"traffic on {name}"
    try:
        source = open_live([name], capture=config["sensor.capture"], blocks=8, bpf=config["sensor.filter"])
    except CaptureError:
        return  # told above
    analysis = Analysis(SENSOR_LIMITS)
    end = time.monotonic() + seconds
    with source:
        while time.monotonic() < end:
            for _, packets in source.poll(0.2):
                analysis.take(analysis.pipeline.feed(packets, file=name))
                if time.monotonic() > end:
                    break
    result = analysis.finish()
    counts = ", ".join(f"{protocol} ({counts['requests'] + counts['responses'] + counts['events']})" for protocol, counts in result.protocols.items())
    if not result.packets:
        yield Finding(what=what, state="bad", text=f"no packet in {seconds:g} s", advice="check the cable and the mirror session on the switch")
    elif not counts:
        services = ", ".join(sorted({talk.service for talk in result.talks})[:6])
        yield Finding(
            what=what,
            state="bad",
            text=f"{result.packets} packets in {seconds:g} s, but no OT protocol{f' (only {services})' if services else ''}",
            advice="mirror the ports of the controllers; listen longer with --listen 60 where the plant polls seldom",
        )
    else:
        one_way = sum(talk.one_way for talk in result.talks if talk.protocol)
        yield Finding(
            what=what,
            state="note" if one_way else "good",
            text=f"{result.packets} packets in {seconds:g} s: {counts}{f'; {one_way} conversations in one direction only' if one_way else ''}",
            advice="mirror both directions (rx and tx) of the ports" if one_way else "",
        )


def _interface(name: str) -> Iterator[Finding]:
    what = f"interface {name}"
    folder = Path("/sys/class/net") / name
    if not folder.exists():
        there = ", ".join(sorted(found for _, found in socket.if_nameindex()))
        yield Finding(what=what, state="bad", text="does not exist", advice=f"there are: {there}")
        return
    flags = int((folder / "flags").read_text(), 16)
    if flags & 1:
        yield Finding(what=what, state="good", text="is up")
    else:
        yield Finding(what=what, state="bad", text="is down", advice=f"ip link set {name} up")
    carrier = "0"
    with suppress(OSError):
        carrier = (folder / "carrier").read_text().strip()
    if flags & 1 and carrier != "1":
        yield Finding(what=what, state="bad", text="has no link", advice="check the cable, the mirror port and its speed")
    if flags & 0x100:
        yield Finding(what=what, state="note", text="is promiscuous already: something else listens, or it was set by hand")
    else:
        yield Finding(what=what, state="good", text="will be made promiscuous by the sensor while it listens")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        on = [offload for offload in _OFFLOADS if _offload(asking, name, offload)]
        if _has_address(asking, name):
            yield Finding(
                what=what,
                state="note",
                text="has an IPv4 address: this machine may answer on it, and then it is not passive",
                advice=f"ip address flush dev {name}; ip link set {name} arp off; sysctl net.ipv6.conf.{name}.disable_ipv6=1",
            )
    if not flags & _LOOPBACK:
        yield from _ipv6(name)
    joined = [offload for offload in on if offload in ("gro", "lro")]
    if joined:
        yield Finding(
            what=what,
            state="bad",
            text=f"joins packets before they are seen ({', '.join(joined)}): sizes, times and duplicates become wrong",
            advice=f"ethtool -K {name} {' '.join(f'{offload} off' for offload in joined)}",
        )
    else:
        yield Finding(what=what, state="good", text="does not join packets (gro and lro are off)")


def _source(config: SensorConfig) -> Iterator[Finding]:
    """How packets are taken, and what is lost when several processes take them."""
    ring = hasattr(socket, "AF_PACKET") and config["sensor.capture"] != "libpcap"
    if not ring:
        yield from _libpcap()
    if config["sensor.filter"]:
        yield Finding(what="filter", state="note", text=f"{config['sensor.filter']!r}: what it leaves out is not seen", advice="leave it empty")
    workers = config["sensor.workers"]
    if workers == 1:
        return
    what = f"{workers} processes"
    if not ring:
        yield Finding(what=what, state="bad", text="can share interfaces only with AF_PACKET rings (Linux)", advice="set sensor.workers = 1")
        return
    cores = os.cpu_count() or 1
    if workers > cores:
        yield Finding(what=what, state="note", text=f"on {cores} cores", advice=f"set sensor.workers = {cores} or less")
    with suppress(ConfigErrors, CaptureError, OSError):  # told below
        policy, _ = load_policy(config)
        weaker = weakened_rules(policy.rules)
        yield Finding(
            what=what,
            state="note",
            text=f"each sees whole pairs of addresses; {len(weaker)} rules count over many pairs, each process only its share: {', '.join(weaker)}",
            advice="use one process as long as a core is enough: it takes some 500,000 packets a second",
        )
    others = [folder for folder in config.state.glob("*-of-*/spool") if not folder.parent.name.endswith(f"-of-{workers}")]
    if others:
        yield Finding(
            what=what,
            state="note",
            text=f"{len(others)} state folders are of another number of processes: {', '.join(sorted(folder.parent.name for folder in others))}",
            advice="alerts that wait in their spools are sent only when that number runs again; remove them when nothing waits",
        )


def _libpcap() -> Iterator[Finding]:
    try:
        libpcap()
    except CaptureError as error:
        yield Finding(what="capture", state="bad", text=str(error), advice="apt install libpcap0.8, or set sensor.capture = \"ring\" (Linux)")
        return
    yield Finding(
        what="capture",
        state="note",
        text="libpcap: some microseconds a packet",
        advice="on Linux leave sensor.capture at auto: the ring is faster by far",
    )
    if sys.platform != "linux":
        yield Finding(
            what="capture",
            state="note",
            text="nothing but Linux can be made to refuse sending: the sensor gives up root and no more, and says so (sensor.confinement-incomplete)",
            advice="use a tap that cannot carry packets back",
        )


def _offload(asking: socket.socket, name: str, offload: str) -> bool:
    """ioctl SIOCETHTOOL with struct ethtool_value; False also where the driver does not say."""
    command = _FLAGS if offload == "lro" else _OFFLOADS[offload]
    value = ctypes.create_string_buffer(struct.pack("=II", command, 0), 8)
    request = struct.pack("16sP16x", name.encode()[:15], ctypes.addressof(value))
    try:
        fcntl.ioctl(asking, _SIOCETHTOOL, request)
    except OSError:
        return False
    number = int(struct.unpack("=II", value.raw)[1])
    return bool(number & _LRO_BIT) if offload == "lro" else bool(number)


def _has_address(asking: socket.socket, name: str) -> bool:
    try:
        fcntl.ioctl(asking, 0x8915, struct.pack("16s24x", name.encode()[:15]))  # SIOCGIFADDR
    except OSError:
        return False
    return True


def _clock() -> Finding:
    """adjtimex(2) with no change asked for."""
    buffer = ctypes.create_string_buffer(512)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.adjtimex(buffer) < 0:
        return Finding(what="clock", state="note", text="cannot be asked whether it is synchronised")
    status = struct.unpack_from("@i", buffer, struct.calcsize("@I4xllll"))[0]
    if status & _STA_UNSYNC:
        return Finding(
            what="clock",
            state="bad",
            text="is not synchronised: times of alerts will not fit those of other logs",
            advice="run chrony or systemd-timesyncd over the management interface",
        )
    return Finding(what="clock", state="good", text="is synchronised")


def _policy(config: SensorConfig) -> Finding:
    try:
        policy, _ = load_policy(config)
    except (ConfigErrors, CaptureError, OSError) as error:
        return Finding(
            what="rules, site, baseline", state="bad", text=str(error).splitlines()[0], advice="otwatch sensor --check shows every mistake"
        )
    missing = [name for name, there in (("site file", policy.site), ("baseline", policy.baseline)) if there is None]
    advice = "otwatch site init, otwatch baseline learn: with them unknown hosts are distinguished from operators" if missing else ""
    return Finding(
        what="rules, site, baseline",
        state="note" if missing else "good",
        advice=advice,
        text=f"{plural(len(policy.rules), 'rule')}{', no ' + ', no '.join(missing) if missing else ', site file and baseline'}",
    )


def _folder(config: SensorConfig) -> Iterator[Finding]:
    folder = config.state
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        yield Finding(
            what=f"state folder {folder}",
            state="bad",
            text=f"{existing} cannot be written by this user",
            advice=f"install -d -o {config['sensor.user']} {folder}",
        )
        return
    free, needed = shutil.disk_usage(existing).free // 2**20, config["outputs.spool_megabytes"]
    if free < needed:
        yield Finding(
            what=f"state folder {folder}",
            state="bad",
            text=f"{free} MB are free, the spool may need {needed}",
            advice="make room, or lower outputs.spool_megabytes",
        )
    else:
        yield Finding(what=f"state folder {folder}", state="good", text=f"can be written, {free} MB are free")
