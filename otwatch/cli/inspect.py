"""otwatch inspect: the full Wireshark dissection of the frames behind an alert."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import click

from otwatch.cli.failing import one_line_errors
from otwatch.cli.options import ANALYSIS_OPTIONS, FILE, add_options

_MOST_FRAMES: Final = 200
_LAST_FRAME: Final = 0xFFFF_FFFF  # tshark counts in 32 bits


@click.command()
@click.argument("capture", type=FILE, metavar="CAPTURE")
@click.argument("frames", nargs=-1, type=click.IntRange(min=1, max=_LAST_FRAME), metavar="[FRAME]...")
@click.option("--alert", metavar="ID", help="The frames of this alert or incident (or the beginning of its id), found with the options below.")
@add_options(ANALYSIS_OPTIONS)
def inspect(capture: str, frames: tuple[int, ...], alert: str | None, **options: Any) -> None:
    """Show the full Wireshark dissection of frames of a capture, as their numbers stand in alerts.

    Needs tshark (Debian: apt install tshark). CAPTURE may be compressed.

    \b
    Examples:
      otwatch inspect capture.pcap 1071 1072
      otwatch inspect capture.pcap --alert INC-9542e071 --site site.yaml
    """
    with one_line_errors():
        from otwatch.cli.dissecting import dissected
        from otwatch.errors import CaptureError

        wanted = set(frames) | (_frames_of(capture, alert, options) if alert is not None else set())
        if not wanted:
            raise CaptureError("say which frames: their numbers, or --alert with the id of an alert or incident")
        if len(wanted) > _MOST_FRAMES:
            raise CaptureError(f"{len(wanted)} frames asked for: at most {_MOST_FRAMES} at a time")
        missing = set(wanted)
        for frame in dissected(capture, wanted):
            missing.discard(frame.number)
            click.secho(f"Frame {frame.number}, {frame.time}, {frame.length_bytes} bytes", bold=True)
            for layer, lines in frame.layers:
                click.secho(f"  {layer}", bold=True)
                for line in lines:
                    click.echo(f"    {line}")
        if missing:
            raise CaptureError(f"{capture} has no frame {', '.join(map(str, sorted(missing)))}")


def _frames_of(capture: str, alert: str, options: Mapping[str, Any]) -> set[int]:
    """The frames of an alert, or of all alerts of an incident, of a capture that is analysed for it."""
    from otwatch.cli.running import observed_recordings, policy_from
    from otwatch.errors import CaptureError

    result = next(observed_recordings((capture,), policy_from(options), merge=True)).result
    if result.unreadable:
        raise CaptureError(result.unreadable[0])
    wanted = alert.removeprefix("INC-").lower()
    named = {one for incident in result.incidents if incident.id.startswith(wanted) for one in incident.alerts}
    found = [one for one in result.alerts if one.id in named or one.id.startswith(wanted)]
    if not wanted or not found:
        known = ", ".join(f"INC-{one.id[:8]}" for one in result.incidents[:8]) or "none"
        raise CaptureError(f"{alert}: no such alert or incident in {capture} with these options; incidents: {known}")
    return set(list(dict.fromkeys(frame for one in found for frame in one.frames))[:_MOST_FRAMES])
