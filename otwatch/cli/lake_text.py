"""Answers of a lake as a table, JSON lines or CSV; everything from the wire escaped."""

from __future__ import annotations

import csv
import sys
from datetime import datetime
from typing import Any

from rich.table import Table

from otwatch.cli.text import QuietConsole
from otwatch.cli.view_text import width_of
from otwatch.lake.asking import Answer
from otwatch.outputs.escape import cell, one_line
from otwatch.outputs.json_text import json_text


def show_answer(answer: Answer, form: str) -> None:
    """Writes it to standard output."""
    if form == "jsonl":
        for row in answer.rows:
            sys.stdout.write(json_text({name: _plain(value) for name, value in zip(answer.columns, row, strict=True)}) + "\n")
    elif form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(answer.columns)
        writer.writerows([cell(_plain(value)) for value in row] for row in answer.rows)
    else:
        console = QuietConsole(file=sys.stdout, highlight=False, width=width_of(sys.stdout))
        if not answer.rows:
            console.print("nothing")
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in answer.columns:
            table.add_column(name, overflow="fold")
        for row in answer.rows:
            table.add_row(*(_cell(value) for value in row))
        console.print(table, markup=False)


def _plain(value: Any) -> Any:
    return f"{value:%Y-%m-%dT%H:%M:%S.%f}Z" if isinstance(value, datetime) else value


def _cell(value: Any) -> Any:
    from rich.text import Text

    return Text("" if value is None else f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else one_line(str(value)))
