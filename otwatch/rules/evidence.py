"""Messages kept as evidence: their ports, cards and decoded values, and what the device answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from otwatch.actions import Role
from otwatch.alerts.findings import Sample
from otwatch.batch import Batch
from otwatch.rules.context import Context
from otwatch.tables import Flows

_WATCHED: Final = 4_096  # requests whose answer is waited for


class Evidence:
    """Makes samples, and waits for the answers to the requests among them."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.watched: dict[tuple[int, int], list[Sample]] = {}  # slot of the flow, frame of the request
        self._frames: np.ndarray[Any, Any] | None = None

    def sample(self, batch: Batch, index: int, behaviour: int) -> Sample:
        """One operation as evidence; from now on its answer is waited for."""
        operations = batch.operations
        flow, frame = int(operations.flow[index]), int(operations.frame[index])
        actor = int(batch.behaviours.source[behaviour])
        sample = Sample(
            behaviour,
            int(operations.timestamp_ns[index]),
            frame,
            batch.file,
            flow,
            ports=self.ports(batch.flows, flow, actor),
            macs=self.macs(batch.flows, flow, actor),
            value=self.value(batch, index),
            watched=True,
        )
        if operations.role[index] == int(Role.REQUEST):
            if len(self.watched) >= _WATCHED:
                self.watched.pop(next(iter(self.watched)))
            self.watch(flow, frame, sample)
        elif operations.role[index] == int(Role.RESPONSE):
            sample.answers, sample.refusals = int(operations.status[index] == 0), int(operations.status[index] != 0)
        return sample

    def watch(self, flow: int, frame: int, sample: Sample) -> None:
        """Waits for the answer to a request."""
        self.watched.setdefault((flow, frame), []).append(sample)
        self._frames = None

    def value(self, batch: Batch, index: int) -> Any:
        """The decoded value of an operation, None when it has none."""
        operations = batch.operations
        kind, at, length = int(operations.value_kind[index]), int(operations.value_at[index]), int(operations.value_length[index])
        protocol = int(operations.protocol[index])
        if not kind or not 0 < protocol <= len(self.context.protocols):
            return None
        return self.context.protocols[protocol - 1].value(kind, batch.octets.tobytes(at, at + length), operations.row(index))

    def ports(self, flows: Flows, flow: int, actor: int) -> tuple[int, int]:
        """Port of who acted, and of whom it hit."""
        if not 0 <= flow < flows.rows:
            return -1, -1
        ports = int(flows.client_port[flow]), int(flows.server_port[flow])
        return ports if flows.client[flow] == actor else ports[::-1]

    def macs(self, flows: Flows, flow: int, actor: int) -> tuple[int, int]:
        """Network card of who acted, and of whom it hit."""
        if not 0 <= flow < flows.rows:
            return -1, -1
        macs = int(flows.mac_client[flow]), int(flows.mac_server[flow])
        return macs if flows.client[flow] == actor else macs[::-1]

    def answers(self, batch: Batch) -> None:
        """Responses to the requests that were kept as evidence."""
        operations = batch.operations
        if not self.watched or not operations.rows:
            return
        if self._frames is None:
            self._frames = np.fromiter((frame for _, frame in self.watched), np.int64, len(self.watched))
        responses = np.nonzero(operations.array("role") == int(Role.RESPONSE))[0]
        answered: dict[tuple[int, int], int] = {}
        for index in responses[np.isin(operations.array("request_frame")[responses], self._frames)].tolist():
            key = int(operations.flow[index]), int(operations.request_frame[index])
            for sample in self.watched.get(key, ()):
                if answered.setdefault(key, int(operations.frame[index])) != operations.frame[index]:
                    continue  # the first response decides, wherever batches are cut
                if operations.status[index]:
                    sample.refusals += 1
                else:
                    sample.answers += 1
        for key in answered:  # all items of a response end in one packet, hence in one batch
            del self.watched[key]
            self._frames = None

    def forget(self, closed: Sequence[int]) -> None:
        """These flows are over."""
        if not self.watched:
            return
        slots = set(closed)
        for key in [key for key in self.watched if key[0] in slots]:
            del self.watched[key]
            self._frames = None
