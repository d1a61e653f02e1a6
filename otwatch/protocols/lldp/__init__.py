"""LLDP: what switches and devices say to the other end of their cable: who they are, and by which port they speak."""

from __future__ import annotations

from typing import Final

from otwatch.limits import Limits
from otwatch.protocols.kit.facts_page import facts_page
from otwatch.protocols.spec import Dissector, Link, ProtocolSpec

ETHERTYPE: Final = 0x88CC
_READ: Final = "Frames of EtherType 0x88CC whose first TLVs are chassis, port and time to live, as 8.2 prescribes."
_FACTS: Final = (
    ("chassis_id", "the identifier of the whole device: a MAC, an address, a name"),
    ("port, port_description", "the port from which this frame was sent: a switch has many"),
    ("name, description", "system name and system description"),
    ("vendor, model, order_number, hardware, firmware, serial, os", "what the description says plainly, or the inventory of LLDP-MED holds"),
    ("software, asset_id", "of the inventory of LLDP-MED"),
    ("role", "`network switch` or `network router`, of the capabilities that are enabled and of nothing that is an end station"),
    ("management_address", "where the device is administered; its name and identity are facts about that address, too, with less confidence"),
)
_LEFT_OUT: Final = (
    ("Which device is at the other end of the cable", "the frame names the port of its sender only, and a mirror port mixes all"),
    ("VLANs, power, link aggregation, PROFINET port status", "they identify nobody"),
    ("A frame that ends its information (time to live 0)", "the identity of a device that leaves stays known"),
)


def _dissector(_protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.lldp.dissect import LldpDissector  # noqa: PLC0415 - loaded when it is used

    return LldpDissector(limits)


PROTOCOL = ProtocolSpec(
    name="lldp",
    title="LLDP",
    ports=(),
    framings=(),
    links=(Link(ethertype=ETHERTYPE),),
    facts_only=True,
    dissector=_dissector,
    function_name=lambda function, _subfunction: f"function_{function}",
    functions={},
    references=("IEEE 802.1AB-2016, clause 8 (TLVs)", "ANSI/TIA-1057 (LLDP-MED), clause 10.2.6 (inventory)"),
    reference=lambda: facts_page(_READ, _FACTS, _LEFT_OUT),
)
