"""From the spool to a destination, at least once: a thread per destination that survives every outage.

TCP syslog has no acknowledgement. An event is confirmed when the peer's kernel has all its bytes, and counts as delivered when the connection then
stayed up for SETTLE_SECONDS; when it breaks earlier, everything since is sent again, with the same sequence numbers. The cursor in the spool
follows what is confirmed, so that the death of this process repeats next to nothing; it goes back when a connection breaks.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Final

from otwatch.outputs.siem.bodies import BODIES
from otwatch.outputs.siem.event import Event, Sensor
from otwatch.outputs.siem.fields import plain
from otwatch.outputs.siem.rfc5424 import message
from otwatch.outputs.siem.spool import Spool
from otwatch.outputs.siem.transport import Refused, Target, Transport, connect

SETTLE_SECONDS: Final = 2.0
_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 30.0
_IDLE_SECONDS: Final = 0.2
_CONFIRMATION_SECONDS: Final = 0.01  # looks at the peer's acknowledgements while some are missing
_BATCH: Final = 64  # events sent before the next look at what is confirmed


@dataclass(slots=True)
class DeliveryState:
    """What the health report says of a destination."""

    connected: bool = False
    sent: int = 0  # messages handed to the kernel, repeated ones included
    delivered: int = 0  # last sequence number that is sure to be there
    refused: int = 0  # events that the receiver will never take (HTTP 400, 413, 422)
    failures: int = 0
    last_error: str = ""
    failing_since: float | None = None  # monotonic


class Delivery:
    """Sends the events of a spool to one destination until stopped. A new destination gets what is appended from now on."""

    def __init__(self, spool: Spool, target: Target, sensor: Sensor) -> None:
        self.target = target
        delivered = spool.cursors.delivered(target.id)
        if delivered is None:
            delivered = spool.next_sequence - 1
            spool.cursors.move(target.id, delivered)
        self.state = DeliveryState(delivered=delivered)
        self._spool = spool
        self._sensor = sensor
        self._body = BODIES[target.format]
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._transport: Transport | None = None
        self._reader = spool.reader(delivered)
        self._in_flight: deque[tuple[int, float]] = deque()
        self._noted = delivered  # the cursor in the spool
        self._thread = threading.Thread(target=self._run, name=f"delivery {target.id}", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Says that there is something new in the spool."""
        self._wake.set()

    @property
    def pending(self) -> int:
        """Events that the destination does not surely have."""
        return self._spool.next_sequence - 1 - self.state.delivered

    def stop(self, *, drain_seconds: float = 5.0, join_seconds: float = 12.0) -> None:
        """Sends what is there, for at most `drain_seconds`, then ends: its thread within `join_seconds`, or with the process."""
        end = time.monotonic() + drain_seconds
        while self._thread.is_alive() and time.monotonic() < end and self.state.connected and self.pending > 0:
            self._wake.set()
            time.sleep(0.05)
        self._stop.set()
        self._wake.set()
        if self._thread.ident is not None:  # it was started
            self._thread.join(timeout=join_seconds)

    def _run(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self._stop.is_set():
            try:
                self._take_resend()
                if self._transport is None:
                    self._transport = connect(self.target)
                    self.state.connected = True
                idle = not self._send_some()
                self._settle()
                if not self._in_flight:
                    self.state.failing_since = None
                    pause = _FIRST_PAUSE_SECONDS
                if idle:
                    unconfirmed = bool(self._in_flight) and self._in_flight[-1][0] > self._noted
                    self._wake.wait(_CONFIRMATION_SECONDS if unconfirmed else _IDLE_SECONDS)
                    self._wake.clear()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next alert must still get out, and the health report says it
                self._broken(error)
                self._stop.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        if self._transport is not None:
            self._transport.close()

    def _take_resend(self) -> None:
        first = self._spool.cursors.take_resend(self.target.id)
        if first is not None and first <= self.state.delivered:
            self.state.delivered = max(0, first - 1)
            self._note(self.state.delivered)
            self._in_flight.clear()
            self._reader.rewind(self.state.delivered)

    def _send_some(self) -> bool:
        assert self._transport is not None
        events = self._reader.read(_BATCH)
        for event in events:
            if not self.target.wants(event.record):
                self._in_flight.append((event.sequence, time.monotonic()))
                continue
            try:
                self._transport.send(self._bytes(event))
            except Refused as error:
                self.state.refused += 1
                self.state.last_error = str(error)
            self.state.sent += 1
            self._in_flight.append((event.sequence, time.monotonic()))
            if self.target.scheme in ("http", "https"):  # its answer is the confirmation
                self._note(event.sequence)
        return bool(events)

    def _bytes(self, event: Event) -> bytes:
        try:
            if self.target.scheme in ("http", "https"):
                return self._body(event, self._sensor).encode()
            return message(event, self._sensor, self._body, facility=self.target.facility)
        except (TypeError, ValueError, KeyError):  # a record that no body can say: its sentence at least, so that it does not block the rest
            return message(Event(sequence=event.sequence, record={"type": "alert", "title": repr(event.record)[:200]}), self._sensor, plain)

    def _settle(self) -> None:
        """Moves the cursor over what is sure; raises OSError when the connection is found broken, also while nothing is to be sent."""
        assert self._transport is not None
        if self._transport.unacknowledged_bytes():
            return
        if self._in_flight:
            self._note(self._in_flight[-1][0])
        now = time.monotonic()
        while self._in_flight and now - self._in_flight[0][1] >= SETTLE_SECONDS:
            self.state.delivered = self._in_flight.popleft()[0]

    def _note(self, sequence: int) -> None:
        """Moves the cursor: a write into the kernel's memory, which takes it to the disk in its own time."""
        if sequence != self._noted and self._spool.cursors.move(self.target.id, sequence):
            self._noted = sequence

    def _broken(self, error: Exception) -> None:
        self.state.connected = False
        self.state.failures += 1
        self.state.last_error = str(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        if self.state.failing_since is None:
            self.state.failing_since = time.monotonic()
        self._in_flight.clear()
        self._reader.rewind(self.state.delivered)
        self._note(self.state.delivered)
        if self._transport is not None:
            self._transport.close()
            self._transport = None
