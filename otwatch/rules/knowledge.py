"""What the traffic itself tells about who is who: pollers, controllers, their networks, and what was there during the learning period.

Everything is read from the behaviours table at the moment of asking, so that it depends on the packets alone, not on how they were cut
into batches.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np

from otwatch.actions import CHANGING, VERBS, Action, Role
from otwatch.addresses import Addresses
from otwatch.tables import Behaviours

_POLLING: Final = tuple(int(action) for action in (Action.READ, Action.SUBSCRIBE))
_VERB_NUMBERS: Final = {verb: number for number, verb in enumerate(sorted(set(VERBS.values())))}
_VERB_OF: Final = np.array([_VERB_NUMBERS[VERBS[action]] for action in sorted(Action)], np.int64)
_CHANGING: Final = tuple(int(action) for action in CHANGING)
_COMMANDS: Final = frozenset(_VERB_NUMBERS[VERBS[action]] for action in CHANGING)
_REPEATS = 3  # the same question so often is polling
_QUESTIONS = 8  # so are so many different ones
_COMMANDS_A_QUESTION = 5  # who commands more than this for each question does not watch a process: no operator station, though it asked first


@dataclass(frozen=True, slots=True, kw_only=True)
class Learning:
    """The learning period inside the observation. `until_ns` fixes its end; otherwise it is `share` of the observation, at most `at_most_ns`.

    Whoever polled a device in it is taken for its usual master; who speaks for the first time after it is new. A derived period is only
    used to call someone new when the observation lasted `needs_ns` and somebody polled in it.
    """

    until_ns: int | None = None
    share: float = 0.2
    at_most_ns: int = 3_600_000_000_000
    needs_ns: int = 10_000_000_000


@dataclass(slots=True)
class _Polls:
    total: int
    repeats: int
    first_ns: int
    commands: int = 0


def network_of(addresses: Addresses, address: int) -> tuple[int, int]:
    """(version, prefix): the /24 or /64 of an address, what "the same network" means where no site file says it."""
    if address < 0:
        return 0, 0
    ip = addresses.ip(address)
    return (4, int(ip) >> 8) if ip.version == 4 else (6, int(ip) >> 64)


class Knowledge:
    """Refreshed before findings are looked at."""

    def __init__(self, learning: Learning, addresses: Addresses) -> None:
        self.learning = learning
        self.addresses = addresses
        self.first_ns = 0
        self.until_ns = 0
        self.usable = False
        self.span_ns = 0
        self.polls: dict[tuple[int, int], _Polls] = {}
        self.talks: dict[tuple[int, int, int], int] = {}  # src, dst, protocol -> first
        self.verbs: dict[tuple[int, int, int, int], int] = {}  # and number of the verb
        self.answering: set[tuple[int, int]] = set()  # pairs of which responses were seen
        self.controllers: set[int] = set()
        self.networks: set[tuple[int, int]] = set()
        self._commands: dict[tuple[int, int], int] | None = None  # made when somebody asks
        self._pollers: Counter[int] | None = None

    def refresh(self, behaviours: Behaviours | None, first_ns: int, now_ns: int) -> None:
        """Reads the table anew."""
        self.first_ns = first_ns
        self.span_ns = max(0, now_ns - first_ns)
        learning = self.learning
        self.until_ns = (
            learning.until_ns if learning.until_ns is not None else first_ns + min(int(self.span_ns * learning.share), learning.at_most_ns)
        )
        self.polls, self.talks, self.verbs = {}, {}, {}
        self._commands = self._pollers = None
        self.answering, self.controllers, self.networks = set(), set(), set()
        if behaviours is None or not behaviours.rows:
            self.usable = learning.until_ns is not None
            return
        role = behaviours.array("role")
        src, dst = behaviours.array("source").astype(np.int64), behaviours.array("destination").astype(np.int64)
        protocol, verb = behaviours.array("protocol").astype(np.int64), _VERB_OF[behaviours.array("action")]
        first, messages = behaviours.array("first_ns"), behaviours.array("messages")
        answers = role == int(Role.RESPONSE)
        self.answering = set(zip(src[answers].tolist(), dst[answers].tolist(), strict=True))
        asked = role == int(Role.REQUEST)
        for row in zip(src[asked].tolist(), dst[asked].tolist(), protocol[asked].tolist(), verb[asked].tolist(), first[asked].tolist(), strict=True):
            talk, doing, when = row[:3], row[:4], row[4]
            self.talks[talk] = min(when, self.talks.get(talk, when))
            self.verbs[doing] = min(when, self.verbs.get(doing, when))
        polling = asked & np.isin(behaviours.array("action"), _POLLING)
        for source, destination, when, count in zip(
            src[polling].tolist(), dst[polling].tolist(), first[polling].tolist(), messages[polling].tolist(), strict=True
        ):
            known = self.polls.get((source, destination))
            if known is None:
                self.polls[source, destination] = _Polls(count, count, when)
            else:
                known.total += count
                known.repeats = max(known.repeats, count)
                known.first_ns = min(known.first_ns, when)
        changing = asked & np.isin(behaviours.array("action"), _CHANGING)
        for source, destination, count in zip(src[changing].tolist(), dst[changing].tolist(), messages[changing].tolist(), strict=True):
            known = self.polls.get((source, destination))
            if known is not None:
                known.commands += count
        self.controllers = {destination for _, destination, _ in self.talks if destination > 0}
        self.networks = {network_of(self.addresses, controller) for controller in self.controllers}
        self.usable = learning.until_ns is not None or (
            self.span_ns >= learning.needs_ns and any(polls.repeats >= _REPEATS and polls.first_ns <= self.until_ns for polls in self.polls.values())
        )

    def is_poller(self, src: int, dst: int) -> bool:
        """Whether src has polled dst since the learning period, as one who watches it."""
        polls = self.polls.get((src, dst))
        return polls is not None and self._asks(polls) and not polls.commands > _COMMANDS_A_QUESTION * polls.total

    def commands_dominate(self, src: int, dst: int) -> bool:
        """Whether src would be a poller of dst, did it not command it so much more than it asks."""
        polls = self.polls.get((src, dst))
        return polls is not None and self._asks(polls) and polls.commands > _COMMANDS_A_QUESTION * polls.total

    def _asks(self, polls: _Polls) -> bool:
        return polls.first_ns <= self.until_ns and (polls.repeats >= _REPEATS or polls.total >= _QUESTIONS)

    def verb_first_ns(self, src: int, dst: int, protocol: int, action: Action) -> int | None:
        """When src first did this kind of action in dst."""
        return self.verbs.get((src, dst, protocol, _VERB_NUMBERS[VERBS[action]]))

    def first_command_ns(self, src: int, dst: int) -> int | None:
        """When src first changed something in dst."""
        if self._commands is None:
            self._commands = {}
            for (source, target, _, verb), first in self.verbs.items():
                if verb in _COMMANDS:
                    self._commands[source, target] = min(first, self._commands.get((source, target), first))
        return self._commands.get((src, dst))

    def pollers_of(self, dst: int) -> int:
        """How many hosts have polled dst since the learning period."""
        if self._pollers is None:
            self._pollers = Counter(target for source, target in self.polls if self.is_poller(source, target))
        return self._pollers[dst]
