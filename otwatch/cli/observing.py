"""What a name on the command line stands for: a capture, a folder of captures, or a store; and what was observed there."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from otwatch.cli.failing import complain

if TYPE_CHECKING:
    from otwatch.engine.detector import Policy
    from otwatch.outputs.snapshot import Snapshot

_SQLITE: Final = b"SQLite format 3\0"


def is_store(name: str) -> bool:
    """Whether it is a SQLite file."""
    try:
        with Path(name).open("rb") as file:
            return file.read(len(_SQLITE)) == _SQLITE
    except OSError:
        return False


def is_lake_day(name: str) -> bool:
    """Whether it is a day of a lake: `lake@2026-11-22`."""
    folder, _, day = name.rpartition("@")
    return bool(folder) and Path(folder).is_dir() and re.fullmatch(r"\d{4}-\d\d-\d\d", day) is not None and not Path(name).exists()


def snapshots_of(name: str, policy: Policy, *, merge: bool, jobs: int) -> list[Snapshot]:
    """What was observed: of captures one of each recording. CaptureError when nothing was."""
    from otwatch.outputs.snapshot import of_result, of_store

    if is_store(name):
        return [of_store(Path(name))]
    if is_lake_day(name):
        from otwatch.lake.snapshot import of_lake

        folder, _, day = name.rpartition("@")
        return [of_lake(folder, day)]
    from otwatch.cli.running import observed_recordings
    from otwatch.engine.state import Wanted
    from otwatch.errors import CaptureError

    found = []
    for one in observed_recordings([name], policy, Wanted(activity=True), merge=merge, jobs=jobs):
        for message in one.result.unreadable:
            complain(message)
        if one.result.packets:
            found.append(of_result(name, one.result, one.activity.commands))
    if not found:
        raise CaptureError(f"{name}: no packets, so there is nothing to look at")
    if len(found) == 1:
        return found
    return [replace(each, name=f"{name}, recording {number}") for number, each in enumerate(found, 1)]
