"""Errors on their way to the user: one line each on stderr, exit code 2."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import click

from otwatch.errors import CaptureError, ConfigError, ConfigErrors
from otwatch.outputs.escape import one_line

EXIT_UNUSABLE = 2
EXIT_FAIL_ON = 3
EXIT_INTERRUPTED = 130
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def complain(message: str) -> None:
    """One line on stderr."""
    click.echo(f"otwatch: {one_line(message)}", err=True)


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
