"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from otwatch.alerts.alert import Severity

FILE = click.Path(readable=False)  # nothing is checked by click, whose complaints take four lines: what opens the file says what is wrong with it
SEVERITIES = [severity.label for severity in Severity]

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

ANALYSIS_OPTIONS: Sequence[Decorator] = (
    click.option(
        "--site", type=FILE, metavar="FILE", help="Site file: zones, allowed writers, engineering hosts (see: otwatch site)."
    ),
    click.option(
        "--baseline", type=FILE, metavar="FILE", help="Baseline learned by `otwatch baseline learn`: what is normal here."
    ),
    click.option(
        "--learn-until", metavar="TIME", help="Without --baseline: what happens before this UTC time (2026-11-22T06:00:00) counts as normal."
    ),
    click.option(
        "--intel", multiple=True, type=FILE, metavar="PATH",
        help="Threat intelligence: a STIX 2.1 bundle, a CSV file, a list of addresses, domains, hashes or JA4, or a folder of them; may be repeated.",
    ),
    click.option(
        "--rules", "rule_paths", multiple=True, type=FILE, metavar="PATH", help="More rules: a file or folder of YAML; may be repeated."
    ),
)

LAKE_OPTIONS: Sequence[Decorator] = (
    click.option("--lake", type=FILE, metavar="FOLDER", help="Add everything to a lake of Parquet files (otwatch lake; needs otwatch[parquet])."),
    click.option("--lake-sensor", default="captures", show_default=True, metavar="NAME", help="Who observed it, in the lake."),
    click.option("--lake-raw-reads", is_flag=True, help="Keep reads in the lake row by row, too, not only as counts per five minutes."),
)

MERGE_OPTION: Sequence[Decorator] = (
    click.option(
        "--merge", is_flag=True, help="All captures are of one plant. Else captures that share neither hosts nor time are recordings of their own."
    ),
)

MERGE_AND_JOBS: Sequence[Decorator] = (
    *MERGE_OPTION,
    click.option(
        "--jobs",
        type=click.IntRange(0),
        default=1,
        show_default=True,
        metavar="N",
        help="Read so many recordings at once, each in a process of its own; 0: one a core. The result is the same.",
    ),
)


SHARE: Sequence[Decorator] = (
    click.option(
        "--share",
        type=FILE,
        metavar="KEYFILE",
        help="Replace addresses, MACs, names and file paths in everything that is written, by the same ones for the same KEYFILE (made where it is "
        "not there): it says what stands for what, and stays with you.",
    ),
)


def add_options(options: Sequence[Decorator]) -> Decorator:
    """Adds shared options to a command, in their order."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def severity(label: str) -> Severity:
    """The severity of a label."""
    return Severity[label.upper()]
