"""What a name on the command line stands for: a capture, a folder of captures, or a store; and what was observed there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

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


def snapshot_of(name: str, policy: Policy) -> Snapshot:
    """What was observed. CaptureError when nothing was."""
    from otwatch.outputs.snapshot import of_result, of_store

    if is_store(name):
        return of_store(Path(name))
    from otwatch.cli.running import finished_analysis
    from otwatch.engine.activity import Recorder
    from otwatch.errors import CaptureError

    recorders: list[Recorder] = []

    def listen(analysis: Any) -> Recorder:
        recorders.append(Recorder(analysis))
        return recorders[-1]

    _, result = finished_analysis([name], policy, listeners=[listen])
    for message in result.unreadable:
        complain(message)
    if not result.packets:
        raise CaptureError(f"{name}: no packets, so there is nothing to look at")
    return of_result(name, result, recorders[0].activity(policy.site).commands)
