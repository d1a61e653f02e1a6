"""What the traffic itself tells about who is who, each fact with the packet time from which it holds.

A rule sees what held at the time of its row, not what is known when it is asked: so the verdict does not depend on how the packets were
delivered, cut into batches or interrupted by a restart. The first ten seconds in which OT protocols are seen are the cold start: whoever is seen at
work in them counts as known from the beginning, and what is asked of a row in them is answered at their end.

The facts are read from the behaviours table; only places in it are kept here.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from otwatch.actions import CHANGING, VERBS, Action, Role
from otwatch.addresses import Addresses
from otwatch.tables import Behaviours

Numbers = npt.NDArray[np.int64]

COLD_START_NS: Final = 10_000_000_000
_POLLING: Final = tuple(int(action) for action in (Action.READ, Action.SUBSCRIBE, Action.REPORT))
_VERB_NUMBERS: Final = {verb: number for number, verb in enumerate(sorted(set(VERBS.values())))}
_VERB_OF: Final = np.array([_VERB_NUMBERS[VERBS[action]] for action in sorted(Action)], np.int64)
_READ: Final = _VERB_NUMBERS["read"]
_CHANGING: Final = tuple(int(action) for action in CHANGING)
_QUESTIONS: Final = 8  # so many different questions are polling; so is one question three times
_UNEVEN: Final = 0.5  # intervals that differ by more than this share are not one rate
_STARTS_WITHIN_NS: Final = 2_000_000_000  # what is sent many times a second is seen so soon
_COMPARED: Final = 256  # pairs looked at to find out since when polling has been seen: the first ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Learning:
    """When normal was learned inside the observation.

    `until_ns` fixes the end. Otherwise it ends by itself: a host that is first seen to ask after the cold start is late when no other came in time
    in the second half of the observation so far, or after `at_most_ns`; the same holds for a new conversation, or kind of action, of a host that came
    in time. Somebody is called new, or an unknown host, without reservation when polling has been seen for `needs_ns`.
    """

    until_ns: int | None = None
    at_most_ns: int = 3_600_000_000_000
    needs_ns: int = 10_000_000_000


@dataclass(slots=True)
class _Pair:
    """Rows of the behaviours table that show a host at work with a device: the first of each kind, more are never needed."""

    asked: list[int] = field(default_factory=list)  # questions
    answered: list[int] = field(default_factory=list)  # answers to questions
    reported: list[int] = field(default_factory=list)  # what the device sent unasked


@dataclass(slots=True)
class _Arrival:
    """The first row of a kind of action of a pair."""

    row: int
    host: int
    polls: bool
    late: bool = False


def network_of(addresses: Addresses, address: int) -> tuple[int, int]:
    """(version, prefix): the /24 or /64 of an address, what "the same network" means where no site file says it."""
    if address < 0:
        return 0, 0
    ip = addresses.ip(address)
    return (4, int(ip) >> 8) if ip.version == 4 else (6, int(ip) >> 64)


class Knowledge:
    """Follows the behaviours table; asked with the time of a row."""

    def __init__(self, learning: Learning, addresses: Addresses) -> None:
        self.learning = learning
        self.addresses = addresses
        self.first_ns = 0
        self.ot_first_ns: int | None = None  # the first message of an OT protocol
        self.now_ns = 0
        self.finished = False
        self.answering: set[tuple[int, int]] = set()  # pairs of which responses were seen
        self._responding: dict[int, int] = {}  # device -> row of its first response
        self._table: Behaviours | None = None
        self._rows = 0  # of the table that were read
        self._pairs: dict[tuple[int, int], _Pair] = {}
        self._arrivals: dict[tuple[int, int, int, int], _Arrival] = {}  # src, dst, protocol, verb
        self._talks: dict[tuple[int, int, int], _Arrival] = {}
        self._order: list[tuple[int, int, _Arrival]] = []  # arrivals by time
        self._late_hosts: dict[int, bool] = {}
        self._last_ns = [0, 0]  # when the last host, and the last polled pair, came in time
        self._controllers: dict[int, int] = {}  # device -> row of the first request to it
        self._networks: dict[tuple[int, int], int] = {}
        self._commands: dict[tuple[int, int], int] = {}  # src, dst -> row of the first command
        self._asking: dict[tuple[int, int], int] = {}  # src, dst -> row of the first request of any kind
        self._established: dict[tuple[int, int], int] = {}  # of pairs at work: since when, once it is known
        self._late_questions = np.zeros(1024, np.bool_)  # by row of the table
        self._question_times: dict[tuple[int, int], list[int]] = {}  # of a pair: when its first question came, and its last that was new in time
        self._settled_ns: int | None = None
        self._settled_asked = False  # since the last refresh
        self.epoch = 0  # grows with every refresh
        self._moments: dict[tuple[int, int], list[int]] = {}  # of this epoch
        self._watched: dict[int, int] | None = None  # device -> since when a host that came in time is known at work with it; of this epoch

    # following

    def refresh(self, behaviours: Behaviours | None, first_ns: int, now_ns: int, finished: bool = False) -> None:
        """Reads what is new in the table."""
        self.first_ns, self.now_ns, self.finished = first_ns, now_ns, finished
        self._settled_asked = False
        self.epoch += 1
        self._moments.clear()
        self._watched = None
        if behaviours is None or behaviours.rows == self._rows:
            return
        self._table = table = behaviours
        new = slice(self._rows, table.rows)
        self._rows = table.rows
        began = int(table.array("first_ns")[new].min())
        self.ot_first_ns = began if self.ot_first_ns is None else min(began, self.ot_first_ns)
        role, action = table.array("role")[new], table.array("action")[new]
        events = role == int(Role.EVENT)
        source, target = table.array("source")[new].astype(np.int64), table.array("destination")[new].astype(np.int64)
        host, device = np.where(events, target, source), np.where(events, source, target)
        number = np.arange(new.start, new.stop)
        asked, answers, polling = role == int(Role.REQUEST), role == int(Role.RESPONSE), np.isin(action, _POLLING)
        served = answers & (table.array("status")[new] == 0)
        for which, name in ((asked & polling, "asked"), (served & polling, "answered"), (events & polling, "reported")):
            for key, rows in _grouped(host[which], device[which], number[which]):
                pair = self._pairs.setdefault(key, _Pair())
                found: list[int] = getattr(pair, name)
                found.extend(rows[: _QUESTIONS - len(found)])
        self._question(host[asked & polling], device[asked & polling], number[asked & polling], table.array("first_ns")[new][asked & polling])
        self.answering.update(zip(host[answers].tolist(), device[answers].tolist(), strict=True))
        for address, row in zip(*np.unique(device[answers], return_index=True), strict=True):
            self._responding.setdefault(int(address), int(number[answers][row]))
        for which, firsts in ((asked, self._asking), (asked & np.isin(action, _CHANGING), self._commands)):
            for key, rows in _grouped(host[which], device[which], number[which]):
                firsts.setdefault(key, rows[0])
        known = ~answers | served
        self._arrive(host[known], device[known], table.array("protocol")[new][known], _VERB_OF[action[known]], number[known], asked[known])

    def _question(self, host: Numbers, device: Numbers, rows: Numbers, times: Numbers) -> None:
        """Decides of new questions whether they are late: the pair had long asked the same."""
        if self._rows > len(self._late_questions):
            larger = np.zeros(2 * self._rows, np.bool_)
            larger[: len(self._late_questions)] = self._late_questions
            self._late_questions = larger
        for key, places in _grouped(host, device, np.arange(len(host)), len(host)):
            known = self._question_times.get(key)
            for row, when in zip(rows[places].tolist(), times[places].tolist(), strict=True):
                if known is None:
                    known = self._question_times[key] = [when, when]
                elif when - known[0] >= COLD_START_NS and 2 * (when - known[1]) >= when - known[0]:
                    self._late_questions[row] = True
                elif when > known[1]:
                    known[1] = when

    def _arrive(self, host: Numbers, device: Numbers, protocol: Numbers, verb: Numbers, rows: Numbers, asked: Numbers) -> None:
        packed = np.column_stack([host, device, protocol.astype(np.int64), verb])
        _, first = np.unique(packed, axis=0, return_index=True)
        assert self._table is not None
        times = self._table.array("first_ns")
        fresh = []
        for at in np.sort(first).tolist():
            src, dst, spoken, kind = packed[at].tolist()
            key = src, dst, spoken, kind
            if key not in self._arrivals:
                arrival = self._arrivals[key] = _Arrival(int(rows[at]), src, kind == _READ)
                fresh.append((int(times[rows[at]]), int(rows[at]), arrival))
                self._talks.setdefault((src, dst, spoken), arrival)
        _, first = np.unique(device[asked], return_index=True)
        for at in first.tolist():
            address, row = int(device[asked][at]), int(rows[asked][at])
            if address > 0 and address not in self._controllers:
                self._controllers[address] = row
                self._networks.setdefault(network_of(self.addresses, address), row)
        self._sort_in(sorted(fresh, key=lambda entry: entry[:2]))

    def _sort_in(self, fresh: list[tuple[int, int, _Arrival]]) -> None:
        """Decides of each arrival, in order of time, whether it is late."""
        if not fresh:
            return
        if self._order and fresh[0][:2] < self._order[-1][:2]:  # seldom: judged again from the start
            fresh = sorted([*self._order, *fresh], key=lambda entry: entry[:2])
            self._order, self._late_hosts, self._last_ns = [], {}, [0, 0]
        for when, _, arrival in fresh:
            if arrival.host not in self._late_hosts:
                self._late_hosts[arrival.host] = self._is_late(when, self._last_ns[0])
                if not self._late_hosts[arrival.host]:
                    self._last_ns[0] = when
            arrival.late = self._late_hosts[arrival.host] or self._is_late(when, self._last_ns[1])
            if not arrival.late and arrival.polls:
                self._last_ns[1] = when
        self._order.extend(fresh)

    def _is_late(self, when: int, last: int) -> bool:
        learning, began = self.learning, self.ot_first_ns or 0
        if learning.until_ns is not None:
            return when > learning.until_ns
        age = when - began
        return age >= COLD_START_NS and (age > learning.at_most_ns or 2 * (when - max(last, began)) >= age)

    # time

    def moments(self, src: int, dst: int) -> list[int]:
        """The packet times, in order, at which something that is asked of a pair may change: between two of them every answer stays the same."""
        key = src, dst
        known = self._moments.get(key)
        if known is None:
            networks = [network_of(self.addresses, address) for address in key]
            rows = [self._controllers.get(src), self._controllers.get(dst), *(self._networks.get(network) for network in networks)]
            rows.append(self._asking.get(key))
            times = {self._time("first_ns", row) for row in rows if row is not None}
            times |= {self.ot_first_ns or 0, self.now_ns, self.settled_ns() or 0, self._since(key) or 0}
            known = self._moments[key] = sorted(times)
        return known

    def moment(self, src: int, dst: int, at_ns: int) -> int:
        """Between which of the moments of a pair a packet time lies."""
        return bisect_right(self.moments(src, dst), at_ns)

    def horizon(self, at_ns: int) -> int:
        """Up to which packet time a row of `at_ns` is judged."""
        began = self.ot_first_ns
        return max(at_ns, (self.first_ns if began is None or at_ns < began else began) + COLD_START_NS)

    def waits(self, at_ns: int) -> bool:
        """Whether more may be known of a row of `at_ns` soon: it is of the cold start, and the cold start goes on."""
        return not self.finished and self.now_ns < self.horizon(at_ns)

    def _time(self, name: str, row: int) -> int:
        assert self._table is not None
        return int(self._table.array(name)[row])

    # who is at work with whom

    def _since(self, key: tuple[int, int]) -> int | None:
        """The packet time from which a host is known at work with a device: the third time of one question, answer or report, or the eighth of
        different ones."""
        known = self._established.get(key)
        if known is not None:
            return known
        pair = self._pairs.get(key)
        if pair is None:
            return None
        times: list[int] = []
        for rows in (pair.asked, pair.answered, pair.reported):
            times += [third for third in (self._time("third_ns", row) for row in rows) if third]
            if len(rows) >= _QUESTIONS:
                times.append(self._time("first_ns", rows[_QUESTIONS - 1]))
        if not times:
            return None
        self._established[key] = min(times)
        return self._established[key]

    def began_ns(self, src: int, dst: int) -> int | None:
        """When src was first seen to ask dst, or to be told by it."""
        pair = self._pairs.get((src, dst))
        return min(self._time("first_ns", row) for row in (*pair.asked, *pair.answered, *pair.reported)) if pair is not None else None

    def _polls(self, key: tuple[int, int], horizon: int) -> bool:
        since = self._since(key)
        return since is not None and since <= horizon and not self._came_late(key)

    def _came_late(self, key: tuple[int, int]) -> bool:
        pair = self._pairs[key]
        row = min(row for rows in (pair.asked, pair.answered, pair.reported) for row in rows[:1])
        assert self._table is not None
        table = self._table
        arrival = self._arrivals[*key, int(table.protocol[row]), int(_VERB_OF[table.action[row]])]
        return arrival.late

    def is_poller(self, src: int, dst: int, at_ns: int) -> bool:
        """Whether src was known, at the time of a row, as one who has watched dst since normal was learned."""
        return self._polls((src, dst), self.horizon(at_ns))

    def pollers_of(self, dst: int, at_ns: int) -> int:
        """How many hosts have watched dst."""
        horizon = self.horizon(at_ns)
        return sum(self._polls(key, horizon) for key in self._pairs if key[1] == dst)

    def watched_since(self, dst: int) -> int | None:
        """The packet time from which dst is known to have a master: somebody who came in time and watches it."""
        if self._watched is None:
            self._watched = {}
            for key in self._pairs:
                since = self._since(key)
                if since is not None and not self._came_late(key):
                    self._watched[key[1]] = min(since, self._watched.get(key[1], since))
        return self._watched.get(dst)

    def is_unknown(self, src: int, dst: int, at_ns: int) -> bool:
        """Whether src is a host that nothing vouches for at a device that has its master: OT protocols had been seen long enough, and src was not
        at work with any device while normal was learned."""
        since = self.watched_since(dst)
        return since is not None and since <= self.horizon(at_ns) and self._late_hosts.get(src, True) and self.is_settled(at_ns)

    def is_asking(self, src: int, dst: int, at_ns: int) -> bool | None:
        """Whether requests of src to dst are seen at all; None while that may still come."""
        return self._holds(self._asking.get((src, dst)), at_ns)

    def is_responding(self, dst: int, at_ns: int) -> bool | None:
        """Whether responses of dst to anybody had been seen; None while they may still come."""
        return self._holds(self._responding.get(dst), at_ns)

    def first_command_ns(self, src: int, dst: int) -> int | None:
        """When src first changed something in dst."""
        row = self._commands.get((src, dst))
        return self._time("first_ns", row) if row is not None else None

    def rate(self, behaviour: int, at_ns: int) -> float | None:
        """How often a second a message was sent, if it was at one rate from the beginning: who sends it all the time has not begun it cycles after
        the observation did. None otherwise."""
        first, second, third = (self._time(name, behaviour) for name in ("first_ns", "second_ns", "third_ns"))
        late = first - (self.ot_first_ns or 0)
        if not third or third > self.horizon(at_ns) or late >= COLD_START_NS or late > max(2 * (third - first), _STARTS_WITHIN_NS):
            return None
        longest = max(second - first, third - second)
        if longest <= 0 or abs((third - second) - (second - first)) > _UNEVEN * longest:
            return None
        return 2e9 / (third - first)

    @property
    def cold_until_ns(self) -> int:
        """When the cold start is over."""
        return (self.ot_first_ns or 0) + COLD_START_NS

    def began_late(self, behaviour: int) -> bool:
        """Whether a message was sent for the first time after the cold start."""
        return self._time("first_ns", behaviour) >= self.cold_until_ns

    def late_questions(self, behaviours: Numbers) -> npt.NDArray[np.bool_]:
        """Which questions came when their pair had long asked the same."""
        found: npt.NDArray[np.bool_] = self._late_questions[behaviours]
        return found

    def is_new_question(self, src: int, dst: int, behaviour: int) -> bool | None:
        """Whether src, that had long asked dst the same, asked this for the first time; None when nothing is known of the pair from before."""
        times = self._question_times.get((src, dst))
        if times is None or (src, dst) not in self._pairs or self._came_late((src, dst)):
            return None
        return bool(self._late_questions[behaviour])

    # where controllers are

    def is_controller(self, address: int, at_ns: int) -> bool | None:
        """Whether requests were sent to it; None while that may still come."""
        return self._holds(self._controllers.get(address), at_ns)

    def is_ot_network(self, network: tuple[int, int], at_ns: int) -> bool | None:
        """Whether it holds a controller; None while that may still come."""
        return self._holds(self._networks.get(network), at_ns)

    def _holds(self, row: int | None, at_ns: int) -> bool | None:
        if row is not None and self._time("first_ns", row) <= self.horizon(at_ns):
            return True
        return None if self.waits(at_ns) else False

    # what is new

    def is_new_talk(self, src: int, dst: int, protocol: int) -> bool | None:
        """Whether src first spoke this protocol to dst after normal was learned; None when that cannot be told."""
        talk = self._talks.get((src, dst, protocol))
        return None if talk is None else self._new(talk)

    def is_new_verb(self, src: int, dst: int, protocol: int, action: Action) -> bool | None:
        """Whether src spoke to dst before normal was learned, and did this kind of action only after it."""
        talk, verb = self._talks.get((src, dst, protocol)), self._arrivals.get((src, dst, protocol, _VERB_NUMBERS[VERBS[action]]))
        if talk is None or verb is None:
            return None
        new = self._new(verb)
        return None if new is None else new and not talk.late

    def _new(self, arrival: _Arrival) -> bool | None:
        when = self._time("first_ns", arrival.row)
        return arrival.late if self.is_settled(when) else None

    def is_settled(self, at_ns: int) -> bool:
        """Whether enough polling had been seen at the time of a row to call its source unknown."""
        settled = self.settled_ns()
        return self.learning.until_ns is not None or (settled is not None and settled <= self.horizon(at_ns))

    def settled_ns(self) -> int | None:
        """The packet time from which OT protocols have been seen for long enough, somebody polling among them."""
        if self._settled_ns is None and not self._settled_asked and self.ot_first_ns is not None:
            self._settled_asked = True
            found = min((since for key in self._first_pairs() if (since := self._since(key)) is not None), default=None)
            if found is not None and max(found, self.ot_first_ns + self.learning.needs_ns) <= self.now_ns:
                self._settled_ns = max(found, self.ot_first_ns + self.learning.needs_ns)
        return self._settled_ns

    def _first_pairs(self) -> Iterator[tuple[int, int]]:
        for key, _ in zip(self._pairs, range(_COMPARED), strict=False):
            yield key

    @property
    def usable(self) -> bool:
        """Whether by now enough was seen to call somebody new."""
        return self.learning.until_ns is not None or self.settled_ns() is not None

    @property
    def span_ns(self) -> int:
        """How long the observation has lasted."""
        return max(0, self.now_ns - self.first_ns)

    def learned_until_ns(self, at_ns: int) -> int:
        """Up to when what came counted as normal, as it was known at a time."""
        if self.learning.until_ns is not None:
            return self.learning.until_ns
        before = self._order[: bisect_right(self._order, at_ns, key=lambda entry: entry[0])]
        last = next((when for when, _, arrival in reversed(before) if not arrival.late), 0)
        return max(last, (self.ot_first_ns or 0) + COLD_START_NS)


def _grouped(host: Numbers, device: Numbers, rows: Numbers, most: int = _QUESTIONS) -> Iterator[tuple[tuple[int, int], list[int]]]:
    """Rows by (host, device), in order, at most so many of each."""
    if not len(host):
        return
    packed = host << 32 | device & 0xFFFFFFFF
    order = np.argsort(packed, kind="stable")
    starts = np.flatnonzero(np.diff(packed[order], prepend=packed[order[0]] - 1))
    for low, high in zip(starts.tolist(), [*starts.tolist()[1:], len(order)], strict=True):
        at = order[low]
        yield (int(host[at]), int(device[at])), rows[order[low : min(high, low + most)]].tolist()
