"""The rules of an analysis: loaded from what the user named, fed with its batches, asked for incidents and for what could be judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import otwatch
from otwatch.addresses import mac_text
from otwatch.alerts.alert import Alert
from otwatch.alerts.coverage import Verdict
from otwatch.alerts.incidents import Incident
from otwatch.batch import Batch
from otwatch.documents import Complaints, Value
from otwatch.engine.kinds import anomaly_kinds, layer_name
from otwatch.engine.pipeline import Pipeline
from otwatch.engine.visibility import NOTHING_UNREAD, Unread
from otwatch.errors import CaptureError, ConfigError
from otwatch.inventory.inventory import Inventory
from otwatch.outputs.result import Check
from otwatch.protocols import protocols
from otwatch.rules.engine import RuleEngine
from otwatch.rules.knowledge import Learning
from otwatch.rules.load import documents_of, load_rules
from otwatch.rules.rule import Rule
from otwatch.rules.state import addresses_in_use, resumed, saved
from otwatch.tables import Anomalies, FlowEvents, Operations, Packets

if TYPE_CHECKING:
    from otwatch.baseline.baseline import Baseline
    from otwatch.intel.indicators import Indicators
    from otwatch.site.site import Site


def shipped_rules() -> Path:
    """The folder of the rules that come with otwatch: in the installed package, else beside it in a checkout."""
    package = Path(otwatch.__file__).parent
    installed = package / "shipped_rules"
    return installed if installed.is_dir() else package.parent / "rules"


@cache
def _shipped_documents(*, proofs: bool) -> list[Value]:
    """Read once: they do not change while a process lives, and a sensor that gave up its privileges may not be able to read them again."""
    complaints = Complaints()
    documents = documents_of(shipped_rules(), complaints, proofs=proofs)
    complaints.raise_if_any()
    return documents


def rules_of(paths: Sequence[str] = (), *, drafts: bool = False, proofs: bool = True) -> list[Rule]:
    """The shipped rules and those of the user's files and folders; ConfigErrors with every mistake.

    `proofs`: with the tests of the shipped ones, which an analysis does not need; they are most of what is read.
    """
    for path in paths:
        if not Path(path).exists():
            raise ConfigError("no such file or folder", path=path)
    known = protocols()
    kinds = [f"{layer_name(layer, known)}.{kind.name}" for layer, named in anomaly_kinds(known).items() for kind in named.values()]
    functions: dict[str, list[tuple[str, int]]] = {}
    for spec in known:
        for code, name in spec.functions.items():
            functions.setdefault(name, []).append((spec.name, code))
    return load_rules(
        map(Path, paths),
        shipped=_shipped_documents(proofs=proofs),
        drafts=drafts,
        protocols=[spec.name for spec in known],
        anomalies=kinds,
        functions=functions,
        areas=sorted({name for spec in known for name in spec.areas.values()}),
        proofs=proofs,
    )


def utc_ns(text: str) -> int:
    """A time that the user typed, UTC unless it says otherwise, in nanoseconds; CaptureError when it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CaptureError(f"{text!r} is no time: write it as 2026-11-22T06:00:00 (UTC)") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1000


@dataclass(slots=True, kw_only=True)
class Policy:
    """What the people of the plant say, what was learned there, and what others published."""

    rules: list[Rule]
    site: Site | None = None
    baseline: Baseline | None = None
    learn_until_ns: int | None = None
    intelligence: Indicators | None = None


def _site(path: str) -> Site:
    from otwatch.site.load import load_site  # noqa: PLC0415 - as the two below: most analyses have none, and a small one takes less than these

    return load_site(Path(path))


def _baseline(path: str) -> Baseline:
    from otwatch.baseline.store import load_baseline  # noqa: PLC0415

    return load_baseline(Path(path))


def _indicators(paths: Sequence[str]) -> Indicators:
    from otwatch.intel.indicators import read_indicators  # noqa: PLC0415

    return read_indicators(paths)


def policy_of(
    *,
    rules: Sequence[str] = (),
    site: str | None = None,
    baseline: str | None = None,
    learn_until: str | None = None,
    intel: Sequence[str] = (),
) -> Policy:
    """Loads everything that options name; ConfigErrors and CaptureError say what is wrong with it."""
    plant = _site(site) if site else None
    return Policy(
        rules=rules_of(rules, proofs=False),
        site=None if plant is not None and plant.is_empty else plant,  # as `site init` writes it
        baseline=_baseline(baseline) if baseline else None,
        learn_until_ns=utc_ns(learn_until) if learn_until else None,
        intelligence=_indicators(intel) if intel else None,
    )


_KEPT_FLOWS = 16_384  # open flows in a checkpoint; a plant has hundreds
_OT_LEVEL = 3


@dataclass(frozen=True, slots=True)
class KnownHost:
    """What the inventory knows of an address when an alert is shown."""

    mac: str | None
    name: str
    roles: tuple[str, ...] = ()


