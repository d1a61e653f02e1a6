"""Ground truth beside captures: what real stacks were told to do, what Zeek logged, what Suricata's tests expect."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from otwatch.protocols.dnp3 import PROTOCOL
from tests.protocols.dnp3.comparing import COLLECTION, by_otwatch

pytestmark = [pytest.mark.captures, pytest.mark.skipif(not COLLECTION.is_dir(), reason="no capture collection: set OTWATCH_CAPTURES")]

HOSTS = {"hmi": "10.10.1.20", "eng": "10.10.1.30", "itpc": "10.20.0.66"}
POLLS = {0, 1, 2, 20, 21, 26}  # what the stacks also send on their own: 26 behind every file
CROBS = {"latch_on_idx0": (0, "latch_on", "nul"), "trip_idx1": (1, "pulse_on", "trip"), "latch_off_idx2": (2, "latch_off", "nul")}
OUTPUTS = {"AO_Int32": 1, "AO_Int16": 2, "AO_Float32": 3, "AO_Double64": 4}

ZEEK_NAMES = {"immediate_freeze_nr": "immediate_freeze_no_ack", "stop_appl": "stop_application"}


def messages(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Rows by message."""
    found: list[list[dict[str, Any]]] = []
    for row in rows:
        if row["item"] == 0:
            found.append([])
        found[-1].append(row)
    return found


def test_every_operation_of_the_real_stacks_is_found_once() -> None:
    _, rows = by_otwatch(COLLECTION / "real-stacks/dnp3.pcap")
    truth = [json.loads(line) for line in (COLLECTION / "real-stacks/dnp3.gt.jsonl").read_text().splitlines()]
    told = messages(rows)
    for source, address in HOSTS.items():
        requests = [message for message in told if message[0]["from"] == address and message[0]["role"] == 0 and message[0]["function"] >= 0]
        operations = [line for line in truth if line["src"] == source and "fc" in line]
        functions = [(function, line) for line in operations for function in (line["fc"] if isinstance(line["fc"], list) else [line["fc"]])]
        expected = Counter(function for function, _ in functions if function not in POLLS)
        assert Counter(message[0]["function"] for message in requests if message[0]["function"] not in POLLS) == expected, source
        left = list(requests)
        before = 0.0
        for function, line in functions:
            match = next((message for message in left if message[0]["function"] == function and fields_fit(line, message)
                          and before - 0.01 <= message[0]["timestamp_ns"] / 1e9 <= line["ts"] + 2), None)
            assert match is not None, (source, line)
            left.remove(match)
            before = max(before, match[0]["timestamp_ns"] / 1e9)


def fields_fit(line: dict[str, Any], message: list[dict[str, Any]]) -> bool:
    """Whether a request is the one of the operation, as far as its name tells."""
    first = message[0]
    name = line["op"]
    if "CROB" in name:
        index, operation, trip_close = next(fields for part, fields in CROBS.items() if part in name)
        shown = first["shown"]
        return (first["area"], first["start"], shown["operation"], shown["trip_close"]) == (12, index, operation, trip_close)
    if "AO_" in name:
        return (first["area"], first["object"]) == (41, next(variation for part, variation in OUTPUTS.items() if name.endswith(part)))
    if "group" in line and "var" in line:
        return (first["area"], first["object"]) == (line["group"], line["var"])
    group = {"write_time_g50v1": 50, "write_g80_clear_restart_iin": 80, "write_g110_octet_string": 110, "write_deadband_g34": 34}.get(name)
    return group is None or first["area"] == group


def test_real_stacks_are_without_anomaly_and_every_request_is_paired() -> None:
    frames, rows = by_otwatch(COLLECTION / "real-stacks/dnp3.pcap")
    assert {frame.remarks for frame in frames.values()} == {""}
    answers = [message[0] for message in messages(rows) if message[0]["role"] == 1 and message[0]["function"] == 129]
    assert len(answers) > 100
    assert all(row["request_frame"] > 0 and row["latency_ns"] >= 0 for row in answers)
    operates = [row for row in rows if row["function"] == 4]
    assert len(operates) == 12
    assert all(row["request_frame"] > 0 for row in operates)


