"""`analyze --lake DIR`: every recording into a lake, while it is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from otwatch.cli.failing import complain
from otwatch.errors import CaptureError
from otwatch.lake.layout import Lake
from otwatch.lake.recording import TABLES, LakeRecording

if TYPE_CHECKING:
    from otwatch.engine.state import Observed
    from otwatch.engine.writers import Writer

SITE = "plant"  # where no site file gives it a name


class IntoLake:
    """CaptureError when the folder cannot be written."""

    def __init__(self, folder: str, sensor: str, site: str, *, raw_reads: bool) -> None:
        self._lake, self._sensor, self._site = Lake(folder, new=True), sensor, site or SITE
        self.tables = (*TABLES, "reads") if raw_reads else TABLES
        self._now: LakeRecording | None = None

    def begin(self, taking: Mapping[str, Writer]) -> dict[str, Writer]:
        """Who takes the tables of the next recording: beside those of `taking`, the lake; a table that both take goes to each."""
        self._now = LakeRecording(self._lake, self._site, self._sensor)
        found: dict[str, Any] = dict(taking)
        for table, writer in self._now.writers(self.tables).items():
            found[table] = _Both(found[table], writer) if table in found else writer
        return found

    def finish(self, one: Observed) -> bool:
        """Shows a recording in the lake. False when the disk did not take it, which is said: the result is still to be shown."""
        recording, self._now = self._now, None
        if recording is None:
            return True
        if one.stopped:
            recording.close()
            complain(f"{self._lake.root}: nothing of the recording that was interrupted is in the lake")
            return True
        try:
            days, lost = recording.finish(one)
        except CaptureError as error:
            complain(str(error))
            return False
        if not days and one.result.packets:
            complain(f"{one.result.captures[0].path}: is in the lake already; nothing was added")
        if lost:
            complain(f"{self._lake.root}: {lost} rows are of more than 400 days and were not written: look at the clock of the capture")
        return True

    def close(self) -> None:
        """Drops what was not shown."""
        if self._now is not None:
            self._now.close()


class _Both:
    """Gives records to two writers."""

    def __init__(self, *writers: Any) -> None:
        self._writers = writers

    def write(self, records: Iterable[dict[str, Any]]) -> None:
        """Takes records."""
        kept = list(records)
        for writer in self._writers:
            writer.write(kept)
