"""Every operation of the recorded S7 stack is found, once, in order, with its fields."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otwatch.actions import Action
from tests.protocols.s7comm.pipeline import COLLECTION, tell

pytestmark = [
    pytest.mark.captures,
    pytest.mark.skipif(not (COLLECTION / "real-stacks").is_dir(), reason="no capture collection: set OTWATCH_CAPTURES"),
]
# operation -> what its request is called and about; `{}` are fields of the truth. Several: all of them, in order.
_READ, _WRITE = "read_var", "write_var"
TRUTH: dict[str, list[tuple[str, str]]] = {
    "connect": [("cotp_connect_request", ""), ("setup_communication", "")],
    "tsap_scan": [("cotp_connect_request", ""), ("setup_communication", "")],
    "db_read": [(_READ, "DB1.DBX0.0 BYTE 32")], "mb_read": [(_READ, "M0.0 BYTE 8")], "eb_read": [(_READ, "I0.0 BYTE 8")],
    "ab_read": [(_READ, "Q0.0 BYTE 8")], "read_multi_vars": [(_READ, "M0.0 BYTE 2"), (_READ, "DB1.DBX0.0 BYTE 4"), (_READ, "DB2.DBX10.0 BYTE 4")],
    "db_write_setpoint": [(_WRITE, "DB1.DBX8.0 BYTE 4")], "db_write_from_IT": [(_WRITE, "DB1.DBX0.0 BYTE 16")],
    "get_cpu_info": [("read_szl", "SZL 0x001c index 0x0000")], "get_order_code": [("read_szl", "SZL 0x0011 index 0x0000")],
    "get_cp_info": [("read_szl", "SZL 0x0131 index 0x0000")], "get_cpu_state": [(_READ, "")], "get_cpu_state_after_stop": [(_READ, "")],
    "get_protection": [("read_szl", "SZL 0x0232 index 0x0000")], "read_szl_0x0011": [("read_szl", "SZL 0x0011 index 0x0000")],
    "read_szl_0x001c": [("read_szl", "SZL 0x001c index 0x0000")], "read_szl_0x0131": [("read_szl", "SZL 0x0131 index 0x0001")],
    "read_szl_0x0232": [("read_szl", "SZL 0x0232 index 0x0004")], "read_szl_list": [("read_szl", "SZL 0x0000 index 0x0000")],
    "read_diagnostic_buffer": [("read_szl", "SZL 0x00a0 index 0x0000")], "list_blocks": [("list_blocks", "")],
    "list_blocks_of_type_DB": [("list_blocks_of_type", "DB")], "get_block_info_DB1": [("block_info", "DB1")],
    "get_plc_datetime": [("read_clock", "")],
    "set_plc_datetime": [("set_clock", "")], "set_plc_system_datetime": [("set_clock", "")], "set_session_password": [("password", "")],
    "clear_session_password": [("clear_password", "")], "db_write": [(_WRITE, "DB1.DBX0.0 BYTE 4")], "mb_write": [(_WRITE, "M0.0 BYTE 2")],
    "ab_write": [(_WRITE, "QB0")], "eb_write": [(_WRITE, "IB0")], "db_write_bool": [(_READ, "DB2.DBB0"), (_WRITE, "DB2.DBB0")],
    "write_area_bit": [(_WRITE, "M5.2")], "tm_write": [(_WRITE, "T0")], "ct_write": [(_WRITE, "C0")], "tm_read": [(_READ, "T0")],
    "ct_read": [(_READ, "C0")],
    "write_multi_vars": [(_WRITE, "DB1.DBX4.0 BYTE 2"), (_WRITE, "DB2.DBX4.0 BYTE 2")],
    "upload_DB1": [("start_upload", "DB1"), ("upload", "DB1"), ("end_upload", "DB1")],
    "full_upload_DB2": [("start_upload", "DB2"), ("upload", "DB2"), ("end_upload", "DB2")],
    "download_DB1": [("start_upload", "DB1"), ("upload", "DB1"), ("end_upload", "DB1"), ("request_download", "DB1")],
    "download_raw_DB100": [("request_download", "DB100"), ("download_block", "DB100"), ("download_ended", "DB100")],
    "delete_DB100": [("pi_delete_block", "")], "compress": [("pi_compress_memory", "")], "copy_ram_to_rom": [("pi_copy_ram_to_rom", "")],
    "force_bit": [(_READ, "QB0"), (_WRITE, "QB0")], "read_force_table": [("read_szl", "SZL 0x0025 index 0x0000")],
    "cancel_force": [(_READ, "QB0"), (_WRITE, "QB0")], "plc_stop": [("plc_stop", "")], "plc_stop_from_IT": [("plc_stop", "")],
    "plc_hot_start": [("pi_warm_start", "")], "plc_cold_start": [("pi_cold_start", "")], "exc_read_missing_db": [(_READ, "DB999.DBX0.0 BYTE 4")],
    "exc_read_out_of_range": [(_READ, "DB1.DBX250.0 BYTE 100")], "exc_write_missing_db": [(_WRITE, "DB999.DBX0.0 BYTE 4")],
}
REFUSED = {"read_diagnostic_buffer", "download_DB1", "exc_read_missing_db", "exc_read_out_of_range", "exc_write_missing_db"}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return tell(COLLECTION / "real-stacks" / "s7comm.pcap")[0]


def test_every_operation_once_and_in_order(rows: list[dict[str, Any]]) -> None:
    expected, refused = [], []
    for line in (COLLECTION / "real-stacks" / "s7comm.gt.jsonl").read_text().splitlines():
        truth = json.loads(line)
        expected += TRUTH[truth["op"]]
        if truth["op"] in REFUSED:
            refused.append(TRUTH[truth["op"]][-1])
    asked = [(row["name"], row["of"]) for row in rows if row["role"] == 0 and not row["name"].startswith("cotp_disconnect")]
    assert asked == expected
    told = [(row["name"], row["of"]) for row in rows if row["role"] == 1 and row["status"] and row["name"] != "read_szl"]
    assert told == [one for one in refused if one[0] != "read_szl"]


def test_every_answer_is_paired(rows: list[dict[str, Any]]) -> None:
    answers = [row for row in rows if row["role"] == 1 and row["name"] != "cotp_disconnect_confirm"]
    assert answers
    assert all(row["request_frame"] > 0 and row["latency_ns"] >= 0 for row in answers)


def test_what_the_it_host_did(rows: list[dict[str, Any]]) -> None:
    done = [row for row in rows if row["from"] == "10.20.0.66" and row["action"] in (Action.STOP, Action.WRITE)]
    assert [(row["name"], row["of"]) for row in done] == [("plc_stop", ""), ("write_var", "DB1.DBX0.0 BYTE 16")]
    units = [row["unit"] for row in rows if row["from"] == "10.20.0.66" and row["name"] == "cotp_connect_request"]
    assert sorted(units[1:]) == [0, 1, 2, 3, 32, 33, 34, 35]
