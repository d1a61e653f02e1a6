"""Capture files as batches for the sensor's loop: what it is tested with, and how a sensor's configuration is tried out on a recording."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from otwatch.capture.files import expand, open_capture
from otwatch.limits import Limits
from otwatch.tables import Packets


def replay_batches(captures: Sequence[str], limits: Limits) -> Iterator[tuple[str, Packets]]:
    """(file, batch) of every capture, as one recording. CaptureError when one cannot be read."""
    for path in expand(captures):
        with open_capture(path, limits) as reader:
            for packets in reader:
                yield path, packets
