"""Man pages, one for each command and subcommand, from the same words as --help: `python -m otwatch.cli.manual FOLDER`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from inspect import cleandoc
from os import environ
from pathlib import Path

import click

import otwatch
from otwatch.cli import main

Page = tuple[str, str]  # name of the file, its text


def pages(command: click.Command = main, path: tuple[str, ...] = ("otwatch",), above: click.Context | None = None) -> Iterator[Page]:
    """The page of a command, then those of the commands below it."""
    context = click.Context(command, info_name=path[-1], parent=above, **command.context_settings)
    below = [(name, command.get_command(context, name)) for name in command.list_commands(context)] if isinstance(command, click.Group) else []
    shown = [(name, one) for name, one in below if one is not None and not one.hidden]
    yield f"{'-'.join(path)}.1", _page(command, path, context, shown)
    for name, one in shown:
        yield from pages(one, (*path, name), context)


def _page(command: click.Command, path: tuple[str, ...], context: click.Context, below: Iterable[tuple[str, click.Command]]) -> str:
    name, paragraphs = "-".join(path), [part.strip("\n") for part in cleandoc(command.help or "").split("\n\n")]
    epoch = environ.get("SOURCE_DATE_EPOCH")  # of a build that is to give the same bytes again
    day = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    lines = [
        f'.TH "{name.upper()}" "1" "{day:%Y-%m-%d}" "otwatch {otwatch.__version__}" "otwatch"',
        ".SH NAME",
        f"{_text(name)} \\- {_text(' '.join(paragraphs[0].split()).partition('. ')[0].rstrip('.'))}",
        ".SH SYNOPSIS",
        f".B {_text(' '.join(path))}",
        _text(" ".join(command.collect_usage_pieces(context))),
        ".SH DESCRIPTION",
        *(line for paragraph in paragraphs for line in _paragraph(paragraph)),
    ]
    options = [record for one in command.get_params(context) if isinstance(one, click.Option) and (record := one.get_help_record(context))]
    if options:
        lines += [".SH OPTIONS", *(line for option, said in options for line in (".TP", f"\\fB{_text(option)}\\fR", _text(said)))]
    rows = [(one, other.get_short_help_str(limit=1_000)) for one, other in below]
    if rows:
        lines.append(".SH COMMANDS")
        lines += [line for one, said in rows for line in (".TP", f"\\fB{_text('-'.join((*path, one)))}\\fR(1)", _text(said))]
    others = ["-".join(path[:-1])] if len(path) > 1 else []
    lines += [".SH SEE ALSO", ", ".join(f"\\fB{_text(other)}\\fR(1)" for other in [*others, *(f"{name}-{one}" for one, _ in rows)])]
    return "\n".join(lines) + "\n"


def _paragraph(paragraph: str) -> list[str]:
    """`\\b` keeps the lines as they are, as in --help."""
    lines = paragraph.splitlines()
    if lines and lines[0].strip() == "\b":
        return [".PP", ".nf", *(_text(line) for line in lines[1:]), ".fi"]
    return [".PP", _text(" ".join(paragraph.split()))]


def _text(text: str) -> str:
    """As roff takes it: nothing in it is a request."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return f"\\&{escaped}" if escaped.startswith(".") else escaped


def write(folder: Path) -> int:
    """Writes the pages; how many there are."""
    folder.mkdir(parents=True, exist_ok=True)
    found = list(pages())
    for name, text in found:
        (folder / name).write_text(text, encoding="utf-8")
    return len(found)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
