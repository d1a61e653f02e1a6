"""Known blind spots of other monitors: otwatch sees what is dangerous in every one of them, alerts, and says what was odd."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from otwatch.engine.analysis import Analysis
from otwatch.engine.detector import Policy, RuleDetector, policy_of
from otwatch.engine.exporters import FlowExporter, OperationExporter
from otwatch.limits import Limits
from otwatch.outputs.result import Result
from tests.evasion.case import OPERATOR_RULE, WRITE_RULE, Case
from tests.evasion.make import CASES, make
from tests.evasion.wire import Capture


@cache
def _policy() -> Policy:
    return policy_of()


class Seen:
    """All that an analysis said of a capture."""

    def __init__(self, capture: Capture, path: Path) -> None:
        self.records: list[dict[str, Any]] = []
        analysis = Analysis(Limits())
        analysis.detector = RuleDetector(analysis.pipeline, _policy())
        analysis.listeners += [OperationExporter(analysis, self), FlowExporter(analysis, self)]  # type: ignore[arg-type]
        analysis.run([str(capture.write(path))])
        self.result: Result = analysis.finish()
        self.operations = [record for record in self.records if record["type"] == "operation"]
        self.flows = [record for record in self.records if record["type"] == "flow"]

    def write(self, records: Any) -> None:
        self.records.extend(records)


@pytest.fixture(params=CASES.values(), ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    return request.param  # type: ignore[no-any-return]


def test_the_dangerous_operation_is_seen_and_alerted(case: Case, tmp_path: Path) -> None:
    seen = Seen(case.make(), tmp_path / "case.pcap")
    assert not seen.result.unreadable
    found = [row for row in seen.operations if row["role"] == case.role and all(row[name] == value for name, value in case.seen.items())]
    told = [(row["frame"], row["role"], row["protocol"], row["function_name"], row["start"]) for row in seen.operations]
    assert len(found) == case.times, told
    peer = "dst" if case.role == "response" else "src"
    assert {row["src"] for row in found} == {case.src} or case.src in {row[peer] for row in found}, told
    alerts = {alert.rule: alert for alert in seen.result.alerts}
    # Who polled before he writes is taken for the operator (docs/explanation/visibility.md): his writes are shown by a rule of their own.
    wanted = tuple(OPERATOR_RULE if rule == WRITE_RULE and rule not in alerts else rule for rule in case.all_rules)
    assert set(wanted) <= set(alerts), sorted(alerts)
    for rule in wanted[:1]:
        if case.role == "request" and rule.startswith("ot."):
            hit = [alert for alert in seen.result.alerts if alert.rule == rule and alert.src == case.src]
            assert hit, alerts[rule]
            assert hit[0].action == case.seen["action"], alerts[rule]
            assert hit[0].function == case.seen["function"], hit[0]
    assert set(case.odd) <= set(seen.result.anomalies), seen.result.anomalies
    assert not set(case.never) & set(seen.result.anomalies), seen.result.anomalies
    for port, protocol in case.protocols.items():
        assert [flow["protocol"] for flow in seen.flows if flow["client_port"] == port] == [protocol]
    for protocol, count in case.counts.items():
        assert len([row for row in seen.operations if row["protocol"] == protocol]) == count, told
    if case.tunnel:
        assert {flow["tunnel"] for flow in seen.flows} == {case.tunnel}


def test_further_readings_of_fragments_are_no_packets(case: Case, tmp_path: Path) -> None:
    capture = case.make()
    seen = Seen(capture, tmp_path / "case.pcap")
    assert seen.result.packets == len(capture.packets)
    assert sum(flow["packets_to_server"] + flow["packets_to_client"] for flow in seen.flows) <= len(capture.packets)


def test_captures_are_made_byte_for_byte_again(tmp_path: Path) -> None:
    here = {path.name: path.read_bytes() for path in make(tmp_path / "here")}
    script = Path(__file__).with_name("make.py")
    subprocess.run([sys.executable, str(script), str(tmp_path / "there")], check=True, capture_output=True)
    assert here == {path.name: path.read_bytes() for path in (tmp_path / "there").iterdir()}
    assert all(len(data) < 65_536 for data in here.values())


def test_every_case_says_who_is_blind() -> None:
    assert len(CASES) >= 50
    assert all(case.blind.endswith(".") for case in CASES.values())
