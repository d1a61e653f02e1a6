"""What became of connections, three seconds of packet time after an event of theirs: answered, carried data, sent data; or not observable.

"No" needs proof that a "yes" would have been seen. An answer would have been seen where this tap shows answers to the host that waits for it: those
of others, or, of a host that nobody ever answers, those to others here. A connection whose client goes on to send data was answered, whether the tap
shows it or not. Everything is read with its packet time, so that no verdict depends on how the packets were cut into batches.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from otwatch.batch import Batch
from otwatch.tables import Flows
from otwatch.vocabulary import DirectionHow, FlowEvent

Numbers = npt.NDArray[np.int64]
# What a flow had done: when it was first answered, refused, sent data to the server, to the client (-1 not yet); flags to the server; DirectionHow.
Done = tuple[int, int, int, int, int, int]

DECIDED_NS: Final = 3_000_000_000  # what has not come by then is taken for missing: two retransmissions of a SYN (RFC 6298) would have
STANDING: Final = 10  # targets that a source waits for in vain at the end of what was seen: no connection is that unlucky
FIRSTS: Final = ("answered_ns", "refused_ns", "data_to_server_ns", "data_to_client_ns")
_ENDED_COLUMNS: Final = 11
_OLD_COLUMNS: Final = 9  # of a checkpoint that does not know when the flow was last heard, nor the flags of its server
_COLUMNS: Final = (*FIRSTS, "packets_to_server", "tcp_flags_to_server", "ip_protocol", "direction_how")
_ENDED_AT: Final = len(_COLUMNS)  # behind these: when it ended, when it was last heard, the flags of its server
_REMEMBERED: Final = 65_536  # hosts that were answered, pairs that were
_TCP: Final = 6
_OVER: Final = 0x05  # FIN, RST
_ACK: Final = 0x10
_EVER: Final = 2**62
_UNSEEN: Final = (-1, -1, -1, -1, 1, 0, _TCP, 0, 0, _EVER, 0)  # of a flow that is not remembered: nothing can be told of it
_MANY_TIMES: Final = 10  # so many connections seen both ways for each of which one direction is missing: the tap shows both
_UNKNOWN, _NO, _YES = 0, 1, 2


def unpacked(code: int) -> tuple[bool | None, bool | None, bool | None]:
    """answered, carried_data and sent_data (fields.OUTCOMES) of an outcome: two bits for each, 0 not observable, 1 no, 2 yes."""
    words = (None, False, True)
    return words[code & 3], words[code >> 2 & 3], words[code >> 4 & 3]


@dataclass(slots=True)
class _Opened:
    """The TCP connections that opened in one batch, until it is known whether this tap showed both directions of them."""

    due_ns: Numbers
    slots: Numbers
    numbers: Numbers


class Outcomes:
    """What this tap shows of connections, and what became of each."""

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._remembered = max(1, min(remembered, _REMEMBERED))
        self.answered_since: dict[int, int] = {}  # host -> when it was first seen to be answered
        self.talked: dict[tuple[int, int], None] = {}  # (client, server) of answered connections
        self.silent: dict[int, set[tuple[int, int]]] = {}  # client -> the first targets (server, port) that it waited for in vain
        self.both_ways = 0  # TCP connections of which both directions were seen
        self.one_way = 0  # of which one direction is missing beyond doubt
        self.before: dict[int, Done] = {}  # number of a flow that went on after a restart -> what it had done before
        self.ended: dict[int, array[int]] = {}  # number of a closed flow -> its row, while an event of it waits
        self._opened: list[_Opened] = []
        self._answers: list[Numbers] = []  # times at which TCP connections of this batch were answered
        self._tally: tuple[Numbers, Numbers, Numbers] = self._counted([], [], [])

    def state(self, flows: Flows, waited_for: Iterable[int]) -> dict[str, Any]:
        """As plain data: what is known of this tap, and of the flows that are waited for, by number."""
        numbers = [*set(waited_for).union(*(one.numbers.tolist() for one in self._opened))]
        alive = {int(number): slot for slot, number in enumerate(flows.array("number").tolist())}
        slots = np.array([alive.get(number, -1) for number in numbers], np.int64)
        rows = self.rows(flows, slots, np.array(numbers, np.int64)).tolist() if numbers else []
        return {
            "answered_since": [[*pair] for pair in self.answered_since.items()],
            "talked": [[*pair] for pair in self.talked],
            "silent": [[client, [*map(list, sorted(targets))]] for client, targets in self.silent.items()],
            "counts": [self.both_ways, self.one_way],
            "opened": [[due, number] for one in self._opened for due, number in zip(one.due_ns.tolist(), one.numbers.tolist(), strict=True)],
            "flows": [[number, *row] for number, row in zip(numbers, rows, strict=True)],
        }

    def resume(self, state: dict[str, Any], renumbered: Callable[[int], int], alive: dict[int, int]) -> None:
        """Goes on from `state`, in a process in which flows have other numbers; `alive`: slots of those that are still here, by number."""
        self.answered_since.update((int(host), int(time)) for host, time in state["answered_since"])
        self.talked.update(((int(client), int(server)), None) for client, server in state["talked"])
        self.silent.update((int(client), {(int(server), int(port)) for server, port in targets}) for client, targets in state["silent"])
        self.both_ways, self.one_way = map(int, state["counts"])
        self._tally = self._counted([], [], [])
        opened = [(int(due), renumbered(int(number))) for due, number in state["opened"]]
        if opened:
            due, numbers = (np.array(column, np.int64) for column in zip(*opened, strict=True))
            self._opened.append(_Opened(due, np.array([alive.get(number, -1) for number in numbers.tolist()], np.int64), numbers))
        for number, *row in state["flows"]:
            row += _UNSEEN[_OLD_COLUMNS:] if len(row) == _OLD_COLUMNS else ()
            if len(row) != _ENDED_COLUMNS:
                raise ValueError("no row of a flow")
            if renumbered(int(number)) not in alive:
                self.ended[renumbered(int(number))] = array("q", map(int, row))

    def assume_both_directions(self) -> None:
        """This tap shows both directions: of hand-made rows that is said, not seen."""
        self.both_ways += 1
        self._tally = self._counted([], [], [])

    def feed(self, batch: Batch) -> None:
        """Notes the events of a batch."""
        events, flows = batch.flow_events, batch.flows
        kinds, slots, times = events.array("kind"), events.array("flow"), events.array("timestamp_ns")
        answers = np.flatnonzero(kinds == int(FlowEvent.ANSWERED))
        if len(answers):
            clients, servers = (flows.array(name)[slots[answers]] for name in ("client", "server"))
            for time, client, server in zip(times[answers].tolist(), clients.tolist(), servers.tolist(), strict=True):
                if (client, server) not in self.talked:
                    self._talk(client, server, time)
            self._answers.append(times[answers[flows.array("ip_protocol")[slots[answers]] == _TCP]].astype(np.int64))
        opened = np.flatnonzero(kinds == int(FlowEvent.OPENED))
        opened = opened[flows.array("ip_protocol")[slots[opened]] == _TCP]
        if self.before and len(opened):  # these opened before the restart
            opened = opened[~np.isin(flows.array("number")[slots[opened]], np.fromiter(self.before, np.int64))]
        if len(opened):
            self._opened.append(_Opened(times[opened] + DECIDED_NS, slots[opened].astype(np.int64), flows.array("number")[slots[opened]].copy()))

    def _talk(self, client: int, server: int, time: int) -> None:
        if (client, server) in self.talked:
            return
        self._make_room(self.answered_since)
        self._make_room(self.talked)
        self.talked[client, server] = None
        for host in (client, server):
            self.answered_since.setdefault(host, time)

    def _make_room(self, known: dict[Any, Any]) -> None:
        """The older half goes when there are too many."""
        if len(known) >= self._remembered:
            for old in list(islice(known, max(1, len(known) // 2))):
                del known[old]

    def close(self, flows: Flows, closed: Numbers, waited_for: set[int], now_ns: int) -> None:
        """Keeps the rows of closed flows of which an event waits; call it after `settle` of the same batch."""
        numbers = waited_for.union(*(one.numbers.tolist() for one in self._opened))
        for number in [number for number in self.ended if number not in numbers]:
            del self.ended[number]
        kept = [slot for slot, number in zip(closed.tolist(), flows.array("number")[closed].tolist(), strict=True) if number in numbers]
        if kept:
            slots = np.array(kept, np.int64)
            names = flows.array("number")[slots]
            for number, row in zip(names.tolist(), self.rows(flows, slots, names).tolist(), strict=True):
                self.ended[number] = array("q", (*row[:_ENDED_AT], now_ns, *row[_ENDED_AT + 1 :]))

    def done(self, flows: Flows, slot: int, number: int) -> Done:
        """What a flow had done, for the process that goes on with it."""
        answered, refused, to_server, to_client, _, flags, _, how = self.rows(flows, np.array([slot]), np.array([number]))[0].tolist()[:_ENDED_AT]
        return answered, refused, to_server, to_client, flags, how

    def rows(self, flows: Flows, slots: Numbers, numbers: Numbers) -> Numbers:
        """(flows, columns, when it ended, when it was last heard, flags of its server): what each flow had done, whether it is open or ended."""
        table = flows.array("number")
        alive = (slots >= 0) & (slots < len(table))
        alive[alive] = table[slots[alive]] == numbers[alive]  # a process that goes on from a checkpoint has no flow at first
        here = slots[alive]
        found = np.full((len(slots), _ENDED_COLUMNS), _EVER, np.int64)
        for column, name in enumerate(_COLUMNS):
            found[alive, column] = flows.array(name)[here]
        for column, name in enumerate(("last_ns", "tcp_flags_to_client"), _ENDED_AT + 1):
            found[alive, column] = flows.array(name)[here]
        for at in np.flatnonzero(~alive).tolist():
            found[at] = self.ended.get(int(numbers[at]), _UNSEEN)
        if self.before:
            for at, number in enumerate(numbers.tolist()):
                known = self.before.get(number)
                if known is not None:
                    firsts = zip(known[:4], found[at, :4].tolist(), strict=True)
                    found[at, :4] = [min(old, new) if old >= 0 and new >= 0 else max(old, new) for old, new in firsts]
                    found[at, 4] += 1
                    found[at, 5] |= known[4]
                    found[at, 7] = max(known[5], found[at, 7])  # the handshake is the most that can be known
                    if found[at, 0] < 0 and alive[at] and flows.packets_to_client[slots[at]]:
                        found[at, 0] = flows.first_ns[slots[at]]
        return found

    @property
    def pending(self) -> bool:
        """Whether a connection is still too young to be counted."""
        return bool(self._opened)

    def settle(self, flows: Flows, now_ns: int, *, final: bool = False) -> None:
        """Counts what this tap shows of the connections that are old enough by now."""
        if not self._opened and not self._answers:
            if len(self._tally[0]) > 1:
                self._tally = self._counted([], [], [])
            return
        due = self._answers
        both = [np.ones(len(times), np.int64) for times in due]
        one = [np.zeros(len(times), np.int64) for times in due]
        self._answers = []
        left = []
        for opened in self._opened:
            ready = (opened.due_ns < now_ns) | final
            if ready.any():
                rows = self.rows(flows, opened.slots[ready], opened.numbers[ready])
                when = opened.due_ns[ready]
                refused = _by(rows[:, 1], when)
                due.append(when)
                both.append(refused.astype(np.int64))
                one.append((~refused & ~_by(rows[:, 0], when) & (_by(rows[:, 2], when) | (rows[:, 4] == 0))).astype(np.int64))
            if not ready.all():
                left.append(_Opened(opened.due_ns[~ready], opened.slots[~ready], opened.numbers[~ready]))
        self._opened = left
        self._tally = self._counted(due, both, one)
        self.both_ways, self.one_way = int(self._tally[1][-1]), int(self._tally[2][-1])

    def _counted(self, due: list[Numbers], both: list[Numbers], one: list[Numbers]) -> tuple[Numbers, Numbers, Numbers]:
        """Times of decisions in order, and how many connections were seen both ways and one way by then."""
        first = np.array([-_EVER])
        times = np.concatenate([first, *due])
        order = np.argsort(times, kind="stable")
        counts = [np.cumsum(np.concatenate([[start], *flags])[order]) for flags, start in ((both, self.both_ways), (one, self.one_way))]
        return times[order], counts[0], counts[1]

    def decide(
        self, flows: Flows, slots: Numbers, numbers: Numbers, clients: Numbers, servers: Numbers, ports: Sequence[int], due: Numbers, final_ns: int
    ) -> Numbers:
        """The packed outcome of each event at its time `due`; of what was seen only until `final_ns`, as far as it is known by then."""
        rows = self.rows(flows, slots, numbers)
        answered, refused, to_server, to_client = (_by(rows[:, at], due) for at in range(4))
        tcp = rows[:, 6] == _TCP
        asked = rows[:, 4] > 0  # the client's side was seen
        by_handshake = rows[:, 7] == int(DirectionHow.HANDSHAKE)
        went_on = tcp & to_server & ~answered  # its client goes on: somebody answered, unseen
        since = np.array([self.answered_since.get(client, _EVER) for client in clients.tolist()], np.int64)
        at = np.searchsorted(self._tally[0], due, side="right") - 1
        shown = (since <= due) | (self._tally[1][at] > self._tally[2][at] * _MANY_TIMES)
        waiting = tcp & asked & ~answered & ~refused & ~to_server
        ripe = due < np.minimum(rows[:, 8], final_ns)
        if not ripe.all():
            ripe |= (tcp & asked & ~answered & (rows[:, 4] > 1)) | refused | self._standing(clients, servers, ports, waiting)
        silent = asked & ~answered & ~went_on & (refused | shown & ripe)
        for row in np.flatnonzero(silent).tolist():
            self._make_room(self.silent)
            known = self.silent.setdefault(int(clients[row]), set())
            if len(known) < STANDING:
                known.add((int(servers[row]), ports[row]))
        # A connection that was accepted and stays open may yet be used: a master connects first and asks when its cycle comes round.
        over = ((rows[:, 5] | rows[:, 10]) & _OVER != 0) & (rows[:, 9] <= due)
        idle = answered & asked & (by_handshake & over | ~tcp & ripe) & ~(to_server & to_client)
        code = np.where(answered | to_client | went_on | tcp & ~asked & by_handshake, _YES, np.where(silent, _NO, _UNKNOWN))
        code |= np.where(to_server & to_client, _YES, np.where(silent | idle, _NO, _UNKNOWN)) << 2
        used = answered | (rows[:, 5] & _ACK != 0)  # the client's acknowledgement shows an answer that the tap does not
        unsent = asked & (by_handshake & (over | ripe & ~used) | ~tcp & ripe)
        code |= np.where(to_server, _YES, np.where(unsent, _NO, _UNKNOWN)) << 4
        return code

    def _standing(self, clients: Numbers, servers: Numbers, ports: Sequence[int], waiting: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Those whose client waits for many targets at once, of which none ever answered it."""
        targets: dict[int, set[tuple[int, int]]] = {}
        found = np.zeros(len(clients), np.bool_)
        standing = [at for at in np.flatnonzero(waiting).tolist() if (int(clients[at]), int(servers[at])) not in self.talked]
        for at in standing:
            client = int(clients[at])
            targets.setdefault(client, set(self.silent.get(client, ()))).add((int(servers[at]), ports[at]))
        for at in standing:
            found[at] = len(targets[int(clients[at])]) >= STANDING
        return found


def _by(times: Numbers, when: Numbers) -> npt.NDArray[np.bool_]:
    """Which times are there, and not later than these."""
    result: npt.NDArray[np.bool_] = (times >= 0) & (times <= when)
    return result
