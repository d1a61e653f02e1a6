"""What is said of MACs and what is known of their IP addresses come together: in the inventory, and where a site file is asked."""

from __future__ import annotations

from pathlib import Path

from otwatch.engine.analysis import Analysis
from otwatch.engine.detector import RuleDetector, policy_of
from otwatch.limits import Limits
from otwatch.outputs.result import Result
from tests.evasion.wire import Capture, Host, ethernet
from tests.oracle import pn_dcp as dcp

STATION = Host("192.168.30.50", "d4bed90a3050", "fd03::50")
PUMP = Host("192.168.30.11", "001b1b0a3011", "fd03::11")
GROUP = Host("0.0.0.0", "010ecf000000", "::")
EVERYBODY = Host("0.0.0.0", "ffffffffffff", "::")


def arp(host: Host) -> bytes:
    """The host says which address it has."""
    own = bytes.fromhex(host.mac) + bytes(int(part) for part in host.ip.split("."))
    return ethernet(host, EVERYBODY, bytes.fromhex("0001080006040002") + own + own + bytes(18), 0x0806)


def played() -> Capture:
    capture = Capture()
    capture.frame(arp(STATION))
    for source, target, octets in (
        (STATION, GROUP, dcp.identify_all(1)),
        (PUMP, STATION, dcp.frame(dcp.IDENTIFY, 1, 1, dcp.identity(address=PUMP.ip))),
        (STATION, PUMP, dcp.set_name(2, b"pump-9")),
        (PUMP, STATION, dcp.set_answer(2, 2, 2)),
    ):
        capture.frame(ethernet(source, target, octets + bytes(max(0, 46 - len(octets))), 0x8892))
    return capture


def analysed(folder: Path, site: str = "") -> Result:
    path = None
    if site:
        path = folder / "site.yaml"
        path.write_text(site)
    analysis = Analysis(Limits())
    policy = policy_of(site=str(path)) if path else policy_of()
    analysis.detector = RuleDetector(analysis.pipeline, policy, analysis.inventory)
    analysis.run([str(played().write(folder / "layer2.pcap"))])
    return analysis.finish()


def test_one_asset_has_what_is_said_of_its_mac_and_of_its_address(tmp_path: Path) -> None:
    assets = {asset.id: asset for asset in analysed(tmp_path).assets}
    assert set(assets) == {STATION.ip, "00:1b:1b:0a:30:11"}
    assert assets[STATION.ip].roles[0] == "engineering_station"
    pump = assets["00:1b:1b:0a:30:11"]
    assert (pump.name, pump.role, pump.vendor, pump.protocols) == ("pump-1", "io_device", "Siemens", {"pn_dcp": "server"})
    assert {fact.value for fact in pump.facts if fact.kind == "name"} == {"pump-1", "pump-9"}


def test_a_site_file_that_names_the_address_knows_the_mac(tmp_path: Path) -> None:
    found = {"profinet.identify-sweep", "profinet.name-or-address-set"}
    assert found <= {alert.rule for alert in analysed(tmp_path).alerts}
    site = "version: 1\nzones:\n  - {name: plant, level: 1, networks: [192.168.30.0/24]}\nengineering: [192.168.30.50]\n"
    assert not found & {alert.rule for alert in analysed(tmp_path, site).alerts}