class RuleDetector:
    """A rule engine beside a pipeline. `inventory`, where there is one, puts MACs and names to addresses; it may be replaced by a newer one."""

    def __init__(self, pipeline: Pipeline, policy: Policy, inventory: Inventory | None = None) -> None:
        self.policy = policy
        self._pipeline = pipeline
        self.inventory = inventory
        self.engine = RuleEngine(
            policy.rules,
            site=policy.site,
            baseline=policy.baseline,
            addresses=pipeline.addresses,
            protocols=pipeline.protocols,
            limits=pipeline.limits,
            layers=anomaly_kinds(pipeline.protocols),
            host=self._host,
            address_of=self._address_of,
            intelligence=policy.intelligence,
            learning=Learning(until_ns=policy.learn_until_ns) if policy.learn_until_ns is not None else None,
        )

    def _address_of(self, address: int) -> str:
        """The IP address of a MAC, as ARP says; empty where it does not."""
        known = self._pipeline.bindings.first_ip.get(self._pipeline.addresses.mac(address), -1)
        return self._pipeline.addresses.text(known) if known > 0 else ""

    def _host(self, address: int) -> KnownHost | None:
        if self.inventory is None:
            return None
        mac = self._pipeline.addresses.mac(address)
        host, name = self.inventory.hosts.hosts.get((address, -1) if mac < 0 else (-1, mac)), self.inventory.name_told(address)
        if host is None:  # its flows are still open
            return KnownHost(None, name) if name else None
        card = max(host.macs, key=lambda mac: (host.macs[mac], mac), default=None)
        return KnownHost(mac_text(card) if card is not None else None, name)

    def feed(self, batch: Batch) -> None:
        """One batch, in time order."""
        self.engine.feed(batch)

    def state(self, open_flows: Sequence[int] | np.ndarray[Any, Any] = ()) -> dict[str, Any]:
        """What the rules remember, as plain data, between two batches. `open_flows`: slots of flows that shall be known again after a restart."""
        flows, slots = self._pipeline.streams.flows, np.asarray(open_flows, np.int64)
        answered = slots[(flows.array("packets_to_server")[slots] > 0) & (flows.array("packets_to_client")[slots] > 0)]
        return saved(self.engine, flows, answered[-_KEPT_FLOWS:].tolist())

    def addresses_in_use(self) -> set[int]:
        """The interned addresses that the rules still refer to: what must not be forgotten."""
        return addresses_in_use(self.engine)

    def resume(self, state: dict[str, Any] | None) -> None:
        """Goes on where rules stopped before, in this process or another: `state` is theirs, and what the pipeline knows is told to all others.

        ConfigError when it is no state: the detector must then not be used.
        """
        streams, behaviours = self._pipeline.streams, self._pipeline.behaviour_index.behaviours
        going_on: set[int] = set()
        if state is not None:
            try:
                going_on = resumed(self.engine, state, streams.flows, behaviours)
            except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError, RecursionError) as error:
                raise ConfigError(f"no state of rules: {type(error).__name__} {error}", path="checkpoint") from error
        self.engine.feed_known(_known_batch(self._pipeline), going_on)

    def finish(self, now_ns: int) -> None:
        """The observation is over."""
        self.engine.finish(now_ns)

    def alerts(self) -> list[Alert]:
        """All incidents, gravest first."""
        return self.engine.alerts()

    def incidents(self) -> list[Incident]:
        """What the alerts are together, gravest first."""
        return self.engine.incidents()

    def verdicts(self, unread: Unread = NOTHING_UNREAD) -> dict[str, Verdict]:
        """Rule id -> how far it could be judged. `unread`: what of OT protocols was seen and not decoded."""
        site = self.policy.site
        return self.engine.verdicts(
            self._pipeline.streams.counters["packets"],
            undecoded=unread.undecoded,
            unrecognised=unread.unrecognised,
            places_ot=site is not None and any(zone.level is not None and zone.level <= _OT_LEVEL for zone in site.zones),
        )

    def checks(self, alerts: Sequence[Alert] | None = None, verdicts: Mapping[str, Verdict] | None = None) -> list[Check]:
        """Every rule, how often it fired, and how far it could be judged. `alerts` and `verdicts`: those of this detector, where they are at hand."""
        counts: dict[str, int] = {}
        for alert in self.alerts() if alerts is None else alerts:
            for name in (alert.rule, *(also.rule for also in alert.evidence.also)):
                counts[name] = counts.get(name, 0) + 1
        verdicts = self.verdicts() if verdicts is None else verdicts
        return [Check.of(rule.id, rule.title, counts.get(rule.id, 0), verdicts[rule.id]) for rule in self.policy.rules]


def _known_batch(pipeline: Pipeline) -> Batch:
    """A batch without packets in which every behaviour so far is new: what rules are given that were not there when they were seen."""
    operations, anomalies, events, packets = Operations(1), Anomalies(1), FlowEvents(1), Packets(1)
    return Batch(
        file="",
        now_ns=pipeline.now_ns,
        packets=packets,
        flows=pipeline.streams.flows,
        flow_events=events,
        octets=pipeline.streams.octets,
        operations=operations,
        anomalies=anomalies,
        behaviours=pipeline.behaviour_index.behaviours,
        known_behaviours=0,
        facts=[],
        closed=[],
        unanswered={},
    )
