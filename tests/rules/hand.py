"""What the tests of the rules share: a prover without captures, rules from text, random rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from otwatch.alerts.alert import Alert
from otwatch.engine.proving import prover
from otwatch.limits import Limits
from otwatch.rules.engine import RuleEngine
from otwatch.rules.load import load_rules
from otwatch.rules.prove import HandMade
from otwatch.rules.rule import Rule
from otwatch.tables import Behaviours

HEAD = "id: test.rule\ntitle: A rule\nstatus: draft\nseverity: high\nwhy: because\n"
PROVER = prover()


def rules_from(tmp_path: Path, *texts: str) -> list[Rule]:
    """Rules of texts; what is missing of their heads is added."""
    path = tmp_path / "rules"
    path.mkdir(exist_ok=True)
    for number, text in enumerate(texts):
        head = HEAD.replace("test.rule", f"test.rule-{number}") if "id:" not in text else ""
        (path / f"{number}.yaml").write_text(head + text)
    return load_rules([path], drafts=True)


def alerts_of(rules: Sequence[Rule], rows: Sequence[dict[str, Any]], **options: Any) -> list[Alert]:
    """What rules give for rows, each for itself: none folds into another."""
    return [alert for rule in rules for alert in PROVER.alerts_of(rows, [rule], **options)]


HOSTS = ("10.0.0.5", "10.0.0.9", "10.0.0.10", "10.0.0.77", "172.16.5.66", "8.8.8.8")
OPERATION = st.fixed_dictionaries(
    {
        "at": st.integers(0, 40).map(lambda number: number / 2),
        "src": st.sampled_from(HOSTS),
        "dst": st.sampled_from(HOSTS[:3]),
        "protocol": st.sampled_from(("modbus", "dnp3", "s7comm")),
        "function": st.sampled_from((1, 3, 4, 5, 6, 13, 0x1A, 0x28, 0x29)),
        "action": st.sampled_from(("READ", "WRITE", "CONTROL", "STOP", "START", "RESTART", "PROGRAM_DOWNLOAD", "CONFIGURE", "IDENTIFY")),
        "unit": st.integers(0, 3),
        "start": st.integers(0, 4),
        "count": st.integers(1, 3),
        "role": st.sampled_from(("request", "request", "response", "event")),
        "status": st.sampled_from((0, 0, 1, 2)),
    }
)
FLOW = st.fixed_dictionaries(
    {
        "table": st.just("flows"),
        "at": st.integers(0, 40).map(lambda number: number / 2),
        "src": st.sampled_from(HOSTS),
        "dst": st.sampled_from(HOSTS),
        "port": st.sampled_from((22, 102, 443, 502, 3389, 20000)),
        "event": st.sampled_from(("opened", "answered")),
    }
)
ROWS = st.lists(st.one_of(OPERATION, OPERATION, FLOW), min_size=1, max_size=40)


def fed_engine(rules: Sequence[Rule], rows: Sequence[dict[str, Any]], *, finish: bool = False, **options: Any) -> tuple[RuleEngine, Behaviours]:
    """An engine that was given rows written by hand, and their behaviours. `options`: site, baseline."""
    maker = HandMade(PROVER.protocols, PROVER.layers, PROVER.index())
    engine = RuleEngine(
        rules, site=options.get("site"), baseline=options.get("baseline"), addresses=maker.addresses, protocols=PROVER.protocols, limits=Limits(),
        layers=PROVER.layers,
    )
    now_ns = 0
    for batch in maker.batches(rows, 1_000_000):
        engine.feed(batch)
        now_ns = batch.now_ns
    if finish:
        engine.finish(now_ns)
    return engine, maker.index.behaviours