def zeek_logs() -> list[Path]:
    return sorted(COLLECTION.glob("**/*.truth/**/dnp3.log")) if COLLECTION.is_dir() else []


@pytest.mark.parametrize("log", zeek_logs(), ids=lambda log: log.relative_to(COLLECTION).parts[-3] + "/" + log.parent.name)
def test_what_zeek_logged_is_there(log: Path) -> None:
    """Every function that Zeek logged is there at least as often. Zeek pairs a response with the last request of the connection and does not
    log what it could not pair, so pairs and totals are not compared."""
    truth = next(part for part in log.parents if part.name.endswith(".truth"))
    ours = messages(by_otwatch(truth.with_name(truth.name.removesuffix(".truth")))[1])
    mine = Counter(PROTOCOL.function_name(message[0]["function"], message[0]["subfunction"]) for message in ours)
    logged: Counter[str] = Counter()
    for line in log.read_text().splitlines():
        if not line.startswith("#"):
            logged.update(ZEEK_NAMES.get(name.lower(), name.lower()) for name in line.split("\t")[6:8] if name != "-")
    assert logged
    assert {name: count for name, count in logged.items() if mine[name] < count} == {}


def suricata_tests() -> list[Path]:
    return sorted((COLLECTION / "OISF-suricata-verify/tests/dnp3").glob("*/*.truth/**/test.yaml")) if COLLECTION.is_dir() else []


@pytest.mark.parametrize("path", suricata_tests(), ids=lambda path: path.parent.name)
def test_what_suricata_expects_is_there(path: Path) -> None:
    truth = next(part for part in path.parents if part.name.endswith(".truth"))
    frames, rows = by_otwatch(truth.with_name(truth.name.removesuffix(".truth")))
    told = messages(rows)
    checks = [check["filter"]["match"] for check in yaml.safe_load(path.read_text())["checks"]]
    events = [match for match in checks if match.get("event_type") == "dnp3" and "dnp3.application.function_code" in match]
    for match in events:
        found = [message for message in told if suricata_fits(match, message)]
        assert len(found) == 1, (match, [message[0] for message in told])
    alerts = [match["alert.signature_id"] for match in checks if match.get("event_type") == "alert"]
    anomalies = {name for frame in frames.values() for name in frame.remarks.split()}
    if 2270005 in alerts:  # too many points in a message
        assert "too-many-objects" in anomalies


def suricata_fits(match: dict[str, Any], message: list[dict[str, Any]]) -> bool:
    """Whether a message has the function, sequence, addresses, objects and the values that an event of Suricata has."""
    first = message[0]
    unit = match["dnp3.dst"] if match["dnp3.type"] == "request" else match["dnp3.src"]
    if (first["function"], first["transaction"], first["unit"]) != (
            match["dnp3.application.function_code"], match["dnp3.application.control.sequence"], unit):
        return False
    number = 0
    while f"dnp3.application.objects[{number}].group" in match:
        place = f"dnp3.application.objects[{number}]"
        row = next((row for row in message if (row["area"], row["object"]) == (match[f"{place}.group"], match[f"{place}.variation"])), None)
        if row is None:
            return False
        shown = row["shown"] if isinstance(row["shown"], dict) else {}
        for theirs, ours in (("filename", "name"), ("maximum_block_size", "max_block"), ("file_handle", "handle"), ("request_id", "request"),
                             ("count", "count"), ("onTime", "on_ms"), ("offtime", "off_ms"), ("block_number", "block")):
            wanted = match.get(f"{place}.points[0].{theirs}")
            if wanted is not None and shown.get(ours) != wanted:
                return False
        number += 1
    return True
