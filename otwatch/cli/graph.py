"""otwatch graph: questions to the asset graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

import click

from otwatch.cli.failing import one_line_errors
from otwatch.cli.options import FILE, MERGE_AND_JOBS, add_options

if TYPE_CHECKING:
    from otwatch.outputs.questions import Answer, Questions

# question -> how many hosts it names, and what it says when there is nothing
_QUESTIONS: Final = {
    "paths": (2, "No way was observed"),
    "writers-of": (1, "Nobody was observed to command it"),
    "reach-of": (1, "It was not observed to reach anybody"),
    "crossings": (0, "No conversation between zones or levels was observed"),
    "single-points": (0, "No OT device hangs on a single host"),
}
_ASK: Final[dict[str, Callable[..., Iterator[Answer]]]] = {
    "paths": lambda questions, source, target: questions.paths(source, target),
    "writers-of": lambda questions, target: questions.writers_of(target),
    "reach-of": lambda questions, source: questions.reach_of(source),
    "crossings": lambda questions: questions.crossings(),
    "single-points": lambda questions: questions.single_points(),
}


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[CAPTURE] QUESTION [HOST...]")
@click.option(
    "--db", "database", type=FILE, metavar="FILE", help="Ask the store of a sensor, or of `otwatch analyze --db FILE`, in place of a capture."
)
@click.option("--site", type=FILE, metavar="FILE", help="Site file: names and zones (see: otwatch site).")
@click.option("--format", "form", type=click.Choice(["text", "jsonl"]), default="text", show_default=True, help="Text, or JSON lines.")
@add_options(MERGE_AND_JOBS)
def graph(words: tuple[str, ...], database: str | None, site: str | None, form: str, merge: bool, jobs: int) -> None:
    """Ask the asset graph: who can get where, who commands whom, what crosses zones, what depends on one host.

    Ways lead from client to server over conversations that were answered. HOST is an address, a MAC or a name.

    \b
    Questions:
      paths FROM TO      how one host reaches another, host by host
      writers-of HOST    who commands it, and who reaches these
      reach-of HOST      what it reaches, directly and through others
      crossings          conversations between zones, or Purdue levels
      single-points      hosts without which OT devices are cut off

    \b
    Examples:
      otwatch graph capture.pcap paths 172.16.5.66 192.168.10.11
      otwatch graph capture.pcap writers-of plc-1 --site site.yaml
      otwatch graph --db /var/lib/otwatch/otwatch.sqlite crossings
    """
    with one_line_errors():
        from otwatch.cli.observing import snapshots_of
        from otwatch.cli.running import policy_from
        from otwatch.outputs.escape import one_line
        from otwatch.outputs.questions import Questions

        source, question, hosts = _parsed(words, database)
        policy = policy_from({"rule_paths": (), "site": site, "baseline": None, "learn_until": None})
        found = [(one.name, Questions(one)) for one in snapshots_of(source, policy, merge=merge, jobs=jobs)]
        answered = list(_answered(found, question, hosts))
        if form == "jsonl":
            from dataclasses import asdict

            from otwatch.outputs.json_text import json_text

            for name, answers in answered:
                where = {"recording": name} if len(found) > 1 else {}
                for answer in answers:
                    click.echo(json_text({"type": "answer", "question": question, **where, **asdict(answer)}))
            return
        for name, answers in answered:
            if len(found) > 1:
                click.echo(one_line(f"{name}:"))
            for answer in answers:
                click.echo(one_line(_line(answer)))
            if not answers:
                click.echo(f"{_QUESTIONS[question][1]}.")


def _answered(found: Sequence[tuple[str, Questions]], question: str, hosts: Sequence[str]) -> Iterator[tuple[str, list[Answer]]]:
    """The answers of each recording that shows the hosts; CaptureError when none does."""
    from otwatch.errors import CaptureError

    unknown = None
    shown = False
    for name, questions in found:
        try:
            nodes = [questions.host(host) for host in hosts]
        except CaptureError as error:
            unknown = error
            continue
        yield name, list(_ASK[question](questions, *nodes))
        shown = True
    if unknown is not None and not shown:
        raise unknown


def _parsed(words: tuple[str, ...], database: str | None) -> tuple[str, str, tuple[str, ...]]:
    """Source, question and hosts; CaptureError that says what is missing."""
    from otwatch.documents import nearest
    from otwatch.errors import CaptureError

    source, rest = (database, words) if database is not None else (words[0], words[1:])
    if database is None and source in _QUESTIONS:
        raise CaptureError(f"{source}: name the capture first (otwatch graph CAPTURE {source} …), or a store with --db")
    if not rest or rest[0] not in _QUESTIONS:
        asked = rest[0] if rest else ""
        raise CaptureError(f'there is no question "{asked}"{nearest(asked, _QUESTIONS)}: ask {", ".join(_QUESTIONS)}')
    wanted = _QUESTIONS[rest[0]][0]
    if len(rest) - 1 != wanted:
        raise CaptureError(f"{rest[0]} names {wanted} host{'' if wanted == 1 else 's'}, not {len(rest) - 1}")
    return source, rest[0], rest[1:]


def _line(answer: Answer) -> str:
    parts = [answer.hosts[0]]
    for host, service in zip(answer.hosts[1:], answer.services, strict=True):
        parts.append(f"→ {service} → {host}")
    return " ".join(parts) + (f"; {answer.remark}" if answer.remark and len(answer.hosts) > 1 else f": {answer.remark}" if answer.remark else "")
