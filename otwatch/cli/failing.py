"""Errors on their way to the user: one line each on stderr, exit code 2."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from otwatch.errors import CaptureError, ConfigError, ConfigErrors
from otwatch.outputs.escape import one_line

EXIT_UNUSABLE = 2
EXIT_FAIL_ON = 3


def complain(message: str) -> None:
    """One line on stderr."""
    click.echo(f"otwatch: {one_line(message)}", err=True)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turns the errors a user can mend into one line each and exit code 2; everything else is a bug and shows its traceback."""
    try:
        yield
    except ConfigErrors as errors:
        for error in errors.errors:
            complain(str(error))
        sys.exit(EXIT_UNUSABLE)
    except (CaptureError, ConfigError) as error:
        complain(str(error))
        sys.exit(EXIT_UNUSABLE)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
