"""Messages of an OT protocol that came from another network card than their sender's address has."""

from __future__ import annotations

from typing import Final

import numpy as np

from otwatch.decode.anomalies import NetworkAnomaly
from otwatch.streams.cards import Cards
from otwatch.tables import Anomalies, Operations, Packets
from otwatch.vocabulary import Layer

_REPORTED: Final = 65_536  # beyond, rows still name the card; that it is one was said often enough


class CrossedCards:
    """Asked only where such a card was seen."""

    def __init__(self, cards: Cards) -> None:
        self._cards = cards
        self._said: set[tuple[int, int, int, int]] = set()  # address, card, since when, peer

    def feed(self, packets: Packets, operations: Operations, anomalies: Anomalies) -> dict[int, tuple[int, int]]:
        """Row in operations -> (card of the address, card that sent); a row of anomalies for the first message of each card to each peer."""
        strange = self._cards.strange
        place = operations.array("packet")
        rows = np.flatnonzero(np.isin(operations.array("source"), [address for address, _ in strange]) & (place >= 0) & (place < packets.rows))
        found = {}
        for row, packet in zip(rows.tolist(), place[rows].tolist(), strict=True):
            address, mac = int(operations.source[row]), int(packets.mac_source[packet])
            card = strange.get((address, mac))
            if card is None or not card.since_ns <= operations.timestamp_ns[row] < card.until_ns:
                continue
            found[row] = card.known, mac
            peer = int(operations.destination[row])
            said = address, mac, card.since_ns, peer
            if said not in self._said and len(self._said) < _REPORTED:
                self._said.add(said)
                _report(anomalies, operations, row, found[row])
        return found


def _report(anomalies: Anomalies, operations: Operations, row: int, cards: tuple[int, int]) -> None:
    new = anomalies.new_row()
    for name in ("packet", "timestamp_ns", "frame", "flow", "source", "destination"):
        getattr(anomalies, name)[new] = getattr(operations, name)[row]
    anomalies.layer[new] = Layer.NETWORK
    anomalies.kind[new] = NetworkAnomaly.OTHER_CARD
    anomalies.offset[new] = 6
    anomalies.needed[new], anomalies.had[new] = cards
