"""Who writes what: a matrix of sources and targets, then every point with its last value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from otwatch.alerts.alert import Alert
from otwatch.alerts.outcome import SUCCEEDED, WORDS, Outcome
from otwatch.outputs.story import clock, rate
from otwatch.outputs.view.activity import Activity, Command
from otwatch.outputs.view.places import Places
from otwatch.outputs.view.plant import PointRow, WriterCell, Writers

MATRIX: Final = 40  # sources and targets, each
_LETTERS: Final = {
    "WRITE": "W",
    "CONTROL": "C",
    "FORCE": "F",
    "START": "M",
    "STOP": "M",
    "RESTART": "M",
    "PROGRAM_DOWNLOAD": "P",
    "PROGRAM_UPLOAD": "U",
    "PROGRAM_DELETE": "P",
    "FIRMWARE": "P",
    "CONFIGURE": "S",
    "TIME_SET": "S",
}
_STATES: Final = {"permitted": "allowed by the site file", "engineering": "engineering host of the site file", "denied": "not in the site file"}
_NOT_STATED: Final = "not stated"
_RATED: Final = 3  # a rate is said from so many on


def writers_of(activity: Activity, alerts: Iterable[Alert], places: Places) -> Writers:
    """The matrix and the list of points."""
    cells: dict[tuple[int, int], list[Command]] = {}
    for command in activity.commands:
        source, target = places.number(command.source), places.number(command.target)
        if source >= 0 and target >= 0:
            cells.setdefault((source, target), []).append(command)
    sources, targets = _busiest(cells, 0), _busiest(cells, 1)
    shown = {ends: _cell(*ends, commands, places) for ends, commands in cells.items() if ends[0] in sources and ends[1] in targets}
    outcomes = _outcomes(alerts)
    return Writers(
        sources=tuple((number, places.label(number)) for number in sorted(sources)),
        targets=tuple((number, places.label(number)) for number in sorted(targets)),
        cells=shown,
        pairs_left_out=len(cells) - len(shown),
        points=tuple(_point(command, outcomes, places) for command in activity.commands),
        points_left_out=activity.commands_left_out,
    )


def _busiest(cells: dict[tuple[int, int], list[Command]], side: int) -> set[int]:
    counts: dict[int, int] = {}
    for ends, commands in cells.items():
        counts[ends[side]] = counts.get(ends[side], 0) + sum(command.count for command in commands)
    return set(sorted(counts, key=lambda number: (-counts[number], number))[:MATRIX])


def _cell(source: int, target: int, commands: Sequence[Command], places: Places) -> WriterCell:
    states = {command.allowed for command in commands}
    state = "denied" if "denied" in states else "allowed" if states <= {"permitted", "engineering"} else _NOT_STATED
    verbs = "".join(sorted({_LETTERS.get(command.action, "") for command in commands}, key="WCFMPUS".find))
    return WriterCell(
        source=source,
        target=target,
        verbs=verbs,
        count=sum(command.count for command in commands),
        state=state,
        incidents=tuple(sorted(places.between.get((source, target), ()))),
    )


def _outcomes(alerts: Iterable[Alert]) -> dict[tuple[str, str, str], Outcome]:
    """What became of the functions that alerts followed to their answers."""
    found: dict[tuple[str, str, str], Outcome] = {}
    for alert in alerts:
        for act in alert.evidence.acts:
            key = alert.src, act.target or alert.dst, act.function_name
            if key not in found or (act.outcome in SUCCEEDED and found[key] not in SUCCEEDED):
                found[key] = act.outcome
    return found


def _point(command: Command, outcomes: dict[tuple[str, str, str], Outcome], places: Places) -> PointRow:
    seconds = (command.last_ns - command.first_ns) / 1e9
    outcome = outcomes.get((command.source, command.target, command.function))
    return PointRow(
        source=places.label(places.number(command.source), command.source),
        target=places.label(places.number(command.target), command.target),
        protocol=command.protocol,
        function=command.function,
        unit=command.unit,
        point=command.point,
        value=command.value,
        count=command.count,
        rate=rate(command.count, seconds) if command.count >= _RATED and seconds >= 1 else "",
        first=clock(command.first_ns),
        last=clock(command.last_ns),
        frame=command.first_frame,
        state=_STATES.get(command.allowed, _NOT_STATED),
        outcome=WORDS[outcome] if outcome is not None else "",
    )
