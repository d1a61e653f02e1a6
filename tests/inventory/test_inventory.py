"""Devices out of flows: who is one device, who stands behind whom, who is nobody."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from otwatch.engine.analysis import Analysis
from otwatch.inventory.asked import _counted
from otwatch.inventory.asset import Asset, KnownFact
from otwatch.inventory.inventory import Talk
from otwatch.limits import Limits
from tests.engine.network import Host, Wire, identification, modbus, polls, writes

PLC = Host("192.168.10.10", "00:80:f4:0a:10:10")
PLC_2 = Host("192.168.10.11", "00:1b:1b:0a:10:11")
HMI = Host("192.168.10.20", "00:d0:c9:0a:10:20")
ROUTER_MAC = "00:0a:dc:10:00:01"
ROUTER = Host("192.168.10.1", ROUTER_MAC)
OFFICE = Host("172.16.5.66", ROUTER_MAC)  # as seen in the plant's network
ERP = Host("172.16.9.20", ROUTER_MAC)
EVERYBODY = Host("255.255.255.255", "ff:ff:ff:ff:ff:ff")


@pytest.fixture
def wire() -> Wire:
    """A plant at work: the HMI polls a controller."""
    wire = Wire()
    wire.tcp(HMI, PLC, 502, polls(5))
    return wire


def assets(wire: Wire, folder: Path, **limits: int) -> dict[str, Asset]:
    result, _ = wire.analysed(folder, limits=replace(Limits(), **limits))
    return {asset.id: asset for asset in result.assets}


def test_a_host_is_what_it_sent(wire: Wire, tmp_path: Path) -> None:
    found = assets(wire, tmp_path)
    assert set(found) == {HMI.ip, PLC.ip}
    hmi, plc = found[HMI.ip], found[PLC.ip]
    assert (hmi.macs, plc.macs) == ([HMI.mac], [PLC.mac])
    assert (plc.packets_sent, plc.packets_received) == (hmi.packets_received, hmi.packets_sent) == (7, 9)
    assert plc.bytes_sent == hmi.bytes_received > 0
    assert hmi.first_seen_ns == plc.first_seen_ns == 1_700_000_000 * 10**9
    assert plc.vendor == "TELEMECANIQUE ELECTRIQUE"
    assert plc.vendor_source == "oui"


def test_an_address_that_never_sent_is_no_asset(wire: Wire, tmp_path: Path) -> None:
    wire.udp(HMI, Host("192.168.10.99", "00:00:5e:00:53:63"), b"anybody?", 161)
    wire.udp(HMI, EVERYBODY, b"hello", 67)
    wire.udp(HMI, Host("239.1.2.3", "01:00:5e:01:02:03"), b"group", 5000)
    assert set(assets(wire, tmp_path)) == {HMI.ip, PLC.ip}


def test_who_is_only_asked_for_by_arp_is_no_asset(wire: Wire, tmp_path: Path) -> None:
    wire.arp(HMI, "192.168.10.55")
    assert set(assets(wire, tmp_path)) == {HMI.ip, PLC.ip}


def test_who_only_speaks_arp_is_one(wire: Wire, tmp_path: Path) -> None:
    wire.arp(ROUTER, HMI.ip)
    assert ROUTER.ip in assets(wire, tmp_path)


def test_who_probes_for_an_address_has_none_yet(wire: Wire, tmp_path: Path) -> None:
    """RFC 5227: the sender's address of a probe is 0.0.0.0."""
    wire.arp(Host("0.0.0.0", "00:00:5e:00:53:01"), "192.168.10.77")
    found = assets(wire, tmp_path)
    assert "0.0.0.0" not in found
    assert set(found) - {HMI.ip, PLC.ip} <= {"00:00:5e:00:53:01"}


