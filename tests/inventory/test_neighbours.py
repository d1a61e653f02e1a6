"""Where a device stands: the port of the switch at the other end of the link that was tapped, and nothing where that cannot be known."""

from __future__ import annotations

from pathlib import Path

import pytest
from scapy.contrib import lldp
from scapy.layers.l2 import Ether

from otwatch.inventory.asset import Asset
from otwatch.outputs.netbox import netbox_tables
from tests.engine.network import Host, Wire, polls
from tests.inventory.test_inventory import HMI, PLC, PLC_2, assets

GROUP = Host("", "01:80:c2:00:00:0e")
SWITCH, OTHER = Host("", "00:1b:1b:00:00:07"), Host("", "00:1b:1b:00:00:08")


def said(port: str, name: str, *, bridge: bool) -> bytes:
    made = lldp.LLDPDUChassisID(subtype=7, id=name) / lldp.LLDPDUPortID(subtype=7, id=port) / lldp.LLDPDUTimeToLive(ttl=20)
    made = made / lldp.LLDPDUSystemName(system_name=name) / lldp.LLDPDUSystemCapabilities(mac_bridge_available=bridge, mac_bridge_enabled=bridge)
    return bytes(Ether() / made / lldp.LLDPDUEndOfLLDPDU())[14:]


def seen(tmp_path: Path, *frames: tuple[Host, str, str, bool]) -> dict[str, Asset]:
    wire = Wire()
    wire.tcp(HMI, PLC, 502, polls(3))
    for host, port, name, bridge in frames:
        wire.frame(host, GROUP, said(port, name, bridge=bridge), 0x88CC)
    return assets(wire, tmp_path)


def test_the_device_at_the_other_end_of_the_link_has_the_port_of_the_switch(tmp_path: Path) -> None:
    found = seen(tmp_path, (SWITCH, "X1 P3", "cabinet7", True), (PLC, "port-001", "plc", False))
    assert {one.id: one.said("switch_port") for one in found.values() if one.said("switch_port")} == {PLC.ip: "cabinet7 X1 P3"}
    assert found[PLC.ip].identity["switch_port"].source == "lldp"
    devices = netbox_tables(found.values())["06-devices.csv"]
    assert [row["name"] for row in devices if "switch port cabinet7 X1 P3 (lldp, frame " in row["comments"]] == [PLC.ip]


@pytest.mark.parametrize("frames", [
    ((SWITCH, "X1 P3", "cabinet7", True), (SWITCH, "X1 P4", "cabinet7", True), (PLC, "port-001", "plc", False)),  # two ports are mirrored
    ((SWITCH, "X1 P3", "cabinet7", True), (PLC, "port-001", "plc", False), (PLC_2, "port-001", "plc 2", False)),
    ((SWITCH, "X1 P3", "cabinet7", True), (OTHER, "X1 P1", "cabinet8", True)),
    ((SWITCH, "X1 P3", "cabinet7", True),),  # who of the others is it?
    ((PLC, "port-002", "plc", False), (PLC_2, "port-001", "plc 2", False)),  # neither forwards
], ids=["two ports", "two devices", "two switches", "alone", "no switch"])
def test_where_it_cannot_be_known_nothing_is_said(tmp_path: Path, frames: tuple[tuple[Host, str, str, bool], ...]) -> None:
    assert not any(one.said("switch_port") for one in seen(tmp_path, *frames).values())


def test_a_router_has_the_card_by_which_it_announces_itself(tmp_path: Path) -> None:
    """Its packets carry other addresses, so that the MAC of packets alone says nothing; its own announcement does."""
    wire, router, beyond = Wire(), Host("10.0.0.1", "00:30:96:05:28:38"), Host("172.16.5.9", "00:30:96:05:28:38")
    made = lldp.LLDPDUChassisID(subtype=7, id="r") / lldp.LLDPDUPortID(subtype=7, id="e0") / lldp.LLDPDUTimeToLive(ttl=20)
    address = lldp.LLDPDUManagementAddress(management_address_subtype=1, management_address=bytes((10, 0, 0, 1)), interface_number=1)
    wire.tcp(beyond, PLC, 502, polls(3))
    wire.udp(router, PLC, b"x", 9)
    wire.frame(router, GROUP, bytes(Ether() / made / address / lldp.LLDPDUEndOfLLDPDU())[14:], 0x88CC)
    found = assets(wire, tmp_path)
    assert found["10.0.0.1"].macs == ["00:30:96:05:28:38"]
    assert found["172.16.5.9"].macs == []
