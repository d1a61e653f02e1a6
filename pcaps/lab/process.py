"""The process behind the controllers: values that swing, as measurements of a plant do."""

from __future__ import annotations

import math
import time


def level(period: float, low: float, high: float) -> float:
    """A process value that swings between two limits, `period` in seconds."""
    return low + (high - low) * (0.5 + 0.5 * math.sin(2 * math.pi * time.time() / period))


def ready() -> None:
    """Tell the recording that this server listens."""
    print("ready", flush=True)