def test_quiet_addresses_of_one_card_are_one_device(wire: Wire, tmp_path: Path) -> None:
    wire.udp(Host("192.168.10.110", PLC.mac), EVERYBODY, b"hello", 1740)
    found = assets(wire, tmp_path)
    assert set(found) == {HMI.ip, PLC.ip}
    assert found[PLC.ip].addresses == [PLC.ip, "192.168.10.110"]


def test_who_speaks_to_controllers_is_a_device_of_its_own_behind_whatever_card(wire: Wire, tmp_path: Path) -> None:
    """Proxy ARP or a firewall in the path: the author of the writes is not the controller beside it."""
    stranger, other = Host("192.168.10.9", PLC.mac), Host("192.168.10.110", PLC.mac)
    wire.tcp(stranger, PLC_2, 502, writes(2))
    wire.tcp(HMI, other, 502, polls(2))
    found = assets(wire, tmp_path)
    assert set(found) == {HMI.ip, PLC.ip, PLC_2.ip, stranger.ip, other.ip}
    assert (found[PLC.ip].roles, found[PLC.ip].protocols) == (["controller"], {"modbus": "server"})
    assert (found[stranger.ip].roles, found[stranger.ip].protocols) == (["engineering_station"], {"modbus": "client"})


def test_two_addresses_that_tell_one_serial_number_are_one_device(wire: Wire, tmp_path: Path) -> None:
    other = Host("192.168.10.110", PLC.mac)
    wire.tcp(HMI, other, 502, polls(2))
    _, analysis = wire.analysed(tmp_path)
    inventory = analysis.inventory
    for (address, _), host in list(inventory.hosts.hosts.items()):
        if int(PLC.mac.replace(":", ""), 16) in host.macs:
            told = KnownFact(kind="serial", value="S C-X4U421302009", source="test", confidence=1.0, frame=1, file="")
            inventory.remember((address, "", "serial", told.value), told)
    assert {asset.id: asset.addresses for asset in analysis.assets()} == {HMI.ip: [HMI.ip], PLC.ip: [PLC.ip, other.ip]}


def test_a_card_with_very_many_addresses_carries_those_of_others(wire: Wire, tmp_path: Path) -> None:
    proxy = "00:0a:dc:10:00:09"
    for number in range(100, 120):
        wire.udp(Host(f"192.168.10.{number}", proxy), EVERYBODY, b"hello", 1740)
    assert set(assets(wire, tmp_path)) == {HMI.ip, PLC.ip} | {f"192.168.10.{number}" for number in range(100, 120)}


def test_a_controller_whose_answers_are_not_seen_is_an_asset(tmp_path: Path) -> None:
    wire = Wire()
    wire.tcp(HMI, PLC, 502, writes(3), one_way=True)
    plc = assets(wire, tmp_path)[PLC.ip]
    assert (plc.roles, plc.protocols) == (["controller"], {"modbus": "server"})
    assert plc.role_reasons["controller"] == "is sent modbus (3 messages); its own direction was not seen"


