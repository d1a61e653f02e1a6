"""Times as the records write them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

_SECOND_NS: Final = 1_000_000_000
_LAST_SECOND: Final = 253_402_300_799  # 9999-12-31T23:59:59Z: the last that the text form can say


def time_text(timestamp_ns: int) -> str:
    """RFC 3339 in UTC with nine digits: `2026-11-22T02:36:00.123456789Z`."""
    seconds, nanoseconds = divmod(timestamp_ns, _SECOND_NS)
    return f"{_second_text(seconds)}.{nanoseconds:09d}Z"


@lru_cache(maxsize=1024)
def _second_text(seconds: int) -> str:
    return f"{datetime.fromtimestamp(min(max(seconds, 0), _LAST_SECOND), UTC):%Y-%m-%dT%H:%M:%S}"
