"""Which asset an address belongs to, what kind of line a conversation is, and which incidents stand between two assets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from otwatch.actions import CHANGING, ENGINEERING
from otwatch.inventory.asset import Asset
from otwatch.inventory.inventory import Talk
from otwatch.outputs.result import Result
from otwatch.outputs.view.model import IncidentView

COMMAND_NAMES: Final = {action.name for action in CHANGING | ENGINEERING}
KINDS: Final = ("incident", "command", "read", "other", "tried")


class Places:
    """Numbers of assets by their addresses, and of incidents by their ends."""

    def __init__(self, result: Result, incidents: Sequence[IncidentView], notes: Sequence[IncidentView] = ()) -> None:
        self.assets: list[Asset] = result.assets
        self._number: dict[str, int] = {}
        for number, asset in enumerate(result.assets):
            for name in (asset.id, *asset.addresses, *asset.macs):
                self._number.setdefault(name, number)
        self.between: dict[tuple[int, int], set[int]] = {}
        self.of_asset: dict[int, set[int]] = {}
        self.by_number = {incident.number: incident for incident in (*incidents, *notes)}
        for incident in incidents:
            for step in incident.steps:
                source, target = self.number(step.source), self.number(step.target)
                if source >= 0 and target >= 0:
                    self.between.setdefault((source, target), set()).add(incident.number)
                for end in (source, target):
                    self.of_asset.setdefault(end, set()).add(incident.number)

    def number(self, address: str) -> int:
        """The asset of an address; -1 where it is of none."""
        return self._number.get(address, -1)

    def incidents(self, source: int, target: int) -> set[int]:
        """Numbers of the incidents with a step between the two, in either direction."""
        return self.between.get((source, target), set()) | self.between.get((target, source), set())

    def label(self, number: int, address: str = "") -> str:
        """What people call an asset, else the address."""
        return self.assets[number].label if number >= 0 else address

    def crosses(self, source: int, target: int) -> bool:
        """Whether the two stand in different zones."""
        return source >= 0 and target >= 0 and self.assets[source].zone != self.assets[target].zone


def packets_of(talk: Talk) -> int:
    """Both ways."""
    return talk.counts["packets_to_server"] + talk.counts["packets_to_client"]


def is_command(talk: Talk) -> bool:
    """Whether something was commanded in it."""
    return not COMMAND_NAMES.isdisjoint(talk.actions)


def is_tried(talk: Talk) -> bool:
    """Whether it was tried and nobody took it: no answer, or a connection without a byte."""
    if talk.protocol:
        return False
    silent = not talk.counts["packets_to_client"]
    return silent or (talk.server_port is not None and not talk.counts["payload_to_client"] and not talk.counts["payload_to_server"])


def kind_of(talk: Talk, incidents: set[int]) -> str:
    """The class of its line."""
    if is_tried(talk):
        return "tried"
    if talk.protocol:
        return ("incident" if incidents else "command") if is_command(talk) else "read" if talk.actions else "other"
    return "incident" if incidents and talk.server_port is not None else "other"


def what_of(talk: Talk) -> str:
    """`88 read, 2 write`, the most frequent first."""
    return ", ".join(
        f"{count:,} {name.lower().replace('_', ' ')}" for name, count in sorted(talk.actions.items(), key=lambda item: (-item[1], item[0]))
    )