def test_a_machine_that_speaks_to_itself_is_an_asset_when_it_speaks_to_controllers(tmp_path: Path) -> None:
    here = Host("127.0.0.1", "00:00:00:00:00:00")
    wire = Wire()
    wire.tcp(here, here, 8080, [(b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n")])
    assert not assets(wire, tmp_path)
    wire.tcp(here, here, 502, polls(3))
    found = assets(wire, tmp_path)
    assert (set(found), found[here.ip].protocols, found[here.ip].macs) == ({here.ip}, {"modbus": "both", "http?": "both"}, [])


def test_an_ipv6_link_local_address_belongs_to_the_card(wire: Wire, tmp_path: Path) -> None:
    wire.udp(Host("fe80::1234", HMI.mac), Host("ff02::fb", "33:33:00:00:00:fb"), b"name", 5353, source_port=5353)
    found = assets(wire, tmp_path)
    assert set(found) == {HMI.ip, PLC.ip}
    assert found[HMI.ip].addresses == [HMI.ip, "fe80::1234"]
    assert "router" not in found[HMI.ip].roles


def test_hosts_behind_a_router_are_not_merged_with_it(wire: Wire, tmp_path: Path) -> None:
    wire.arp(ROUTER, HMI.ip)
    wire.tcp(OFFICE, PLC, 502, polls(2))
    wire.tcp(ERP, HMI, 8080, [(b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n")])
    found = assets(wire, tmp_path)
    assert set(found) == {HMI.ip, PLC.ip, ROUTER.ip, OFFICE.ip, ERP.ip}
    assert found[ROUTER.ip].addresses == [ROUTER.ip]
    assert found[ROUTER.ip].roles[0] == "router"
    for host in (OFFICE, ERP):
        assert found[host.ip].behind == ROUTER.ip
        assert found[host.ip].macs == []
        assert found[host.ip].vendor == ""  # the MAC says who made the router


def test_one_host_behind_a_silent_router_is_seen_as_behind_it(wire: Wire, tmp_path: Path) -> None:
    wire.tcp(OFFICE, PLC, 502, polls(2))
    found = assets(wire, tmp_path)
    assert found[OFFICE.ip].behind == ROUTER_MAC
    assert found[OFFICE.ip].roles == ["it_host"]


def test_a_host_without_ip_is_its_card(wire: Wire, tmp_path: Path) -> None:
    switch = Host("", "00:1b:1b:34:34:cb")
    wire.frame(switch, Host("", "01:80:c2:00:00:0e"), bytes(60), 0x88CC)
    found = assets(wire, tmp_path)
    assert set(found) == {HMI.ip, PLC.ip, switch.mac}
    assert found[switch.mac].addresses == []
    assert found[switch.mac].vendor == "Siemens AG,"


def test_frames_without_ip_of_a_card_with_ip_are_of_the_same_device(wire: Wire, tmp_path: Path) -> None:
    wire.frame(PLC, Host("", "01:80:c2:00:00:0e"), bytes(60), 0x88CC)
    found = assets(wire, tmp_path)
    assert set(found) == {HMI.ip, PLC.ip}


def test_devices_behind_a_gateway_are_its_children(wire: Wire, tmp_path: Path) -> None:
    wire.tcp(HMI, PLC, 502, polls(2, unit=7))
    wire.tcp(HMI, PLC, 502, [(modbus(9, 9, bytes.fromhex("0300640001")), b"")])
    plc = assets(wire, tmp_path)[PLC.ip]
    children = [(child.name, child.answered, child.messages) for child in plc.children]
    assert children == [("unit 1", True, 10), ("unit 7", True, 4), ("unit 9", False, 1)]
    assert plc.roles == ["controller", "gateway"]
    assert plc.role_reasons["gateway"] == "2 units answer behind it"


def test_a_slot_is_one_child_whatever_is_spoken_to_it() -> None:
    analysis = Analysis(Limits())
    analysis.run([str(Path(__file__).parents[2] / "pcaps" / "plant" / "pccc-poll.pcap")])
    plc = next(asset for asset in analysis.finish().assets if asset.id == "192.168.10.16")
    assert [(child.name, child.protocol) for child in plc.children] == [("slot 0", "cip")]
    assert "gateway" not in plc.roles


def test_a_client_port_is_never_named_as_a_service(wire: Wire, tmp_path: Path) -> None:
    for port in (3389, 3306, 502, 102):
        wire.tcp(HMI, PLC_2, 8080, [(b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n")], client_port=port)
    result, _ = wire.analysed(tmp_path)
    services = {talk.service for talk in result.talks}
    assert services == {"modbus", "http?"}
    assert next(asset for asset in result.assets if asset.id == HMI.ip).protocols == {"modbus": "client", "http?": "client"}


def test_a_port_that_was_only_knocked_at_is_no_service(wire: Wire, tmp_path: Path) -> None:
    wire.tcp(OFFICE, PLC, 3389, refused=True)
    found = assets(wire, tmp_path)
    assert found[PLC.ip].protocols == {"modbus": "server"}


def test_a_protocol_that_was_decoded_is_not_guessed_as_well(wire: Wire, tmp_path: Path) -> None:
    """A scan opens port 502 and says nothing: `modbus?` beside `modbus` tells nobody anything."""
    wire.tcp(OFFICE, PLC, 502)
    found = assets(wire, tmp_path)
    assert found[PLC.ip].protocols == {"modbus": "server"}


def test_roles_come_with_reasons(wire: Wire, tmp_path: Path) -> None:
    engineer = Host("192.168.10.30", "d4:be:d9:0a:10:30")
    wire.tcp(engineer, PLC, 502, writes(3))
    found = assets(wire, tmp_path)
    assert found[PLC.ip].role_reasons == {"controller": "answers modbus (8 responses)"}
    assert found[HMI.ip].role_reasons == {"scada_server": "polls 1 device (5 reads)"}
    assert found[engineer.ip].role_reasons == {"engineering_station": "sends commands (3) more than it reads (0)"}


def test_what_a_device_says_of_itself_is_kept_with_its_place(wire: Wire, tmp_path: Path) -> None:
    wire.tcp(HMI, PLC, 502, [identification(b"ACME", b"PLC-9")])
    plc = assets(wire, tmp_path)[PLC.ip]
    child = next(child for child in plc.children if child.unit == 1)
    told = {fact.kind: fact for fact in (*plc.facts, *child.facts)}
    assert told["vendor"].value == "ACME"
    assert (plc.vendor, plc.vendor_source) == ("ACME", "fact")  # one unit alone is the device itself
    assert told["vendor"].frame == 21
    assert told["vendor"].file.endswith("wire.pcap")


@pytest.mark.parametrize("unit", [1, 255])
def test_a_unit_that_alone_answers_is_the_device_itself(wire: Wire, tmp_path: Path, unit: int) -> None:
    wire = Wire()
    nobody = [(modbus(9, other, bytes.fromhex("0300640001")), b"") for other in (7, 8)]
    wire.tcp(HMI, PLC, 502, [identification(b"ACME", b"PLC-9", unit=unit), *nobody])
    plc = assets(wire, tmp_path)[PLC.ip]
    assert ("vendor", "ACME") in {(fact.kind, fact.value) for fact in plc.facts}
    assert plc.vendor_source == "fact"
    assert "gateway" not in plc.roles
    assert [child.facts for child in plc.children] == [[], [], []]


def test_facts_are_capped_and_counted(wire: Wire, tmp_path: Path) -> None:
    wire.tcp(HMI, PLC, 502, [identification(b"ACME", b"P%d" % number) for number in range(30)])
    result, analysis = wire.analysed(tmp_path, limits=replace(Limits(), facts_per_asset=5))
    plc = next(asset for asset in result.assets if asset.id == PLC.ip)
    assert len(plc.facts) + sum(len(child.facts) for child in plc.children) <= 5
    assert analysis.inventory.refused_facts > 20
    assert any(spot.kind == "limit-facts" for spot in result.blind_spots)


def test_text_of_a_fact_is_capped(wire: Wire, tmp_path: Path) -> None:
    wire.tcp(HMI, PLC, 502, [identification(b"A" * 100, b"P")])
    plc = assets(wire, tmp_path, text_characters=10)[PLC.ip]
    values = [fact.value for fact in (*plc.facts, *(fact for child in plc.children for fact in child.facts)) if fact.kind == "vendor"]
    assert values == ["A" * 10]


def test_assets_are_capped_and_counted(wire: Wire, tmp_path: Path) -> None:
    for number in range(50):
        wire.udp(Host(f"192.168.10.{100 + number}", f"00:00:5e:00:53:{number:02x}"), PLC, b"x", 9999)
    result, _ = wire.analysed(tmp_path, limits=replace(Limits(), assets=10))
    assert len(result.assets) <= 10
    assert {spot.kind: spot.count for spot in result.blind_spots}["limit-assets"] >= 40


def test_conversations_beyond_the_limit_are_counted_as_others(wire: Wire, tmp_path: Path) -> None:
    for number in range(50):
        wire.udp(Host(f"192.168.10.{100 + number}", f"00:00:5e:00:53:{number:02x}"), PLC, b"x", 9999)
    result, _ = wire.analysed(tmp_path, limits=replace(Limits(), conversations=10))
    assert len(result.talks) <= 12
    other = next(talk for talk in result.talks if talk.client == "other")
    assert other.flows == 41
    assert sum(talk.counts["packets_to_server"] for talk in result.talks) == 59


def test_what_was_asked_stands_with_the_conversation(wire: Wire, tmp_path: Path) -> None:
    wire.tcp(HMI, PLC, 502, writes(2))
    result, _ = wire.analysed(tmp_path)
    talk = next(talk for talk in result.talks if talk.protocol == "modbus")
    assert (talk.client, talk.server, talk.flows, talk.actions) == (HMI.ip, PLC.ip, 2, {"READ": 5, "WRITE": 2})
    assert not talk.one_way


def test_zones_are_inferred_and_say_so(wire: Wire, tmp_path: Path) -> None:
    wire.tcp(OFFICE, PLC, 502, polls(2))
    found = assets(wire, tmp_path)
    assert (found[PLC.ip].zone, found[PLC.ip].zone_inferred) == ("192.168.10.0/24 (OT, inferred)", True)
    assert found[OFFICE.ip].zone == "172.16.5.0/24 (IT, inferred)"


def test_vlans_are_kept(tmp_path: Path) -> None:
    wire = Wire(vlan=(30,))
    wire.tcp(HMI, PLC, 502, polls(1))
    assert assets(wire, tmp_path)[PLC.ip].vlans == [30]


def talks(wire: Wire, folder: Path) -> dict[tuple[str, str, int | None], Talk]:
    result, _ = wire.analysed(folder)
    return {(talk.client, talk.server, talk.server_port): talk for talk in result.talks}


def test_what_was_asked_is_told_of_the_conversation_that_asked(tmp_path: Path) -> None:
    """Two services of one server: what was asked of one is not said of the other."""
    wire = Wire()
    wire.tcp(HMI, PLC, 502, polls(3))
    wire.tcp(HMI, PLC, 503, writes(2))
    found = talks(wire, tmp_path)
    assert found[HMI.ip, PLC.ip, 502].actions == {"READ": 3}
    assert found[HMI.ip, PLC.ip, 503].actions == {"WRITE": 2}


def test_what_was_asked_is_not_told_of_the_other_direction(tmp_path: Path) -> None:
    wire = Wire()
    wire.tcp(HMI, PLC, 502, polls(3))
    wire.tcp(PLC, HMI, 502, writes(2))
    found = talks(wire, tmp_path)
    assert found[HMI.ip, PLC.ip, 502].actions == {"READ": 3}
    assert found[PLC.ip, HMI.ip, 502].actions == {"WRITE": 2}


def test_what_a_machine_asks_of_itself_is_counted_once(tmp_path: Path) -> None:
    wire = Wire()
    here = Host("127.0.0.1", "00:00:00:00:00:00")
    wire.tcp(here, here, 502, polls(3))
    assert talks(wire, tmp_path)[here.ip, here.ip, 502].actions == {"READ": 3}


@pytest.mark.parametrize("everybody", [EVERYBODY, Host("192.168.10.255", EVERYBODY.mac), Host("239.1.2.3", "01:00:5e:01:02:03")])
def test_a_group_never_asks(everybody: Host, tmp_path: Path) -> None:
    """Whatever the ports say: a message to everybody was sent by somebody."""
    wire = Wire()
    wire.udp(HMI, everybody, b"hello", 1743, source_port=1741)
    assert set(talks(wire, tmp_path)) == {(HMI.ip, everybody.ip, 1743)}


def test_what_was_asked_is_counted_alike_with_few_and_with_many_flows() -> None:
    few = np.array([130, 65, 130, 2])
    assert [found.tolist() for found in _counted(few)] == [[2, 65, 130], [1, 1, 2]]
    assert [found.tolist() for found in _counted(few + 1_000_000)] == [[1_000_002, 1_000_065, 1_000_130], [1, 1, 2]]
    assert [found.tolist() for found in _counted(few[:0])] == [[], []]


def test_one_host_of_the_internet_takes_nothing_from_its_next_hop(tmp_path: Path) -> None:
    wire = Wire()
    stranger = Host("203.0.113.9", "00:00:0c:12:34:56")
    wire.tcp(PLC, stranger, 443, [(b"\x16\x03\x01", b"\x16\x03\x03")])
    found = assets(wire, tmp_path)[stranger.ip]
    assert (found.macs, found.vendor, found.behind) == ([], "", stranger.mac)


@pytest.mark.parametrize("told", [True, False])
def test_controllers_that_are_polled_from_another_network_are_no_routers(tmp_path: Path, told: bool) -> None:
    """Each shows a card of its own, whether or not ARP says so; the poller's network talks within itself."""
    wire = Wire()
    scada, other = Host("10.10.0.11", "02:00:0a:0a:00:0b"), Host("10.10.0.12", "02:00:0a:0a:00:0c")
    plcs = [Host(f"10.10.1.{number}", f"02:00:0a:0a:01:{number:02x}") for number in range(10, 14)]
    wire.tcp(other, scada, 3389, [(b"x", b"y")])
    for plc in plcs:
        if told:
            wire.arp(plc, "10.10.1.1")
        wire.tcp(scada, plc, 502, polls(3))
    found = assets(wire, tmp_path)
    for plc in plcs:
        assert (found[plc.ip].macs, found[plc.ip].behind) == ([plc.mac], "")
        assert "router" not in found[plc.ip].roles


def test_a_directed_broadcast_address_is_no_asset(wire: Wire, tmp_path: Path) -> None:
    everybody = Host("192.168.10.255", "ff:ff:ff:ff:ff:ff")
    wire.udp(HMI, everybody, b"who is there?", 47808)
    wire.udp(Host("192.168.10.255", "00:00:5e:00:53:99"), HMI, b"I am", 47808)  # a faulty forwarder sends with it
    assert set(assets(wire, tmp_path)) == {HMI.ip, PLC.ip}


def test_a_router_is_one_asset_with_its_card(wire: Wire, tmp_path: Path) -> None:
    wire.arp(ROUTER, HMI.ip)
    wire.tcp(OFFICE, PLC, 502, polls(2))
    wire.tcp(ERP, HMI, 8080, [(b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n")])
    wire.frame(ROUTER, Host("", "01:80:c2:00:00:0e"), bytes(60), 0x88CC)
    found = assets(wire, tmp_path)
    assert ROUTER_MAC not in found
    assert found[ROUTER.ip].macs == [ROUTER_MAC]


def test_who_talks_with_each_other_is_not_one_device(tmp_path: Path) -> None:
    """A tap behind a router shows both ends with its card."""
    wire, one, other = Wire(), Host("192.168.11.33", ROUTER_MAC), Host("192.168.11.34", ROUTER_MAC)
    wire.tcp(one, other, 4840, [(b"HELF", b"ACKF")])
    assert set(assets(wire, tmp_path)) == {one.ip, other.ip}


def test_a_tap_on_both_sides_of_a_firewall_does_not_give_its_card_to_hosts(tmp_path: Path) -> None:
    wire, page = Wire(), [(b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n")]
    inside, outside = "00:1c:7f:39:de:5b", "00:1c:7f:39:de:5f"
    for number, mac in enumerate(("14:10:9f:da:f8:4b", "28:cf:e9:16:0f:95")):
        wire.tcp(Host(f"10.200.1.{number + 1}", mac), Host(PLC.ip, inside), 80, page)
        wire.tcp(Host(f"10.200.1.{number + 1}", outside), PLC, 80, page)
    found = assets(wire, tmp_path)
    assert {address: asset.macs for address, asset in found.items()} == {
        "10.200.1.1": ["14:10:9f:da:f8:4b"], "10.200.1.2": ["28:cf:e9:16:0f:95"], PLC.ip: [PLC.mac],
    }
    assert found[PLC.ip].vendor == "TELEMECANIQUE ELECTRIQUE"


def test_two_cards_that_tell_one_serial_number_are_one_device(wire: Wire, tmp_path: Path) -> None:
    wire.tcp(HMI, PLC_2, 502, polls(2))
    _, analysis = wire.analysed(tmp_path)
    for (address, _), host in list(analysis.inventory.hosts.hosts.items()):
        if not {int(PLC.mac.replace(":", ""), 16), int(PLC_2.mac.replace(":", ""), 16)}.isdisjoint(host.macs):
            told = KnownFact(kind="serial", value="S C-X4U421302009", source="test", confidence=1.0, frame=1, file="")
            analysis.inventory.remember((address, "", "serial", told.value), told)
    found = {asset.id: asset for asset in analysis.assets()}
    assert set(found) == {HMI.ip, PLC.ip}
    assert (found[PLC.ip].addresses, found[PLC.ip].merged_by) == ([PLC.ip, PLC_2.ip], "serial number S C-X4U421302009")


def test_who_tells_the_serial_number_of_its_peer_is_not_that_device(wire: Wire, tmp_path: Path) -> None:
    _, analysis = wire.analysed(tmp_path)
    for address, _ in list(analysis.inventory.hosts.hosts):
        told = KnownFact(kind="serial", value="S C-X4U421302009", source="test", confidence=1.0, frame=1, file="")
        analysis.inventory.remember((address, "", "serial", told.value), told)
    assert {asset.id for asset in analysis.assets()} == {HMI.ip, PLC.ip}


def test_a_name_that_a_host_chose_itself_does_not_stand_in_for_its_address(wire: Wire, tmp_path: Path) -> None:
    _, analysis = wire.analysed(tmp_path)
    for address, _ in list(analysis.inventory.hosts.hosts):
        told = KnownFact(kind="name", value="10.0.0.1", source="test", confidence=1.0, frame=1, file="")
        analysis.inventory.remember((address, "", "name", told.value), told)
    assert {(asset.name, asset.name_source, asset.label) for asset in analysis.assets()} == {
        ("10.0.0.1", "test", HMI.ip), ("10.0.0.1", "test", PLC.ip),
    }


def test_an_ot_protocol_that_is_not_decoded_gives_a_role_that_says_so(tmp_path: Path) -> None:
    wire = Wire()
    wire.tcp(HMI, PLC, 18245, [(b"\x02" + bytes(55), b"\x03" + bytes(55))])  # GE SRTP
    wire.frame(PLC_2, Host("", "01:0c:cd:01:00:01"), bytes(60), 0x88B8)
    found = assets(wire, tmp_path)
    assert {one.id: (one.role, one.level) for one in found.values()} == {
        PLC.ip: ("ot_device", 1.0), HMI.ip: ("ot_client", 2.0), PLC_2.mac: ("ied", 1.0),
    }
    assert found[PLC_2.mac].role_reasons["ied"] == "sends goose (by EtherType; not decoded)"


def test_a_packet_to_everybody_does_not_hide_a_controller(tmp_path: Path) -> None:
    wire, plc = Wire(), Host("192.168.10.11", PLC_2.mac)
    wire.arp(HMI, plc.ip)
    wire.tcp(HMI, plc, 502, polls(3))
    wire.udp(HMI, Host(plc.ip, "ff:ff:ff:ff:ff:ff"), b"x", 9)
    assert set(assets(wire, tmp_path)) == {HMI.ip, plc.ip}
