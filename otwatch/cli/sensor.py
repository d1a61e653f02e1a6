"""otwatch sensor: the 24/7 monitor on a mirror port."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from otwatch.cli.failing import complain, one_line_errors
from otwatch.cli.options import FILE, SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from otwatch.capture.live import Live
    from otwatch.sensor.config import SensorConfig
    from otwatch.sensor.sensor import Sensor, Status

# option -> key of the configuration
_OVERRIDES = {
    "name": "sensor.name",
    "state": "sensor.state",
    "user": "sensor.user",
    "bpf": "sensor.filter",
    "capture": "sensor.capture",
    "workers": "sensor.workers",
    "site": "policy.site",
    "baseline": "policy.baseline",
    "min_severity": "policy.min_severity",
    "learn_until": "learning.until",
    "jsonl": "outputs.jsonl",
    "database": "outputs.database",
    "lake": "outputs.lake",
}


@click.command()
@click.argument("interfaces", nargs=-1, metavar="[INTERFACE]...")
@click.option("--config", "config_path", type=FILE, metavar="FILE", help="Configuration (TOML); the options below win over it.")
@click.option("--name", help="What the SIEM calls this sensor (default: the host name).")
@click.option(
    "--state", type=FILE, metavar="FOLDER", help="Spool, checkpoint and learned baseline (default: /var/lib/otwatch)."
)
@click.option("--user", help="User to become once everything is open, when started as root (default: otwatch).")
@click.option("--filter", "bpf", metavar="EXPRESSION", help="Capture filter in tcpdump's language. What it leaves out is not seen.")
@click.option("--capture", type=click.Choice(["auto", "ring", "libpcap"]), help="How to listen (default: a ring where there is one, else libpcap).")
@click.option("--workers", type=click.IntRange(1, 64), metavar="N", help="Share the interfaces between so many processes (default: 1).")
@click.option("--syslog", "destinations", multiple=True, metavar="URL", help="Destination: udp://, tcp://, tls:// or https://; may be repeated.")
@click.option("--site", type=FILE, metavar="FILE", help="Site file: zones, allowed writers, tickets.")
@click.option("--baseline", type=FILE, metavar="FILE", help="Baseline: what is normal here.")
@click.option("--rules", "rules", multiple=True, type=FILE, metavar="PATH", help="More rules: a file or folder; may be repeated.")
@click.option("--min-severity", type=click.Choice(SEVERITIES), help="Report alerts from this severity on.")
@click.option("--learn-until", metavar="TIME", help="Learn what is normal until this UTC time, then compare.")
@click.option("--jsonl", type=FILE, metavar="FILE", help="Alerts and heartbeats as JSON lines.")
@click.option("--db", "database", type=FILE, metavar="FILE", help="SQLite store for `otwatch alerts` and `otwatch assets`.")
@click.option("--lake", type=FILE, metavar="FOLDER", help="Lake of Parquet files for `otwatch lake`, written every five minutes.")
@click.option("--view", is_flag=True, help="Live view in the terminal.")
@click.option("--replay", multiple=True, metavar="CAPTURE", help="Instead of listening, run the same loop over a capture; may be repeated.")
@click.option("--check", is_flag=True, help="Check the configuration, rules, site and baseline, then stop.")
def sensor(
    interfaces: tuple[str, ...],
    config_path: str | None,
    destinations: tuple[str, ...],
    rules: tuple[str, ...],
    view: bool,
    replay: tuple[str, ...],
    check: bool,
    **options: Any,
) -> None:
    """Watch mirror ports day and night: alerts to syslog, files and a store; never sends on the interfaces it listens to.

    SIGHUP reads rules, site and baseline again (a wrong file changes nothing and is reported) and reopens files; SIGTERM and Ctrl-C stop cleanly.

    \b
    Examples:
      otwatch sensor eth1 --syslog tcp://siem.example:601?format=cef
      otwatch sensor --config /etc/otwatch/sensor.toml
      otwatch sensor --config sensor.toml --check
      otwatch sensor --config sensor.toml --replay monday.pcap
    """
    for library in ("OPENBLAS", "OMP"):  # NumPy's threads would be there before privileges are dropped, and keep theirs: each thread drops its own
        os.environ[f"{library}_NUM_THREADS"] = "1"
    with one_line_errors():
        from otwatch.errors import CaptureError
        from otwatch.sensor.config import read_config

        overrides = {_OVERRIDES[name]: value for name, value in options.items() if value is not None}
        for key, values in (("sensor.interfaces", interfaces), ("outputs.destinations", destinations), ("policy.rules", rules)):
            if values:
                overrides[key] = values
        config = read_config(config_path, overrides)
        if check:
            from otwatch.sensor.learning import load_policy

            policy, fingerprint = load_policy(config)
            click.echo(f"good: {len(policy.rules)} rules, {len(config.targets)} destinations, fingerprint {fingerprint}")
        elif replay:
            _replay(config, replay)
        elif not config["sensor.interfaces"]:
            raise CaptureError("no interface: name one, or set sensor.interfaces in the configuration (`ip link` lists them)")
        else:
            _listen(config, view)


def _replay(config: SensorConfig, captures: tuple[str, ...]) -> None:
    from otwatch.sensor.limits import SENSOR_LIMITS
    from otwatch.sensor.replay import replay_batches
    from otwatch.sensor.sensor import Sensor

    limits = SENSOR_LIMITS
    running = Sensor(config, (), limits=limits, packet_time=True)
    try:
        result = running.replay(replay_batches(captures, limits))
    finally:
        running.close()
    click.echo(f"{result.packets} packets, {len(result.assets)} assets, {len(result.alerts)} alerts, {running.reporting.reported} records reported")


def _listen(config: SensorConfig, view: bool) -> None:
    from otwatch.capture.live import check_shared, open_live, open_shared
    from otwatch.errors import CaptureError
    from otwatch.sensor.access import check_access
    from otwatch.sensor.limits import SENSOR_LIMITS
    from otwatch.sensor.notify import notify

    interfaces, workers = config["sensor.interfaces"], config["sensor.workers"]
    wanted: dict[str, Any] = {
        "capture": config["sensor.capture"],
        "snap_length": config["sensor.snap_length"],
        "blocks": config["sensor.ring_megabytes"],
        "bpf": config["sensor.filter"],
        "hardware_time": config["sensor.hardware_time"],
        "limits": SENSOR_LIMITS,
    }
    if workers > 1:  # wrong use is reported before what may be missing on this machine
        if view:
            raise CaptureError("--view shows one process: with several, `otwatch alerts --db FILE` asks each one's store")
        check_shared(config["sensor.capture"])
    check_access(config)
    if workers == 1:
        with open_live(interfaces, **wanted) as source:

            def alive() -> bool:
                notify("WATCHDOG=1")
                return True

            _run(config, source, alive, begun=lambda: notify("READY=1"), view=view and sys.stdout.isatty())
            return
    _share(config, open_shared(interfaces, workers, **wanted))


def _share(config: SensorConfig, sources: list[Live]) -> None:
    """One process for each source. This one opens nothing, and what it could do is taken from it."""
    from otwatch.capture.passive import confine
    from otwatch.errors import CaptureError
    from otwatch.sensor.notify import notify
    from otwatch.sensor.workers import Beat, run_workers

    def close_but(kept: Live | None) -> None:
        for source in sources:
            if source is not kept:
                source.close()

    def work(number: int, beat: Beat) -> None:
        source = sources[number - 1]
        close_but(source)
        os.environ.pop("NOTIFY_SOCKET", None)  # the parent speaks for all
        with one_line_errors(), source:
            _run(config.of_worker(number), source, beat, begun=beat)

    def begun() -> None:
        close_but(None)
        confine([], user=config["sensor.user"])

    told = run_workers(len(sources), work, begun=begun, notify=notify)
    if told:
        raise CaptureError("; ".join(told) + ": all were stopped, for the rest would pass for the whole")


def _run(config: SensorConfig, source: Live, alive: Callable[[], bool], *, begun: Callable[[], object], view: bool = False) -> None:
    """The sensor on a source, until a signal, or until `alive` says that nobody wants it any more."""
    from otwatch.sensor.draining import Drain

    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # everything is just being read
    drain = Drain(source)
    with drain:  # packets come already
        from otwatch.capture.passive import arrived, transmitted
        from otwatch.sensor.limits import SENSOR_LIMITS
        from otwatch.sensor.notify import notify
        from otwatch.sensor.sensor import Sensor

        interfaces = tuple(config["sensor.interfaces"])
        running = Sensor(config, interfaces, limits=SENSOR_LIMITS, transmitted=transmitted, arrived=arrived if config.worker else None,
                         say=complain)
        running.prepare()
        showing: Any = _view() if view else nullcontext(lambda _: None)
    _confine(running, source.filenos())
    signal.signal(signal.SIGTERM, lambda *_: running.stop())
    signal.signal(signal.SIGINT, lambda *_: running.stop())
    signal.signal(signal.SIGHUP, lambda *_: running.reload())
    complain(f"listening on {', '.join(interfaces)}; state in {config.state}")
    for output, why in running.reporting.failing_storage().items():
        complain(f"{output}: {why}; the sensor goes on without it and tries again")
    begun()
    try:
        with showing as show:

            def tick(status: Status) -> None:
                show(status)
                if not alive():
                    running.stop()

            running.run(source, drained=drain.batches(), on_tick=tick)
    finally:
        notify("STOPPING=1")
        running.close()


def _view() -> Any:
    """The view, drawn once into nothing: what it needs is loaded while it can be."""
    from otwatch.cli.view import SensorView

    view = SensorView()
    view.warm_up()
    return view


def _confine(running: Sensor, descriptors: list[int]) -> None:
    """Everything is open: from here on this process can only listen."""
    from otwatch.capture.passive import confine

    user = running.config["sensor.user"]
    if os.geteuid() == 0:
        running.reporting.give_to(user)
        running.give_lake_to(user)
    confinement = confine(descriptors, user=user)
    if not confinement.complete:
        running.health.tell("confinement-incomplete", "", running.monotonic(), running.wall_ns(), str(confinement))
