"""Findings as sentences: what the text output, the report and the SIEM message say first. Plain text; whoever shows it escapes it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from otwatch.alerts.alert import Alert, Severity
from otwatch.alerts.coverage import Coverage
from otwatch.alerts.outcome import WORDS
from otwatch.outputs.result import Result

LOOK_FIRST = 5
_MOSTLY_JUDGED = 0.5  # of the rules that apply: below it the verdict says first how much was judged
_ACTORS = 3
_LISTED = 12
_VALUE_CHARACTERS = 90


def clock(timestamp_ns: int | None) -> str:
    """Date and time to the second, UTC; `-` for none."""
    if timestamp_ns is None:
        return "-"
    try:
        return f"{datetime.fromtimestamp(timestamp_ns // 1_000_000_000, UTC):%Y-%m-%d %H:%M:%S}"
    except (OverflowError, ValueError, OSError):
        return "out of range"


def span(first_ns: int | None, last_ns: int | None) -> str:
    """A length of time for people: `12 s`, `3 min`, `2.5 h`, `934 days`."""
    if first_ns is None or last_ns is None:
        return "-"
    seconds = (last_ns - first_ns) / 1e9
    if 0 < seconds < 1:
        return f"{seconds * 1000:.3g} ms" if seconds >= 0.001 else "under 1 ms"
    if seconds < 120:
        return f"{seconds:.3g} s"
    if seconds < 7200:
        return f"{seconds / 60:.3g} min"
    days = seconds / 86_400
    return f"{seconds / 3600:.3g} h" if days < 2 else f"{days:.3g} days" if days < 100 else f"{days:,.0f} days"


def rate(count: int, seconds: float) -> str:
    """How often, in the unit that gives the shortest number: `77/s`, `1.2/min`, `0.7/h`."""
    for unit, length in (("s", 1), ("min", 60), ("h", 3600)):
        often = count * length / seconds
        if often >= 1 or unit == "h":
            break
    return f"{often:,.0f}/{unit}" if often >= 10 else f"{often:.2g}/{unit}"


def plural(count: int, word: str) -> str:
    """`1 packet`, `2,000 packets`."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def who(address: str, name: str | None, zone: str | None) -> str:
    """An address with what is known of it."""
    known = ", ".join(text for text in (name, zone) if text)
    return f"{address} ({known})" if known else address


def has_ends(alert: Alert) -> bool:
    """Whether it is told who or whom: a frame that cannot be read has neither."""
    return not {alert.src, alert.dst} <= {"", "-"}


def what_happened(alert: Alert) -> str:
    """Who did what to whom, when, and whether it took."""
    parts = [f"{who(alert.src, alert.src_name, alert.src_zone)} → {who(alert.dst, alert.dst_name, alert.dst_zone)}"] if has_ends(alert) else []
    deed = " ".join(text for text in (alert.protocol, alert.function_name or alert.action.lower(), alert.object) if text)
    if alert.value is not None:
        deed += f" = {value_text(alert.value)}"
    if deed:
        parts.append(deed)
    if alert.count > 1:
        seconds = (alert.last_seen_ns - alert.first_seen_ns) / 1e9
        often = f", {rate(alert.count, seconds)}" if seconds >= 1 else ""
        parts.append(f"{alert.count:,} times{often}")
    parts.append(clock(alert.first_seen_ns))
    if alert.action:
        parts.append(WORDS[alert.outcome])
    return "; ".join(parts)


def details(alert: Alert) -> list[str]:
    """What the evidence adds to the sentence: the hops of a chain, all objects, ports, targets, kinds of anomaly."""
    evidence = alert.evidence
    lines = [f"{clock(hop.time_ns)[11:]} frame {hop.frame}: {hop.src} → {hop.dst} {hop.what}" for hop in evidence.chain]
    if evidence.before is not None:
        lines.append(f"{evidence.kind}: {evidence.before} before, now {evidence.now}")
    anomaly = evidence.matched.get("anomaly")
    for title, found in (
        ("objects", evidence.objects),
        ("targets", evidence.targets),
        ("ports", evidence.ports),
        ("functions", evidence.functions),
        ("anomalies", evidence.anomalies or ((anomaly,) if anomaly else ())),
        ("network cards", evidence.cards),
    ):
        if found:
            lines.append(f"{title}: {', '.join(str(item) for item in found[:_LISTED])}{' …' if len(found) > _LISTED else ''}")
    also = list(dict.fromkeys(f"{one.title} ({one.rule}){': ' + one.reason if one.reason else ''}" for one in evidence.also))
    if also:
        lines.append(f"also reported by: {'; '.join(also)}")
    return lines


