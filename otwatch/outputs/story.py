"""Findings as sentences: what the text output, the report and the SIEM message say first. Plain text; whoever shows it escapes it."""

from __future__ import annotations

from datetime import UTC, datetime

from otwatch.alerts.alert import Alert
from otwatch.alerts.coverage import Coverage
from otwatch.alerts.outcome import WORDS
from otwatch.alerts.story import value_text

_LISTED = 12


def clock(timestamp_ns: int | None) -> str:
    """Date and time to the second, UTC; `-` for none."""
    if timestamp_ns is None:
        return "-"
    try:
        return f"{datetime.fromtimestamp(timestamp_ns // 1_000_000_000, UTC):%Y-%m-%d %H:%M:%S}"
    except (OverflowError, ValueError, OSError):
        return "out of range"


def between(first_ns: int | None, last_ns: int | None) -> str:
    """From when to when, with nothing said twice: the day of the end only where it is another."""
    first, last = clock(first_ns), clock(last_ns)
    if first == last:
        return first
    return f"{first} to {last[11:] if first[:10] == last[:10] else last}"


def time_of_day(timestamp_ns: int, since_ns: int) -> str:
    """`05:34:09` of something that began at `since_ns`; with month and day where it is not the same one."""
    text = clock(timestamp_ns)
    return text[11:] if text[:10] == clock(since_ns)[:10] else text[5:]


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
    lines = [f"{time_of_day(hop.time_ns, evidence.chain[0].time_ns)} frame {hop.frame}: {hop.src} → {hop.dst} {hop.what}" for hop in evidence.chain]
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


def judged(coverage: Coverage) -> str:
    """How many of the rules that apply could be judged, and what kept the others from it."""
    text = f"{coverage.judged} of {plural(coverage.applicable, 'rule')} could be judged"
    return f"{text}: {coverage.reasons[0][0].text}." if coverage.not_judged and coverage.reasons else f"{text}."


def base_name(path: str) -> str:
    """Without its folders: a report is passed on, and says nothing about the machine that made it."""
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2]
