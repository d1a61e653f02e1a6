"""From the spool to a destination, at least once: a thread per destination that survives every outage.

TCP syslog has no acknowledgement. An event counts as delivered when the peer's kernel has confirmed all bytes and the connection then stayed up
for SETTLE_SECONDS; when it breaks earlier, everything since is sent again, with the same sequence numbers.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Final

from otwatch.outputs.siem.bodies import BODIES
from otwatch.outputs.siem.event import Event, Sensor
from otwatch.outputs.siem.rfc5424 import message
from otwatch.outputs.siem.spool import Spool
from otwatch.outputs.siem.transport import Target, Transport, connect

SETTLE_SECONDS: Final = 2.0
_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 30.0
_IDLE_SECONDS: Final = 0.2


@dataclass(slots=True)
class DeliveryState:
    """What the health report says of a destination."""

    connected: bool = False
    sent: int = 0  # messages handed to the kernel, repeated ones included
    delivered: int = 0  # last sequence number that is sure to be there
    failures: int = 0
    last_error: str = ""
    failing_since: float | None = None  # monotonic


class Delivery:
    """Sends the events of a spool to one destination until stopped."""

    def __init__(self, spool: Spool, target: Target, sensor: Sensor) -> None:
        self.target = target
        self.state = DeliveryState(delivered=spool.cursor(target.id))
        self._spool = spool
        self._sensor = sensor
        self._body = BODIES[target.format]
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._transport: Transport | None = None
        self._reader = spool.reader(self.state.delivered)
        self._in_flight: deque[tuple[int, float]] = deque()
        self._thread = threading.Thread(target=self._run, name=f"delivery {target.id}", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Says that there is something new in the spool."""
        self._wake.set()

    def stop(self, *, drain_seconds: float = 5.0) -> None:
        """Sends what is there, for at most `drain_seconds`, then ends."""
        end = time.monotonic() + drain_seconds
        while self._thread.is_alive() and time.monotonic() < end and self.state.connected and self.state.delivered < self._spool.next_sequence - 1:
            self._wake.set()
            time.sleep(0.05)
        self._stop.set()
        self._wake.set()
        self._thread.join(timeout=12.0)

    def _run(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self._stop.is_set():
            try:
                if self._transport is None:
                    self._transport = connect(self.target)
                    self.state.connected = True
                idle = not self._send_some()
                self._settle()
                pause = _FIRST_PAUSE_SECONDS
                if not self._in_flight:
                    self.state.failing_since = None
                if idle:
                    self._wake.wait(_IDLE_SECONDS)
                    self._wake.clear()
            except OSError as error:
                self._broken(error)
                self._stop.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        if self._transport is not None:
            self._transport.close()

    def _send_some(self) -> bool:
        events = self._reader.read()
        for event in events:
            assert self._transport is not None
            self._transport.send(self._bytes(event))
            self.state.sent += 1
            self._in_flight.append((event.sequence, time.monotonic()))
        return bool(events)

    def _bytes(self, event: Event) -> bytes:
        if self.target.scheme in ("http", "https"):
            return self._body(event, self._sensor).encode()
        return message(event, self._sensor, self._body, facility=self.target.facility)

    def _settle(self) -> None:
        if not self._in_flight:
            return
        assert self._transport is not None
        if self._transport.unacknowledged_bytes():
            return
        now = time.monotonic()
        sure = self.state.delivered
        while self._in_flight and now - self._in_flight[0][1] >= SETTLE_SECONDS:
            sure = self._in_flight.popleft()[0]
        if sure > self.state.delivered:
            self.state.delivered = sure
            self._spool.move_cursor(self.target.id, sure)

    def _broken(self, error: OSError) -> None:
        self.state.connected = False
        self.state.failures += 1
        self.state.last_error = str(error)
        if self.state.failing_since is None:
            self.state.failing_since = time.monotonic()
        self._in_flight.clear()
        self._reader.rewind(self.state.delivered)
        if self._transport is not None:
            self._transport.close()
            self._transport = None
