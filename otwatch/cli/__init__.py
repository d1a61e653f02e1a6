"""The command line: click commands, one file each, loaded when they are called."""

from __future__ import annotations

import gc
import os
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

import otwatch
from otwatch.cli import stdio

_COMMANDS = {
    "analyze": "otwatch.cli.analyze",
    "export": "otwatch.cli.export",
    "report": "otwatch.cli.report",
    "baseline": "otwatch.cli.baseline",
    "rules": "otwatch.cli.rules",
    "site": "otwatch.cli.site",
    "inspect": "otwatch.cli.inspect",
    "slice": "otwatch.cli.slice",
    "diff": "otwatch.cli.diff",
    "graph": "otwatch.cli.graph",
    "lake": "otwatch.cli.lake",
    "sensor": "otwatch.cli.sensor",
    "doctor": "otwatch.cli.doctor",
    "status": "otwatch.cli.status",
    "summary": "otwatch.cli.summary",
    "incidents": "otwatch.cli.store",
    "alerts": "otwatch.cli.store",
    "assets": "otwatch.cli.store",
    "resend": "otwatch.cli.resend",
}

_YOUNG_OBJECTS: Final = 100_000  # between two collections; at Python's 700 a plant of 600 controllers cost as much in collections as in packets


class _Commands(click.Group):
    """Imports a command's module when the command is named: `otwatch --help` stays quick."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """A process of its own: what holds for all of it is settled before NumPy is loaded."""
        gc.set_threshold(_YOUNG_OBJECTS, 10, 10)
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # nothing here multiplies matrices, and idle threads spin before they sleep
        return super().__call__(*args, **kwargs)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        module = _COMMANDS.get(cmd_name)
        if module is None:
            return None
        found = import_module(module)
        command = getattr(found, cmd_name, None) or getattr(found, f"{cmd_name}_")  # `slice_`: what Python itself has a name for
        assert isinstance(command, click.Command)
        _say_it_whole(command)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """As click, with what was probably meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from otwatch.documents import nearest
            from otwatch.outputs.escape import one_line

            meant = nearest(args[0], _COMMANDS)
            if not meant and (Path(args[0]).exists() or args[0] == "-"):
                meant = f"; for what is in that file: otwatch analyze {one_line(args[0])}"
            raise click.UsageError(f"{error.message.rstrip('.')}{meant or '.'}", ctx) from error


def _say_it_whole(command: click.Command) -> None:
    """In lists of commands click cuts the first sentence at 45 characters; here it is wrapped."""
    if command.short_help is None and command.help:
        paragraph = " ".join(command.help.partition("\n\n")[0].split())
        command.short_help = paragraph.partition(". ")[0].rstrip(".") + "."
    if isinstance(command, click.Group):
        for one in command.commands.values():
            _say_it_whole(one)


def _version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        how = "compiled" if otwatch.is_compiled() else "uncompiled: slow; install a C compiler and Python headers, then reinstall"
        click.echo(f"otwatch {otwatch.__version__} ({how})")
        ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Version, and whether the byte loops are compiled."
)
def main() -> None:
    """Passive OT network monitor: what is on the network, who commands the controllers, and what of that should not be happening.

    otwatch never sends a packet.

    \b
    First steps:
      otwatch analyze capture.pcap                 what is there, who does what, what is wrong
      otwatch analyze captures/ --format jsonl     the same for other programs
      otwatch baseline learn monday.pcap --output plant.json
      otwatch analyze tuesday.pcap --baseline plant.json --site site.yaml
      otwatch export operations capture.pcap --output operations.csv

    Exit codes: 0 done, 2 wrong use, unreadable input or undelivered alerts, 3 --fail-on met, 130 interrupted.
    """
    stdio.settle()
