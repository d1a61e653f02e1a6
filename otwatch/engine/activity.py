"""Listens to an analysis for the report: packets and functions in at most 120 bins of time, and the last value of every command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from otwatch.actions import CHANGING, ENGINEERING, Action, Role
from otwatch.alerts.story import value_text
from otwatch.batch import Batch
from otwatch.outputs.view.activity import BINS, Activity, Command, FunctionLine

if TYPE_CHECKING:
    from otwatch.engine.analysis import Analysis
    from otwatch.site.site import Site

_FIRST_BIN_NS: Final = 1_000_000  # the width doubles whenever the capture outgrows the bins
_FUNCTIONS: Final = 256  # lines of functions that are counted apart
_VALUES: Final = 65_536  # behaviours whose last value is kept
_COMMANDS: Final = 5_000  # points that are listed, the most frequent
_PLACE: Final = ("source", "destination", "protocol", "function", "subfunction", "action", "unit", "area", "object", "start", "count")
COMMANDS: Final = CHANGING | ENGINEERING


class Recorder:
    """One per analysis. The cost of a batch is a few vector operations, whatever its size."""

    def __init__(self, analysis: Analysis) -> None:
        self._pipeline = analysis.pipeline
        self._origin_ns: int | None = None
        self._bin_ns = _FIRST_BIN_NS
        self._packets = np.zeros(BINS, np.int64)
        self._functions = np.zeros((_FUNCTIONS + 1, BINS), np.int64)  # the last row is of all functions without a line of their own
        self._lines: dict[tuple[int, int, int, int], int] = {}
        self._values: dict[int, str] = {}

    def feed(self, batch: Batch) -> None:
        """Counts one batch."""
        if batch.packets.rows:
            self._packets += np.bincount(self._bins(batch.packets.array("timestamp_ns")), minlength=BINS)
        operations = batch.operations
        if operations.rows:
            self._count_functions(batch)
            self._keep_values(batch)

    def _bins(self, times: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The bin of each time; what is earlier than the first packet falls into the first."""
        if self._origin_ns is None:
            self._origin_ns = int(times.min())
        since = times - self._origin_ns
        last = int(since.max())
        while last >= BINS * self._bin_ns:
            self._bin_ns *= 2
            self._packets = _halved(self._packets)
            self._functions = _halved(self._functions)
        found: np.ndarray[Any, Any] = np.clip(since // self._bin_ns, 0, BINS - 1)
        return found

    def _count_functions(self, batch: Batch) -> None:
        operations = batch.operations
        rows = np.flatnonzero((operations.array("role") != Role.RESPONSE) & (operations.array("item") == 0))
        if not rows.size:
            return
        bins = self._bins(operations.array("timestamp_ns")[rows])
        keys = np.stack([operations.array(name)[rows].astype(np.int64) for name in ("protocol", "function", "subfunction", "action")], axis=1)
        distinct, inverse = np.unique(keys, axis=0, return_inverse=True)
        lines = np.empty(len(distinct), np.int64)
        for number, key in enumerate(map(tuple, distinct.tolist())):
            if key not in self._lines and len(self._lines) < _FUNCTIONS:
                self._lines[key] = len(self._lines)
            lines[number] = self._lines.get(key, _FUNCTIONS)
        np.add.at(self._functions, (lines[inverse.ravel()], bins), 1)

    def _keep_values(self, batch: Batch) -> None:
        operations = batch.operations
        wanted = np.isin(operations.array("action"), [int(action) for action in COMMANDS])
        rows = np.flatnonzero(wanted & (operations.array("role") == Role.REQUEST) & (operations.array("value_kind") != 0))[::-1]
        behaviours, newest = np.unique(operations.array("behaviour")[rows], return_index=True)
        for behaviour, place in zip(behaviours.tolist(), newest.tolist(), strict=True):
            if behaviour in self._values or len(self._values) < _VALUES:
                row = operations.row(int(rows[place]))
                data = batch.octets.tobytes(row["value_at"], row["value_at"] + row["value_length"])
                self._values[behaviour] = value_text(self._pipeline.protocols[row["protocol"] - 1].value(row["value_kind"], data, row))

    def activity(self, site: Site | None) -> Activity:
        """What was recorded; call after the analysis is finished."""
        last = int(np.flatnonzero(self._packets)[-1]) + 1 if self._packets.any() else 0
        protocols = self._pipeline.protocols
        lines: dict[tuple[str, str, str], np.ndarray[Any, Any]] = {}
        for (protocol, function, subfunction, action), place in self._lines.items():
            spec = protocols[protocol - 1]
            name = spec.name, spec.function_name(function, subfunction), Action(action).name
            lines[name] = lines.get(name, 0) + self._functions[place]
        commands, left_out = self._commands(site)
        return Activity(
            first_ns=self._origin_ns or 0,
            bin_ns=self._bin_ns,
            packets=tuple(self._packets[:last].tolist()),
            requests=tuple(self._functions.sum(axis=0)[:last].tolist()),
            functions=tuple(
                FunctionLine(protocol=protocol, function=function, action=action, counts=tuple(counts[:last].tolist()))
                for (protocol, function, action), counts in sorted(lines.items(), key=lambda item: (item[0][0], -int(item[1].sum()), item[0]))
            ),
            functions_left_out=int(self._functions[_FUNCTIONS].sum()),
            commands=commands,
            commands_left_out=left_out,
        )

    def _commands(self, site: Site | None) -> tuple[tuple[Command, ...], int]:
        behaviours = self._pipeline.behaviour_index.behaviours
        wanted = np.isin(behaviours.array("action"), [int(action) for action in COMMANDS]) & (behaviours.array("role") == Role.REQUEST)
        rows = np.flatnonzero(wanted)
        order = np.argsort(-behaviours.array("messages")[rows], kind="stable")[:_COMMANDS]
        said = self._answers()
        found = [self._command(int(row), behaviours.row(int(row)), site, said) for row in rows[order]]
        found.sort(key=lambda one: (one.source, one.target, one.protocol, one.function, one.first_ns, one.point))
        return tuple(found), len(rows) - len(found)

    def _answers(self) -> dict[tuple[int, ...], list[int]]:
        """Key of a request -> responses without an error, and with one."""
        behaviours = self._pipeline.behaviour_index.behaviours
        wanted = np.isin(behaviours.array("action"), [int(action) for action in COMMANDS]) & (behaviours.array("role") == Role.RESPONSE)
        columns = [behaviours.array(name)[wanted].tolist() for name in (*_PLACE, "status", "messages")]
        said: dict[tuple[int, ...], list[int]] = {}
        for *place, status, messages in zip(*columns, strict=True):
            said.setdefault(tuple(place), [0, 0])[status != 0] += messages
        return said

    def _command(self, number: int, row: dict[str, int], site: Site | None, said: dict[tuple[int, ...], list[int]]) -> Command:
        spec = self._pipeline.protocols[row["protocol"] - 1]
        text = self._pipeline.addresses.text
        source, target, action = text(row["source"]), text(row["destination"]), Action(row["action"])
        area = spec.areas.get(row["area"], str(row["area"]))
        accepted, refused = said.get(tuple(row[name] for name in _PLACE), (0, 0))
        judged = (
            site.judge(source, target, protocol=spec.name, action=action, unit=row["unit"], area=area, start=row["start"], count=row["count"])
            if site
            else None
        )
        return Command(
            source=source,
            target=target,
            protocol=spec.name,
            function=spec.function_name(row["function"], row["subfunction"]),
            action=action.name,
            unit=spec.unit_name(row["unit"]) if row["unit"] >= 0 else "",
            point=spec.object_name(row),
            value=self._values.get(number, ""),
            count=row["messages"],
            first_ns=row["first_ns"],
            last_ns=row["last_ns"],
            first_frame=row["first_frame"],
            allowed=judged or "",
            accepted=accepted,
            refused=refused,
        )


def _halved(counts: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The same counts in bins of twice the width."""
    wide = counts.reshape(*counts.shape[:-1], BINS // 2, 2).sum(axis=-1)
    return np.concatenate([wide, np.zeros_like(wide)], axis=-1)
