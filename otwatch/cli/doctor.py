"""otwatch doctor: is this machine ready to be a sensor, and if not, what to do."""

from __future__ import annotations

import sys

import click

from otwatch.cli.failing import EXIT_UNUSABLE, one_line_errors
from otwatch.cli.options import FILE


@click.command()
@click.argument("interfaces", nargs=-1, metavar="[INTERFACE]...")
@click.option("--config", "config_path", type=FILE, metavar="FILE", help="The sensor's configuration (TOML).")
def doctor(interfaces: tuple[str, ...], config_path: str | None) -> None:
    """Check interfaces, offloads, privileges, clock, rules, destinations and disk, and say what to do.

    Exit code 0 when a sensor can run here, 2 when something keeps it from that.

    \b
    Examples:
      otwatch doctor eth1
      otwatch doctor --config /etc/otwatch/sensor.toml
    """
    with one_line_errors():
        from otwatch.outputs.escape import one_line
        from otwatch.sensor.config import read_config
        from otwatch.sensor.doctor import examine

        config = read_config(config_path, {"sensor.interfaces": interfaces} if interfaces else None)
        bad = 0
        for finding in examine(config):
            bad += finding.state == "bad"
            mark = {"good": click.style("ok  ", "green"), "bad": click.style("BAD ", "red", bold=True), "note": click.style("note", "yellow")}
            click.echo(f"{mark[finding.state]}  {one_line(finding.what)}: {one_line(finding.text)}")
            if finding.advice:
                click.echo(f"      -> {one_line(finding.advice)}")
    if bad:
        sys.exit(EXIT_UNUSABLE)
