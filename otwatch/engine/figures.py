"""The counters of an analysis at one moment: what health, heartbeats and metrics of whoever runs it are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisFigures:
    """All of them only grow, but for `hosts`, `behaviours` and what a restart begins anew."""

    packets: int = 0
    wire_bytes: int = 0
    operations: int = 0
    duplicates: int = 0  # packets that arrived twice
    stream_bytes: int = 0
    hosts: int = 0
    behaviours: int = 0
    anomalies: Mapping[str, int] = field(default_factory=dict)  # layer or protocol -> count
    limits_hit: Mapping[str, int] = field(default_factory=dict)  # limit -> how often
