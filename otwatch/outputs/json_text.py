"""Records as JSON that every reader takes: one line, ASCII only, no NaN or infinity, no half of a surrogate pair."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

_ENCODER: Final = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), default=str, allow_nan=False)
_PLAIN: Final = frozenset({int, bool})
_HALF_PAIR: Final = re.compile(r"\\ud[89ab]..(?!\\ud[c-f])|(?<!\\ud[89ab]..)\\ud[c-f]")


def json_text(value: Any) -> str:
    """The value as JSON. What JSON cannot say is written as text: `nan`, `inf`, `-inf`, and U+FFFD for half a pair (of a file's name, say)."""
    if type(value) is list and (kinds := set(map(type, value))) <= _PLAIN and len(kinds) == 1:  # registers and coils, of which there are most
        text = str(value).replace(" ", "")
        return text if int in kinds else text.lower()
    try:
        text = _ENCODER.encode(value)
    except (ValueError, TypeError):  # a number that is not finite, a key that is no text
        return _ENCODER.encode(_sayable(value))
    if "\\ud" in text and _HALF_PAIR.search(text):
        return _ENCODER.encode(_sayable(value))
    return text


def _sayable(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {_sayable(str(name)): _sayable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_sayable(item) for item in value]
    if isinstance(value, bool | int | None):
        return value
    return str(value).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
