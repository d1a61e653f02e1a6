"""otwatch inspect: the full Wireshark dissection of the frames behind an alert."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import click

from otwatch.cli.failing import EXIT_UNUSABLE, complain
from otwatch.cli.options import FILE
from otwatch.outputs.escape import one_line

_MOST_FRAMES = 200


@click.command()
@click.argument("capture", type=FILE, metavar="CAPTURE")
@click.argument("frames", nargs=-1, required=True, type=click.IntRange(min=1), metavar="FRAME...")
def inspect(capture: str, frames: tuple[int, ...]) -> None:
    """Show the full Wireshark dissection of frames of a capture, as their numbers stand in alerts.

    Needs tshark (Debian: apt install tshark) and pyshark (pip install pyshark).

    \b
    Example:
      otwatch inspect capture.pcap 1071 1072
    """
    if not Path(capture).is_file():
        _stop(f"{capture}: no such file")
    if len(frames) > _MOST_FRAMES:
        _stop(f"{len(frames)} frames asked for: at most {_MOST_FRAMES} at a time")
    try:
        import pyshark
    except ImportError:
        _stop("inspect needs pyshark: pip install pyshark")
    if shutil.which("tshark") is None:
        _stop("inspect needs tshark: install it (Debian: apt install tshark)")
    wanted = " || ".join(f"frame.number == {number}" for number in sorted(set(frames)))
    shown = set()
    reader = pyshark.FileCapture(capture, display_filter=wanted, keep_packets=False)
    try:
        for packet in reader:
            shown.add(int(packet.number))
            _show(packet)
    except Exception as error:  # noqa: BLE001 - pyshark raises what its version likes; the user needs tshark's own words
        _stop(f"tshark could not dissect {capture}: {error}")
    finally:
        reader.close()
    missing = sorted(set(frames) - shown)
    if missing:
        _stop(f"{capture} has no frame {', '.join(map(str, missing))}")


def _show(packet: Any) -> None:
    click.secho(f"Frame {packet.number}, {packet.sniff_time}, {packet.length} bytes", bold=True)
    for layer in packet.layers:
        click.secho(f"  {one_line(layer.layer_name)}", bold=True)
        lines = dict.fromkeys(one_line(str(field.showname or field.show or "")) for field in layer._all_fields.values())
        for line in lines:
            if line:
                click.echo(f"    {line}")


def _stop(message: str) -> None:
    complain(message)
    sys.exit(EXIT_UNUSABLE)
