"""The sensor's lake: every five minutes a segment, each night the day before merged, sealed and what is too old deleted.

What waits for its five minutes is lost when the sensor is killed; what is written is whole, and never there twice. What the disk does not take is
lost as well, and the sensor goes on and says so.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from otwatch.batch import Batch
from otwatch.engine.keeping import BehaviourExporter, CommandExporter, ReadExporter
from otwatch.errors import CaptureError
from otwatch.lake.layout import Lake, day_of
from otwatch.lake.tidying import tidy
from otwatch.lake.writing import LakeWriter, OperationsOfLake, TableOfLake
from otwatch.outputs.records import anomaly_record, fact_record, flow_record
from otwatch.sensor.config import SensorConfig, size_bytes

if TYPE_CHECKING:
    from otwatch.engine.analysis import Analysis

SEGMENT_NS: Final = 300_000_000_000
_ASSETS_NS: Final = 3_600_000_000_000
_ANOMALIES: Final = 10_000  # of five minutes
_FLOWS: Final = 60_000

Record = dict[str, Any]


class LakeKeeper:
    """`error` says why the disk does not take it; `not_kept` counts rows of a flood that were left out."""

    def __init__(self, config: SensorConfig, site: str, clock: Callable[[], int]) -> None:
        self._config = config
        self._clock = clock  # the sensor's, in nanoseconds
        self._site = site or "plant"
        self.path = Path(config["outputs.lake"])
        self.error = ""
        self.failures = self.not_kept = 0
        self._writer: LakeWriter | None = None
        self._analysis: Analysis | None = None
        self._behaviours: BehaviourExporter | None = None
        self._operations: list[CommandExporter] = []
        self._begun_ns = self._last_ns = self._assets_ns = 0
        self._packets = self._anomalies = self._flows = 0
        self._day = ""
        self._tidying: threading.Thread | None = None

    def bind(self, analysis: Analysis) -> None:
        """Listens to an analysis from now on."""
        self._analysis = analysis
        analysis.listeners.append(self)
        self._behaviours = None

    def feed(self, batch: Batch) -> None:
        """One batch."""
        now_ns = self._clock()
        self._pass_gap(now_ns)
        writer = self._open(now_ns)
        if writer is None or self._analysis is None or self._behaviours is None:
            return
        pipeline = self._analysis.pipeline
        self._packets += batch.packets.rows
        for exporter in self._operations:
            exporter.feed(batch)
        self._behaviours.feed(batch)
        chosen = batch.closed[: max(0, _FLOWS - self._flows)]
        self._flows += len(chosen)
        self.not_kept += len(batch.closed) - len(chosen)
        if chosen:
            rows = ((batch.flows.row(slot), batch.unanswered.get(slot, 0)) for slot in chosen)
            writer.records("flows", [flow_record(row, lost, pipeline.addresses, pipeline.protocols, batch.file) for row, lost in rows])
        if batch.facts:
            writer.records("facts", [fact_record(fact, pipeline.addresses, batch.file) for fact in batch.facts])
        if batch.anomalies.rows:
            self._take_anomalies(writer, batch)

    def record(self, record: Record) -> None:
        """An alert or an incident that was reported."""
        table = {"alert": "alerts", "incident": "incidents"}.get(str(record.get("type")))
        writer = self._open(self._clock()) if table else None
        if table and writer is not None:
            writer.records(table, [record])

    def tick(self, assets: Callable[[], list[Record]], *, final: bool = False) -> None:
        """Writes the segment when its five minutes are over; `assets` is asked once an hour and at the end."""
        now_ns = self._clock()
        if not now_ns:
            return
        self._pass_gap(now_ns)
        if self._open(now_ns) is None or self._writer is None:
            return
        if not final and 0 <= now_ns - self._begun_ns < SEGMENT_NS:
            return
        if final or now_ns - self._assets_ns >= _ASSETS_NS or now_ns < self._assets_ns:
            self._assets_ns = now_ns
            self._writer.records("assets", assets())
        self._commit(now_ns)
        self._tidy(day_of(now_ns), wait=final)

    def close(self) -> None:
        """Waits for what is being merged."""
        if self._writer is not None:
            self._writer.close()
        if self._tidying is not None:
            self._tidying.join()

    def give_to(self, user_id: int, group_id: int) -> None:
        """Makes the folder another user's, before this process becomes that user."""
        self.path.mkdir(parents=True, exist_ok=True)
        for path in (self.path, *self.path.glob(".scratch"), *self.path.glob("site=*"), *self.path.glob("site=*/*"), *self.path.glob("site=*/*/*")):
            with suppress(OSError):
                shutil.chown(path, user_id, group_id)

    def _pass_gap(self, now_ns: int) -> None:
        """After a time in which the sensor did not run (suspended, or a gap of a replay) a new segment begins: nobody listened in between."""
        if self._writer is not None and self._last_ns and not 0 <= now_ns - self._last_ns < SEGMENT_NS:
            self._commit(self._last_ns)
        self._last_ns = now_ns

    def _open(self, now_ns: int) -> LakeWriter | None:
        if self._writer is None and self._analysis is not None:
            try:
                self._writer = LakeWriter(Lake(self.path, new=True), self._site, self._config.name)
            except CaptureError as error:
                self._failed(error)
                return None
            self._begun_ns, self._packets, self._anomalies, self._flows = now_ns, 0, 0, 0
            self._behaviours = BehaviourExporter(self._analysis, TableOfLake(self._writer, "behaviours"))
            self._operations = [CommandExporter(self._analysis, OperationsOfLake(self._writer, "operations"))]
            if self._config["outputs.lake_reads_days"]:
                self._operations.append(ReadExporter(self._analysis, OperationsOfLake(self._writer, "reads")))
        return self._writer

    def _commit(self, now_ns: int) -> None:
        writer, self._writer = self._writer, None
        if writer is None:
            return
        if self._behaviours is not None:
            self._behaviours.flush()
        try:
            name, last_ns = f"s-{self._begun_ns}-{uuid4().hex[:8]}", max(self._begun_ns, now_ns)
            writer.commit(name, first_ns=self._begun_ns, last_ns=last_ns, about={"packets": self._packets})
            self.error = ""
        except CaptureError as error:
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        self.error = str(error)
        self.failures += 1

    def _take_anomalies(self, writer: LakeWriter, batch: Batch) -> None:
        assert self._analysis is not None
        room = max(0, min(batch.anomalies.rows, _ANOMALIES - self._anomalies))
        self._anomalies += room
        self.not_kept += batch.anomalies.rows - room
        records = []
        for index in range(room):
            row = batch.anomalies.row(index)
            flow = int(batch.flows.number[row["flow"]]) if row["flow"] >= 0 else 0
            name = self._analysis.name_of(row["layer"], row["kind"])
            records.append(anomaly_record(row, name, flow, self._analysis.pipeline.addresses, batch.file))
        writer.records("anomalies", records)

    def _tidy(self, today: str, *, wait: bool) -> None:
        """Once a day, beside the packets: pyarrow and the hashes let them have the processor."""
        if self._day == today or (self._tidying is not None and self._tidying.is_alive()):
            return
        self._day = today
        self._tidying = threading.Thread(target=self._tidy_now, args=(today,), daemon=True, name="otwatch-lake")
        self._tidying.start()
        if wait:
            self._tidying.join()

    def _tidy_now(self, today: str) -> None:
        try:
            lake = Lake(self.path)
            for place in lake.places(self._site, self._config.name):
                tidy(
                    lake,
                    place=place,
                    today=today,
                    days=self._config["outputs.lake_days"],
                    reads_days=self._config["outputs.lake_reads_days"],
                    size_bytes=size_bytes(self._config["outputs.lake_size"]),
                )
        except (CaptureError, OSError) as error:
            self._failed(error)
