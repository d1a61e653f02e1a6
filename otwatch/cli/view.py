"""The live view of the sensor: rate, drops, busiest conversations, newest alerts. All text from the wire is escaped."""

from __future__ import annotations

import time
from collections.abc import Callable
from io import StringIO
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from otwatch.outputs.escape import one_line
from otwatch.outputs.story import who
from otwatch.sensor.sensor import Status

_STYLES = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan", "info": "dim"}


class SensorView:
    """A context that gives a function to be called with each new status."""

    def __init__(self) -> None:
        self._live = Live(refresh_per_second=2, screen=True, transient=True)
        self._last: tuple[float, int] | None = None
        self._rate = 0.0

    def warm_up(self) -> None:
        """Draws into nothing, with letters of all widths: rich loads its tables when they are first needed."""
        empty = Status(interfaces=[], packets=0, operations=0, alerts={"high": 1}, newest=[], conditions=["\u6f22 \u00e9 \U0001f600"], learning=True,
                       busiest=lambda: [("\u6f22", 1, 1)])
        with Live(console=Console(file=StringIO(), force_terminal=True, color_system="truecolor"), screen=True, transient=True) as drawing:
            drawing.update(render(empty, 1.0), refresh=True)

    def __enter__(self) -> Callable[[Status], None]:
        self._live.__enter__()
        return self.show

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._live.__exit__(kind, error, trace)

    def show(self, status: Status) -> None:
        """Draws anew."""
        now = time.monotonic()
        if self._last is not None and now > self._last[0]:
            self._rate = (status.packets - self._last[1]) / (now - self._last[0])
        self._last = now, status.packets
        self._live.update(render(status, self._rate))


def render(status: Status, rate: float) -> Group:
    """The picture of one status."""
    interfaces = Table(expand=True, box=None)
    for heading in ("interface", "state", "received", "dropped"):
        interfaces.add_column(heading, justify="left" if heading in ("interface", "state") else "right")
    for link in status.interfaces:
        interfaces.add_row(
            one_line(link.interface),
            Text("up", "green") if link.up else Text("down", "bold red"),
            f"{link.received:,}",
            Text(f"{link.dropped:,}", "red" if link.dropped else ""),
        )
    talks = Table(expand=True, box=None)
    talks.add_column("busiest conversations")
    talks.add_column("packets", justify="right")
    talks.add_column("bytes", justify="right")
    for name, packets, size in status.busiest():
        talks.add_row(Text(one_line(name)), f"{packets:,}", f"{size:,}")
    alerts = Table(expand=True, box=None)
    for heading in ("last seen", "severity", "what", "who > whom", "count"):
        alerts.add_column(heading, no_wrap=True)
    for record in reversed(status.newest):
        alerts.add_row(
            record["last_seen"][11:19],
            Text(record["severity"], _STYLES[record["severity"]]),
            Text(one_line(str(record["title"]))),
            Text(one_line(f"{who(record['src'], record['src_name'], None)} > {who(record['dst'], record['dst_name'], None)}")),
            str(record["count"]),
        )
    counts = ", ".join(f"{count} {label}" for label, count in status.alerts.items()) or "none yet"
    head = Text(f"{rate:,.0f} packets/s   {status.packets:,} packets   {status.operations:,} operations   alerts: {counts}")
    if status.learning:
        head.append("   LEARNING", "yellow")
    parts: list[Panel] = [Panel(head, title="otwatch sensor"), Panel(interfaces), Panel(talks), Panel(alerts, title="newest alerts")]
    if status.conditions:
        parts.insert(1, Panel(Text("\n".join(map(one_line, status.conditions)), "bold red"), title="the sensor itself"))
    return Group(*parts)
