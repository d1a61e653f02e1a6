"""Standard output and error as a process finds them: closed, or of an encoding that lacks what otwatch prints."""

from __future__ import annotations

import codecs
import io
import os
import sys

_SPELLED = {"→": "->", "←": "<-", "⇄": "<->", "…": "...", "×": "x", "≥": ">=", "≤": "<=", "—": "-", "·": "."}
_HANDLER = "otwatch.spelled"


def _spelled(error: UnicodeError) -> tuple[str, int]:
    """What the encoding lacks, in letters that it has."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_SPELLED.get(letter, "?") for letter in lacking), error.end


def settle() -> None:
    """Call it before anything is opened: a descriptor that is closed goes to nowhere, so that no file takes its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)  # the lowest that is free
            setattr(sys, name, os.fdopen(nowhere, "w" if number else "r", encoding="utf-8", errors="replace"))
    codecs.register_error(_HANDLER, _spelled)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)
