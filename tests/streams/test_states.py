"""The table of states names what is there."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from otwatch.streams.states import MODES, TRANSITIONS, Mode


def test_whoever_may_make_a_transition_exists() -> None:
    for row in TRANSITIONS:
        module, kind, method = row.by.split(".")
        source = importlib.util.find_spec(f"otwatch.streams.{module}")
        assert source is not None
        text = (Path(__file__).parents[2] / "otwatch" / "streams" / f"{module}.py").read_text(encoding="utf-8")
        assert f"class {kind}" in text, row
        assert f"def {method}(" in text, row


def test_every_mode_has_its_line() -> None:
    assert set(MODES) == set(Mode)
    states = {row.state for row in TRANSITIONS if row.machine == "flow"} | {row.to for row in TRANSITIONS if row.machine == "flow"}
    assert states == {"fresh", "streamed", "unattached"}
