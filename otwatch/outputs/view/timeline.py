"""What happened when: at most 120 bins of packets and requests, a lane per incident, functions as a heat map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from otwatch.outputs.story import clock, span
from otwatch.outputs.view.activity import Activity, FunctionLine
from otwatch.outputs.view.model import IncidentView
from otwatch.outputs.view.plant import HeatRow, Lane, Timeline

LANES: Final = 12
HEAT: Final = 60
_TICKS: Final = 6
_GRADES: Final = 5
_DAY_NS: Final = 86_400_000_000_000


def timeline_of(activity: Activity, incidents: Sequence[IncidentView]) -> Timeline:
    """The timeline of what was recorded."""
    bins = len(activity.packets or activity.requests)  # a lake does not know when its packets came
    lines = sorted(activity.functions, key=lambda line: (-line.total, line.protocol, line.function))
    highest = max((count for line in lines[:HEAT] for count in line.counts), default=0)
    return Timeline(
        first=clock(activity.first_ns),
        bin_text=span(0, activity.bin_ns),
        ticks=_ticks(activity, bins),
        packets=activity.packets,
        requests=activity.requests,
        packet_heights=_heights(activity.packets),
        request_heights=_heights(activity.requests),
        lanes=tuple(_lane(activity, bins, incident) for incident in incidents[:LANES]) if bins else (),
        heat=tuple(_heat(line, highest) for line in sorted(lines[:HEAT], key=lambda line: (line.protocol, -line.total, line.function, line.action))),
        heat_left_out=max(0, len(lines) - HEAT) + (1 if activity.functions_left_out else 0),
    )


def _heights(counts: Sequence[int]) -> tuple[int, ...]:
    """In per cent of the highest; whatever happened at all is visible."""
    highest = max(counts, default=0)
    return tuple(max(2, 100 * count // highest) if count else 0 for count in counts)


def _bin(activity: Activity, bins: int, time_ns: int) -> int:
    return min(max((time_ns - activity.first_ns) // activity.bin_ns, 0), bins - 1)


def _ticks(activity: Activity, bins: int) -> tuple[tuple[int, str], ...]:
    if not bins:
        return ()
    from_day = 0 if bins * activity.bin_ns > _DAY_NS else 11
    step = max(1, -(-bins // _TICKS))
    return tuple((place, clock(activity.first_ns + place * activity.bin_ns)[from_day:]) for place in range(0, bins, step))


def _lane(activity: Activity, bins: int, incident: IncidentView) -> Lane:
    return Lane(
        number=incident.number,
        title=incident.title,
        severity=incident.severity,
        first=_bin(activity, bins, incident.first_ns),
        last=_bin(activity, bins, incident.last_ns),
        marks=tuple(sorted({_bin(activity, bins, step.time_ns) for step in incident.steps})),
    )


def _heat(line: FunctionLine, highest: int) -> HeatRow:
    scale = math.log1p(highest) or 1.0
    grades = tuple(max(1, math.ceil(_GRADES * math.log1p(count) / scale)) if count else 0 for count in line.counts)
    return HeatRow(
        protocol=line.protocol,
        function=line.function,
        action=line.action.lower().replace("_", " "),
        total=line.total,
        counts=line.counts,
        grades=grades,
    )
