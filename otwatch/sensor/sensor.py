"""The 24/7 loop: batches from a source through the analysis, alerts out, and about once a second a look at the sensor itself.

One thread does all of it; destinations have threads of their own. The ring of the kernel is the only queue before it: what does not fit is dropped
and counted there. `replay` runs the same loop over capture files on packet time.
"""

from __future__ import annotations

import pwd
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from otwatch.alerts.alert import Alert, Severity
from otwatch.alerts.coverage import How, Verdict
from otwatch.alerts.incidents import Incident
from otwatch.alerts.outcome import Outcome
from otwatch.capture.report import LiveStatistics
from otwatch.engine.analysis import Analysis
from otwatch.engine.detector import Policy, RuleDetector
from otwatch.errors import CaptureError, ConfigError, ConfigErrors
from otwatch.inventory.inventory import Inventory
from otwatch.limits import Limits
from otwatch.outputs.alert_records import alert_record, incident_record
from otwatch.outputs.annotations import Annotations
from otwatch.outputs.records import asset_record, flow_record
from otwatch.outputs.result import Result
from otwatch.outputs.times import time_text
from otwatch.sensor.checkpoint import Memory, restore_checkpoint, save_checkpoint
from otwatch.sensor.config import SensorConfig
from otwatch.sensor.figures import Destination, Figures, Link, coverage, metrics
from otwatch.sensor.health import Health
from otwatch.sensor.learning import ended, is_learning, load_policy
from otwatch.sensor.limits import SENSOR_LIMITS
from otwatch.sensor.loading import Loading
from otwatch.sensor.metrics import Metrics, prometheus_text
from otwatch.sensor.packets import PacketRing
from otwatch.sensor.preload import load_everything
from otwatch.sensor.reporting import Reporting
from otwatch.sensor.watching import Watch
from otwatch.tables import Packets

if TYPE_CHECKING:
    from otwatch.sensor.keeping import LakeKeeper

_SECOND: Final = 1.0
_POLL_SECONDS: Final = 0.25
_BUSY_SHARE: Final = 20  # looking for changed alerts may take a twentieth of the time
_STORED_ASSETS: Final = 10_000
_FLOWS_PER_SECOND: Final = 200  # rows for the store; a flood of flows is counted, not stored
_SILENCE_NS: Final = 1_000_000_000  # packets of this time may still be in the ring
_LONGEST_SILENCE_NS: Final = 3_600_000_000_000  # further behind, packets and this machine have different clocks, or nothing waits any more
_VLAN_PATIENCE_SECONDS: Final = 600.0  # VLANs that show within this time belong to the tap as it was found


class PacketSource(Protocol):
    """Where the batches come from: LiveSource, or a replay."""

    def poll(self, timeout_seconds: float) -> Iterator[tuple[str, Packets]]:
        """(interface, batch) for what is there; nothing after the timeout."""

    def statistics(self) -> list[LiveStatistics]:
        """Counters of each interface."""

    def close(self) -> None:
        """Lets go."""


@dataclass(slots=True)
class Status:
    """What the view shows."""

    interfaces: list[LiveStatistics]
    packets: int
    operations: int
    alerts: dict[str, int]
    newest: list[dict[str, Any]]
    conditions: list[str]
    learning: bool
    busiest: Callable[[], list[tuple[str, int, int]]]
    destinations: dict[str, str] = field(default_factory=dict)


