"""otwatch doctor: is this machine ready to be a sensor, and if not, what to do."""

from __future__ import annotations

import sys

import click

from otwatch.cli.failing import EXIT_UNUSABLE, one_line_errors
from otwatch.cli.options import FILE


@click.command()
@click.argument("interfaces", nargs=-1, metavar="[INTERFACE]...")
@click.option("--config", "config_path", type=FILE, metavar="FILE", help="The sensor's configuration (TOML).")
@click.option("--listen", "seconds", type=click.FloatRange(0, 3600), default=3.0, show_default=True, metavar="SECONDS",
              help="Listen on each interface for so long and say whether OT protocols are seen; 0: do not listen.")
@click.option("--silence", "silencing", is_flag=True, help="Only switch IPv6 off on the interfaces, so that the kernel sends nothing there.")
def doctor(interfaces: tuple[str, ...], config_path: str | None, seconds: float, silencing: bool) -> None:
    """Check interfaces, traffic, offloads, privileges, user, clock, rules, destinations and disk, and say what to do.

    Exit code 0 when a sensor can run here, 2 when something keeps it from that.

    \b
    Examples:
      otwatch doctor eth1
      otwatch doctor eth1 --listen 60
      otwatch doctor --config /etc/otwatch/sensor.toml
    """
    with one_line_errors():
        from otwatch.outputs.escape import one_line
        from otwatch.sensor.config import read_config
        from otwatch.sensor.doctor import examine, silence

        config = read_config(config_path, {"sensor.interfaces": interfaces} if interfaces else None)
        bad = 0
        for finding in map(silence, config["sensor.interfaces"]) if silencing else examine(config, listen_seconds=seconds):
            bad += finding.state == "bad"
            mark = {"good": click.style("ok  ", "green"), "bad": click.style("BAD ", "red", bold=True), "note": click.style("note", "yellow")}
            click.echo(f"{mark[finding.state]}  {one_line(finding.what)}: {one_line(finding.text)}")
            if finding.advice:
                click.echo(f"      -> {one_line(finding.advice)}")
    if bad:
        sys.exit(EXIT_UNUSABLE)
