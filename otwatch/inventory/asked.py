"""What was asked in each conversation: requests and events counted under the flow that carried them, whichever way it was opened."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from otwatch.actions import Action, Role
from otwatch.inventory.tally import Tally
from otwatch.tables import Flows, Operations

_ACTIONS = 64  # more than there are
_DENSE = 1024 * _ACTIONS
_WITH_PORTS = (6, 17)


class Asked:
    """Feed it the operations of every batch, and then its closed flows, once the tally has taken them.

    Holds one small dict per open flow with operations and per conversation of the tally. What the tally merged beyond its limit, and counted,
    is not told here.
    """

    def __init__(self) -> None:
        self._open: dict[int, dict[int, int]] = {}  # slot of a flow -> action -> requests and events
        self._closed: dict[int, dict[int, int]] = {}  # row of a conversation -> the same

    def feed(self, operations: Operations) -> None:
        """The operations of one batch."""
        if not operations.rows:
            return
        asking = operations.array("role") != Role.RESPONSE
        keys = operations.array("flow")[asking].astype(np.int64) * _ACTIONS + operations.array("action")[asking]
        for key, count in zip(*_counted(keys), strict=True):
            slot, action = divmod(key, _ACTIONS)
            actions = self._open.setdefault(slot, {})
            actions[action] = actions.get(action, 0) + count

    def close(self, flows: Flows, slots: Iterable[int], tally: Tally) -> None:
        """These flows are over; the tally knows their conversations."""
        if not self._open:
            return
        asked = [slot for slot in slots if slot in self._open]
        if not asked:
            return
        names = ("client", "mac_client", "server", "mac_server", "ip_protocol", "server_port", "protocol")
        columns = (flows.array(name)[asked].tolist() for name in names)
        for slot, client, mac_client, server, mac_server, ip_protocol, port, protocol in zip(asked, *columns, strict=True):
            actions = self._open.pop(slot)
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
            for action, count in actions.items():
                known[action] = known.get(action, 0) + count

    def in_conversation(self, row: int) -> dict[str, int]:
        """Name of an action -> requests and events of all flows of this row of the tally."""
        return {Action(action).name: count for action, count in sorted(self._closed.get(row, {}).items())}


def _counted(keys: np.ndarray[Any, Any]) -> tuple[list[int], list[int]]:
    """The distinct keys and how often each is there. Most plants have few flows: then nothing has to be sorted."""
    if len(keys) and keys.max() < _DENSE:
        counts = np.bincount(keys)
        found = np.flatnonzero(counts)
        return found.tolist(), counts[found].tolist()
    found, counts = np.unique(keys, return_counts=True)
    return found.tolist(), counts.tolist()
