"""A rule's own tests can fail, and say how."""

from __future__ import annotations

from dataclasses import replace

from otwatch.rules.rule import Proof
from tests.rules.hand import PROVER, rules_from

ROW = {"src": "10.0.0.5", "dst": "10.0.0.9", "protocol": "modbus", "function": 6, "action": "WRITE"}


def problem(tmp_path, **test):
    (rule,) = rules_from(tmp_path, "where: {action: WRITE}\n")
    (outcome,) = PROVER.prove(replace(rule, tests=(Proof(place="here", **test),)))
    return outcome.problem


def test_what_is_as_expected_is_no_problem(tmp_path):
    assert problem(tmp_path, rows=(ROW,), alerts=1, frames=(1,)) == ""


def test_what_is_not_is_told(tmp_path):
    assert problem(tmp_path, rows=(ROW,), alerts=0) == "1 alert, expected 0 (10.0.0.5 > 10.0.0.9 x1)"
    assert problem(tmp_path, rows=(ROW,), alerts=1, frames=(2,)) == "frames [1], expected [2]"


def test_rows_that_make_no_sense_are_told(tmp_path):
    assert "cannot be run" in problem(tmp_path, rows=({**ROW, "action": "DANCE"},), alerts=1)
    assert "cannot be run" in problem(tmp_path, capture="missing.pcap", alerts=1)
    assert 'a row has no "src"' in problem(tmp_path, rows=({name: value for name, value in ROW.items() if name != "src"},), alerts=1)


def test_values_functions_and_areas_of_rows_are_what_they_say(tmp_path):
    (rule,) = rules_from(tmp_path, "where: {protocol: modbus, function: 6, area_name: holding_register, value|gt: 800}\n")
    row = {**ROW, "function": "write_single_register", "area": "holding_register"}
    for value, alerts in ((900, 1), (800, 0), ([1, 801], 1)):
        (outcome,) = PROVER.prove(replace(rule, tests=(Proof(place="here", rows=({**row, "value": value},), alerts=alerts),)))
        assert outcome.problem == ""
    assert "did you mean" in problem(tmp_path, rows=({**ROW, "area": "holding_registre"},), alerts=0)
