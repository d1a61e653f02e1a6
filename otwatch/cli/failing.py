"""Errors on their way to the user: one line each on stderr, exit code 2."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

from otwatch.errors import CaptureError, ConfigError, ConfigErrors
from otwatch.outputs.escape import one_line

if TYPE_CHECKING:
    from otwatch.capture.report import CaptureReport

EXIT_UNUSABLE = 2
EXIT_FAIL_ON = 3
EXIT_INTERRUPTED = 130
_NAMED = 8  # files without a packet
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def complain(message: str) -> None:
    """One line on stderr."""
    click.echo(f"otwatch: {one_line(message)}", err=True)


def nothing_read(reports: Sequence[CaptureReport]) -> list[str]:
    """One line for each file that was opened and held no packet: which it is, and whether it is cut."""
    lines = [
        f"{report.path}: no packet was read: "
        + (
            f"the file is cut short inside its first packet, at byte {report.cut_short_at}; get the whole file again"
            if report.cut_short_at is not None
            else f"check that it holds packets (capinfos {report.path})"
        )
        for report in reports[:_NAMED]
    ]
    more = len(reports) - _NAMED
    return [*lines, *([f"and {more:,} more files without a packet"] if more > 0 else [])] or ["no packet was read"]


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turns the errors a user can mend into one line each and exit code 2; everything else is a bug and shows its traceback."""
    try:
        yield
        sys.stdout.flush()  # here, where a reader that has gone or a full disk can still be told
    except ConfigErrors as errors:
        for error in errors.errors:
            complain(str(error))
        sys.exit(EXIT_UNUSABLE)
    except (CaptureError, ConfigError) as error:
        complain(str(error))
        sys.exit(EXIT_UNUSABLE)
    except KeyboardInterrupt:
        complain("interrupted")
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:  # the reader has seen enough: `| head`
        _forget_output()
        sys.exit(0)
    except OSError as error:
        if isinstance(error.filename, str | bytes):  # a file or folder of the user's that nobody has looked at more closely
            complain(f"{os.fsdecode(error.filename)}: {(error.strerror or str(error)).lower()}; check the path and its permissions")
            sys.exit(EXIT_UNUSABLE)
        if error.errno not in _NO_ROOM:
            raise
        _forget_output()
        complain(f"output cannot be written: {error.strerror}")
        sys.exit(EXIT_UNUSABLE)


def _forget_output() -> None:
    """What is still buffered goes nowhere, and Python does not complain of it when it ends."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
