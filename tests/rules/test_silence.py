"""Silences: who answered and does not any more, whatever the protocol, the unit and the batches."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otwatch.rules.load import load_rules
from tests.rules.hand import PROVER

RULE = load_rules([Path(__file__).parents[2] / "rules" / "ot" / "silent-device.yaml"])
READS = {
    "modbus": {"protocol": "modbus", "function": 3, "action": "READ", "unit": 1, "area": 4, "start": 0, "count": 10},
    "dnp3": {"protocol": "dnp3", "function": 1, "action": "READ", "unit": 10, "area": 60, "object": 1},
    "s7comm": {"protocol": "s7comm", "function": 4, "action": "READ", "area": 132, "object": 1, "start": 0, "count": 10},
}
PAIR = {"src": "10.0.0.5", "dst": "10.0.0.9"}


def request(protocol, at, **more):
    return {**PAIR, **READS[protocol], "at": at, **more}


def response(protocol, at, **more):
    return {**request(protocol, at, **more), "role": "response", "function": 129 if protocol == "dnp3" else READS[protocol]["function"]}


@pytest.mark.parametrize("protocol", READS)
@pytest.mark.parametrize(("silent_s", "requests", "found"), [(29, 20, 0), (30, 20, 1), (31, 5, 1), (300, 4, 0), (3600, 3600, 1)])
def test_a_silence_lasts_half_a_minute_and_five_requests(protocol, silent_s, requests, found):
    rows = [request(protocol, 0), response(protocol, 0.1)]
    rows += [request(protocol, 1 + silent_s * turn / (requests - 1)) for turn in range(requests)]
    assert len(PROVER.alerts_of(rows, RULE)) == found


@pytest.mark.parametrize("protocol", READS)
def test_a_device_that_comes_back_and_falls_silent_again_is_counted_twice(protocol):
    rows = [request(protocol, at) for at in range(300)] + [response(protocol, 0.1), response(protocol, 150.1)]
    (alert,) = PROVER.alerts_of(rows, RULE)
    assert alert.count == 2


def test_items_of_one_message_are_one_request():
    rows = [request("s7comm", 0), response("s7comm", 0.1), *(request("s7comm", at) for at in (1, 20, 40, 60))]
    assert PROVER.alerts_of(rows, RULE) == []


@given(st.lists(st.tuples(st.sampled_from(["modbus", "dnp3"]), st.booleans()), max_size=80), st.integers(1, 40))
def test_batches_of_any_size_say_the_same(messages, batch_rows):
    rows = [response(protocol, 4 * at) if answers and at % 5 == 0 else request(protocol, 4 * at) for at, (protocol, answers) in enumerate(messages)]
    assert PROVER.alerts_of(rows, RULE, batch_rows=batch_rows) == PROVER.alerts_of(rows, RULE)
