"""Rows of otwatch in the fields of tshark, so that every value of both can be compared: per frame, field -> what stands there, in order."""

from __future__ import annotations

import subprocess
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from otwatch.protocols.modbus.values import identification_objects, registers, value

Fields = dict[str, list[Any]]

# What tshark shows of the numbers, by name without "modbus."; text and octets stay as they are.
_TEXTS = ("object_str_value",)
_OCTETS = ("data", "object_value", "diagnostic.return_query_data.request", "diagnostic.return_query_data.echo")
_NUMBERS = (
    "func_code", "reference_num", "read_reference_num", "write_reference_num", "reference_num_32", "bit_cnt", "word_cnt", "read_word_cnt",
    "write_word_cnt", "exception_code", "diagnostic_code", "diagnostic.restart_communication_option", "diagnostic.return_diag_register",
    "diagnostic.ascii_input_delimiter", "diagnostic.clear_ctr_diag_reg", "diagnostic.bus_message_count", "diagnostic.bus_comm_error_count",
    "diagnostic.bus_exception_error_count", "diagnostic.slave_message_count", "diagnostic.no_slave_response_count",
    "diagnostic.slave_nak_count", "diagnostic.slave_busy_count", "diagnostic.bus_char_overrun_count", "ev_status", "event", "ev_count",
    "ev_msg_count", "ev_recv_comm_err", "ev_recv_char_over", "ev_recv_lo_mode", "ev_recv_broadcast", "ev_send_read_ex",
    "ev_send_slave_abort_ex", "ev_send_slave_busy_ex", "ev_send_slave_nak_ex", "ev_send_write_timeout", "ev_send_lo_mode", "and_mask",
    "or_mask", "mei", "read_device_id", "object_id", "num_objects", "objects_len", "conformity_level", "more_follows", "next_object_id",
    "bitnum", "bitval", "regnum16", "regval_uint16")
_OUTSIDE = ("mbtcp.trans_id", "mbtcp.unit_id", "mbrtu.unit_id")
_REMARKS = ("_ws.malformed", "modbus.data.decode", "mbtcp.cannot_classify")

_COUNTERS = {11: "bus_message_count", 12: "bus_comm_error_count", 13: "bus_exception_error_count", 14: "slave_message_count",
             15: "no_slave_response_count", 16: "slave_nak_count", 17: "slave_busy_count", 18: "bus_char_overrun_count", 2: "return_diag_register"}
_RECEIVED = {"communication error": "ev_recv_comm_err", "character overrun": "ev_recv_char_over", "listen-only mode": "ev_recv_lo_mode",
             "broadcast": "ev_recv_broadcast"}
_SENT = {"read exception": "ev_send_read_ex", "server abort exception": "ev_send_slave_abort_ex", "server busy exception": "ev_send_slave_busy_ex",
         "server program NAK exception": "ev_send_slave_nak_ex", "write timeout": "ev_send_write_timeout", "listen-only mode": "ev_send_lo_mode"}


def of_tshark(path: Path, *options: str) -> dict[int, Fields]:
    """By frame; `role` is 0, 1 or missing, `remarks` what tshark has to say about itself."""
    names = ("frame.number", "_ws.col.Info", *_REMARKS, *_OUTSIDE, *(f"modbus.{name}" for name in (*_TEXTS, *_OCTETS, *_NUMBERS)))
    command = ["tshark", *options, "-r", str(path), "-Y", "modbus", "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=|"]
    for name in names:
        command += ["-e", name]
    found = {}
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        cells = {name: text.split("|") if text else [] for name, text in zip(names, line.split("\t"), strict=True)}
        (info,) = cells["_ws.col.Info"]
        fields: Fields = {"remarks": [name for name in _REMARKS if cells[name]]}
        if info.strip().startswith(("Query: ", "Response: ")):  # of the last message of the frame; all of one frame go one way
            fields["role"] = [int(info.strip().startswith("Response: "))]
        for name, texts in cells.items():
            short = name.removeprefix("modbus.")
            if texts and (short in _NUMBERS or name in _OUTSIDE):
                fields[short.removeprefix("mbtcp.").removeprefix("mbrtu.")] = [int(text, 0) for text in texts]
            elif texts and short in (*_TEXTS, *_OCTETS):
                fields[short] = [text for text in texts if text]
        found[int(cells["frame.number"][0])] = fields
    return found


