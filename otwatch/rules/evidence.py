"""Messages kept as evidence: their ports, cards and decoded values, and what the device answered."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from otwatch.actions import CHANGING, Role
from otwatch.alerts.findings import Sample
from otwatch.batch import Batch
from otwatch.groups import distinct
from otwatch.rules.context import Context
from otwatch.rules.points import Points
from otwatch.tables import Flows

_COMMANDS: Final = frozenset(int(action) for action in CHANGING)
_REQUEST: Final = int(Role.REQUEST)
_RESPONSE: Final = int(Role.RESPONSE)
_WATCHED: Final = 4_096  # requests whose answer is waited for, and as many that had theirs, of which a second answer is noticed


class _Columns:
    """The columns of one batch that samples are made of, and what was made of them: of one message one sample, whatever wants it."""

    def __init__(self, batch: Batch) -> None:
        operations = batch.operations

        def array(name: str) -> np.ndarray[Any, Any]:
            return np.asarray(getattr(operations, name))  # with the rows of a batch that is over: a window may still want one of them at the end

        self.flow, self.frame, self.timestamp_ns = array("flow"), array("frame"), array("timestamp_ns")
        self.item, self.transaction, self.role, self.action = array("item"), array("transaction"), array("role"), array("action")
        self.status, self.contradicts, self.value_kind = array("status"), array("contradicts"), array("value_kind")
        self.source = batch.behaviours.array("source")
        self.sides: dict[tuple[int, int], tuple[tuple[int, int, int], tuple[int, int]]] = {}  # flow, actor -> ports, network cards
        self.samples: dict[tuple[int, int, int], Sample] = {}  # row, behaviour, epoch of the finding


class _Asked:
    """Samples by their request (slot of the flow, frame): the oldest request makes room, and those of a flow that is over go together."""

    def __init__(self) -> None:
        self.samples: OrderedDict[tuple[int, int], list[Sample]] = OrderedDict()
        self._frames: dict[int, set[int]] = {}  # slot of a flow -> its requests

    def add(self, key: tuple[int, int], samples: Sequence[Sample]) -> None:
        """More samples of a request."""
        self.samples.setdefault(key, []).extend(samples)
        self._frames.setdefault(key[0], set()).add(key[1])

    def pop(self, key: tuple[int, int]) -> list[Sample]:
        """Gives up a request."""
        frames = self._frames[key[0]]
        frames.discard(key[1])
        if not frames:
            del self._frames[key[0]]
        return self.samples.pop(key)

    def make_room(self, most: int) -> None:
        """The oldest requests beyond so many go."""
        while len(self.samples) > most:
            self.pop(next(iter(self.samples)))

    def forget(self, flows: set[int]) -> bool:
        """These flows are over. Whether there was a request of them."""
        over = self._frames.keys() & flows
        for flow in over:
            for frame in self._frames.pop(flow):
                del self.samples[flow, frame]
        return bool(over)


class Evidence:
    """Makes samples, and waits for the answers to the requests among them."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.points = Points(context)
        self._watched = _Asked()  # whose answer is waited for
        self._answered = _Asked()  # those that had their answer
        self._frames: np.ndarray[Any, Any] | None = None
        self._columns: _Columns | None = None

    def begin(self) -> None:
        """The tables have changed: another batch."""
        self._columns = None

    def sample(self, batch: Batch, index: int, behaviour: int, epoch: int) -> Sample:
        """One operation as evidence, one and the same for all findings in that epoch; from now on its answer is waited for."""
        columns = self._columns
        if columns is None:
            columns = self._columns = _Columns(batch)
        key = index, behaviour, epoch
        found = columns.samples.get(key)
        if found is None:
            found = columns.samples[key] = self._sample(columns, batch, index, behaviour)
        return found

    def _sample(self, columns: _Columns, batch: Batch, index: int, behaviour: int) -> Sample:
        flow, frame, role = columns.flow.item(index), columns.frame.item(index), columns.role.item(index)
        seen = flow, columns.source.item(behaviour)
        sides = columns.sides.get(seen)
        if sides is None:
            sides = columns.sides[seen] = self.ports(batch.flows, *seen), self.macs(batch.flows, *seen)
        macs = sides[1]
        if index in batch.other_cards:  # of a sender's card; of who acted, where it was no response
            own = batch.other_cards[index][1]
            macs = (macs[0], own) if role == _RESPONSE else (own, macs[1])
        sample = Sample(
            behaviour,
            columns.timestamp_ns.item(index),
            frame,
            batch.file,
            flow,
            ports=sides[0],
            macs=macs,
            value=self.value(batch, index) if columns.value_kind.item(index) else None,
            watched=True,
            item=columns.item.item(index),
            transaction=columns.transaction.item(index),
        )
        if role == _REQUEST:
            if columns.action.item(index) in _COMMANDS and (before := self.points.before(batch, index, behaviour)) is not None:
                sample.before, sample.before_frame = before.value, before.frame
            sample.watched = self.is_answered(batch, index)
            self._watched.make_room(_WATCHED - 1)
            self.watch(flow, frame, sample)
        elif role == _RESPONSE:
            refused = columns.status.item(index) != 0
            sample.answers, sample.refusals = int(not refused), int(refused)
        return sample

    @property
    def watched(self) -> Mapping[tuple[int, int], list[Sample]]:
        """(slot of the flow, frame) of the requests whose answer is waited for -> what was kept of them."""
        return self._watched.samples

    def watch(self, flow: int, frame: int, sample: Sample) -> None:
        """Waits for the answer to a request."""
        self._watched.add((flow, frame), (sample,))
        self._frames = None

    def value(self, batch: Batch, index: int) -> Any:
        """The decoded value of an operation, None when it has none."""
        operations = batch.operations
        kind, at, length = int(operations.value_kind[index]), int(operations.value_at[index]), int(operations.value_length[index])
        protocol = int(operations.protocol[index])
        if not kind or not 0 < protocol <= len(self.context.protocols):
            return None
        return self.context.protocols[protocol - 1].value(kind, batch.octets.tobytes(at, at + length), operations.row(index))

    def ports(self, flows: Flows, flow: int, actor: int) -> tuple[int, int, int]:
        """Port of who acted, and of whom it hit, and the IP protocol."""
        if not 0 <= flow < flows.rows:
            return -1, -1, -1
        ports = int(flows.client_port[flow]), int(flows.server_port[flow])
        one, other = ports if flows.client[flow] == actor else ports[::-1]
        return one, other, int(flows.ip_protocol[flow])

    def macs(self, flows: Flows, flow: int, actor: int) -> tuple[int, int]:
        """Network card of who acted, and of whom it hit."""
        if not 0 <= flow < flows.rows:
            return -1, -1
        macs = int(flows.mac_client[flow]), int(flows.mac_server[flow])
        return macs if flows.client[flow] == actor else macs[::-1]

    def is_answered(self, batch: Batch, index: int) -> bool:
        """Whether a request is of those that get an answer: not a broadcast, and none that forgoes it."""
        operations = batch.operations
        protocol = operations.protocol[index]
        if not 0 < protocol <= len(self.context.protocols):
            return True
        row = {"unit": operations.unit[index], "function": operations.function[index], "subfunction": operations.subfunction[index]}
        return bool(self.context.protocols[protocol - 1].is_answered(row))

    def answers(self, batch: Batch) -> None:
        """Responses to the requests that were kept as evidence: what each says to each item."""
        operations = batch.operations
        watched = self.watched
        if not operations.rows or not (watched or self._answered.samples):
            return
        responses = np.nonzero(operations.array("role") == _RESPONSE)[0]
        if watched:
            if self._frames is None:
                self._frames = distinct(np.fromiter((frame for _, frame in watched), np.int64, len(watched)))
            frames = operations.array("request_frame")[responses]
            near = (frames >= self._frames[0]) & (frames <= self._frames[-1])  # what nobody answers is soon older than all that is answered
            waited = responses[near][np.isin(frames[near], self._frames)] if near.any() else responses[:0]
            said: dict[tuple[int, int], dict[tuple[int, int], list[int]]] = {}  # request -> response (frame, transaction) -> rows
            names = ("flow", "request_frame", "frame", "transaction")
            for index, flow, request, *answer in zip(waited.tolist(), *(operations.array(name)[waited].tolist() for name in names), strict=True):
                if (flow, request) in watched:
                    said.setdefault((flow, request), {}).setdefault((answer[0], answer[1]), []).append(index)
            if said:
                columns = self._columns
                if columns is None:
                    columns = self._columns = _Columns(batch)
                for key, found in said.items():
                    self._decide(columns, key, found)
                self._frames = None
                self._answered.make_room(_WATCHED)
        if self._answered.samples:
            self._contradict(batch, responses)

    def _decide(self, columns: _Columns, key: tuple[int, int], said: dict[tuple[int, int], list[int]]) -> None:
        """The first response to each of the requests of a packet decides; all its items are in one packet, hence in one batch."""
        left = []
        single = next(iter(said.values())) if len(said) == 1 else None
        for sample in self._watched.pop(key):
            rows = single if single is not None else _own(said, sample)
            if not rows:
                left.append(sample)
                continue
            # A response of one row speaks of the request as a whole, as a refusal does.
            index = rows[0]
            if len(rows) > 1 and sample.item >= 0:
                index = next((row for row in rows if columns.item.item(row) == sample.item), -1)
            if index >= 0:
                if columns.contradicts.item(index):
                    sample.contradictions += 1
                elif columns.status.item(index):
                    sample.refusals += 1
                else:
                    sample.answers += 1
                sample.watched = True  # a unit 0 that answers is no broadcast
            self._answered.add(key, (sample,))
        if left:
            self._watched.add(key, left)

    def _contradict(self, batch: Batch, responses: np.ndarray[Any, Any]) -> None:
        """A second, different answer contradicts the first, whichever is the true one."""
        operations = batch.operations
        for index in responses[operations.array("contradicts")[responses] != 0].tolist():
            for sample in self._answered.samples.get((int(operations.flow[index]), int(operations.request_frame[index])), ()):
                if not sample.contradictions and (sample.item < 0 or sample.item == operations.item[index]):
                    sample.contradictions += 1

    def forget(self, closed: Sequence[int]) -> None:
        """These flows are over."""
        flows = set(closed)
        if self._watched.forget(flows):
            self._frames = None
        self._answered.forget(flows)


def _own(said: dict[tuple[int, int], list[int]], sample: Sample) -> list[int]:
    """The rows of the first response to this request of a packet."""
    own = [rows for (_, transaction), rows in said.items() if transaction == sample.transaction]
    return (own or list(said.values()))[0] if own or len({transaction for _, transaction in said}) == 1 else []
