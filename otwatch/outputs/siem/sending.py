"""Events that are all there already, a capture's alerts: to every destination at once, until each has them or proves out of reach."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from otwatch.errors import CaptureError
from otwatch.outputs.siem.delivery import Delivery
from otwatch.outputs.siem.event import Sensor
from otwatch.outputs.siem.spool import Spool
from otwatch.outputs.siem.transport import Target, tls_context

PATIENCE_SECONDS: Final = 10.0  # a receiver that is restarted is back sooner
_LOOK_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of the events at one destination. UDP has no confirmation: there `delivered` means sent, and no refusal heard."""

    target: Target
    delivered: int
    error: str = ""  # why not all of them; empty: all


def check_target(target: Target) -> None:
    """CaptureError when the certificate files of a destination cannot be used: told before the work, not after it."""
    if target.scheme in ("tls", "https"):
        try:
            tls_context(target)
        except OSError as error:
            raise CaptureError(str(error)) from error


def send_all(
    records: Iterable[dict[str, Any]], targets: Sequence[Target], sender: Sensor, *, patience_seconds: float = PATIENCE_SECONDS
) -> list[Outcome]:
    """Sends the records in their order, numbered from 1, and waits. A destination that fails and gets nothing for the patience is given up."""
    with tempfile.TemporaryDirectory(prefix="otwatch-", ignore_cleanup_errors=True) as folder:
        spool = Spool(Path(folder), max_bytes=sys.maxsize)
        deliveries = [Delivery(spool, target, sender) for target in dict.fromkeys(targets)]
        for record in records:
            spool.append(record)
        for delivery in deliveries:
            delivery.start()
        try:
            return _wait(spool, deliveries, patience_seconds)
        finally:
            for delivery in deliveries:
                delivery.stop(drain_seconds=0, join_seconds=1.0)
            spool.close()


def _wait(spool: Spool, deliveries: list[Delivery], patience_seconds: float) -> list[Outcome]:
    outcomes: dict[Target, Outcome] = {}
    progress = {delivery.target: (0, 0.0) for delivery in deliveries}  # the last number that was delivered, and when
    while len(outcomes) < len(deliveries):
        for delivery in deliveries:
            target, state, failing_since = delivery.target, delivery.state, delivery.state.failing_since
            if target in outcomes:
                continue
            if state.delivered > progress[target][0]:
                progress[target] = state.delivered, time.monotonic()
            if not delivery.pending:
                missing = state.refused + spool.losses.total
                error = (state.last_error if state.refused else "the disk of temporary files is full") if missing else ""
                outcomes[target] = Outcome(target=target, delivered=state.delivered - missing, error=error)
            elif failing_since is not None and time.monotonic() - max(failing_since, progress[target][1]) >= patience_seconds:
                outcomes[target] = Outcome(target=target, delivered=state.delivered, error=state.last_error)
        time.sleep(_LOOK_SECONDS)
    return [outcomes[delivery.target] for delivery in deliveries]