def verdict(result: Result) -> str:
    """One sentence for the person who asked whether the plant is all right."""
    counts = {severity: sum(alert.severity is severity for alert in result.alerts) for severity in reversed(Severity)}
    grave = [f"{count} {severity.label}" for severity, count in counts.items() if count and severity >= Severity.MEDIUM]
    observed = f"{plural(result.packets, 'packet')} over {span(result.first_ns, result.last_ns)}"
    if not result.packets:
        return "Nothing was read: there is no verdict."
    if grave:
        incidents = sum(count for severity, count in counts.items() if severity >= Severity.MEDIUM)
        text = f"{plural(incidents, 'incident')} to look at ({', '.join(grave)}){_actors(result.alerts)} in {observed}."
    elif result.alerts:
        text = f"Nothing grave in {observed}: {_notes(counts[Severity.LOW], counts[Severity.INFO])}."
    elif result.checks and result.coverage.share < _MOSTLY_JUDGED:
        text = f"{judged(result.coverage)} Nothing was found by them in {observed}."
    else:
        text = f"Nothing of what is looked for was found in {observed}."
    if not grave:
        text += _taken_for_operators(result.alerts)
    if result.incomplete and not (result.checks and not result.alerts and result.coverage.share < _MOSTLY_JUDGED):
        spot = next(spot for spot in result.blind_spots if spot.incomplete)
        text += f" Observation incomplete: {spot.text}{'' if spot.text.endswith('?') else '.'}"
    return text


def judged(coverage: Coverage) -> str:
    """How many of the rules that apply could be judged, and what kept the others from it."""
    text = f"{coverage.judged} of {plural(coverage.applicable, 'rule')} could be judged"
    return f"{text}: {coverage.reasons[0][0].text}." if coverage.not_judged and coverage.reasons else f"{text}."


def _notes(low: int, info: int) -> str:
    if not info:
        return f"{plural(low, 'note')} of low severity"
    return f"{plural(low + info, 'note')} ({low} low, {info} info)" if low else f"{plural(info, 'note')} for information"


def _taken_for_operators(alerts: Sequence[Alert]) -> str:
    """Whose commands are shown as notes only because he polls the device: the reader must confirm that, as nothing in the traffic can."""
    taken = sorted((alert for alert in alerts if alert.evidence.writer == "polls"), key=lambda alert: -alert.count)
    if not taken:
        return ""
    named = ", ".join(f"{alert.src} → {alert.dst} ({alert.count:,} times)" for alert in taken[:_ACTORS])
    more = f" and {len(taken) - _ACTORS} more" if len(taken) > _ACTORS else ""
    return f" Commands were given: {named}{more}. They are taken for the operator's, because the source polls the device; only you can confirm that."


def _actors(alerts: Sequence[Alert]) -> str:
    """` from 172.16.5.66 and 192.168.10.30`: who did the gravest."""
    worst = max(alert.severity for alert in alerts)
    actors = list(dict.fromkeys(alert.src for alert in alerts if alert.severity is worst and alert.src not in ("", "-")))
    if not actors:
        return ""
    named = ", ".join(actors[:_ACTORS]) + (f" and {len(actors) - _ACTORS} more" if len(actors) > _ACTORS else "")
    return f", the gravest by {named}," if worst >= Severity.HIGH else f", by {named},"


def look_first(alerts: Sequence[Alert]) -> list[Alert]:
    """The few incidents to begin with: gravest first; of the same gravity, a second of one rule or between the same two comes last."""
    chosen: list[Alert] = []
    for severity in (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM):
        ranked = sorted((alert for alert in alerts if alert.severity is severity), key=lambda alert: (-alert.confidence, alert.first_seen_ns))
        for alike in (_same_pair_or_rule, _same_pair_and_rule, lambda _one, _other: False):
            for alert in ranked:
                if len(chosen) < LOOK_FIRST and alert not in chosen and not any(alike(alert, other) for other in chosen):
                    chosen.append(alert)
    return sorted(chosen, key=lambda alert: (-alert.severity, alert.first_seen_ns))


def value_text(value: Any) -> str:
    """A decoded value in a few words."""
    if isinstance(value, dict):
        value = ", ".join(f"{name} {value_text(item)}" for name, item in value.items() if item not in (None, False, "", 0))
    elif isinstance(value, list):
        value = ", ".join(value_text(item) for item in value[:8]) + (" …" if len(value) > 8 else "")
    text = str(value)
    return text if len(text) <= _VALUE_CHARACTERS else text[:_VALUE_CHARACTERS] + "…"


def _same_pair_or_rule(one: Alert, other: Alert) -> bool:
    return one.rule == other.rule or (one.src, one.dst) == (other.src, other.dst)


def _same_pair_and_rule(one: Alert, other: Alert) -> bool:
    return one.rule == other.rule and (one.src, one.dst) == (other.src, other.dst)
