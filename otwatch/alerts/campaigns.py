"""One host that looked at many devices and then commanded each of them: no role is needed to judge that, however short the observation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from otwatch.alerts.alert import Alert
from otwatch.alerts.severity import Severity

MANY: Final = 8  # devices


def raise_campaigns(alerts: Sequence[Alert]) -> None:
    """Alerts that are milder only because the observation is too short to know roles are high again where one source has many of them."""
    of_source: dict[tuple[str, str], list[Alert]] = {}
    for alert in alerts:
        evidence = alert.evidence
        if evidence.too_short_to_tell and evidence.chain and not (evidence.accepted or evidence.ticket) and alert.severity < Severity.HIGH:
            of_source.setdefault((alert.rule, alert.src), []).append(alert)
    for (_, source), found in of_source.items():
        targets = {alert.dst for alert in found}
        if len(targets) >= MANY:
            for alert in found:
                alert.severity = Severity.HIGH
                alert.why += f" It is high all the same: {source} did so to {len(targets)} devices."
