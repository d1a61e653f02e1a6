"""Alerts made by hand for the tests of bursts and incidents."""

from __future__ import annotations

from typing import Any

from otwatch.alerts.alert import Alert, Severity
from otwatch.alerts.bursts import Burst
from otwatch.alerts.evidence import Act, Evidence, Hop
from otwatch.alerts.outcome import Items, Outcome

S = 1_000_000_000
MINUTE, HOUR = 60 * S, 3600 * S


def burst(occurrence: int, first_s: float, last_s: float | None = None, **more: Any) -> Burst:
    """One burst, in seconds."""
    return Burst(occurrence=occurrence, first_ns=int(first_s * S), last_ns=int((first_s if last_s is None else last_s) * S), count=1, **more)


def act(action: str, outcome: Outcome = Outcome.CONFIRMED, at_s: float = 0, dst: str = "10.0.0.9", **more: Any) -> Act:
    """One act."""
    given: dict[str, Any] = {
        "function": 5,
        "function_name": action.lower(),
        "protocol": "modbus",
        "objects": ("40001",),
        "value": None,
        "count": 1,
        "first_ns": int(at_s * S),
        "last_ns": int(at_s * S),
        "frames": (1,),
        "items": Items(1, 1, 0),
        "target": dst,
        **more,
    }
    return Act(action=action, outcome=outcome, **given)


def alert(
    rule: str = "test.rule",
    src: str = "10.0.0.66",
    dst: str = "10.0.0.9",
    at_s: float = 0,
    severity: Severity = Severity.HIGH,
    bursts: tuple[Burst, ...] = (),
    acts: tuple[Act, ...] = (),
    chain: tuple[Hop, ...] = (),
    **more: Any,
) -> Alert:
    """One alert; its id says rule, source, target and time."""
    bursts = bursts or (burst(1, at_s),)
    evidence = more.pop("evidence", None) or Evidence()
    evidence.acts, evidence.chain = acts, chain
    lead = acts[0] if acts else None
    return Alert(
        id=f"{rule}|{src}|{dst}|{bursts[0].first_ns}",
        rule=rule,
        title=f"Title of {rule}",
        severity=severity,
        confidence=0.9,
        first_seen_ns=bursts[0].first_ns,
        last_seen_ns=bursts[-1].last_ns,
        count=len(bursts),
        src=src,
        dst=dst,
        bursts=bursts,
        occurrence=bursts[-1].occurrence,
        evidence=evidence,
        action=lead.action if lead else "",
        outcome=lead.outcome if lead else Outcome.NOT_OBSERVED,
        **more,
    )


def hop(at_s: float, src: str, dst: str, what: str = "tcp/22") -> Hop:
    """One hop of a chain."""
    return Hop(time_ns=int(at_s * S), frame=1, src=src, dst=dst, what=what)