def of_otwatch(rows: Iterable[dict[str, Any]]) -> dict[int, Fields]:
    """By frame, of rows with their `value` octets. `octets` has these as they are, `odd` the anomalies."""
    frames: dict[int, Fields] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        fields = frames[row["frame"]]
        if row["item"] == 0:
            fields["role"] = [row["role"]]
            fields["func_code"].append(row["function"])
            fields["unit_id"].append(row["unit"])
            if row["transaction"] >= 0:
                fields["trans_id"].append(row["transaction"])
        fields["octets"].append(row["value"].hex())
        fields["odd"] += row["odd"]
        for name, content in _fields(row):
            if content not in (-1, ""):
                fields[name].append(content)
    return frames


def _fields(row: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    function = row["function"]
    if row["status"] and function != 90:
        if row["item"] == 0:
            yield "exception_code", max(row["status"], 0)
    elif function == 8:
        yield "diagnostic_code", row["subfunction"]
        yield from _diagnostic(row)
    elif function == 43:
        yield "mei", row["subfunction"]
        yield from _encapsulated(row)
    elif row["role"] == 0:
        yield from _request(row)
    else:
        yield from _response(row)


def _request(row: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    function, octets = row["function"], row["value"]
    if function == 23:
        which = "write" if row["item"] else "read"
        yield f"{which}_reference_num", row["start"]
        yield f"{which}_word_cnt", row["count"]
        if row["item"]:
            yield "data", octets.hex()
    elif function in (20, 21):
        yield "reference_num_32", row["object"] << 16 | row["start"]
        yield "word_cnt", row["count"]
        if function == 21:
            yield "data", octets.hex()
    elif function in (1, 2, 3, 4, 5, 6, 15, 16, 22, 24):
        yield "reference_num", row["start"]
        if function in (1, 2, 15):
            yield "bit_cnt", row["count"]
        elif function in (3, 4, 16):
            yield "word_cnt", row["count"]
        if function == 16:
            yield from _registers(row)
        elif function == 22:
            yield from zip(("and_mask", "or_mask"), registers(octets), strict=False)
        elif function in (5, 6, 15):
            yield "data", octets.hex()
    elif octets:
        yield "data", octets.hex()


def _response(row: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    function, octets = row["function"], row["value"]
    if function in (1, 2):
        for place, bit in enumerate(value(row["value_kind"], octets, row)):
            yield "bitnum", row["start"] + place
            yield "bitval", int(bit)
    elif function in (3, 4):
        yield from _registers(row)
    elif function in (11, 12):
        yield from zip(("ev_status", "ev_count", "ev_msg_count"), registers(octets[:6]), strict=False)
        if function == 12:
            yield from _events(octets[6:], value(row["value_kind"], octets, row)["log"])
    elif function == 24:
        yield "word_cnt", registers(octets)[0]
        if octets[2:]:
            yield "data", octets[2:].hex()
    elif function in (5, 6, 15, 16, 21, 22):
        yield from (item for item in _request(row) if item[0] not in ("regnum16", "regval_uint16") and (function != 15 or item[0] != "data"))
    elif octets:
        yield "data", octets.hex()


def _registers(row: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    for place, word in enumerate(registers(row["value"])):
        yield "regnum16", row["start"] + place
        yield "regval_uint16", word


def _events(octets: bytes, log: list[str]) -> Iterable[tuple[str, Any]]:
    for octet, told in zip(octets, log, strict=True):
        yield "event", octet
        for bit, names in ((0x80, _RECEIVED), (0xC0, _SENT)):
            if (octet & 0xC0 == 0x40) if bit == 0xC0 else octet & 0x80:
                for words, name in names.items():
                    yield name, int(words in told)


def _diagnostic(row: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    code, octets, told = row["subfunction"], row["value"], row["role"]
    number = int.from_bytes(octets, "big")
    if code == 0:
        yield f"diagnostic.return_query_data.{'echo' if told else 'request'}", octets.hex()
    elif code == 1:
        yield "diagnostic.restart_communication_option", number
    elif code == 3:
        yield "diagnostic.ascii_input_delimiter", number >> 8
    elif code == 10 and told:
        yield "diagnostic.clear_ctr_diag_reg", number
    elif code in _COUNTERS and told:
        yield f"diagnostic.{_COUNTERS[code]}", number
    else:
        yield "data", octets.hex()


def _encapsulated(row: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    octets = row["value"]
    if row["subfunction"] != 14:
        yield "data", f"{row['subfunction']:02x}{octets.hex()}"
    elif row["role"] == 0:
        yield "read_device_id", row["object"]
        yield "object_id", row["start"]
    else:
        yield from zip(("read_device_id", "conformity_level", "more_follows", "next_object_id", "num_objects"), octets, strict=False)
        for number, text in identification_objects(octets):
            yield "object_id", number
            yield "objects_len", len(text)
            yield ("object_str_value", text.decode()) if number < 7 else ("object_value", text.hex())
