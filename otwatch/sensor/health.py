"""The sensor's eye on itself: a quiet plant must never be mistaken for a blind sensor (DETECTIONS section 9, SE-001 to SE-013).

Figures in, alerts out; no clock, no file, no socket in here. A condition is one alert while it lasts: reported at its start, again every
REPEAT_SECONDS, and once more, as info, when it is over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from otwatch.alerts.alert import Alert, Severity
from otwatch.alerts.evidence import Evidence
from otwatch.alerts.outcome import Outcome
from otwatch.sensor.figures import Figures, Link

REPEAT_SECONDS: Final = 3600.0
_MINUTE: Final = 60.0
_CLOCK_JUMP_SECONDS: Final = 2.0
_ENOUGH_PACKETS: Final = 100  # in a minute, before shares of them mean anything
_FLOODING: Final = frozenset({"forgetting", "fault", "alerts-lost"})  # moments that may come many times a second
_EVENT_SECONDS: Final = 60.0  # a condition that is one moment (a clock jump) is over after this

CONDITIONS: Final[Mapping[str, tuple[str, Severity, str]]] = {
    "no-traffic": ("No packet on an interface", Severity.CRITICAL, "The tap, the mirror port or the cable is gone: nothing is being watched there."),
    "interface-down": ("An interface is down", Severity.CRITICAL, "The interface is away, down or without a cable: nothing is being watched there."),
    "drops": ("The sensor loses packets", Severity.HIGH, "The kernel had no room for packets: commands among them were not seen."),
    "one-way": ("Conversations are seen in one direction only", Severity.MEDIUM, "The mirror port leaves out a direction: answers are invisible."),
    "duplicates": ("Many packets arrive twice", Severity.INFO, "Several ports or VLANs are mirrored at once; packets are counted once."),
    "gaps": ("Bytes are missing in streams", Severity.MEDIUM, "The tap or the switch loses packets on the way: commands may be among them."),
    "vlan-vanished": ("A VLAN has vanished from the tap", Severity.MEDIUM, "What is spoken there is not watched now. Was the mirror changed?"),
    "vlan-appeared": ("A new VLAN on the tap", Severity.MEDIUM, "Somebody changed the mirror session, or a new network was made."),
    "clock-jump": ("The clock jumped", Severity.HIGH, "Times of alerts before and after do not fit together. Is time synchronisation working?"),
    "decode-errors": ("Many malformed packets", Severity.MEDIUM, "A broken device, a damaged tap, or somebody who tries out parsers."),
    "not-evaluable": ("Rules that this tap cannot judge", Severity.INFO, "These rules stay silent whatever happens."),
    "delivery-failing": ("A destination of alerts cannot be reached", Severity.HIGH, "Alerts are kept on disk and sent when it is back."),
    "storage-failing": ("The sensor's disk does not take its data", Severity.HIGH, "Is the disk full? Alerts are sent from memory meanwhile."),
    "alerts-lost": ("Alerts were lost", Severity.CRITICAL, "The spool was full or damaged, or a receiver refused them."),
    "store-damaged": ("A damaged store was set aside", Severity.HIGH, "The sensor writes a new one; what it held is in the file named."),
    "spool-damaged": ("The spool of alerts was damaged", Severity.HIGH, "Whole records are sent; what was lost is reported as alerts-lost."),
    "configuration-changed": ("Rules, site or baseline were changed on the sensor", Severity.MEDIUM, "Was it you?"),
    "configuration-refused": ("A new configuration is wrong", Severity.HIGH, "The sensor keeps the previous one."),
    "transmits": ("The capture interface sends", Severity.CRITICAL, "A passive sensor must not: something on this machine uses the interface."),
    "forgetting": ("A limit of the sensor's memory was hit", Severity.MEDIUM, "A flood, or a plant larger than the limits. It is counted."),
    "confinement-incomplete": ("The sensor could not give up all privileges", Severity.MEDIUM, "It runs, but could do more than listen."),
    "checkpoint-damaged": ("The checkpoint could not be read", Severity.MEDIUM, "The sensor started with an empty inventory."),
    "fault": ("A fault in otwatch", Severity.HIGH, "The sensor went on without what it was working on. Please report it."),
    "learning-ended": ("Learning has ended", Severity.INFO, "From now on what differs is reported."),
}
_MOMENTS: Final = frozenset(
    {
        "clock-jump",
        "configuration-changed",
        "configuration-refused",
        "checkpoint-damaged",
        "store-damaged",
        "spool-damaged",
        "learning-ended",
        "vlan-appeared",
        "alerts-lost",
        "fault",
        "forgetting",
    }
)


@dataclass(slots=True)
class _Active:
    alert: Alert
    told: float
    seen: float
    evidence: Evidence  # as it was told


class Health:
    """Feed it figures about once a second; it answers with the alerts to send. `tell` raises one of the conditions from outside."""

    def __init__(self, sensor: str, settings: Mapping[str, Any]) -> None:
        self.sensor = sensor
        self._settings = settings
        self._active: dict[tuple[str, str], _Active] = {}
        self._last: Figures | None = None
        self._minute: Figures | None = None
        self._packet_at: dict[str, tuple[int, float]] = {}
        self._gone: dict[tuple[str, int], None] = {}
        self._out: list[Alert] = []

    @property
    def conditions(self) -> list[str]:
        """The conditions that last now, as `name` or `name subject`."""
        return sorted(" ".join(key).strip() for key in self._active)

    def tell(self, condition: str, subject: str, monotonic: float, wall_ns: int, text: str, **evidence: Any) -> None:
        """Says that a condition holds now."""
        title, severity, why = CONDITIONS[condition]
        key = condition, subject
        known = self._active.get(key)
        if known is not None:
            known.seen = monotonic
            known.alert.count += 1
            known.alert.last_seen_ns = wall_ns
            known.alert.evidence = Evidence(sensor={"text": text, **evidence})
            if monotonic - known.told >= REPEAT_SECONDS or (condition in _MOMENTS and condition not in _FLOODING):
                known.told = monotonic
                self._out.append(replace(known.alert))
            return
        identity = hashlib.sha256(f"{condition}|{subject}|{self.sensor}|{wall_ns}".encode()).hexdigest()[:16]
        alert = Alert(
            id=identity,
            rule=f"sensor.{condition}",
            title=f"{title}{': ' + subject if subject else ''}",
            severity=severity,
            confidence=1.0,
            first_seen_ns=wall_ns,
            last_seen_ns=wall_ns,
            count=1,
            src=self.sensor,
            dst="",
            outcome=Outcome.CONFIRMED,
            file=subject,
            evidence=Evidence(sensor={"text": text, **evidence}),
            why=f"{why} {text}".strip(),
        )
        self._active[key] = _Active(alert, monotonic, monotonic, alert.evidence)
        self._out.append(replace(alert))

    def take(self) -> list[Alert]:
        """The alerts that are to be sent, once."""
        out, self._out = self._out, []
        return out

    def observe(self, now: Figures) -> list[Alert]:
        """Judges the figures of this moment, and those of the last minute when a minute is over."""
        before = self._last
        self._last = now
        if self._minute is None:
            self._minute = now
        self._links(now, before)
        if before is not None:
            jump = (now.wall_ns - before.wall_ns) / 1e9 - (now.monotonic - before.monotonic)
            if abs(jump) > _CLOCK_JUMP_SECONDS:
                self.tell("clock-jump", "", now.monotonic, now.wall_ns, f"by {jump:+.1f} s", seconds=round(jump, 3))
        self._storage(now, before)
        for destination, (since, error) in now.deliveries.items():
            if now.monotonic - since >= self._settings["health.delivery_seconds"]:
                self.tell("delivery-failing", destination, now.monotonic, now.wall_ns, f"for {now.monotonic - since:.0f} s: {error}", error=error)
        self._vlans(now)
        if now.monotonic - self._minute.monotonic >= _MINUTE:
            self._of_a_minute(now, self._minute)
            self._minute = now
        self._end(now)
        return self.take()

    def _links(self, now: Figures, before: Figures | None) -> None:
        for name, link in now.links.items():
            came = link.packets if link.arrived < 0 else link.arrived
            packets, since = self._packet_at.get(name, (-1, now.monotonic))
            if came != packets:
                since = now.monotonic
            self._packet_at[name] = came, since
            if not link.up:
                self.tell("interface-down", name, now.monotonic, now.wall_ns, "")
            elif now.monotonic - since >= self._settings["health.quiet_seconds"]:
                self.tell("no-traffic", name, now.monotonic, now.wall_ns, f"for {now.monotonic - since:.0f} s")
            earlier = before.links.get(name) if before is not None else None
            if earlier is not None and link.transmitted > earlier.transmitted:
                sent = link.transmitted - earlier.transmitted
                self.tell("transmits", name, now.monotonic, now.wall_ns, f"{sent} packets", packets=sent)

    def _storage(self, now: Figures, before: Figures | None) -> None:
        for output, error in now.storage.items():
            self.tell("storage-failing", output, now.monotonic, now.wall_ns, error, errors=now.storage_errors)
        if now.storage_errors > (before.storage_errors if before else 0) and not now.storage:
            self.tell("storage-failing", "", now.monotonic, now.wall_ns, f"{now.storage_errors} writes failed", errors=now.storage_errors)
        if now.alerts_lost > (before.alerts_lost if before else 0):
            text = f"{now.alerts_lost} so far{': ' + now.losses if now.losses else ''}"
            self.tell("alerts-lost", "", now.monotonic, now.wall_ns, text, alerts=now.alerts_lost, sequences=now.losses)
        if before is None:
            return
        for name, count in now.limits_hit.items():
            if count > before.limits_hit.get(name, 0):
                self.tell("forgetting", name, now.monotonic, now.wall_ns, f"{count} so far", count=count)

    def _vlans(self, now: Figures) -> None:
        if now.links and not any(link.up for link in now.links.values()):
            return
        patience = 60 * self._settings["health.vlan_minutes"]
        for interface, vlans in now.vlans.items():
            for vlan, seen in vlans.items():
                if now.monotonic - seen >= patience:
                    self.tell("vlan-vanished", f"{interface} VLAN {vlan}", now.monotonic, now.wall_ns, f"silent for {now.monotonic - seen:.0f} s")

    def vlan_appeared(self, interface: str, vlan: int, monotonic: float, wall_ns: int) -> None:
        """A VLAN that was never seen, after the first minutes."""
        self.tell("vlan-appeared", f"{interface} VLAN {vlan}", monotonic, wall_ns, "")

    def _of_a_minute(self, now: Figures, then: Figures) -> None:
        """Shares over the last minute; these conditions last until a minute without them."""

        def tell(condition: str, subject: str, text: str, **evidence: Any) -> None:
            self.tell(condition, subject, now.monotonic, now.wall_ns, text, **evidence)

        for name, link in now.links.items():
            earlier = then.links.get(name, Link(packets=0, dropped=0))
            dropped, received = link.dropped - earlier.dropped, link.packets - earlier.packets
            if dropped > 0 and dropped > self._settings["health.drop_share"] * (received + dropped):
                tell("drops", name, f"{dropped} of {received + dropped} packets in a minute", dropped=dropped, received=received)
        packets = now.analysis.packets - then.analysis.packets
        gap, carried = now.gap_bytes - then.gap_bytes, now.analysis.stream_bytes - then.analysis.stream_bytes
        if gap > self._settings["health.gap_share"] * (gap + carried) and gap > 0:
            tell("gaps", "", f"{gap} of {gap + carried} bytes in a minute", missing=gap)
        if packets >= _ENOUGH_PACKETS:
            duplicates = now.analysis.duplicates - then.analysis.duplicates
            if duplicates * 4 > packets:
                tell("duplicates", "", f"{duplicates} of {packets} packets in a minute", duplicates=duplicates)
            for layer, count in now.analysis.anomalies.items():
                malformed = count - then.analysis.anomalies.get(layer, 0)
                if malformed * 100 > packets:
                    tell("decode-errors", layer, f"{malformed} anomalies in {packets} packets in a minute", anomalies=malformed)
        if now.one_way * 10 > now.one_way + now.two_way:
            tell("one-way", "", f"{now.one_way} of {now.one_way + now.two_way} OT conversations", one_way=now.one_way)
        if now.not_evaluable:
            reasons = {rule: str(verdict) for rule, verdict in list(now.not_evaluable.items())[:100]}
            tell("not-evaluable", "", f"{len(now.not_evaluable)} rules", rules=reasons)

    def _end(self, now: Figures) -> None:
        """Conditions that were not told again for their time are over."""
        lasting = {"drops", "gaps", "duplicates", "decode-errors", "one-way", "not-evaluable"}
        for key, active in list(self._active.items()):
            patience = 1.5 * _MINUTE if key[0] in lasting else _EVENT_SECONDS if key[0] in _MOMENTS else 5.0
            if now.monotonic - active.seen < patience or active.seen == now.monotonic:
                continue
            del self._active[key]
            if key[0] in _FLOODING and active.alert.evidence != active.evidence:
                self._out.append(replace(active.alert))  # what came after it was told
            if key[0] not in _MOMENTS:
                seconds = (active.alert.last_seen_ns - active.alert.first_seen_ns) / 1e9
                self._out.append(
                    replace(
                        active.alert,
                        severity=Severity.INFO,
                        title=f"Over: {active.alert.title}",
                        last_seen_ns=now.wall_ns,
                        evidence=Evidence(sensor={**active.alert.evidence.sensor, "over": True}),
                        why=f"It lasted {seconds:.0f} s.",
                    )
                )
