"""What was asked in each conversation: requests and events counted under the flow that carried them, whichever way it was opened."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from otwatch.actions import Action, Role
from otwatch.inventory.tally import Tally
from otwatch.tables import Flows, Operations

_ACTIONS = max(Action) + 1
_DENSE = 1024 * _ACTIONS
_WITH_PORTS = (6, 17)


class Asked:
    """Feed it the operations of every batch, and then its closed flows, once the tally has taken them.

    Holds a row of counts per slot of a flow, and one small dict per conversation of the tally. What the tally merged beyond its limit, and
    counted, is not told here.
    """

    def __init__(self) -> None:
        self._open = np.zeros((0, _ACTIONS), np.int32)  # by slot of a flow and action: requests and events
        self._asks = np.zeros(0, np.bool_)  # slots with any
        self._closed: dict[int, dict[int, int]] = {}  # row of a conversation -> the same

    def feed(self, operations: Operations) -> None:
        """The operations of one batch."""
        if not operations.rows:
            return
        asking = (operations.array("role") != Role.RESPONSE) & (operations.array("flow") >= 0)
        slots, actions = operations.array("flow")[asking], operations.array("action")[asking]
        if not len(slots):
            return
        if (last := int(slots.max())) >= len(self._open):
            larger, asks = np.zeros((max(last + 1, 2 * len(self._open)), _ACTIONS), np.int32), self._asks
            larger[: len(asks)] = self._open
            self._open, self._asks = larger, np.zeros(len(larger), np.bool_)
            self._asks[: len(asks)] = asks
        keys, counts = _counted(slots.astype(np.int64) * _ACTIONS + actions)
        self._open.reshape(-1)[keys] += counts
        self._asks[slots] = True

    def close(self, flows: Flows, slots: Iterable[int], tally: Tally) -> None:
        """These flows are over; the tally knows their conversations."""
        closed = np.fromiter(slots, np.int64)
        closed = closed[(closed >= 0) & (closed < len(self._asks))]
        asked = closed[self._asks[closed]]
        if not len(asked):
            return
        counts = self._open[asked]
        self._open[asked] = 0
        self._asks[asked] = False
        names = ("client", "mac_client", "server", "mac_server", "ip_protocol", "server_port", "protocol")
        columns = (flows.array(name)[asked].tolist() for name in names)
        for actions, client, mac_client, server, mac_server, ip_protocol, port, protocol in zip(counts, *columns, strict=True):
            row = tally.find_talk(
                client,
                -1 if client >= 0 else mac_client,
                server,
                -1 if server >= 0 else mac_server,
                ip_protocol,
                port if ip_protocol in _WITH_PORTS else -1,
                protocol,
            )
            if row < 0:
                continue
            known = self._closed.setdefault(row, {})
            for action in np.flatnonzero(actions).tolist():
                known[action] = known.get(action, 0) + actions.item(action)

    def in_conversation(self, row: int) -> dict[str, int]:
        """Name of an action -> requests and events of all flows of this row of the tally."""
        return {Action(action).name: count for action, count in sorted(self._closed.get(row, {}).items())}


def _counted(keys: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The distinct keys and how often each is there. Most plants have few flows: then nothing has to be sorted."""
    if len(keys) and keys.max() < _DENSE:
        counts = np.bincount(keys)
        found = np.flatnonzero(counts)
        return found, counts[found]
    return np.unique(keys, return_counts=True)
