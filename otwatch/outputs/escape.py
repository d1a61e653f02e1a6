"""Text from the wire on its way out: nothing of it may act on the terminal, forge a line or a field, or start a formula."""

from __future__ import annotations

import re
from typing import Any

# C0, DEL, C1, line and paragraph separators, halves of pairs, and every format character (Unicode category Cf: bidirectional overrides,
# zero-width characters, tags): what moves a cursor, breaks a line, hides or reorders text.
_ACTIVE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff"
    "\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]"
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def one_line(text: str) -> str:
    """The text with every active character written as \\xNN, \\uNNNN or \\UNNNNNNNN: safe for terminals and log lines."""
    return text if text.isprintable() else _ACTIVE.sub(_written, text)  # no active character is printable


def _written(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def cell(value: Any) -> Any:
    """A value for a spreadsheet: text that would be read as a formula gets an apostrophe in front (OWASP CSV injection)."""
    if isinstance(value, str):
        text = one_line(value)
        return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
    return value
