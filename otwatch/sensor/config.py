"""The sensor's configuration: a TOML file, every key known and checked, every mistake with its line; options on the command line win.

`SETTINGS` is the whole truth: the file is checked by it and the page docs/reference/sensor-configuration.md is written from it.
"""

from __future__ import annotations

import re
import socket
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from otwatch.alerts.alert import Severity
from otwatch.documents import nearest
from otwatch.errors import CaptureError, ConfigError, ConfigErrors
from otwatch.outputs.siem.transport import Target, parse_target


@dataclass(frozen=True, slots=True)
class Setting:
    """One key. `kind` is text, texts, number, share, size, yes or time; `low` and `high` bound numbers."""

    key: str
    kind: str
    default: Any
    doc: str
    low: float = 0
    high: float = 2**53
    choices: tuple[str, ...] = ()  # of a text


SETTINGS: Final = (
    Setting("sensor.name", "text", "", "What the SIEM calls this sensor; empty: the host name."),
    Setting("sensor.interfaces", "texts", (), "Interfaces to listen on; those on the command line win."),
    Setting("sensor.state", "text", "/var/lib/otwatch", "Folder of everything that survives a restart: spool, checkpoint, learned baseline."),
    Setting("sensor.user", "text", "otwatch", "User to become once sockets and files are open, when started as root."),
    Setting("sensor.filter", "text", "", "Capture filter in tcpdump's language (needs tcpdump); empty: everything. What it leaves out is not seen."),
    Setting(
        "sensor.capture", "text", "auto", "How to listen: auto, ring (AF_PACKET, Linux) or libpcap; auto takes the ring where there is one.",
        choices=("auto", "ring", "libpcap"),
    ),
    Setting("sensor.workers", "number", 1, "Processes that share the interfaces, each with its own ring: for more than one core takes.", 1, 64),
    Setting("sensor.ring_megabytes", "number", 64, "Kernel buffer of each interface: what covers for pauses of the sensor.", 1, 4096),
    Setting("sensor.snap_length", "number", 262_144, "Bytes taken of each packet.", 64, 262_144),
    Setting("sensor.hardware_time", "yes", False, "Use the network card's own time stamps where it has them."),
    Setting("sensor.burst_quiet_seconds", "number", 600, "What comes after a longer quiet gap is another burst of an alert.", 1, 86_400),
    Setting("sensor.checkpoint_seconds", "number", 60, "How often the state is written: what a `kill -9` or a power cut can cost.", 1, 3600),
    Setting("policy.rules", "texts", (), "Files and folders of more rules, beside those that come with otwatch."),
    Setting("policy.site", "text", "", "Site file: zones, allowed writers, tickets."),
    Setting("policy.baseline", "text", "", "Baseline made by `otwatch baseline learn`, or by this sensor's own learning."),
    Setting("policy.intel", "texts", (), "Threat intelligence: STIX 2.1 bundles, CSV files, lists, or folders of them; read again on SIGHUP."),
    Setting(
        "policy.min_severity", "text", "info", "Alerts below this severity are not reported: info, low, medium, high or critical.",
        choices=tuple(severity.label for severity in Severity),
    ),
    Setting("learning.until", "time", "", "Learn what is normal until this UTC time, then compare (2026-12-01T06:00:00); not with policy.baseline."),
    Setting("learning.until_complete", "yes", False, "Learn until nothing new has come for a fifth of the time, then compare."),
    Setting("learning.at_least_hours", "number", 24, "With until_complete: learn at least so long.", 0, 8760),
    Setting("outputs.destinations", "texts", (), "Where alerts go: udp://, tcp://, tls:// syslog or https:// URLs (docs/reference/siem.md)."),
    Setting("outputs.spool_megabytes", "number", 256, "Alerts kept on disk for destinations out of reach; beyond it the oldest go, counted.", 1),
    Setting("outputs.jsonl", "text", "", "File for alerts and heartbeats as JSON lines; empty: none."),
    Setting("outputs.jsonl_megabytes", "number", 64, "Size at which that file is rotated.", 1),
    Setting("outputs.jsonl_keep", "number", 5, "Rotated files kept.", 0, 1000),
    Setting("outputs.database", "text", "", "SQLite store of alerts, assets and flows, for `otwatch alerts` and `otwatch assets`; empty: none."),
    Setting(
        "outputs.keep_packets", "size", "",
        'Room on disk for packets ("2 GB"), in `packets` in the state folder: a ring of the newest, and those around each incident; empty: none.',
    ),
    Setting("outputs.lake", "text", "", "Folder of a lake of Parquet files (`otwatch lake`; needs otwatch[parquet]); empty: none."),
    Setting("outputs.lake_days", "number", 0, "Days of the lake that are kept; 0: all.", 0, 36_500),
    Setting("outputs.lake_reads_days", "number", 0, "Days for which the lake keeps reads row by row, too; 0: only as counts.", 0, 36_500),
    Setting("outputs.lake_size", "size", "", 'Size of the lake beyond which its oldest days are deleted ("500 GB"); empty: none.'),
    Setting("outputs.heartbeat_seconds", "number", 60, "How often a heartbeat with the coverage is sent; 0: never.", 0, 86_400),
    Setting("outputs.metrics_file", "text", "", "File rewritten with Prometheus text (node_exporter's textfile collector); empty: none."),
    Setting("outputs.metrics_port", "number", 0, "Loopback port that answers with Prometheus text; 0: none.", 0, 65_535),
    Setting("health.quiet_seconds", "number", 15, "An interface without a packet for so long is an alarm.", 1, 86_400),
    Setting("health.drop_share", "share", 0.001, "Share of packets lost in a minute that is an alarm.", 0, 1),
    Setting("health.gap_share", "share", 0.001, "Share of stream bytes missing in a minute that is an alarm.", 0, 1),
    Setting("health.delivery_seconds", "number", 60, "A destination that fails for so long is an alarm.", 1, 86_400),
    Setting("health.vlan_minutes", "number", 10, "A VLAN silent for so long has vanished.", 1, 10_080),
)
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(MB|GB|TB)", re.IGNORECASE)
_UNITS: Final = {"MB": 10**6, "GB": 10**9, "TB": 10**12}
_LEAST_BYTES: Final = 100 * 10**6  # of a ring: below it an incident has no room
_BY_KEY: Final = {setting.key: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorConfig:
    """Checked settings, and what was made of some of them."""

    values: Mapping[str, Any]
    targets: tuple[Target, ...]
    worker: int = 0  # which of `sensor.workers` processes this is, counted from 1; 0: all of it

    def __getitem__(self, key: str) -> Any:
        return self.values[key]

    @property
    def name(self) -> str:
        """The sensor's name."""
        return str(self["sensor.name"]) or socket.gethostname()

    def of_worker(self, worker: int) -> SensorConfig:
        """The configuration of one of several processes: its own name, its own files, its own port.

        The state folder names how many there are: with another number other addresses are a process's own, and what it learned of the old ones
        would make unknown hosts of known ones.
        """
        values = dict(self.values)
        values["sensor.name"] = f"{self.name}/{worker}"
        values["sensor.state"] = str(self.state / f"{worker}-of-{self['sensor.workers']}")
        for key in ("outputs.jsonl", "outputs.database", "outputs.metrics_file"):
            if values[key]:
                path = Path(values[key])
                values[key] = str(path.with_name(f"{path.stem}.{worker}{path.suffix}"))
        if values["outputs.metrics_port"]:
            values["outputs.metrics_port"] += worker - 1
        return replace(self, values=values, worker=worker)

    @property
    def state(self) -> Path:
        """The state folder."""
        return Path(self["sensor.state"])

    @property
    def keep_packets_bytes(self) -> int:
        """Room for packets of this process."""
        return size_bytes(self["outputs.keep_packets"]) // (self["sensor.workers"] if self.worker else 1)

    @property
    def min_severity(self) -> Severity:
        """The least severity that is reported."""
        return Severity[self["policy.min_severity"].upper()]


def read_config(path: str | None, overrides: Mapping[str, Any] | None = None) -> SensorConfig:
    """The configuration of a file (None: defaults) with `overrides` by key. ConfigErrors with every mistake at once."""
    text = ""
    document: dict[str, Any] = {}
    if path is not None:
        text, document = _document(path)
    errors: list[ConfigError] = []
    values: dict[str, Any] = {setting.key: setting.default for setting in SETTINGS}
    for section, content in document.items():
        if not isinstance(content, dict):
            known = {key.split(".")[0] for key in _BY_KEY}
            errors.append(_error(text, path, "", section, f'"{section}" must stand in a section{nearest(section, known)}'))
            continue
        for name, value in content.items():
            setting = _BY_KEY.get(f"{section}.{name}")
            if setting is None:
                errors.append(_error(text, path, section, name, f'there is no "{section}.{name}"{nearest(f"{section}.{name}", _BY_KEY)}'))
                continue
            problem = _problem(setting, value)
            if problem:
                errors.append(_error(text, path, section, name, problem))
            else:
                values[setting.key] = _kept(setting, value)
    for key, value in (overrides or {}).items():
        problem = _problem(_BY_KEY[key], value)
        if problem:
            raise CaptureError(problem)
        values[key] = _kept(_BY_KEY[key], value)
    targets = []
    for url in values["outputs.destinations"]:
        try:
            targets.append(parse_target(url))
        except CaptureError as error:
            errors.append(_error(text, path, "outputs", "destinations", str(error)))
    if errors:
        raise ConfigErrors(errors)
    return SensorConfig(values=values, targets=tuple(targets))


def _document(path: str) -> tuple[str, dict[str, Any]]:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigErrors([ConfigError(f"cannot be read: {error.strerror}", path=path)]) from error
    except UnicodeDecodeError as error:
        raise ConfigErrors([ConfigError("is not UTF-8 text", path=path)]) from error
    try:
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        line, column = (int(place[1]), int(place[2])) if place else (max(1, text.count("\n")), 1)
        raise ConfigErrors([ConfigError(f"is not TOML: {str(error).split(' (at ')[0]}", path=path, line=line, column=column)]) from error


def _kept(setting: Setting, value: Any) -> Any:
    """A value that is right, as it is kept."""
    if setting.kind == "texts":
        return tuple(value)
    return value.lower() if setting.choices else value


def size_bytes(text: str) -> int:
    """Bytes of "500 MB" or "2 GB", powers of ten; 0 of an empty text. ValueError when it is no size."""
    if not text.strip():
        return 0
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError(text)
    return int(float(found[1]) * _UNITS[found[2].upper()])


def _problem(setting: Setting, value: Any) -> str:
    """What is wrong with a value; empty when nothing is."""
    key = f'"{setting.key}"'
    if setting.kind == "yes":
        return "" if isinstance(value, bool) else f"{key} is true or false"
    if setting.kind == "texts":
        return "" if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value) else f"{key} is a list of texts"
    if setting.kind in ("number", "share"):
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not (whole or (setting.kind == "share" and isinstance(value, float))) or not setting.low <= value <= setting.high:
            return f"{key} is a {'whole number' if setting.kind == 'number' else 'number'} from {setting.low:g} to {setting.high:g}"
        return ""
    if setting.kind == "time" and hasattr(value, "isoformat"):
        return ""
    if not isinstance(value, str):
        return f"{key} is text"
    if setting.kind == "size" and not _is_size(value):
        return f'{key} is a size of at least 100 MB, as in "2 GB"'
    if setting.choices and value.lower() not in setting.choices:
        return f"{key} is one of {', '.join(setting.choices)}"
    return ""


def _is_size(text: str) -> bool:
    try:
        size = size_bytes(text)
    except ValueError:
        return False
    return not size or size >= _LEAST_BYTES


def _error(text: str, path: str | None, section: str, name: str, message: str) -> ConfigError:
    """The complaint with the line on which the key stands, found by reading the text: tomllib does not tell."""
    inside = not section
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("["):
            inside = stripped.strip("[] ") == section
        found = re.match(rf"\s*{re.escape(name)}\s*=", line)
        if inside and found:
            return ConfigError(message, path=path or "options", line=number, column=len(line) - len(line.lstrip()) + 1)
    return ConfigError(message, path=path or "options")
