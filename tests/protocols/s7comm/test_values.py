"""Names and values as users see them."""

from __future__ import annotations

from otwatch.protocols.s7comm import PROTOCOL
from otwatch.protocols.s7comm.errors import error_name
from otwatch.protocols.s7comm.names import function_name, status_name
from otwatch.protocols.s7comm.services import UNKNOWN, service_of, service_within
from otwatch.protocols.s7comm.values import value

ROW = {"subfunction": 1, "role": 0, "count": 2}


def test_status_in_words() -> None:
    assert [status_name(status) for status in (0, 0x0A, 0x8104, 0xD602, 0x10003, 0x10080, 0x8199, 0x5555, 0x77)] == [
        "ok", "object_does_not_exist", "not_implemented", "password_wrong", "disconnected:address_unknown", "disconnected:normal",
        "application_relationship_error:0x8199", "error:0x5555", "error:0x77"]
    assert error_name(0xD0A1) == "protection_level_forbids"


def test_group_four_is_not_function_four() -> None:
    assert (function_name(4, -1), function_name(4, 1), function_name(5, -1), function_name(5, 1)) == ("read_var", "read_szl", "write_var", "password")
    assert (function_name(-1, 0xE0), function_name(0x28, 2), function_name(0x99, -1), function_name(9, 7)) == (
        "cotp_connect_request", "pi_cold_start", "function_0x99", "group_0x09_0x07")


def test_objects_without_value_kind_still_have_names() -> None:
    """Behaviours have no column for the value."""
    row = {"function": 4, "subfunction": -1, "area": 0x84, "object": 7, "start": 16, "count": 4}
    assert PROTOCOL.object_name(row) == "DB7.DBX2.0 4"


def test_several_elements_are_a_list() -> None:
    assert value(4, b"\0\1\0\2", ROW) == [1, 2]
    assert value(1, b"\1\0", ROW) == [True, False]
    assert value(8, b"\x7f\x80\0\0", ROW) == "inf"
    assert value(29, b"\x01\x23", {**ROW, "count": 1}) == 1230
    assert value(15, b"\xff" * 8, ROW) == "ff" * 8
    assert value(2, b"", ROW) is None


def test_services() -> None:
    assert service_of(b"P_PROGRAM\0", b"") != service_of(b"P_PROGRAM", b"C ")
    assert service_of(b"nothing", b"") == UNKNOWN == service_within(b"nothing at all")
    assert service_within(b"\x05_DELE") == service_of(b"_DELE", b"")