class Sensor:
    """Made with everything open that needs privileges; `run` until `stop`, or over a replay. All faults of its surroundings become alerts."""

    def __init__(
        self,
        config: SensorConfig,
        interfaces: tuple[str, ...],
        *,
        limits: Limits | None = None,
        packet_time: bool = False,
        transmitted: Callable[[str], int] | None = None,
        arrived: Callable[[str], int] | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.config = config
        self.interfaces = interfaces
        self.limits = replace(limits or SENSOR_LIMITS, burst_quiet_ns=config["sensor.burst_quiet_seconds"] * 1_000_000_000)
        self.reporting = Reporting(config, interfaces)
        self.health = Health(config.name, config.values)
        self.annotations = Annotations(config.state.parent if config.worker else config.state)
        self.policy, self._fingerprint = load_policy(config)
        self.metrics = Metrics(config["outputs.metrics_file"], config["outputs.metrics_port"])
        room = config.keep_packets_bytes
        self.packets = PacketRing(config.state / "packets", room, self.limits) if room else None
        self._packet_time = packet_time
        self.lake = self._opened_lake()
        self.transmitted, self.arrived = transmitted, arrived
        self.say = say  # a line for the journal
        self.statistics: list[LiveStatistics] = []
        self.flows_not_stored = self.assets_not_stored = 0
        self.not_evaluable: dict[str, Verdict] = {}
        self.directions, self.gap_bytes = (0, 0), 0
        self.busy_seconds = 0.0
        self._not_kept: dict[str, str] = {}  # what else the disk does not take: name -> why
        self._stopping = self._reloading = False
        self._loading: Loading | None = None
        self._due: dict[str, float] = {}
        self._newest: deque[dict[str, Any]] = deque(maxlen=12)
        self._counts: dict[str, int] = {}
        self._flow_rows = 0
        self._time_passed = 0  # packet time when it was last looked at
        self._begin()
        self._started = self.monotonic()

    def _opened_lake(self) -> LakeKeeper | None:
        if not self.config["outputs.lake"]:
            return None
        from otwatch.outputs.operation_parquet import pyarrow_module  # noqa: PLC0415 - an extra
        from otwatch.sensor.keeping import LakeKeeper  # noqa: PLC0415 - as much memory as the sensor itself

        pyarrow_module()
        return LakeKeeper(self.config, self.policy.site.name if self.policy.site else "", self.wall_ns)

    def give_lake_to(self, user: str) -> None:
        """Makes the lake's folder another user's, before this process becomes that user."""
        with suppress(KeyError, OSError):
            if self.lake is not None:
                entry = pwd.getpwnam(user)
                self.lake.give_to(entry.pw_uid, entry.pw_gid)

    def _asset_records(self) -> list[dict[str, Any]]:
        inventory = self.watch.inventory()
        if len(inventory.hosts.hosts) > _STORED_ASSETS:
            return []
        return [asset_record(asset) for asset in inventory.assets(self.analysis.pipeline.behaviour_index.behaviours, self.policy.site)]

    def _begin(self) -> None:
        """A fresh analysis, or that of the checkpoint."""
        self._fresh()
        self.memory = Memory()
        try:
            kept = restore_checkpoint(self.config.state / "checkpoint.npz", self.analysis)
            self._detect(self.policy, kept[1] if kept else None)
        except ConfigError as error:
            self._fresh()
            self._detect(self.policy, None)
            self.health.tell("checkpoint-damaged", "", self.monotonic(), self.wall_ns(), str(error))
        else:
            self.memory = kept[0] if kept else Memory()

    def _fresh(self) -> None:
        self.analysis = Analysis(self.limits)
        self.watch = Watch(self.analysis)
        if self.lake is not None:
            self.lake.bind(self.analysis)

    def _detect(self, policy: Policy, state: dict[str, Any] | None) -> None:
        """Puts rules to work: those of `state` go on where they were, what is already known is new to the others."""
        self.policy = policy
        detector = RuleDetector(self.analysis.pipeline, policy, self.watch.inventory())
        detector.resume(state)
        self.detector = self.analysis.detector = detector
        self.analysis.site = policy.site

    # time

    def monotonic(self) -> float:
        """Seconds that only grow; in a replay the packets' own."""
        return self.analysis.pipeline.now_ns / 1e9 if self._packet_time else time.monotonic()

    def wall_ns(self) -> int:
        """Now; in a replay the time of the newest packet."""
        return self.analysis.pipeline.now_ns if self._packet_time else time.time_ns()

    def _is_due(self, task: str, seconds: float) -> bool:
        now = self.monotonic()
        if now < self._due.get(task, 0.0):
            return False
        self._due[task] = now + seconds
        return True

    # the loop

    def prepare(self) -> None:
        """Does everything once while privileges are there: what Python loads late may lie where the later user cannot read."""
        load_everything()
        self._minute()
        prometheus_text(metrics(self.figures()))
        self._heartbeat()

    def run(self, source: PacketSource, *, drained: Iterable[tuple[str, Packets]] = (), on_tick: Callable[[Status], None] | None = None) -> None:
        """Until `stop`: first what was taken from the source before, then the source. The destinations are started here: no thread exists before."""
        self.reporting.start()
        self.metrics.start()
        if self.packets is not None:
            self.packets.start()
        self._take(drained, source, on_tick)
        while not self._stopping:
            self._take(source.poll(_POLL_SECONDS), source, on_tick)
            self._tick(source, on_tick)

    def _take(self, batches: Iterable[tuple[str, Packets]], source: PacketSource, on_tick: Callable[[Status], None] | None) -> None:
        for interface, packets in batches:
            self.feed(interface, packets)
            self._tick(source, on_tick)
            if self._stopping:
                break

    def replay(self, batches: Iterator[tuple[str, Packets]]) -> Result:
        """The same loop over the batches of capture files, to their end; the result is that of `otwatch analyze`."""
        self.reporting.start()
        source = _Nothing()
        for name, packets in batches:
            self.feed(name, packets)
            self._tick(source, None)
        result = self.analysis.finish()
        self.watch.finish()
        self._report_changes()
        self._minute(final=True)
        return result

    def feed(self, interface: str, packets: Packets) -> None:
        """One batch through the house. A fault of ours costs the batch and is an alarm: it must not blind the sensor to the next."""
        try:
            self._feed(interface, packets)
        except Exception as error:
            if self._packet_time:  # on a recording the traceback is worth more
                raise
            self._fault("packets", error)

    def _fault(self, where: str, error: Exception) -> None:
        place = traceback.extract_tb(error.__traceback__)[-1]
        text = f"{type(error).__name__}: {error} in {Path(place.filename).name}:{place.lineno}"
        self.health.tell("fault", where, self.monotonic(), self.wall_ns(), text)

    def _feed(self, interface: str, packets: Packets) -> None:
        batch = self.analysis.pipeline.feed(packets, file=interface)
        self.analysis.take(batch)
        self.watch.feed(batch, self.monotonic())
        if self.packets is not None:
            self.packets.take(interface, packets)
        if batch.closed and self.reporting.store is not None:
            room = max(0, _FLOWS_PER_SECOND - self._flow_rows)
            chosen = batch.closed[:room]
            self._flow_rows += len(chosen)
            self.flows_not_stored += len(batch.closed) - len(chosen)
            pipeline = self.analysis.pipeline
            self.reporting.store.flows(
                [
                    flow_record(batch.flows.row(slot), batch.unanswered.get(slot, 0), pipeline.addresses, pipeline.protocols, batch.file)
                    for slot in chosen
                ]
            )

    def _pass_time(self) -> None:
        """Time goes on while nothing comes: what waits for it (a verdict, an answer that may still come) must not wait for the next packet."""
        pipeline = self.analysis.pipeline
        behind = self.wall_ns() - _SILENCE_NS - pipeline.now_ns
        if pipeline.now_ns and pipeline.now_ns == self._time_passed and 0 < behind < _LONGEST_SILENCE_NS:
            pipeline.now_ns += behind
            self.feed("", Packets(1))
        self._time_passed = pipeline.now_ns

    def stop(self) -> None:
        """Asks the loop to end; may be called by a signal handler."""
        self._stopping = True

    def reload(self) -> None:
        """Asks for rules, site and baseline to be read again; may be called by a signal handler."""
        self._reloading = True

    def close(self) -> None:
        """Reports what is pending, writes the checkpoint, delivers."""
        self._report_changes()
        self._minute(final=True)
        if self.lake is not None:
            self.lake.tick(self._asset_records, final=True)
            self.lake.close()
        if self.packets is not None:
            self.packets.close()
        self.reporting.close()
        self.metrics.close()

    # about once a second

    def _tick(self, source: PacketSource, on_tick: Callable[[Status], None] | None) -> None:
        if self._reloading and self._loading is None:
            self._reloading = False
            self.reporting.reopen()
            self._loading = Loading(lambda: load_policy(self.config))
        if self._loading is not None and self._loading.done:
            loading, self._loading = self._loading, None
            self._replace_policy(loading)
        if not self._is_due("second", _SECOND):
            return
        self._flow_rows = 0
        if not self._packet_time and not self.config["sensor.hardware_time"]:  # a card's own clock is not this machine's
            self._pass_time()
        self.statistics = source.statistics()
        if self._is_due("changes", _SECOND):
            begun = time.perf_counter()
            self._report_changes()
            self._due["changes"] = max(self._due["changes"], self.monotonic() + _BUSY_SHARE * (time.perf_counter() - begun))
        if self._is_due("minute", self.config["sensor.checkpoint_seconds"]):
            self._minute()
        for interface, vlan in self.watch.new_vlans():
            if self.monotonic() - self._started > _VLAN_PATIENCE_SECONDS:
                self.health.vlan_appeared(interface, vlan, self.monotonic(), self.wall_ns())
        for output, text in self.reporting.take_damage():
            self.health.tell(f"{output}-damaged", "", self.monotonic(), self.wall_ns(), text)
        for alert in self.health.observe(self.figures()):
            self._report(alert)
        heartbeat = self.config["outputs.heartbeat_seconds"]
        if heartbeat and self._is_due("heartbeat", heartbeat):
            self.reporting.emit(self._heartbeat())
        self.reporting.tick()
        if self.lake is not None:
            self.lake.tick(self._asset_records)
        if self.metrics.wanted and self._is_due("metrics", 5.0):
            self.metrics.write(prometheus_text(metrics(self.figures())))
        if on_tick is not None:
            on_tick(self.status())

    def _report_changes(self) -> None:
        for alert in self.detector.engine.take_changes():
            count, severity, outcome, also = self.memory.reported.get(alert.id, (0, -1, "", 0))
            folded = len(alert.evidence.also)
            if alert.outcome is Outcome.NOT_OBSERVED and outcome:
                alert.outcome = Outcome(outcome)  # the answer was seen before a restart
            if alert.count <= count and int(alert.severity) <= severity and alert.outcome == outcome and folded <= also:
                continue  # reported before a restart or a reload
            self._report(alert)
            self.memory.reported.pop(alert.id, None)
            self.memory.reported[alert.id] = alert.count, int(alert.severity), alert.outcome, folded
            if len(self.memory.reported) > 2 * self.limits.alerts:
                self.memory.reported = dict(list(self.memory.reported.items())[self.limits.alerts :])

        for event in self.detector.engine.take_incidents():
            if event.incident.severity >= self.config.min_severity:
                self._emit(incident_record(event.incident, event))
                if self.packets is not None and not event.incident.is_note:
                    self.packets.set_aside(event.incident, self._frames(event.incident))

    def _frames(self, incident: Incident) -> Iterator[tuple[str, int]]:
        """(interface, frame) of what the steps of an incident name."""
        interface = incident.lead.file
        for step in incident.steps:
            for frame in step.frames:
                yield interface, frame

    def _report(self, alert: Alert) -> None:
        if alert.severity < self.config.min_severity and not alert.evidence.over:
            return
        record = alert_record(alert, live=True)
        self._newest.append(record)
        self._counts[alert.severity.label] = self._counts.get(alert.severity.label, 0) + 1
        self._emit(record)

    def _emit(self, record: dict[str, Any]) -> None:
        """What a person snoozed is reported like everything else, and says so."""
        until = self.annotations.snoozed_until(record, time_text(self.wall_ns()))
        self.reporting.emit({**record, "snoozed_until": until} if until else record)
        if self.lake is not None:
            self.lake.record(record)

    # about once a minute (sensor.checkpoint_seconds)

    def _minute(self, *, final: bool = False) -> None:
        try:
            self._keep(final=final)
        except Exception as error:
            if self._packet_time:
                raise
            self._fault("housekeeping", error)

    def _keep(self, *, final: bool) -> None:
        begun = time.perf_counter()
        self.directions, self.gap_bytes = self.watch.directions(self.analysis.pipeline.now_ns), self.watch.gaps()
        if self.analysis.summary.packets:  # before the first nothing says what this tap shows
            self.not_evaluable = {
                rule: verdict for rule, verdict in self.detector.verdicts().items() if verdict.how in (How.NO, How.PARTLY)
            }
        if not self.memory.started_ns and self.analysis.summary.first_ns is not None:
            self.memory.started_ns = self.analysis.summary.first_ns
        inventory = self.detector.inventory = self.watch.inventory()
        if self.reporting.store is not None and len(inventory.hosts.hosts) > _STORED_ASSETS:
            self.assets_not_stored = len(inventory.hosts.hosts)  # a sweep: describing every address would take the time of the packets
        elif self.reporting.store is not None:
            behaviours = self.analysis.pipeline.behaviour_index.behaviours
            self.reporting.store.assets(map(asset_record, inventory.assets(behaviours, self.policy.site)))
        self.memory.operations = self.analysis.operations
        try:
            save_checkpoint(self.config.state / "checkpoint.npz", self.analysis, inventory, self.memory, self.detector.state(self.watch.open))
            if is_learning(self.policy) and not final:
                self._learn(inventory)
            self._not_kept.pop("checkpoint", None)
        except OSError as error:
            self._not_kept["checkpoint"] = error.strerror or str(error)
        self.reporting.spool.sync()
        self.busy_seconds = time.perf_counter() - begun
        if not final:  # a large inventory must not take the time of the packets
            self._due["minute"] = max(self._due.get("minute", 0.0), self.monotonic() + _BUSY_SHARE * self.busy_seconds)

    def _learn(self, inventory: Inventory) -> None:
        found = ended(self.config, self.policy, self.analysis.pipeline, self.memory.started_ns, inventory)
        if found is not None:
            policy, reason = found
            self._report_changes()
            self._detect(policy, self.detector.state())
            self.health.tell("learning-ended", "", self.monotonic(), self.wall_ns(), reason)

    def _replace_policy(self, loading: Loading) -> None:
        """Rules, site and baseline were read and checked beside the packets; only when all of them are right do they replace the old ones."""
        try:
            policy, fingerprint = loading.result()
        except (ConfigError, ConfigErrors, CaptureError, OSError) as error:
            self.health.tell("configuration-refused", "", self.monotonic(), self.wall_ns(), str(error)[:2000])
            for line in str(error).splitlines():
                self.say(f"configuration refused: {line}")
            return
        except Exception as error:  # noqa: BLE001 - the one that there is goes on
            self._fault("configuration", error)
            return
        if fingerprint != self._fingerprint:
            self._fingerprint = fingerprint
            seen = self.analysis.pipeline.now_ns  # what was read up to here was judged by the policy before
            since = f", for packets after {time_text(seen)}" if seen else ""
            said = f"fingerprint {fingerprint}, {len(policy.rules)} rules{since}"
            self.health.tell("configuration-changed", "", self.monotonic(), self.wall_ns(), said)
        self._report_changes()
        self._detect(policy, self.detector.state())

    def _heartbeat(self) -> dict[str, Any]:
        seen = coverage(self.figures())
        parts = [f"{seen['packets']} packets", f"{seen['dropped']} dropped", f"{seen['interfaces_up']} of {len(self.interfaces)} interfaces up"]
        if is_learning(self.policy):
            parts.append("learning")
        return {
            "type": "heartbeat",
            "time": time_text(self.wall_ns()),
            "rule": "sensor.heartbeat",
            "severity": Severity.INFO.label,
            "src": self.config.name,
            "title": f"sensor alive: {', '.join(parts + self.health.conditions)}",
            "coverage": seen,
            "conditions": self.health.conditions,
        }

    def figures(self) -> Figures:
        """What is measured about once a second; cheap."""
        analysis, reporting = self.analysis.figures(), self.reporting
        return Figures(
            monotonic=self.monotonic(),
            wall_ns=self.wall_ns(),
            analysis=analysis,
            links={statistics.interface: self._link(statistics) for statistics in self.statistics},
            gap_bytes=self.gap_bytes,
            one_way=self.directions[0],
            two_way=self.directions[1],
            vlans=self.watch.settled_vlans(),
            deliveries=reporting.failing(),
            destinations={
                delivery.target.id: Destination(pending=delivery.pending, failures=delivery.state.failures) for delivery in reporting.deliveries
            },
            reported=reporting.reported,
            storage={**reporting.failing_storage(), **self.metrics.failing(), **self._not_kept, **self._packets_not_kept(), **self._lake_failing()},
            storage_errors=reporting.storage_errors,
            alerts_lost=reporting.alerts_lost,
            losses=reporting.losses,
            limits_hit={
                **analysis.limits_hit,
                "stored flows": self.flows_not_stored,
                "stored assets": self.assets_not_stored,
                "rows of the lake": self.lake.not_kept if self.lake is not None else 0,
                "kept packets": self.packets.dropped if self.packets is not None else 0,
                **{name.replace("_", " "): count for name, count in self.detector.engine.counters.items()},
            },
            rules=len(self.policy.rules),
            not_evaluable=self.not_evaluable,
            open_flows=len(self.watch.open),
            conditions=tuple(self.health.conditions),
            share=f"{self.config.worker} of {self.config['sensor.workers']}" if self.config.worker else "",
        )

    def _lake_failing(self) -> dict[str, str]:
        return {f"lake {self.lake.path}": self.lake.error} if self.lake is not None and self.lake.error else {}

    def _packets_not_kept(self) -> dict[str, str]:
        return {"packets": self.packets.error} if self.packets is not None and self.packets.error else {}

    def _link(self, statistics: LiveStatistics) -> Link:
        sent, came = 0, -1
        with suppress(CaptureError):  # the interface is away
            if self.transmitted is not None:
                sent = self.transmitted(statistics.interface)
            if self.arrived is not None:  # one of several processes: that its share is quiet does not mean that the interface is
                came = self.arrived(statistics.interface)
        return Link(
            packets=statistics.received, dropped=statistics.dropped, up=statistics.up, transmitted=sent, arrived=came, losses=statistics.losses
        )

    def status(self) -> Status:
        """For the view."""
        failing = self.reporting.failing()
        return Status(
            interfaces=self.statistics,
            packets=self.analysis.summary.packets,
            operations=self.analysis.operations,
            alerts=dict(self._counts),
            newest=list(self._newest),
            conditions=self.health.conditions,
            learning=is_learning(self.policy),
            busiest=self.watch.busiest,
            destinations={
                delivery.target.url: failing.get(delivery.target.url, (0.0, delivery.state.last_error))[1]
                if not delivery.state.connected
                else f"{delivery.pending} pending"
                for delivery in self.reporting.deliveries
            },
        )


class _Nothing:
    """No interfaces: the source of a replay."""

    def poll(self, timeout_seconds: float) -> Iterator[tuple[str, Packets]]:
        del timeout_seconds
        return iter(())

    def statistics(self) -> list[LiveStatistics]:
        return []

    def close(self) -> None:
        pass
