"""Kills a writer of a lake at every file operation in turn, and looks at what is there: run as a program by test_killed.py.

An audit hook counts what the process does to files; at the n-th it sends itself SIGKILL. No `finally` runs, as in a power cut.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as parquet

from otwatch.lake.layout import Lake
from otwatch.lake.manifest import seal, verify
from otwatch.lake.tidying import delete, merge
from tests.lake.making import fill, place

_EVENTS = {"open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.truncate", "fcntl.flock"}


def killed_at(number: int, work: Callable[[], object]) -> bool:
    """Runs the work in a child that is killed at its n-th file operation. False when it ended before."""
    child = os.fork()
    if child == 0:
        count = 0

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal count
            if event in _EVENTS and "lake" in str(arguments):
                count += 1
                if count == number:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def rows(root: Path) -> dict[str, int]:
    """Day -> rows that count; every file is read whole, so a half one fails."""
    found = {}
    for one in Lake(root).places():
        for day in one.days():
            tables = [parquet.read_table(path, partitioning=None) for segment in one.segments(day) for path in segment.files("facts")]
            found[day] = sum(table.num_rows for table in tables)
    return found


def main() -> None:
    """Prints what went wrong as a JSON list, and how often the writer was killed."""
    os.fsync = lambda _: None  # a killed process loses nothing that it gave to the kernel, and this is the slow part
    root, wrong, kills = Path(sys.argv[1]) / "lake", [], 0

    def fresh() -> None:
        shutil.rmtree(root, ignore_errors=True)
        fill(root, "r-1")
        fill(root, "r-2")
        for day in place(root).days():
            seal(place(root), day)

    def prepare_empty() -> None:
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()

    def write() -> None:
        for day in fill(root, "r-1"):
            seal(place(root), day)

    def tidy() -> None:
        one = place(root)
        for day in one.days():
            merge(one, day)
            seal(one, day)

    def drop() -> None:
        delete(place(root), "2026-11-22", "test")

    whole = {"2026-11-22": 30, "2026-11-23": 30}
    twice = {"2026-11-22": 60, "2026-11-23": 60}
    for name, prepare, work, allowed, wanted in (
        ("write", prepare_empty, write, [0, 30], whole),
        ("merge", fresh, tidy, [60], twice),
        ("delete", fresh, drop, [0, 30, 60], {"2026-11-23": 60}),
    ):
        number = 1
        while True:
            prepare()
            if not killed_at(number, work):
                break
            kills += 1
            seen = rows(root)
            if any(count not in allowed for count in seen.values()):
                wrong.append([name, number, "rows after the kill", seen])
            if name == "delete":
                from otwatch.lake.tidying import tidy as again

                again(Lake(root), today="2026-12-01")  # goes on with what was begun
                if (place(root).path / "day=2026-11-22").exists() and rows(root).get("2026-11-22"):
                    work()
            else:
                work()
            after = {day: count for day, count in rows(root).items() if count}
            if after != wanted:
                wrong.append([name, number, "rows after doing it again", after])
            broken = [finding.text for finding in verify(place(root)) if finding.broken]
            if broken:
                wrong.append([name, number, "manifest", broken])
            number += 1
    print(json.dumps({"kills": kills, "wrong": wrong}))


if __name__ == "__main__":
    main()
