"""Logs with the names of Zeek, counted against what tshark and the operations say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from otwatch.outputs.zeek import LOGS, conn_state
from tests.cli.calling import ATTACK, PLANT, otwatch


def exported(tmp_path: Path, form: str, *captures: Path) -> dict[str, list[str]]:
    assert otwatch("export", form, *captures, "--output", tmp_path / form).returncode == 0
    return {name: (tmp_path / form / f"{name}.log").read_text(encoding="ascii").splitlines() for name in LOGS}


def test_json_has_the_messages_and_joins(tmp_path: Path) -> None:
    logs = {name: [json.loads(line) for line in lines] for name, lines in exported(tmp_path, "zeek-json", ATTACK).items()}
    operations = [json.loads(line) for line in otwatch("export", "operations", ATTACK).stdout.splitlines()]
    for name in ("modbus", "s7comm"):
        wanted = [one for one in operations if one["protocol"] == name and one["item"] == 0 and (name == "modbus" or one["function"] is not None)]
        assert len(logs[name]) == len(wanted)
    flows = {line["uid"]: line for line in logs["conn"]}
    for name in ("modbus", "dnp3", "s7comm"):
        assert logs[name]
        for line in logs[name]:
            assert set(line) <= {field for field, _ in LOGS[name]}
            flow = flows[line["uid"]]
            assert {key: flow[key] for key in flow if key.startswith("id.")} == {key: line[key] for key in line if key.startswith("id.")}
    assert any(line.get("fc_request") == "READ" and line.get("fc_reply") == "RESPONSE" for line in logs["dnp3"])
    assert all(line["community_id"].startswith("1:") for line in logs["conn"] if line["proto"] in ("tcp", "udp"))


def test_exceptions_are_told(tmp_path: Path) -> None:
    logs = exported(tmp_path, "zeek-json", PLANT / "modbus-exceptions.pcap")
    assert any("exception" in json.loads(line) for line in logs["modbus"])


def test_tsv_has_the_head_of_zeek_and_the_same_lines(tmp_path: Path) -> None:
    as_json, as_tsv = exported(tmp_path, "zeek-json", ATTACK), exported(tmp_path, "zeek-tsv", ATTACK)
    for name, fields in LOGS.items():
        head = [line for line in as_tsv[name] if line.startswith("#")]
        assert head[0] == "#separator \\x09"
        assert head[-2].split("\t")[1:] == [field for field, _ in fields]
        lines = [line.split("\t") for line in as_tsv[name] if not line.startswith("#")]
        assert len(lines) == len(as_json[name])
        assert all(len(line) == len(fields) for line in lines)


@pytest.mark.parametrize(("asked", "replied", "packets", "state"), [
    (2, 0, 0, "S0"), (0x12, 0x14, 1, "REJ"), (0x1B, 0x1B, 9, "SF"), (0x1E, 0x1A, 9, "RSTO"), (0x1A, 0x1E, 9, "RSTR"), (0x1A, 0x1A, 9, "S1"),
    (0x1B, 0x1A, 9, "S2"), (0x1A, 0x1B, 9, "S3"), (0x18, 0x18, 9, "OTH"),
])  # fmt: skip
def test_states_of_tcp(asked: int, replied: int, packets: int, state: str) -> None:
    flow = {"tcp_flags_to_server": asked, "tcp_flags_to_client": replied, "packets_to_client": packets, "packets_to_server": 1, "ip_protocol": 6}
    assert conn_state(flow) == state


def test_it_wants_a_folder() -> None:
    assert otwatch("export", "zeek-json", ATTACK).returncode == 2
