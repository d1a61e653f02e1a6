"""The live view: everything that matters is on it, and nothing from the wire acts on the terminal."""

from __future__ import annotations

import io

from rich.console import Console

from otwatch.capture.report import LiveStatistics
from otwatch.cli.view import render
from otwatch.sensor.sensor import Status
from tests.outputs.siem.receivers import alert


def test_the_view_shows_rate_drops_talkers_and_alerts_and_escapes_names() -> None:
    status = Status(
        interfaces=[LiveStatistics(interface="span0", received=1234567, dropped=42, freezes=0, up=False, losses=1)],
        packets=1234567,
        operations=9,
        alerts={"high": 3},
        newest=[alert(src_name="\x1b[2Jevil[bold]", title="[red]x\n")],
        conditions=["no-traffic span0"],
        learning=True,
        busiest=lambda: [("10.0.0.1 > 10.0.0.2 modbus", 77, 8888)],
    )
    out = io.StringIO()
    Console(file=out, width=160, force_terminal=False).print(render(status, 50_000.0))
    text = out.getvalue()
    for part in (
        "50,000 packets/s",
        "1,234,567",
        "42",
        "down",
        "LEARNING",
        "no-traffic span0",
        "10.0.0.1 > 10.0.0.2 modbus",
        "3 high",
        "\\x1b[2Jevil[bold]",
        "[red]x\\x0a",
    ):
        assert part in text
    assert "\x1b" not in text
