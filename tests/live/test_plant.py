"""The whole way: real Modbus, S7 and DNP3 stacks in namespaces, a mirror port, the sensor, and rsyslog's file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otwatch.engine.analysis import Analysis
from otwatch.engine.detector import RuleDetector, policy_of
from otwatch.limits import Limits
from tests.live.sensors import RunningSensor, open_folder
from tests.outputs.siem.reading_back import read_cef
from tests.outputs.siem.receivers import Authority, Rsyslog, structured_data, wait_for

ROOT = Path(__file__).parents[2]
LAB = ROOT / "pcaps" / "lab"
SITE = ROOT / "pcaps" / "plant" / "site.yaml"
SPAN = "otwlab-span"  # the lab's own prefix: it is removed with it

pytestmark = pytest.mark.lab


@pytest.fixture
def lab_modules() -> Iterator[None]:
    if os.geteuid() != 0:
        pytest.skip("the lab needs root (network namespaces)")
    for tool in ("ip", "tcpdump", "ethtool", "sysctl", "sshd" if shutil.which("sshd") else "/usr/sbin/sshd"):
        if shutil.which(tool) is None:
            pytest.skip(f"the lab needs {tool}")
    sys.path.insert(0, str(LAB))
    try:
        import opendnp3  # noqa: F401
        import pymodbus  # noqa: F401
        import snap7  # noqa: F401
    except ImportError as error:
        pytest.skip(f"the lab's stacks are not installed (pip install --group traffic): {error}")
    else:
        yield
    finally:
        sys.path.remove(str(LAB))


def ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


def mirror_port() -> None:
    """The OT switch forwards every frame to every port, as a hub; one more port leads to the sensor, which has no address."""
    ip("netns", "add", SPAN)
    for scope in ("all", "default"):
        subprocess.run(["ip", "netns", "exec", SPAN, "sysctl", "-qw", f"net.ipv6.conf.{scope}.disable_ipv6=1"], check=True)
    ip("-n", SPAN, "link", "set", "lo", "up")
    ip("-n", "otwlab-sw", "link", "set", "br-ot", "type", "bridge", "ageing_time", "0")
    ip("-n", "otwlab-sw", "link", "add", "p-span", "type", "veth", "peer", "name", "span0", "netns", SPAN)
    ip("-n", "otwlab-sw", "link", "set", "p-span", "master", "br-ot", "up")
    ip("-n", SPAN, "link", "set", "span0", "arp", "off", "up")
    for namespace, interface in (("otwlab-sw", "p-span"), (SPAN, "span0")):
        subprocess.run(["ip", "netns", "exec", namespace, "ethtool", "-K", interface, "gro", "off", "gso", "off", "tso", "off"], check=True,
                       capture_output=True)


class SpanRsyslog(Rsyslog):
    """rsyslog in the sensor's namespace, on loopback."""

    def command(self) -> list[str]:
        return ["ip", "netns", "exec", SPAN, *super().command()]

    def _listening(self, name: str) -> bool:
        return bool(self._sockets("-tln", name))

    def _bound(self, name: str) -> bool:
        return bool(self._sockets("-uln", name))

    def _sockets(self, kind: str, name: str) -> str:
        return subprocess.run(["ip", "netns", "exec", SPAN, "ss", "-H", kind, f"sport = :{self.ports[name]}"], check=True, capture_output=True,
                              text=True).stdout


def transmitted() -> int:
    text = subprocess.run(["ip", "netns", "exec", SPAN, "cat", "/proc/net/dev"], check=True, capture_output=True, text=True).stdout
    return int(next(line for line in text.splitlines() if "span0" in line).split(":")[1].split()[9])


@pytest.mark.slow
def test_an_attack_from_the_office_is_in_rsyslog_s_file(tmp_path: Path, lab_modules: None) -> None:
    from net import Lab  # type: ignore[import-not-found]
    from recording import Recording  # type: ignore[import-not-found]
    from scenarios import SCENARIOS  # type: ignore[import-not-found]

    authority = Authority(tmp_path)
    scenario = SCENARIOS["plant-attack"]
    with Lab() as lab, open_folder() as folder:
        mirror_port()
        ca = shutil.copy(authority.ca, folder / "ca.pem")  # readable for the user that the sensor becomes
        rsyslog = SpanRsyslog(tmp_path / "rsyslog", authority)
        rsyslog.start()
        urls = tuple(f"{scheme}://localhost:{rsyslog.ports[scheme]}?format=cef{f'&ca={ca}' if scheme == 'tls' else ''}"
                     for scheme in ("udp", "tcp", "tls"))
        sensor = RunningSensor(SPAN, "span0", folder, destinations=urls, more=f'[policy]\nsite = "{SITE}"\n')
        try:
            with sensor:
                with Recording(lab, tmp_path, "live", scenario.shows, servers=scenario.servers, quirks=[]) as recording:
                    scenario.play(recording)
                time.sleep(3)
                assert transmitted() == 0, "the sensor's interface has sent"
                assert sensor.memory_kilobytes() < 250_000
            reported = sensor.records()
            assert sensor.heartbeats()[-1]["coverage"]["dropped"] == 0
            assert transmitted() == 0
            for scheme in ("udp", "tcp", "tls"):
                wait_for(lambda scheme=scheme: len(rsyslog.received(scheme)) >= len(reported))
                _check_file(rsyslog, scheme, reported)
        finally:
            rsyslog.stop()
    rules = {str(record["rule"]) for record in reported}
    assert {"ot.unauthorized-write", "ot.controller-stop", "dnp3.cold-restart", "network.ot-port-sweep"} <= rules
    quiet = {"sensor.not-evaluable", "sensor.no-traffic", "sensor.heartbeat"}
    assert not [rule for rule in rules - quiet if rule.startswith("sensor.")]
    _check_against_analyze(tmp_path / "live.pcap", reported)


def _check_file(rsyslog: Rsyslog, scheme: str, reported: list[dict[str, Any]]) -> None:
    """Each record that the sensor reported is there once, and every field of its CEF body is what was reported."""
    messages = {structured_data(message["sd"])["otwatch@32473"]["seq"]: message for message in rsyslog.received(scheme)}
    assert sorted(messages) == [record["sequence"] for record in reported], scheme
    for record in reported:
        header, fields = read_cef(messages[record["sequence"]]["msg"].lstrip(" "))
        assert header[4] == record["rule"]
        assert fields["externalId"] == str(record["sequence"])
        if record["type"] == "alert":
            for key, name in (("src", "src"), ("dst", "dst"), ("spt", "src_port"), ("dpt", "dst_port"), ("app", "protocol"), ("cs2", "object"),
                              ("cnt", "count"), ("shost", "src_name"), ("dhost", "dst_name"), ("cs6", "id")):
                assert fields.get(key, "") == str(record[name] if record[name] is not None else ""), (key, record)


def _check_against_analyze(capture: Path, reported: list[dict[str, Any]]) -> None:
    """tcpdump recorded the same switch meanwhile: `analyze` finds the same attacks."""
    policy = policy_of(site=str(SITE))
    analysis = Analysis(Limits())
    analysis.detector = RuleDetector(analysis.pipeline, policy)
    analysis.run([str(capture)])
    expected = {(alert.rule, alert.src, alert.dst) for alert in analysis.finish().alerts if alert.severity >= 3}
    live = {(alert["rule"], alert["src"], alert["dst"]) for alert in reported if alert["severity"] in ("high", "critical")
            and not alert["rule"].startswith("sensor.")}
    assert live == expected
