"""Windows count only rows that meet all conditions, those that are known late among them."""

from __future__ import annotations

import pytest

from tests.rules.hand import alerts_of, rules_from

POLLED = ("10.0.0.9", "10.0.0.10")
READ = {"src": "10.0.0.5", "protocol": "modbus", "function": 3, "action": "READ", "area": 4, "start": 0, "count": 10, "repeat": 30}
POLLING = [{**READ, "dst": dst} for dst in POLLED]
WRITE = {"src": "10.0.0.5", "protocol": "modbus", "function": 6, "action": "WRITE", "area": 4, "start": 1, "count": 1}
MANY = "where: {role: request, action: WRITE, writer: unknown}\nwindow: {by: [src], for: 60s, at_least: 3, distinct: dst}\ngroup: [src]\n"
OFTEN = "where: {role: request, action: WRITE, writer: unknown}\nwindow: {by: [src], for: 10s, at_least: 5}\ngroup: [src]\n"


def writes(*targets: str, at: float = 15, **more: object) -> list[dict[str, object]]:
    return [{**WRITE, "dst": dst, "at": at + number / 10, **more} for number, dst in enumerate(targets)]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_targets_that_the_source_operates_do_not_count(tmp_path, size):
    rules = rules_from(tmp_path, MANY)
    assert alerts_of(rules, [*POLLING, *writes(*POLLED, "10.0.0.11", "10.0.0.12")], batch_rows=size) == []
    (alert,) = alerts_of(rules, [*POLLING, *writes(*POLLED, "10.0.0.11", "10.0.0.12", "10.0.0.13")], batch_rows=size)
    assert (alert.count, list(alert.evidence.targets)) == (3, ["10.0.0.11", "10.0.0.12", "10.0.0.13"])


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_messages_that_do_not_meet_the_late_condition_fill_no_window(tmp_path, size):
    rules = rules_from(tmp_path, OFTEN)
    own = writes("10.0.0.9", repeat=20, every=0.2)
    assert alerts_of(rules, [*POLLING, *own, *writes("10.0.0.11", repeat=4)], batch_rows=size) == []
    (alert,) = alerts_of(rules, [*POLLING, *own, *writes("10.0.0.11", repeat=6)], batch_rows=size)
    assert (alert.count, alert.dst) == (6, "10.0.0.11")


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_what_is_not_known_in_the_cold_start_is_judged_at_its_end(tmp_path, size):
    rules = rules_from(tmp_path, MANY)
    early = [{**row, "at": float(row.get("at", 0)) + 3} for row in POLLING]
    assert alerts_of(rules, [*writes(*POLLED, "10.0.0.11", at=1), *early], batch_rows=size) == []
    (alert,) = alerts_of(rules, [*writes(*POLLED, "10.0.0.11", at=1, src="10.0.0.77"), *early], batch_rows=size)
    assert (alert.src, alert.count) == ("10.0.0.77", 3)
