"""CDP: what Cisco's equipment says to the other end of its cable."""

from __future__ import annotations

from typing import Final

from otwatch.limits import Limits
from otwatch.protocols.kit.facts_page import facts_page
from otwatch.protocols.spec import Dissector, Link, ProtocolSpec

SNAP: Final = 0x00000C2000
_READ: Final = "Frames with the SNAP header 00000C/2000 that have version 1 or 2 and begin with a device id."
_FACTS: Final = (
    ("name", "the device id"),
    ("port", "the port from which this frame was sent: a switch has many"),
    ("vendor, model", "of the platform"),
    ("description, firmware", "the software version, and what it says plainly"),
    ("role", "`network switch` or `network router`, of the capabilities, unless it is a telephone or a host"),
    ("management_address", "where the device is administered; its name and identity are facts about that address, too, with less confidence"),
)
_LEFT_OUT: Final = (
    ("Which device is at the other end of the cable", "the frame names the port of its sender only"),
    ("VLANs, VTP domain, power, duplex", "they identify nobody"),
)


def _dissector(_protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.cdp.dissect import CdpDissector  # noqa: PLC0415 - loaded when it is used

    return CdpDissector(limits)


PROTOCOL = ProtocolSpec(
    name="cdp",
    title="CDP",
    ports=(),
    framings=(),
    links=(Link(snap=SNAP),),
    facts_only=True,
    dissector=_dissector,
    function_name=lambda function, _subfunction: f"function_{function}",
    functions={},
    references=("Cisco, Cisco Discovery Protocol; no public standard: field by field as tshark reads it",),
    reference=lambda: facts_page(_READ, _FACTS, _LEFT_OUT),
)
