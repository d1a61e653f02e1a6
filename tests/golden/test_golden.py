"""The public tables of a few captures, whole: a change of what users see is a change of a file here.

After a wanted change: `pytest tests/golden --update-golden`, then read the difference before you commit it.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from otwatch.engine.analysis import Analysis
from otwatch.engine.detector import Policy, RuleDetector, policy_of
from otwatch.engine.exporters import FlowExporter, OperationExporter
from otwatch.limits import Limits
from otwatch.outputs.alert_records import alert_record
from otwatch.outputs.records import asset_record

HERE = Path(__file__).parent
PLANT = HERE.parents[1] / "pcaps" / "plant"
HEADER = "# do not edit; pytest --update-golden\n"
CAPTURES = ("modbus-write-stranger", "modbus-exceptions", "modbus-identify", "dnp3-operate-stranger", "dnp3-file-read", "s7comm-download",
            "s7comm-stop", "lateral-direct")
ORDER = {"operations": ("frame", "item"), "flows": ("flow",), "assets": ("id",), "alerts": ("first_seen", "rule", "src", "dst"),
         "anomalies": ("frame", "kind")}


class Rows(list[dict[str, Any]]):
    """What an exporter writes to."""

    def write(self, records: Iterable[dict[str, Any]]) -> None:
        self.extend(records)


@pytest.fixture(scope="module")
def policy() -> Policy:
    return policy_of()


def tables_of(name: str, policy: Policy) -> dict[str, str]:
    """The tables of a capture as text."""
    operations, flows = Rows(), Rows()
    analysis = Analysis(Limits())
    analysis.detector = RuleDetector(analysis.pipeline, policy)
    analysis.listeners += [OperationExporter(analysis, operations), FlowExporter(analysis, flows)]  # type: ignore[arg-type]
    analysis.run([str(PLANT / f"{name}.pcap")])
    result = analysis.finish()
    tables = {"operations": operations, "flows": flows, "assets": [asset_record(asset) for asset in result.assets],
              "alerts": [alert_record(alert) for alert in result.alerts], "anomalies": list(analysis.anomaly_records())}
    return {table: text_of(records, ORDER[table]) for table, records in tables.items()}


def text_of(records: list[dict[str, Any]], order: tuple[str, ...]) -> str:
    """One line a record, sorted; folders of this machine are taken out."""
    plain = [{name: _cell(value) for name, value in record.items()} for record in
             sorted(records, key=lambda record: [(record[name] is not None, record[name]) for name in order])]
    out = io.StringIO()
    if plain:
        writer = csv.DictWriter(out, plain[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(plain)
    return HEADER + out.getvalue().replace(f"{PLANT}/", "")


def _cell(value: Any) -> Any:
    return json.dumps(value, sort_keys=True) if isinstance(value, dict | list | tuple) else value


def difference(expected: str, found: str, name: str) -> str:
    """What a failure shows: the rows that differ, and what to run."""
    lines = difflib.unified_diff(expected.splitlines(), found.splitlines(), "expected", "found", n=0, lineterm="")
    return f"{name} is not what it was:\n" + "\n".join(lines) + "\nIf that is wanted: pytest tests/golden --update-golden"


@pytest.mark.parametrize("name", CAPTURES)
def test_tables_are_what_they_were(name: str, policy: Policy, request: pytest.FixtureRequest) -> None:
    folder = HERE / name
    wrong = []
    for table, text in tables_of(name, policy).items():
        path = folder / f"{table}.csv"
        if request.config.getoption("--update-golden"):
            folder.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        expected = path.read_text(encoding="utf-8") if path.exists() else ""
        if text != expected:
            wrong.append(difference(expected, text, f"{name}/{table}.csv"))
    assert not wrong, "\n\n".join(wrong)


def test_every_table_here_is_of_a_capture() -> None:
    assert {path.parent.name for path in HERE.glob("*/*.csv")} == set(CAPTURES)
    for path in HERE.glob("*/*.csv"):
        text = path.read_text(encoding="utf-8")
        assert text.startswith(HEADER)
        assert str(HERE.parents[1]) not in text


def test_a_failure_shows_the_rows_and_the_command() -> None:
    shown = difference("a\nb\n", "a\nc\n", "x/operations.csv")
    assert "-b\n+c" in shown
    assert "--update-golden" in shown
