"""A few whole messages of each protocol that makes facts only: what its tests change byte by byte, and what fuzzing begins with. Made by scapy."""

from __future__ import annotations

from typing import Final

from scapy.contrib import lldp
from scapy.layers.l2 import Ether


def _lldp() -> bytes:
    made = lldp.LLDPDUChassisID(subtype=4, id="00:1b:1b:00:00:07") / lldp.LLDPDUPortID(subtype=7, id="port-003") / lldp.LLDPDUTimeToLive(ttl=20)
    made = made / lldp.LLDPDUSystemName(system_name="cabinet7") / lldp.LLDPDUSystemDescription(
        description="Siemens, SIMATIC NET, SCALANCE XB208, 6GK5 208-0BA00-2AB2, HW: Version 3, FW: Version V04.01.00, SVPLN128756")
    made = made / lldp.LLDPDUManagementAddress(management_address_subtype=1, management_address=bytes((192, 168, 0, 7)), interface_number=3)
    made = made / lldp.LLDPDUSystemCapabilities(mac_bridge_available=1, mac_bridge_enabled=1)
    made = made / lldp.LLDPDUGenericOrganisationSpecific(org_code=0x0012BB, subtype=10, data=b"XB208")
    return bytes(Ether() / made / lldp.LLDPDUEndOfLLDPDU())[14:]


SEEDS: Final[dict[str, tuple[bytes, ...]]] = {
    "lldp": (_lldp(),),
}
