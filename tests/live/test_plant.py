"""The whole way: real Modbus, S7 and DNP3 stacks in namespaces, a mirror port, the sensor, and the files of rsyslog and syslog-ng."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otwatch.alerts.alert import Severity
from otwatch.engine.analysis import Analysis
from otwatch.engine.detector import RuleDetector, policy_of
from otwatch.limits import Limits
from tests.live.sensors import RunningSensor, open_folder
from tests.outputs.siem.reading_back import read_cef, read_leef
from tests.outputs.siem.receivers import Authority, Receiver, Rsyslog, SyslogNg, structured_data, wait_for

ROOT = Path(__file__).parents[2]
LAB = ROOT / "pcaps" / "lab"
SITE = ROOT / "pcaps" / "plant" / "site.yaml"
OFFICE = "172.16.5.66"  # the host of the IT network from which the attack comes
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


def transmitted() -> int:
    text = subprocess.run(["ip", "netns", "exec", SPAN, "cat", "/proc/net/dev"], check=True, capture_output=True, text=True).stdout
    return int(next(line for line in text.splitlines() if "span0" in line).split(":")[1].split()[9])


# The body of each way: every body is read back from a real receiver's file.
BODIES = {"rsyslog": {"udp": "cef", "tcp": "cef", "tls": "cef"}, "syslog-ng": {"udp": "json", "tcp": "leef", "tls": "ecs"}}


def start_receivers(folder: Path, authority: Authority) -> dict[str, Receiver]:
    """rsyslog, and syslog-ng where it is there, on loopback in the sensor's namespace."""
    receivers: dict[str, Receiver] = {"rsyslog": Rsyslog(folder / "rsyslog", authority, namespace=SPAN)}
    try:
        receivers["syslog-ng"] = SyslogNg(folder / "syslog-ng", authority, namespace=SPAN)
    except pytest.skip.Exception as reason:
        warnings.warn(f"without syslog-ng: {reason}", ReceiverMissing, stacklevel=1)
    try:
        for receiver in receivers.values():
            receiver.start()
    except AssertionError:
        for receiver in receivers.values():
            receiver.stop()
        raise
    return receivers


class ReceiverMissing(UserWarning):
    """One of the receivers is not installed: the test goes on with the other."""


@pytest.mark.slow
@pytest.mark.filterwarnings("default::tests.live.test_plant.ReceiverMissing")
def test_an_attack_from_the_office_is_in_the_files_of_rsyslog_and_syslog_ng(tmp_path: Path, lab_modules: None) -> None:
    from net import Lab  # type: ignore[import-not-found]
    from recording import Recording  # type: ignore[import-not-found]
    from scenarios import SCENARIOS  # type: ignore[import-not-found]

    authority = Authority(tmp_path)
    scenario = SCENARIOS["plant-attack"]
    with Lab() as lab, open_folder() as folder:
        mirror_port()
        ca = shutil.copy(authority.ca, folder / "ca.pem")  # readable for the user that the sensor becomes
        receivers = start_receivers(tmp_path, authority)
        urls = tuple(f"{scheme}://localhost:{receiver.ports[scheme]}?format={BODIES[name][scheme]}&events=all{f'&ca={ca}' if scheme == 'tls' else ''}"
                     for name, receiver in receivers.items() for scheme in receiver.ports)
        sensor = RunningSensor(SPAN, "span0", folder, destinations=urls, more=f'[policy]\nsite = "{SITE}"\n')
        try:
            with sensor:
                with Recording(lab, tmp_path, "live", scenario.shows, servers=scenario.servers, quirks=[]) as recording:
                    scenario.play(recording)
                expected, folded = attacks_in(tmp_path / "live.pcap")
                assert wait_for(lambda: attacks_of(sensor) >= expected, 120), sorted(expected - attacks_of(sensor))
                assert transmitted() == 0, "the sensor's interface has sent"
                assert sensor.memory_kilobytes() < 250_000
            reported, found = sensor.records(), attacks_of(sensor)
            assert sensor.heartbeats()[-1]["coverage"]["dropped"] == 0
            assert transmitted() == 0
            for name, receiver in receivers.items():
                for scheme in receiver.ports:
                    wait_for(lambda receiver=receiver, scheme=scheme: len(receiver.received(scheme)) >= len(reported))
                    check_file(receiver, scheme, BODIES[name][scheme], reported)
        finally:
            for receiver in receivers.values():
                receiver.stop()
    rules = {str(record["rule"]) for record in reported}
    rules |= {str(also["rule"]) for record in reported if record["type"] == "alert" for also in record["evidence"].get("also", ())}
    assert {"lateral.direct-command", "lateral.pivot-command", "ot.controller-stop", "dnp3.cold-restart", "network.ot-port-sweep"} <= rules
    quiet = {"sensor.not-evaluable", "sensor.no-traffic", "sensor.heartbeat"}
    assert not [rule for rule in rules - quiet if rule.startswith("sensor.")]
    assert any(record["rule"] in ("lateral.direct-command", "ot.unauthorized-write") and record["src"] == OFFICE for record in reported)
    assert expected <= found <= expected | folded, "tcpdump recorded the same switch meanwhile: `analyze` finds the same attacks"


