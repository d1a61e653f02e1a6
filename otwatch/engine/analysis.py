"""The analysis of capture files: every batch through the pipeline, then to the inventory, the rules and whoever else listens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from otwatch.alerts.alert import Alert
from otwatch.alerts.coverage import Verdict, coverage
from otwatch.alerts.incidents import Incident
from otwatch.batch import Batch
from otwatch.capture.files import open_capture
from otwatch.capture.report import CaptureReport
from otwatch.engine.figures import AnalysisFigures
from otwatch.engine.kinds import anomaly_kinds, anomaly_name, layer_name
from otwatch.engine.pipeline import Pipeline
from otwatch.engine.summary import Summary, protocol_counts
from otwatch.engine.visibility import Unread, blind_spots, unread, unreadable_files
from otwatch.errors import CaptureError
from otwatch.inventory.asset import Asset
from otwatch.inventory.inventory import Inventory, Places
from otwatch.limits import Limits
from otwatch.names import NAMES
from otwatch.outputs.records import anomaly_record
from otwatch.outputs.result import BlindSpot, Check, Result
from otwatch.vocabulary import Sealed

_BATCHES_BETWEEN = 64  # looking for addresses that nothing names, when all are named: a fraction of a microsecond a packet
_FIRST_PACKETS = 1024  # of the first batch of a file, while it is not known how many rows a packet makes
_FEWEST_PACKETS = 128
_MOST_ROWS = 65_536  # operations of one batch, about: their columns take 12 MB
_SAME_RECORDING_NS = 5_000_000_000  # a file that starts this soon after the last one ended is the same recording, rotated


class Listener(Protocol):
    """Whoever reads the tables of every batch."""

    def feed(self, batch: Batch) -> None:
        """Called once per batch; the tables are overwritten by the next."""


class Detector(Listener, Protocol):
    """The rules, as the analysis sees them."""

    def finish(self, now_ns: int) -> None:
        """The capture is over: open windows are closed."""

    def alerts(self) -> list[Alert]:
        """All incidents, gravest first."""

    def incidents(self) -> list[Incident]:
        """What the alerts are together, gravest first."""

    def addresses_in_use(self) -> set[int]:
        """Ids of the addresses that they still refer to."""

    def verdicts(self, unread: Unread) -> dict[str, Verdict]:
        """Rule id -> how far it could be judged."""

    def checks(self, alerts: Sequence[Alert], verdicts: Mapping[str, Verdict]) -> list[Check]:
        """Every rule that was looked for, how often it fired, and whether it could be judged."""


class Analysis:
    """One analysis over any number of captures."""

    def __init__(self, limits: Limits, *, listeners: Sequence[Listener] = ()) -> None:
        self.limits = limits
        self.pipeline = Pipeline(limits)
        self.inventory = Inventory(self.pipeline.addresses, self.pipeline.protocols, limits)
        self.summary = Summary(limits)
        self.detector: Detector | None = None
        self.site: Places | None = None
        self.listeners: list[Listener] = list(listeners)
        self.kinds = anomaly_kinds(self.pipeline.protocols)
        self.captures: list[CaptureReport] = []
        self.unreadable: list[str] = []
        self.operations = 0
        self.stopped = False  # before the end of what was to be read
        self.last_ns: int | None = None  # time of the last packet of the last file
        self._names_lost = NAMES.lost
        self._patience = 0  # batches until addresses are forgotten again

    def run(
        self,
        paths: Sequence[str],
        *,
        on_progress: Callable[[str, int, int | None], None] | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Reads captures in the given order. One that cannot be read is noted in `unreadable`, and the others are read."""
        for path in paths:
            if self.stopped:
                break
            try:
                self.last_ns = self._read(path, self.last_ns, on_progress, stop)
            except CaptureError as error:
                self.unreadable.append(str(error))

    def _read(
        self, path: str, last_ns: int | None, on_progress: Callable[[str, int, int | None], None] | None, stop: Callable[[], bool]
    ) -> int | None:
        def progress(done: int, total: int | None) -> None:
            if on_progress is not None:
                on_progress(path, done, total)

        with open_capture(path, self.limits, on_progress=progress) as reader:
            fresh = True
            reader.at_once = min(_FIRST_PACKETS, self.limits.batch_packets)
            for packets in reader:
                if fresh and last_ns is not None and packets.rows and not 0 <= packets.timestamp_ns[0] - last_ns <= _SAME_RECORDING_NS:
                    self.take(self.pipeline.finish(file=path))  # another recording: its flows are not the same flows
                fresh = False
                batch = self.pipeline.feed(packets, file=path, capture_anomalies=reader.anomalies)
                reader.at_once = self._next_packets(reader.at_once, batch.operations.rows)
                self.take(batch)
                if stop():
                    self.stopped = True
                    break
            report = reader.report
            self.captures.append(report)
            return report.last_ns if report.last_ns is not None else last_ns

    def _next_packets(self, at_once: int, rows: int) -> int:
        """How many packets to take next: a hundred items in every message must not make tables of a hundred times the size."""
        if rows > _MOST_ROWS:
            return max(_FEWEST_PACKETS, at_once // 2)
        return min(2 * at_once, self.limits.batch_packets) if 4 * rows < _MOST_ROWS else at_once

    def take(self, batch: Batch) -> None:
        """One batch to everybody who listens."""
        self.operations += batch.operations.rows
        self.summary.feed(batch)
        self.inventory.feed(batch)
        if self.detector is not None:
            self.detector.feed(batch)
        for listener in self.listeners:
            listener.feed(batch)
        self._patience -= 1
        if self.pipeline.addresses.filling and self._patience <= 0:
            self._forget_addresses()

    def _forget_addresses(self) -> None:
        """Spoofed senders and swept targets must not take the names of who comes after them: what nothing names any more makes room."""
        kept = [*self.inventory.addresses_named(), self.summary.addresses_named()]
        if self.detector is not None:
            kept.append(np.fromiter(self.detector.addresses_in_use(), np.int64))
        self.pipeline.forget_addresses(kept)
        self._patience = _BATCHES_BETWEEN if self.pipeline.addresses.filling else 0

    def finish(self) -> Result:
        """Closes every flow and gathers the result."""
        self.take(self.pipeline.finish(file=self.captures[-1].path if self.captures else ""))
        behaviours = self.pipeline.behaviour_index.behaviours
        if self.detector is not None:
            self.detector.finish(self.pipeline.now_ns)
        talks = self.inventory.talks()
        counters = {
            **{f"decode_{name}": count for name, count in self.pipeline.decoder.counters.items()},
            **{f"streams_{name}": count for name, count in self.pipeline.streams.counters.items()},
        }
        forgotten = {**self._limits_hit(), "anomalies": self.summary.anomalies_not_kept}
        summary = self.summary
        protocols = dict(protocol_counts(behaviours, [spec.name for spec in self.pipeline.protocols]))
        anomalies = {self.name_of(layer, kind): count.count for (layer, kind), count in sorted(summary.anomalies.items())}
        alerts = self.detector.alerts() if self.detector is not None else []
        not_read = unread(talks, self.pipeline.decoder.counters)
        verdicts = self.detector.verdicts(not_read) if self.detector is not None else {}
        return Result(
            captures=self.captures,
            unreadable=self.unreadable,
            packets=summary.packets,
            wire_bytes=summary.wire_bytes,
            first_ns=summary.first_ns,
            last_ns=summary.last_ns,
            operations=self.operations,
            protocols=protocols,
            assets=self.assets(),
            talks=talks,
            alerts=alerts,
            incidents=self.detector.incidents() if self.detector is not None else [],
            anomalies=anomalies,
            blind_spots=self._interrupted()
            + unreadable_files(self.unreadable)
            + blind_spots(
                self.captures,
                talks,
                self.pipeline.decoder.counters,
                self.pipeline.streams.counters,
                packets=summary.packets,
                operations=self.operations,
                behaviours_merged=self.pipeline.behaviour_index.merged,
                forgotten=forgotten,
                anomalies=anomalies,
                protocols=protocols,
                disorder=self.pipeline.disorder,
                sealed=self._sealed(),
            ),
            checks=self.detector.checks(alerts, verdicts) if self.detector is not None else [],
            coverage=coverage(verdicts.values(), packets=summary.packets, undecoded=not_read.undecoded),
            counters=counters,
        )

    def figures(self) -> AnalysisFigures:
        """The counters of this moment; cheap, about once a second."""
        streams, decoder, summary = self.pipeline.streams.counters, self.pipeline.decoder.counters, self.summary
        anomalies: dict[str, int] = {}
        for (layer, _), count in summary.anomalies.items():
            name = layer_name(layer, self.pipeline.protocols)
            anomalies[name] = anomalies.get(name, 0) + count.count
        return AnalysisFigures(
            packets=summary.packets,
            wire_bytes=summary.wire_bytes,
            operations=self.operations,
            duplicates=decoder.get("duplicates", 0),
            stream_bytes=streams.get("stream_bytes", 0),
            hosts=len(self.inventory.hosts.hosts),
            behaviours=self.pipeline.behaviour_index.behaviours.rows,
            anomalies=anomalies,
            limits_hit={
                **self._limits_hit(),
                "behaviours": self.pipeline.behaviour_index.merged,
                "flows": streams.get("flows_evicted", 0),
                "streams": streams.get("streams_evicted", 0),
                "heads": streams.get("heads_refused", 0),
                "network cards of addresses": streams.get("cards_refused", 0),
            },
        )

    def _limits_hit(self) -> dict[str, int]:
        hosts = self.inventory.hosts
        return {
            "addresses": self.pipeline.addresses.refused + self.pipeline.addresses.forgotten,
            "assets": hosts.refused_hosts,
            "conversations": hosts.merged_conversations,
            "facts": self.inventory.refused_facts,
            "MACs of assets": hosts.refused_macs,
            "pairs of hosts": self.pipeline.behaviour_index.merged_pairs,
            "names of objects": NAMES.lost - self._names_lost,
        }

    def _sealed(self) -> list[tuple[str, str, int, Sealed]]:
        """Conversations that carry other traffic in TCP."""
        text = self.pipeline.addresses.text
        return [(text(client), text(server), port, kind) for (client, server, port), (kind, _) in self.pipeline.streams.sealed.items()]

    def _interrupted(self) -> list[BlindSpot]:
        text = "the reading was interrupted: what comes after is not in this result"
        return [BlindSpot(kind="interrupted", count=1, text=text, incomplete=True)] if self.stopped else []

    def assets(self) -> list[Asset]:
        """The inventory, with the names and zones of the site file."""
        return self.inventory.assets(self.pipeline.behaviour_index.behaviours, self.site)

    def anomaly_records(self) -> Iterator[dict[str, Any]]:
        """The anomalies that were kept, as records."""
        for row, flow_number, file in self.summary.anomaly_rows():
            yield anomaly_record(row, self.name_of(row["layer"], row["kind"]), flow_number, self.pipeline.addresses, file)

    def name_of(self, layer: int, kind: int) -> str:
        """The full name of an anomaly kind."""
        return anomaly_name(layer, kind, self.pipeline.protocols, self.kinds)
