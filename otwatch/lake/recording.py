"""One recording into a lake: under a name that is made of its captures, so that reading it again adds nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from otwatch.lake.layout import Lake
from otwatch.lake.manifest import seal
from otwatch.lake.writing import LakeWriter, OperationsOfLake, TableOfLake
from otwatch.outputs.alert_records import alert_record, incident_record
from otwatch.outputs.json_text import json_text
from otwatch.outputs.records import asset_record

if TYPE_CHECKING:
    from otwatch.capture.report import CaptureReport
    from otwatch.engine.state import Observed

TABLES = ("commands", "behaviours", "flows", "facts")  # of engine.exporters; with "reads", where raw reads are wanted


class LakeRecording:
    """Takes the tables while a recording is read, the rest when it is judged."""

    def __init__(self, lake: Lake, site: str, sensor: str) -> None:
        self._writer = LakeWriter(lake, site, sensor)

    def writers(self, tables: Sequence[str]) -> Mapping[str, TableOfLake]:
        """Who takes the tables of the exporters."""
        names = {"commands": "operations"}
        return {
            name: OperationsOfLake(self._writer, names.get(name, name)) if name in ("commands", "reads") else TableOfLake(self._writer, name)
            for name in tables
        }

    def finish(self, one: Observed) -> tuple[list[str], int]:
        """Shows everything; (the days that are new in the lake, rows of too many days that were not written)."""
        result, writer = one.result, self._writer
        if result.first_ns is None or result.last_ns is None:
            writer.close()
            return [], 0
        writer.records("anomalies", one.anomalies)
        writer.records("alerts", map(alert_record, result.alerts))
        writer.records("incidents", map(incident_record, result.incidents))
        writer.records("assets", map(asset_record, result.assets))
        about = {"packets": result.packets, "captures": [report.path for report in result.captures]}
        days = writer.commit(name_of(result.captures), first_ns=result.first_ns, last_ns=result.last_ns, about=about)
        for day in days:
            seal(writer.place, day)
        return days, writer.lost

    def close(self) -> None:
        """Drops what was not shown."""
        self._writer.close()


def name_of(captures: Sequence[CaptureReport]) -> str:
    """A name that another recording has not: of packets, bytes and times of its captures, whatever their files are called."""
    parts = [(one.packets, one.captured_bytes, one.wire_bytes, one.first_ns, one.last_ns, one.link_types) for one in captures]
    return "r-" + hashlib.sha256(json_text(parts).encode()).hexdigest()[:24]
