"""The command line: click commands, one file each, loaded when they are called."""

from __future__ import annotations

from importlib import import_module

import click

import otwatch

_COMMANDS = {
    "analyze": "otwatch.cli.analyze",
    "export": "otwatch.cli.export",
    "baseline": "otwatch.cli.baseline",
    "rules": "otwatch.cli.rules",
    "site": "otwatch.cli.site",
    "inspect": "otwatch.cli.inspect",
    "sensor": "otwatch.cli.sensor",
    "doctor": "otwatch.cli.doctor",
    "alerts": "otwatch.cli.store",
    "assets": "otwatch.cli.store",
    "resend": "otwatch.cli.resend",
}


class _Commands(click.Group):
    """Imports a command's module when the command is named: `otwatch --help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        module = _COMMANDS.get(cmd_name)
        if module is None:
            return None
        command = getattr(import_module(module), cmd_name)
        assert isinstance(command, click.Command)
        return command


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

    Exit codes: 0 done, 2 wrong use or unreadable input, 3 --fail-on met.
    """
