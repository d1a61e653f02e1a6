"""Logs beside captures: what Zeek logged of them, what Suricata's own tests expect of them, message by message."""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from otwatch.protocols.modbus import PROTOCOL
from tests.protocols.modbus.pipeline import COLLECTION, operations

pytestmark = [pytest.mark.captures, pytest.mark.skipif(not COLLECTION.is_dir(), reason="no capture collection: set OTWATCH_CAPTURES")]

FUNCTIONS = {name: code for code in range(128) if (name := PROTOCOL.function_name(code, -1))}
# Names that are not those of the standard; Zeek's "diagnostics" is every subfunction of function 8.
ZEEK_NAMES = {"report_slave_id": "report_server_id", "program_concept": "function_40", "firmware_replacement": "function_125"}
OF_REFUSALS = {"PROGRAM_CONCEPT", "FIRMWARE_REPLACEMENT"}  # the old Zeek's names of the codes 168 and 253: refusals of 40 and 125
EXCEPTIONS = {"-": 0, "ILLEGAL_FUNCTION": 1, "ILLEGAL_DATA_ADDRESS": 2, "ILLEGAL_DATA_VALUE": 3, "SLAVE_DEVICE_FAILURE": 4, "ACKNOWLEDGE": 5,
              "SLAVE_DEVICE_BUSY": 6}

# What only Zeek, or only otwatch, has of a log with transactions: (transaction, unit, function, role, exception).
#   fuzz-72, a fuzzed stream with gaps. Zeek alone: a message behind a gap that tshark also takes (docs/reference/tshark.md; both can be
#   defended). otwatch alone: 12 whole messages that are in the capture octet for octet (frames 7, 16-18, 20, 22, 25-27, 30, 32 and 36) in
#   segments behind gaps and out of order, where Zeek's analyzer passes over what it skipped: otwatch is right.
#   Neither: frame 23, which lies inside the 43 octets that the header in frame 14 announces.
ZEEK_ONLY = {"fuzz-72.pcap": {(0, 1, 33, 0, 0)}}
OTWATCH_ONLY = {"fuzz-72.pcap": {
    (0, 1, 34, 0, 0), (0, 1, 43, 0, 0), (0, 1, 46, 0, 0), (0, 1, 47, 0, 0), (0, 1, 50, 0, 0), (0, 1, 52, 0, 0),
    (0, 1, 54, 1, 1), (0, 1, 58, 1, 1), (0, 1, 59, 1, 1), (0, 1, 64, 0, 0), (0, 1, 66, 1, 1), (0, 1, 70, 0, 0)}}
# Responses, by frame, that the old Zeek without transactions did not log. It is asked for one line per answered request.
#   part1: refusals with exception 11, which it does not know (9, 11, 13, 16), and what a client sends that is shaped like answers, without
#   any request (91 to 111): otwatch shows both.
#   part2: the refusals of functions 9 to 14 and 17 to 19, which it passes over; each has its request before it, tshark sees them as well.
RESPONSES_NOT_LOGGED = {"modbus_test_data_part1.pcap": {9, 11, 13, 16, 91, 93, 95, 97, 99, 101, 103, 105, 107, 109, 111},
                        "modbus_test_data_part2.pcap": {32, 34, 36, 38, 40, 44, 52, 54, 56}}


@cache
def messages(path: Path) -> list[dict[str, Any]]:
    """The first row of each message of a capture."""
    return [row for row in operations(path)[0] if row["item"] == 0]


def capture_of(log: Path) -> Path:
    truth = next(part for part in log.parents if part.name.endswith(".truth"))
    return truth.with_name(truth.name.removesuffix(".truth"))


def zeek_lines(log: Path) -> list[dict[str, str]]:
    """The lines of a log of Zeek by field name."""
    fields: list[str] = []
    lines = []
    for line in log.read_text().splitlines():
        if line.startswith("#fields"):
            fields = line.split("\t")[1:]
        elif not line.startswith("#"):
            lines.append(dict(zip(fields, line.split("\t"), strict=True)))
    return lines


def zeek_function(name: str) -> int:
    """The function code of a name of Zeek, without the exception bit."""
    name = name.lower().removesuffix("_exception")
    if name.startswith("unknown-"):
        return int(name.removeprefix("unknown-")) & 0x7F
    return FUNCTIONS[ZEEK_NAMES.get(name, name)]


def zeek_logs(field: str) -> list[Path]:
    """The modbus.log files that have a field."""
    logs = sorted(COLLECTION.glob("**/*.truth/**/modbus.log")) if COLLECTION.is_dir() else []
    return [log for log in logs if field in zeek_lines(log)[0]]


@pytest.mark.parametrize("log", zeek_logs("tid"), ids=lambda log: capture_of(log).name)
def test_messages_are_those_of_zeek(log: Path) -> None:
    """Transaction, unit, function, direction and exception of each message, with their number, both ways."""
    capture = capture_of(log)
    ours = Counter((row["transaction"], row["unit"], row["function"], row["role"], row["status"]) for row in messages(capture))
    theirs = Counter((int(line["tid"]), int(line["unit"]), zeek_function(line["func"]), int(line["pdu_type"] == "RESP"),
                      EXCEPTIONS[line["exception"]]) for line in zeek_lines(log))
    assert theirs
    assert theirs - ours == Counter(ZEEK_ONLY.get(capture.name, ()))
    assert ours - theirs == Counter(OTWATCH_ONLY.get(capture.name, ()))


