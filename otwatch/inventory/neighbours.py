"""At which port of which switch a device stands, where the traffic shows it.

LLDP and CDP frames go no further than the next device (IEEE 802.1AB-2016 7.1). Where a recording holds those of two devices, each by one port, and
only one calls itself a switch or router, the two are the ends of the link that was tapped. Where there are more, nobody knows which belongs to which.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from otwatch.inventory.asset import Asset, KnownFact

SWITCH_PORT: Final = "switch_port"
_SOURCES: Final = ("lldp", "cdp")
_FORWARDS: Final = ("network switch", "network router")
_CONFIDENCE: Final = 0.6  # what a tap mirrors is not said


def attach(assets: Sequence[Asset]) -> None:
    """Adds the fact to the device at the other end of the link."""
    heard: dict[str, list[tuple[Asset, list[KnownFact]]]] = {}
    for asset in assets:
        ports: dict[str, list[KnownFact]] = {}
        for fact in asset.facts:
            if fact.kind == "port" and fact.source in _SOURCES:
                ports.setdefault(fact.file, []).append(fact)
        for file, said in ports.items():
            heard.setdefault(file, []).append((asset, said))
    for speakers in heard.values():
        switches = [(asset, said) for asset, said in speakers if any(fact.kind == "role" and fact.value in _FORWARDS for fact in asset.facts)]
        if len(speakers) != 2 or len(switches) != 1 or any(len({fact.value for fact in said}) != 1 for _, said in speakers):
            continue
        (switch, (port, *_)), = switches
        device = next(asset for asset, _ in speakers if asset is not switch)
        device.facts.append(KnownFact(kind=SWITCH_PORT, value=f"{switch.name or switch.id} {port.value}", source=port.source, confidence=_CONFIDENCE,
                                      frame=port.frame, file=port.file, count=port.count, first_ns=port.first_ns, last_ns=port.last_ns))
        device.identity[SWITCH_PORT] = device.facts[-1]
