"""What the user that the sensor becomes must be able to read later: asked before it starts, and by `otwatch doctor`."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from otwatch.documents import read_regular
from otwatch.errors import CaptureError
from otwatch.sensor.config import SensorConfig


def check_access(config: SensorConfig) -> None:
    """CaptureError, in one line, when the user that the sensor becomes cannot read what a SIGHUP or a new connection reads again."""
    refused = refusals(config)
    if refused:
        raise CaptureError(f"{'; '.join(refused)}: put it where {config['sensor.user']!r} can read it, or name another user (sensor.user)")


def refusals(config: SensorConfig) -> list[str]:
    """What that user cannot read or enter, one sentence each; nothing when this process is not of root, and stays who it is."""
    wanted = [Path(name) for name in (*config["policy.rules"], config["policy.site"], config["policy.baseline"]) if name]
    for target in config.targets:
        wanted += [Path(name) for name in (target.ca, target.certificate, target.key) if name]
    state = config.state.absolute()

    def look() -> list[str]:
        found = [text for path in wanted if (text := unreadable(path))]
        blocked = blocked_at(state)
        return [*found, f"state folder {state}: {blocked} cannot be entered"] if blocked else found

    return as_user(config["sensor.user"], look) if os.geteuid() == 0 else []


def unreadable(path: Path) -> str:
    """Why a file, or a folder of rules, cannot be read by whoever asks; empty when it can. What is not there at all is told elsewhere."""
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            for file in (path, *path.rglob("*")):
                if file.is_dir():
                    list(os.scandir(file))
                elif file.suffix == ".yaml" and file.is_file():
                    read_regular(file, max_bytes=1)
        else:
            read_regular(path, max_bytes=1)
    except PermissionError as error:
        blocked = blocked_at(path.absolute())
        return f"{error.filename or path}: {f'{blocked} cannot be entered' if blocked else 'cannot be read'}"
    except OSError:
        return ""
    return ""


def blocked_at(path: Path) -> Path | None:
    """The first folder above a path that whoever asks cannot enter."""
    return next((folder for folder in reversed(path.parents) if folder.exists() and not os.access(folder, os.X_OK)), None)


def as_user(user: str, work: Callable[[], Iterable[str]]) -> list[str]:
    """The lines of `work` done by another user, in a process of its own. CaptureError when there is no such user."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise CaptureError(f"no user {user!r} to run as: create it (useradd --system {user}) or name another (sensor.user)") from None
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(entry.pw_gid)
            os.setuid(entry.pw_uid)
            os.write(writing, "\n".join(work()).encode("utf-8", "replace")[:65_000])
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        text = answer.read().decode("utf-8", "replace")
    os.waitpid(child, 0)
    return text.split("\n") if text else []
