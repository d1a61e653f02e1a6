"""LLDP frames to facts. The oracle is scapy, which makes the frames; real ones are read beside tshark (tests/inventory/identities.py)."""

from __future__ import annotations

import pytest
from scapy.contrib import lldp
from scapy.layers.l2 import Ether

from tests.protocols.saying import said

SWITCH = "Siemens, SIMATIC NET, SCALANCE XB208, 6GK5 208-0BA00-2AB2, HW: Version 3, FW: Version V04.01.00, SVPLN128756"


def frame(*tlvs: lldp.LLDPDU, description: str = SWITCH) -> bytes:
    opening = lldp.LLDPDUChassisID(subtype=4, id="00:1b:1b:00:00:07") / lldp.LLDPDUPortID(subtype=7, id="port-003") / lldp.LLDPDUTimeToLive(ttl=20)
    made = opening / lldp.LLDPDUSystemName(system_name="cabinet7") / lldp.LLDPDUSystemDescription(description=description)
    for tlv in tlvs:
        made = made / tlv
    return bytes(Ether() / made / lldp.LLDPDUEndOfLLDPDU())[14:]


def test_a_switch_says_what_it_is_and_by_which_port() -> None:
    capabilities = lldp.LLDPDUSystemCapabilities(mac_bridge_available=1, mac_bridge_enabled=1)
    assert said("lldp", frame(lldp.LLDPDUPortDescription(description="X1 P3"), capabilities)) == [
        (1, "chassis_id", "00:1b:1b:00:00:07", "lldp"), (1, "port", "port-003", "lldp"), (1, "port_description", "X1 P3", "lldp"),
        (1, "name", "cabinet7", "lldp"), (1, "description", SWITCH, "lldp"), (1, "vendor", "Siemens", "lldp.description"),
        (1, "model", "SCALANCE XB208", "lldp.description"), (1, "order_number", "6GK5 208-0BA00-2AB2", "lldp.description"),
        (1, "hardware", "3", "lldp.description"), (1, "firmware", "V04.01.00", "lldp.description"),
        (1, "serial", "SVPLN128756", "lldp.description"), (1, "role", "network switch", "lldp"),
    ]


def test_the_management_address_is_the_same_device() -> None:
    address = lldp.LLDPDUManagementAddress(management_address_subtype=1, management_address=bytes((192, 168, 0, 7)), interface_number=3)
    found = said("lldp", frame(address, description="a switch"))
    assert (1, "management_address", "192.168.0.7", "lldp") in found
    assert ("192.168.0.7", "name", "cabinet7", "lldp") in found
    assert not any(place == "192.168.0.7" and kind in ("port", "chassis_id") for place, kind, _, _ in found)


def test_a_telephone_forwards_and_is_no_switch() -> None:
    phone = lldp.LLDPDUSystemCapabilities(mac_bridge_enabled=1, telephone_enabled=1)
    assert "role" not in {kind for _, kind, _, _ in said("lldp", frame(phone))}


def test_inventory_of_lldp_med() -> None:
    def med(subtype: int, value: bytes) -> lldp.LLDPDU:
        return lldp.LLDPDUGenericOrganisationSpecific(org_code=0x0012BB, subtype=subtype, data=value)

    found = said("lldp", frame(med(8, b"SN0815"), med(9, b"Hirschmann"), med(10, b"BRS20"), description="x"))
    assert {(kind, value) for _, kind, value, _ in found} >= {("serial", "SN0815"), ("vendor", "Hirschmann"), ("model", "BRS20")}


def test_what_is_said_again_soon_is_no_new_fact() -> None:
    assert len(said("lldp", frame(), frame(), frame())) == len(said("lldp", frame()))


_OTHER = (b"", b"\x02", b"\x02\x07\x04", frame()[2:], b"\x02\x00\x04\x00\x06\x00", frame()[:12], b"\xff" * 200)


@pytest.mark.parametrize("octets", _OTHER, ids=range(len(_OTHER)))
def test_other_bytes_say_nothing(octets: bytes) -> None:
    assert said("lldp", octets) == []


def test_a_length_that_lies_ends_the_frame_there() -> None:
    good = frame()
    at = good.index(b"cabinet7") - 1
    assert {kind for _, kind, _, _ in said("lldp", good[:at] + b"\xff" + good[at + 1:])} == {"chassis_id", "port"}
