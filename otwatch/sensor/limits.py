"""The limits of a sensor: known before anything large is loaded, so that the ring is open at once."""

from __future__ import annotations

from typing import Final

from otwatch.limits import Limits

# Of a process that must live through any flood within the memory of a small box, copies for checkpoints included. A plant has some hundred assets.
SENSOR_LIMITS: Final = Limits(
    addresses=524_288, flows=65_536, flows_unanswered=65_536, streams=32_768, behaviours=100_000, assets=20_000, conversations=30_000
)
