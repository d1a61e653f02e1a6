"""Everything that leaves the sensor: one record in, to the spool and its destinations, the JSON lines and the store."""

from __future__ import annotations

import os
import pwd
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import otwatch
from otwatch.outputs.siem.delivery import Delivery
from otwatch.outputs.siem.event import Sensor as Sender
from otwatch.outputs.siem.spool import Spool
from otwatch.outputs.store import Store
from otwatch.sensor.config import SensorConfig
from otwatch.sensor.copies import Copy, StoreCopy, open_lines, open_store

_MEGABYTE: Final = 1024 * 1024


class Reporting:
    """Opens what the configuration names. CaptureError when another sensor has the same state; no other fault of a disk or a network raises."""

    def __init__(self, config: SensorConfig, interfaces: tuple[str, ...]) -> None:
        sender = Sender(name=config.name, version=otwatch.__version__, interface=",".join(interfaces))
        self.spool = Spool(config.state / "spool", max_bytes=config["outputs.spool_megabytes"] * _MEGABYTE)
        self.deliveries = [Delivery(self.spool, target, sender) for target in config.targets]
        self.damage: list[tuple[str, str]] = [("spool", text) for text in self.spool.damage]  # (output, what was found), to be told once
        self.copies: list[Copy] = []
        if config["outputs.jsonl"]:
            lines = Path(config["outputs.jsonl"])
            sizes = {"max_bytes": config["outputs.jsonl_megabytes"] * _MEGABYTE, "keep": config["outputs.jsonl_keep"]}
            self.copies.append(Copy("jsonl", lines, self.spool, lambda: open_lines(lines, **sizes)))
        if config["outputs.database"]:
            database = Path(config["outputs.database"])
            self.copies.append(Copy("store", database, self.spool, lambda: open_store(database, lambda text: self.damage.append(("store", text)))))
        needed = [delivery.state.delivered for delivery in self.deliveries] + [copy.written for copy in self.copies]
        if needed:
            self.spool.check(min(needed))
        self.reported = 0

    @property
    def store(self) -> Store | None:
        """The store while it is open."""
        return next((copy.writer.store for copy in self.copies if isinstance(copy.writer, StoreCopy)), None)

    def start(self) -> None:
        """Starts the threads of the destinations; call it after privileges were dropped."""
        for delivery in self.deliveries:
            delivery.start()

    def emit(self, record: dict[str, Any]) -> int:
        """Reports one record and returns its sequence number. It is safe against the death of the process when this returns."""
        sequence = self.spool.append(record)
        self.reported += 1
        for copy in self.copies:
            copy.emit(sequence, record)
        for delivery in self.deliveries:
            delivery.wake()
        return sequence

    def tick(self) -> None:
        """About once a second: retries what the disk refused, makes the store's rows visible."""
        self.spool.flush()
        self.spool.note_told()
        for copy in self.copies:
            copy.tick()

    def take_damage(self) -> list[tuple[str, str]]:
        """(output, what was found) of everything damaged that was not told yet."""
        damage, self.damage = self.damage, []
        return damage

    def failing_storage(self) -> dict[str, str]:
        """Outputs on this machine that the disk does not take now: name -> why."""
        failing = {f"{copy.name} {copy.path}": copy.error for copy in self.copies if copy.error}
        if self.spool.error:
            failing[f"spool {self.spool.folder}"] = self.spool.error
        return failing

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
        return self.spool.disk_errors + sum(copy.failures for copy in self.copies)

    @property
    def alerts_lost(self) -> int:
        """Events that went before every destination had them, and those that a receiver will never take."""
        return self.spool.losses.total + sum(delivery.state.refused for delivery in self.deliveries)

    @property
    def losses(self) -> str:
        """Their sequence numbers and why, as far as they were lost here."""
        numbers = self.spool.losses.text()
        return f"sequence numbers {numbers} ({self.spool.losses.reasons()})" if numbers else ""

    def reopen(self) -> None:
        """SIGHUP: files may have been moved away."""
        for copy in self.copies:
            copy.reopen()

    def give_to(self, user: str) -> None:
        """Makes the files another user's, before this process becomes that user. What cannot be given shows later as a storage failure."""
        try:
            entry = pwd.getpwnam(user)
        except KeyError:
            return
        folder = self.spool.folder.parent
        own = [folder, *folder.rglob("*")]
        for copy in self.copies:
            own += copy.paths()
        for path in own:
            with suppress(OSError):
                os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)

    def close(self, *, drain_seconds: float = 5.0) -> None:
        """Delivers what can be delivered in this time; the rest stays in the spool."""
        for delivery in self.deliveries:
            delivery.stop(drain_seconds=drain_seconds)
        self.spool.flush()
        for copy in self.copies:
            copy.close()
        self.spool.close()
