"""Everything that leaves the sensor: one record in, to the spool and its destinations, the JSON lines and the store."""

from __future__ import annotations

import os
import pwd
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import otwatch
from otwatch.outputs.rotating import RotatingLines
from otwatch.outputs.siem.delivery import Delivery
from otwatch.outputs.siem.event import Sensor as Sender
from otwatch.outputs.siem.spool import Spool
from otwatch.outputs.store import Store
from otwatch.sensor.config import SensorConfig

_MEGABYTE: Final = 1024 * 1024


class Reporting:
    """Opens what the configuration names; CaptureError says what cannot be opened. After that no fault of a disk or a network raises."""

    def __init__(self, config: SensorConfig, interfaces: tuple[str, ...]) -> None:
        sender = Sender(name=config.name, version=otwatch.__version__, interface=",".join(interfaces))
        self.spool = Spool(config.state / "spool", max_bytes=config["outputs.spool_megabytes"] * _MEGABYTE)
        self.deliveries = [Delivery(self.spool, target, sender) for target in config.targets]
        lines, database = config["outputs.jsonl"], config["outputs.database"]
        self.lines: RotatingLines | None = None
        if lines:
            self.lines = RotatingLines(Path(lines), max_bytes=config["outputs.jsonl_megabytes"] * _MEGABYTE, keep=config["outputs.jsonl_keep"])
        self.store = Store(Path(database)) if database else None
        self.reported = 0

    def start(self) -> None:
        """Starts the threads of the destinations; call it after privileges were dropped."""
        for delivery in self.deliveries:
            delivery.start()

    def emit(self, record: dict[str, Any]) -> int:
        """Reports one record and returns its sequence number. It is safe against the death of the process when this returns."""
        sequence = self.spool.append(record)
        self.reported += 1
        if self.lines is not None:
            self.lines.write({"sequence": sequence, **record})
        if self.store is not None and record["type"] == "alert":
            self.store.alert(record, sequence)
        for delivery in self.deliveries:
            delivery.wake()
        return sequence

    def tick(self) -> None:
        """About once a second: retries what the disk refused, makes the store's rows visible."""
        if self.spool.waiting_in_memory:
            self.spool.flush()
        if self.store is not None:
            self.store.commit()

    def failing(self) -> dict[str, tuple[float, str]]:
        """Destinations that fail: since when (monotonic), and why."""
        return {
            f"{delivery.target.scheme}://{delivery.target.host}:{delivery.target.port}": (delivery.state.failing_since, delivery.state.last_error)
            for delivery in self.deliveries
            if delivery.state.failing_since is not None
        }

    @property
    def storage_errors(self) -> int:
        """Writes that a disk refused."""
        return self.spool.disk_errors + (self.lines.lost if self.lines else 0) + (self.store.lost if self.store else 0)

    @property
    def alerts_lost(self) -> int:
        """Events that went before every destination had them, and those that a receiver will never take."""
        return self.spool.dropped_full + self.spool.dropped_memory + sum(delivery.state.refused for delivery in self.deliveries)

    def reopen(self) -> None:
        """SIGHUP: files may have been moved away."""
        if self.lines is not None:
            self.lines.reopen()

    def give_to(self, user: str) -> None:
        """Makes the files another user's, before this process becomes that user. What cannot be given shows later as a storage failure."""
        try:
            entry = pwd.getpwnam(user)
        except KeyError:
            return
        folder = self.spool.folder.parent
        own = [folder, *folder.rglob("*")]
        if self.lines is not None:
            own.append(self.lines.path)
        if self.store is not None:
            own += [self.store.path, *self.store.path.parent.glob(self.store.path.name + "-*")]
        for path in own:
            with suppress(OSError):
                os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)

    def close(self, *, drain_seconds: float = 5.0) -> None:
        """Delivers what can be delivered in this time; the rest stays in the spool."""
        for delivery in self.deliveries:
            delivery.stop(drain_seconds=drain_seconds)
        self.spool.close()
        if self.lines is not None:
            self.lines.close()
        if self.store is not None:
            self.store.close()
