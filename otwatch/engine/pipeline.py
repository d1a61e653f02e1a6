"""capture -> decode -> streams -> protocols -> behaviours: one batch of packets to its tables. No clock, no file, no socket."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np

from otwatch.addresses import LINK, Addresses
from otwatch.baseline.behaviours import BehaviourIndex
from otwatch.batch import Batch
from otwatch.decode.bindings import Bindings
from otwatch.decode.decoder import Decoder
from otwatch.engine.crossed import CrossedCards
from otwatch.engine.turns import Turns
from otwatch.limits import Limits
from otwatch.protocols import protocols
from otwatch.protocols.kit.early import Early
from otwatch.protocols.spec import Dissector, Fact
from otwatch.streams.streams import Streams
from otwatch.tables import Anomalies, Operations, Packets, Pdus

_MAC_BYTES: Final = 6  # of the addresses that messages name
_IPV4_BYTES: Final = 4
_IPV4_MAPPED: Final = 0xFFFF_0000_0000
_LOW64: Final = 0xFFFF_FFFF_FFFF_FFFF
_BITS = 64  # of a set of protocols by flow; of protocols beyond, two share one


class Pipeline:
    """The stages of one analysis and their state. Feed the batches of any number of captures in time order, then finish."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.protocols = protocols()
        self.addresses = Addresses(limits.addresses)
        self.decoder = Decoder(self.addresses, limits, self.protocols)
        self.bindings = Bindings(limits)
        self.streams = Streams(self.addresses, limits, self.protocols)
        self.crossed = CrossedCards(self.streams.cards)
        # made when something of theirs is seen: their modules take as long to load as a small capture to read
        self.dissectors: list[Dissector | None] = [None] * len(self.protocols)
        self.turns = [Turns(limits) for _ in self.protocols]