def old_zeek_logs() -> list[Path]:
    with_transactions = zeek_logs("tid")
    return [log for log in zeek_logs("func") if log not in with_transactions]


@pytest.mark.parametrize("log", old_zeek_logs(), ids=lambda log: capture_of(log).name)
def test_responses_are_those_of_an_old_zeek(log: Path) -> None:
    """It wrote a line at the time of a response; of a refusal a second one with the exception, for the functions that it knew."""
    capture = capture_of(log)
    responses = {(row["timestamp_ns"] // 1000, row["function"]): row for row in messages(capture) if row["role"] == 1}
    logged = set()
    for line in zeek_lines(log):
        seconds, microseconds = line["ts"].split(".")
        key = int(seconds) * 1_000_000 + int(microseconds), zeek_function(line["func"])
        assert key in responses, line
        row = responses[key]
        exception = EXCEPTIONS[line["exception"]]
        assert exception in (0, row["status"]), line
        named = line["func"].endswith("_EXCEPTION")
        code = int(line["func"].removeprefix("unknown-")) if line["func"].startswith("unknown-") else -1
        assert not (named or code >= 128) or row["status"] > 0, line
        assert named or code >= 128 or line["func"] in OF_REFUSALS or row["status"] == 0, line
        logged.add(key)
    left = {row["frame"] for key, row in responses.items() if key not in logged}
    assert left == RESPONSES_NOT_LOGGED.get(capture.name, set())


def test_registers_are_those_of_zeek() -> None:
    """Address and count of the requests, every register of the responses that Zeek's test prints; one that lies about its length it does not."""
    capture = COLLECTION / "zeek-zeek/testing/btest/Traces/modbus/fuzz-1011.pcap"
    outputs = list(capture.with_name(capture.name + ".truth").glob("**/output"))
    if not outputs:
        pytest.skip("the collection lacks the output of this test of Zeek")
    printed = re.findall(r"registers_(request|response), .*tid=(\d+), pid=0, uid=(\d+), .*len=\d+\], (.*)", outputs[0].read_text())
    theirs = [(kind, int(transaction), int(unit), [int(number) for number in re.findall(r"\d+", numbers)])
              for kind, transaction, unit, numbers in printed]
    ours = []
    for row in messages(capture):
        registers = [*struct.unpack(f">{len(row['value']) // 2}H", row["value"]), row["count"]]
        if row["count"] != -1:
            kind = "response" if row["role"] else "request"
            ours.append((kind, row["transaction"], row["unit"], registers if row["role"] else [row["start"], row["count"]]))
    assert len(theirs) == 4
    assert ours == theirs


# What the rules of Suricata's test ask of a transaction, by signature: their counts stand in its test.yaml. Its addresses begin with 1.
SURICATA_RULES: dict[int, Callable[[dict[str, Any]], bool]] = {
    1: lambda row: bool(row["function"] == 1),
    2: lambda row: row["function"] in {1, 3, 5, 6, 8, 17, 43},  # assigned publicly
    3: lambda row: row["function"] in {1, 2, 3, 4, 20, 23, 24},  # reads
    4: lambda row: bool(row["unit"] == 10),
    5: lambda row: row["function"] == 1 and row["unit"] > 9 and row["start"] + 1 < 2 and row["start"] + row["count"] > 0,
    6: lambda row: row["function"] in {5, 6, 15, 16, 22, 23},  # writes
    7: lambda row: bool(row["function"] == 8),
}
SURICATA_NAMES = {"RdCoils": 1, "MEI": 43}


def suricata_tests() -> list[Path]:
    return sorted((COLLECTION / "OISF-suricata-verify").glob("**/modbus.pcap.truth/**/test.yaml")) if COLLECTION.is_dir() else []


@pytest.mark.parametrize("path", suricata_tests(), ids=lambda path: path.parent.name)
def test_what_suricata_expects_is_there(path: Path) -> None:
    """A transaction of Suricata is a request with its answer; the refusals that nobody asked for are no request to either."""
    requests = [row for row in messages(capture_of(path)) if row["role"] == 0]
    compared = 0
    for check in yaml.safe_load(path.read_text())["checks"]:
        match, expected = check["filter"]["match"], check["filter"]["count"]
        fitting = requests
        if "modbus.id" in match:  # its own numbers of transactions
            fitting = requests[match["modbus.id"] - 1:match["modbus.id"]]
        if "modbus.request.function_code" in match:
            fitting = [row for row in fitting if row["function"] == SURICATA_NAMES[match["modbus.request.function_code"]]]
        if "alert.signature_id" in match:
            fitting = [row for row in fitting if SURICATA_RULES[match["alert.signature_id"]](row)]
        assert len(fitting) == expected, match
        compared += 1
    assert compared >= 10
