"""The names: every code that tshark knows has one here."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from otwatch.actions import Action
from otwatch.protocols.modbus import PROTOCOL
from otwatch.protocols.modbus.coverage import COVERED, LEFT_OUT
from otwatch.protocols.modbus.spec import (
    AREAS,
    DIAGNOSTICS,
    EXCEPTIONS,
    FUNCTION_TABLE,
    IDENTIFICATION_OBJECTS,
    MEI_TYPES,
    READ_DEVICE_ID_CODES,
)
from otwatch.protocols.modbus.umas import UMAS_TABLE


@pytest.mark.tshark
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_every_code_of_tshark_is_known() -> None:
    ours = {"modbus.func_code": FUNCTION_TABLE, "modbus.exception_code": EXCEPTIONS, "modbus.diagnostic_code": DIAGNOSTICS,
            "modbus.mei": MEI_TYPES, "modbus.read_device_id": READ_DEVICE_ID_CODES, "modbus.object_id": IDENTIFICATION_OBJECTS}
    checked = 0
    for line in subprocess.run(["tshark", "-G", "values"], capture_output=True, text=True, check=True).stdout.splitlines():
        kind, field, code = ([*line.split("\t"), "", ""])[:3]
        if kind == "V" and field in ours:
            checked += 1
            assert int(code, 0) in ours[field], line
    assert checked > 50


@pytest.mark.tshark
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_every_field_of_tshark_is_covered_or_left_out_with_a_reason() -> None:
    fields = set()
    for line in subprocess.run(["tshark", "-G", "fields"], capture_output=True, text=True, check=True).stdout.splitlines():
        kind, _, field = [*line.split("\t"), "", ""][:3]
        if kind == "F" and field.split(".")[0] in ("modbus", "mbtcp", "mbudp", "mbrtu"):
            fields.add(field)
    assert len(fields) > 60
    assert fields - set(COVERED) - set(LEFT_OUT) == set()
    assert not set(COVERED) & set(LEFT_OUT)


def test_public_functions_are_all_there() -> None:
    assert {1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 15, 16, 17, 20, 21, 22, 23, 24, 43} <= set(FUNCTION_TABLE)
    for function in FUNCTION_TABLE.values():
        assert function.clause
        assert (function.request or function.response)


@pytest.mark.parametrize(("function", "subfunction", "name"), [
    (3, -1, "read_holding_registers"), (8, 4, "force_listen_only_mode"), (8, 99, "diagnostics"), (43, 14, "read_device_identification"),
    (90, 0x41, "umas_stop_plc"), (90, 0xEE, "umas_0xee"), (90, -1, "umas"), (66, -1, "user_defined_66"), (0, -1, "invalid_function_0"),
    (200, -1, "invalid_function_200"), (99, -1, "function_99")])
def test_function_names(function: int, subfunction: int, name: str) -> None:
    assert PROTOCOL.function_name(function, subfunction) == name


@pytest.mark.parametrize(("row", "name"), [
    ({"area": 4, "start": 0, "count": 1, "object": -1}, "40001"),
    ({"area": 1, "start": 99, "count": 10, "object": -1}, "00100-00109"),
    ({"area": 4, "start": 20000, "count": 1, "object": -1}, "420001"), ({"area": 5, "start": 7, "count": 2, "object": 4}, "file 4 record 7"),
    ({"area": 7, "start": 0, "count": -1, "object": 1}, "device identification basic from object 0"),
    ({"area": 6, "start": 3, "count": -1, "object": -1}, "FIFO 3"),
    ({"area": 8, "start": 5, "count": 2, "object": 19}, "umas_memory 19:5"), ({"area": -1, "start": -1, "count": -1, "object": -1}, "")])
def test_object_names(row: dict[str, int], name: str) -> None:
    assert PROTOCOL.object_name(row) == name


def test_names_of_statuses_and_units() -> None:
    assert [PROTOCOL.status_name(status) for status in (0, 2, 256 + 0x83)] == ["ok", "exception:2", "umas_error:131"]
    assert [PROTOCOL.unit_name(unit) for unit in (0, 255, -1, 7)] == ["", "", "", "unit 7"]
    assert {"coil", "discrete_input", "input_register", "holding_register", "file"} <= set(AREAS.values())


def test_what_changes_a_controller_is_no_reading() -> None:
    changing = {0x10: Action.CONFIGURE, 0x21: Action.WRITE, 0x23: Action.WRITE, 0x25: Action.WRITE, 0x29: Action.WRITE, 0x71: Action.WRITE,
                0x30: Action.PROGRAM_DOWNLOAD, 0x33: Action.PROGRAM_UPLOAD, 0x40: Action.START, 0x41: Action.STOP}
    assert {code: UMAS_TABLE[code].action for code in changing} == changing
    assert DIAGNOSTICS[1][1] == Action.RESTART
    assert DIAGNOSTICS[4][1] == Action.CONFIGURE
