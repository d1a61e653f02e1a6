"""Text from the wire on its way out: nothing of it may act on the terminal, forge a line or a field, or start a formula."""

from __future__ import annotations

import re
from typing import Any

# C0, DEL, C1, line and paragraph separators, bidirectional overrides: what moves a cursor, breaks a line or hides text.
_ACTIVE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def one_line(text: str) -> str:
    """The text with every active character written as \\xNN or \\uNNNN: safe for terminals and log lines."""
    return _ACTIVE.sub(lambda found: f"\\x{ord(found[0]):02x}" if ord(found[0]) < 256 else f"\\u{ord(found[0]):04x}", text)


def cell(value: Any) -> Any:
    """A value for a spreadsheet: text that would be read as a formula gets an apostrophe in front (OWASP CSV injection)."""
    if isinstance(value, str):
        text = one_line(value)
        return f"'{text}" if text.startswith(_FORMULA) else text
    return value