Attacks = set[tuple[str, str, str]]  # (rule, actor, target)


def attacks_in(capture: Path, site: str | None = str(SITE)) -> tuple[Attacks, Attacks]:
    """What `analyze` finds grave, and what it folds into that: a sensor may tell it before it knows the whole."""
    analysis = Analysis(Limits())
    analysis.detector = RuleDetector(analysis.pipeline, policy_of(site=site))
    analysis.run([str(capture)])
    grave = [alert for alert in analysis.finish().alerts if alert.severity >= Severity.HIGH]
    folded = {(also.rule, also.src, also.dst) for alert in grave for also in alert.evidence.also}
    return {(alert.rule, alert.src, alert.dst) for alert in grave}, folded


def attacks_of(sensor: RunningSensor) -> Attacks:
    """What the sensor has reported as grave, of itself nothing."""
    return {(alert["rule"], alert["src"], alert["dst"]) for alert in sensor.alerts()
            if alert["severity"] in ("high", "critical") and not alert["rule"].startswith("sensor.")}


def check_file(receiver: Receiver, scheme: str, form: str, reported: list[dict[str, Any]]) -> None:
    """Each record that the sensor reported is there once, and every field of its body is what was reported."""
    messages = {structured_data(message["sd"])["otwatch@32473"]["seq"]: message for message in receiver.received(scheme)}
    assert sorted(messages) == [record["sequence"] for record in reported], (type(receiver).__name__, scheme)
    for record in reported:
        message = messages[record["sequence"]]
        assert (message["host"], message["app"], message["msgid"]) == ("sensor-7", "otwatch", record["type"])
        body = message["msg"].lstrip(" ").removeprefix("\ufeff")
        shown = record if form == "json" else as_addresses(record)
        expected = {name: text_of(shown.get(name)) for name in FIELDS[form]}
        assert fields_of(form, body) == expected, (record["rule"], scheme)


# Names in the record -> names in the body (`.` steps into JSON).
FIELDS = {
    "cef": {
        "sequence": "externalId", "src": "src", "dst": "dst", "src_port": "spt", "dst_port": "dpt", "protocol": "app", "object": "cs2",
        "function_name": "cs1", "value": "cs3", "count": "cnt", "src_name": "shost", "dst_name": "dhost", "src_zone": "sourceZoneURI", "id": "cs6"},
    "leef": {
        "sequence": "identifier", "src": "src", "dst": "dst", "src_port": "srcPort", "dst_port": "dstPort", "protocol": "app", "object": "object",
        "function_name": "function", "value": "value", "count": "cnt", "outcome": "outcome", "title": "policy", "id": "alertId"},
    "ecs": {
        "sequence": "event.sequence", "rule": "rule.id", "src": "source.ip", "dst": "destination.ip", "src_port": "source.port",
        "dst_port": "destination.port", "protocol": "network.protocol", "object": "otwatch.ot.object", "function": "otwatch.ot.function.code",
        "count": "otwatch.count", "dst_zone": "otwatch.destination.zone", "id": "event.id", "time": "@timestamp"},
    "json": {name: name for name in (
        "sequence", "type", "time", "rule", "title", "severity", "src", "dst", "src_port", "dst_port", "src_mac", "protocol", "action",
        "function_name", "unit", "object", "value", "outcome", "count", "id", "first_seen", "last_seen")},
}


def fields_of(form: str, body: str) -> dict[str, str]:
    """The fields of FIELDS as a SIEM reads them from a body."""
    if form in ("cef", "leef"):
        _, found = (read_cef if form == "cef" else read_leef)(body)
        return {name: found.get(key, "") for name, key in FIELDS[form].items()}
    document = json.loads(body)

    def at(path: str) -> Any:
        value = document.get(path) if form == "json" else document
        for step in path.split(".") if form == "ecs" else ():
            value = value.get(step) if isinstance(value, dict) else None
        return value

    return {name: text_of(at(path)) for name, path in FIELDS[form].items()}


def as_addresses(record: dict[str, Any]) -> dict[str, Any]:
    """What is no IP address, the sensor itself, stands with the names in CEF and nowhere in ECS's `ip`."""
    shown = dict(record)
    for side in ("src", "dst"):
        if not re.fullmatch(r"[\d.]+", shown.get(side) or ""):
            shown[f"{side}_name"], shown[side] = shown.get(f"{side}_name") or shown.get(side), None
    return shown


def text_of(value: Any) -> str:
    """A field of a record as CEF and LEEF say it: text as it is, everything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
