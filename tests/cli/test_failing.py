"""What a user can mend is one line and exit code 2, whatever is wrong with which file; a bug shows its traceback."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from otwatch.cli.failing import one_line_errors
from tests.cli.calling import SMALL, assert_one_line, otwatch


@pytest.mark.parametrize(("error", "said"), [
    (PermissionError(errno.EACCES, "Permission denied", "/root/x"), "otwatch: /root/x: permission denied; check the path and its permissions\n"),
    (OSError(errno.ELOOP, os.strerror(errno.ELOOP), "a\x1b[2J"), "otwatch: a\\x1b[2J: too many levels of symbolic links; check the path"),
    (OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), b"x"), "otwatch: x: file name too long;")])
def test_a_file_that_the_system_refuses_is_named(error: OSError, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, one_line_errors():
        raise error
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith(said)
    assert told.count("\n") == 1


@pytest.mark.parametrize("error", [OSError(errno.EBADF, "Bad file descriptor"), ValueError("x")])
def test_a_bug_is_not_hidden(error: Exception) -> None:
    with pytest.raises(type(error)), one_line_errors():
        raise error


@pytest.mark.parametrize("arguments", [
    ("analyze", SMALL, "--site", "."), ("analyze", SMALL, "--baseline", "."), ("analyze", SMALL, "--output", "."), ("analyze", SMALL, "--db", "."),
    ("baseline", "show", "."), ("site", "check", "."), ("alerts", "--db", "."), ("sensor", "--config", ".", "--check"), ("doctor", "--config", "."),
    ("analyze", SMALL, "--rules", "nowhere"), ("rules", "check", "nowhere"), ("inspect", "nowhere", "1")], ids=str)
def test_a_folder_for_a_file_and_a_missing_one_are_one_line(arguments: tuple[str | Path, ...]) -> None:
    assert_one_line(otwatch(*arguments))
