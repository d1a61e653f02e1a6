"""Names and codes."""

from __future__ import annotations

import pytest

from otwatch.actions import Action
from otwatch.protocols.dnp3 import PROTOCOL, spec, tables


def test_every_function_of_the_standard_has_a_name_and_an_action() -> None:
    assert set(spec.FUNCTIONS) == {*range(34), 129, 130, 131} == set(spec.ACTIONS)
    assert PROTOCOL.function_name(13, -1) == "cold_restart"
    assert PROTOCOL.function_name(99, -1) == "reserved_99"
    assert PROTOCOL.function_name(-1, 0x49) == "link:request_link_status"
    assert PROTOCOL.function_name(-1, 0x4C) == "link:reserved_12_primary"


@pytest.mark.parametrize(("function", "group", "action"), [
    (1, 30, Action.READ), (1, 0, Action.IDENTIFY), (1, 70, Action.FILE), (2, 50, Action.TIME_SET), (2, 80, Action.DIAGNOSE),
    (2, 34, Action.CONFIGURE),    (2, 110, Action.WRITE), (3, 12, Action.CONTROL), (6, 41, Action.CONTROL), (13, 0, Action.RESTART),
    (17, 90, Action.START), (18, 90, Action.STOP),
    (21, 60, Action.CONFIGURE), (27, 70, Action.FILE), (31, 70, Action.CONFIGURE), (5, 120, Action.AUTHENTICATE), (130, 2, Action.REPORT),
])
def test_actions(function: int, group: int, action: Action) -> None:
    assert tables.what()[function << 8 | group] & 0x3F == action


@pytest.mark.parametrize(("status", "name"), [
    (0, "ok"), (2, "control:2"), (0x10100, "iin:no_func_code_support"), (0x10600, "iin:object_unknown+parameter_error"),
    (0x20003, "file:not_found"), (0x30004, "authentication:aggressive_mode_not_permitted"), (0x40001, "link:busy"), (0x200FE, "file:254"),
])
def test_status_names(status: int, name: str) -> None:
    assert PROTOCOL.status_name(status) == name


def test_object_names() -> None:
    row = {"area": 12, "object": 1, "start": 3, "count": 1}
    assert PROTOCOL.object_name(row) == "g12v1[3]"
    assert PROTOCOL.object_name({**row, "count": 4}) == "g12v1[3-6]"
    assert PROTOCOL.object_name({**row, "start": -1}) == "g12v1"
    assert PROTOCOL.object_name({**row, "area": -1}) == ""
    assert spec.object_words(row) == "control relay output block (CROB)"
    assert PROTOCOL.unit_name(10) == "outstation 10"
