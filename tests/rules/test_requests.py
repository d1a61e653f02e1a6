"""Fields of a pair come from the request, whichever batch it was in."""

from __future__ import annotations

import pytest

from tests.rules.hand import alerts_of, rules_from

SCAN = "where: {role: response, failed: true}\nwindow: {by: [src, dst], for: 60s, at_least: 3, distinct: request_function}\n"
WRITTEN = "where: {role: response, request_function: 2}\n"
HOSTS = {"src": "10.0.0.77", "dst": "10.0.0.9", "protocol": "dnp3", "unit": 10, "action": "OTHER"}


def tried(*functions: int) -> list[dict[str, object]]:
    return [
        row
        for number, function in enumerate(functions)
        for row in (
            {**HOSTS, "function": function, "at": number},
            {**HOSTS, "function": 129, "at": number + 0.5, "role": "response", "status": 65792},
        )
    ]


@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_scan_is_told_by_the_functions_that_were_requested(tmp_path, size):
    rules = rules_from(tmp_path, SCAN, WRITTEN)
    assert alerts_of(rules, tried(30, 31, 30, 31, 30), batch_rows=size) == []
    (alert,) = alerts_of(rules, tried(30, 31, 120), batch_rows=size)
    assert alert.count == 3
    (alert,) = alerts_of(rules, tried(30, 2, 2), batch_rows=size)
    assert (alert.rule[-1], alert.count) == ("1", 2)


def test_responses_whose_request_was_not_seen_are_not_distinct(tmp_path):
    responses = [row for row in tried(*range(10)) if "role" in row]
    assert alerts_of(rules_from(tmp_path, SCAN, WRITTEN), responses) == []
