"""Value bytes to something JSON can hold, when somebody asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def value(kind: int, data: bytes, row: Mapping[str, int]) -> Any:
    """The value of a row; None where there is none."""
    return data.hex() if data else None
