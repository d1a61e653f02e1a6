"""Writes the reference pages that are made from the code: tables, anomalies, protocols, rules, command line; and the demo's output in README.md.

    python docs/reference/generate.py [--check]

`--check` exits with 1 when a page is stale; a test runs it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import click
import detection_pages
import encapsulation_page
import lake_page
import language_page
import protocol_pages
import streams_page
from click.testing import CliRunner
from protocol_pages import NOTE

from otwatch.cli import main as command_line
from otwatch.engine.detector import rules_of
from otwatch.engine.kinds import anomaly_kinds, layer_name
from otwatch.markdown import table
from otwatch.protocols import protocols
from otwatch.schemas import SCHEMAS
from otwatch.sensor.config import SETTINGS
from otwatch.sensor.health import CONDITIONS

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
_README_LINES, _README_WIDTH = 32, 150


def tables_page() -> str:
    parts = ["# Tables\n", NOTE, 'What the stages hand to each other. `-1` means "not there" in every signed column, unless it says otherwise.\n']
    for schema in SCHEMAS:
        parts += [
            f"## {schema.name}\n",
            table(("column", "type", "meaning"), *((f"`{column.name}`", column.dtype, column.doc) for column in schema.columns)),
        ]
    return "\n".join(parts)


def anomalies_page() -> str:
    known = protocols()
    parts = ["# Anomalies\n", NOTE, "What can be malformed or out of protocol, as closed lists. Each kind has a shipped rule.\n"]
    for layer, kinds in sorted(anomaly_kinds(known).items()):
        if kinds:
            name = layer_name(layer, known)
            parts += [
                f"## {name}\n",
                table(("kind", "meaning", "standard"), *((f"`{name}.{kind.name}`", kind.doc, kind.clause) for kind in kinds.values())),
            ]
    return "\n".join(parts)


def rules_page() -> str:
    known = rules_of()
    parts = [
        "# Rules\n",
        NOTE,
        f"The {len(known)} rules that come with otwatch. `otwatch rules show RULE` prints one as it is written.\n",
        table(
            ("rule", "severity", "ATT&CK for ICS", "title"),
            *((f"[`{rule.id}`](#{rule.id.replace('.', '')})", rule.severity.label, " ".join(rule.attack), rule.title) for rule in known),
        ),
    ]
    for rule in known:
        parts.append(f"## {rule.id}\n\n**{rule.title}** ({rule.severity.label}). {' '.join(rule.why.split())}\n")
        if rule.false_positives:
            parts.append("Not an attack when: " + "; ".join(rule.false_positives) + ".\n")
    return "\n".join(parts)


def _commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=name)
        for sub in command.list_commands(context):
            found = command.get_command(context, sub)
            assert found is not None
            yield from _commands(found, f"{name} {sub}")


def cli_page() -> str:
    parts = ["# Command line\n", NOTE]
    for name, command in _commands(command_line, "otwatch"):
        with click.Context(command, info_name=name, max_content_width=110, terminal_width=110) as context:
            parts.append(f"## {name}\n\n```\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


def sensor_configuration_page() -> str:
    parts = [
        "# Configuration of the sensor\n",
        NOTE,
        "A TOML file for `otwatch sensor --config FILE`; options on the command line win over it. `otwatch sensor --config FILE --check` checks it, "
        "with the rules, site file and baseline that it names. Every key is optional.\n",
    ]
    sections = dict.fromkeys(setting.key.split(".")[0] for setting in SETTINGS)
    for section in sections:
        rows = []
        for setting in SETTINGS:
            if setting.key.startswith(section + "."):
                shown = str(setting.default).lower() if setting.kind == "yes" else setting.default
                default = "none" if shown in ("", ()) else f"`{shown}`"
                rows.append((f"`{setting.key.split('.')[1]}`", setting.kind, default, setting.doc))
        parts += [f"## [{section}]\n", table(("key", "kind", "default", "meaning"), *rows)]
    return "\n".join(parts)


def sensor_health_page() -> str:
    rows = [(f"`sensor.{name}`", severity.label, title, why) for name, (title, severity, why) in CONDITIONS.items()]
    return "\n".join(
        [
            "# What the sensor says about itself\n",
            NOTE,
            "These are alerts like all others, with the sensor as `src` and the interface, destination or limit as `file`. "
            "A condition is one alert while it lasts: reported at its start, again every hour, and as `info` with `evidence.over` when it is over.\n",
            table(("rule", "severity", "title", "why it matters"), *rows),
            "A `heartbeat` record (rule `sensor.heartbeat`) says every `outputs.heartbeat_seconds` that the sensor is alive and what it can see: "
            "packets, drops, interfaces, one-way conversations, rules that cannot be judged, what waits in the spool. "
            "Let the SIEM alarm when it stays away.\n",
        ]
    )


def readme() -> str:
    """README.md with what `make demo` prints now."""
    before, start, rest = (ROOT / "README.md").read_text(encoding="utf-8").partition("```text\n")
    _, end, after = rest.partition("\n```\n")
    plant = ROOT / "pcaps" / "plant"
    with chdir(ROOT):
        arguments = ["analyze", str((plant / "plant-attack.pcap").relative_to(ROOT)), "--site", str((plant / "site.yaml").relative_to(ROOT))]
        told = CliRunner(env={"COLUMNS": None}).invoke(command_line, arguments, catch_exceptions=False).stdout  # as in a pipe
    lines = [line if len(line) <= _README_WIDTH else f"{line[: _README_WIDTH - 1]}…" for line in told.strip().splitlines()[:_README_LINES]]
    return before + start + "\n".join([*lines, "..."]) + end + after


PAGES = {
    "tables.md": tables_page,
    "anomalies.md": anomalies_page,
    "encapsulations.md": encapsulation_page.page,
    "streams.md": streams_page.page,
    "rules.md": rules_page,
    "rule-language.md": language_page.page,
    "rule.schema.json": language_page.schema,
    "detections.md": detection_pages.page,
    "cli.md": cli_page,
    "lake.md": lake_page.page,
    "sensor-configuration.md": sensor_configuration_page,
    "sensor-health.md": sensor_health_page,
    "../../README.md": readme,
}


def main() -> None:
    """Writes the pages, or checks them."""
    stale = []
    for name, text in [*((name, make()) for name, make in PAGES.items()), *protocol_pages.pages().items()]:
        path = HERE / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale and "--check" in sys.argv:
        raise SystemExit(f"stale: {', '.join(stale)}: run python docs/reference/generate.py")


if __name__ == "__main__":
    main()
