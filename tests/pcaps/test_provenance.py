"""Every capture of ours says where it comes from and what is in it, and the lab that makes them still works."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PLANT = ROOT / "pcaps" / "plant"
CAPTURES = sorted(PLANT.glob("*.pcap"))
EXPECTED = {"benign", "engineering", "attack"}
SMALL_BYTES, MAIN_BYTES = 64 * 1024, 300 * 1024

each_capture = pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.stem)


def about(capture: Path) -> dict[str, Any]:
    return yaml.safe_load(capture.with_suffix(".yaml").read_text())


def operations(capture: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capture.with_suffix(".operations.jsonl").read_text().splitlines()]


def frames(capture: Path) -> list[tuple[float, bytes]]:
    """Time and bytes of every frame of a little-endian microsecond pcap."""
    data = capture.read_bytes()
    assert data[:4] == b"\xd4\xc3\xb2\xa1"
    found, at = [], 24
    while at < len(data):
        seconds, microseconds, length, wire = struct.unpack_from("<IIII", data, at)
        assert length == wire, "cut by a snap length"
        found.append((seconds + microseconds / 1e6, data[at + 16 : at + 16 + length]))
        at += 16 + length
    assert at == len(data), "the file ends inside a record"
    return found


def modbus_requests(capture: Path) -> list[tuple[float, str, int]]:
    """(time, source address, function code) of every Modbus request; our stacks send one in a segment."""
    found = []
    for time, frame in frames(capture):
        if frame[12:14] != b"\x08\x00" or frame[23] != 6:
            continue
        end = 14 + int.from_bytes(frame[16:18], "big")
        payload = frame[34 + (frame[46] >> 4) * 4 : end]
        if frame[36:38] == (502).to_bytes(2, "big") and len(payload) >= 8:
            found.append((time, ".".join(map(str, frame[26:30])), payload[7]))
    return found


def test_captures_are_there() -> None:
    names = {capture.stem for capture in CAPTURES}
    assert {"plant-learn", "plant-attack"} <= names
    assert all(
        any(name.startswith(protocol) for name in names) for protocol in ("modbus-", "s7comm-", "dnp3-", "lateral-")
    )


def test_nothing_stands_alone() -> None:
    companions = {
        name
        for capture in CAPTURES
        for name in (capture.name, f"{capture.stem}.yaml", f"{capture.stem}.operations.jsonl")
    }
    here = {path.name for path in PLANT.iterdir()} - {"site.yaml", "indicators.json"}
    assert here == companions


@each_capture
def test_provenance(capture: Path) -> None:
    said = about(capture)
    assert said["capture"] == capture.name
    assert (ROOT / said["script"]).is_file()
    assert said["command"].endswith(capture.stem)
    assert said["sha256"] == hashlib.sha256(capture.read_bytes()).hexdigest()
    assert said["bytes"] == capture.stat().st_size
    for field in ("shows", "origin", "licence", "date", "stacks", "hosts", "firewall"):
        assert said[field], field


@each_capture
def test_size(capture: Path) -> None:
    assert capture.stat().st_size <= (MAIN_BYTES if capture.stem.startswith("plant-") else SMALL_BYTES)


@each_capture
def test_operations(capture: Path) -> None:
    said, listed, taken = about(capture), operations(capture), frames(capture)
    assert said["operations"]["count"] == len(listed)
    assert said["operations"]["attack"] == sum(operation["expected"] == "attack" for operation in listed)
    hosts = {host["name"]: host["ip"] for host in said["hosts"]}
    assert [operation["ts"] for operation in listed] == sorted(operation["ts"] for operation in listed)
    for operation in listed:
        assert operation["expected"] in EXPECTED
        assert hosts[operation["src"]] == operation["src_ip"]
        assert hosts[operation["dst"]] == operation["dst_ip"]
        assert operation["ts"] <= operation["ts_end"]
    assert taken[0][0] - 1 <= listed[0]["ts"]
    assert listed[-1]["ts"] <= taken[-1][0] + 1


@each_capture
def test_benign_and_attack_are_what_the_name_says(capture: Path) -> None:
    attacks = about(capture)["operations"]["attack"]
    shows = about(capture)["shows"]
    if shows.startswith("benign:") or capture.stem == "plant-learn":
        assert attacks == 0
    else:
        assert attacks > 0


@each_capture
def test_only_hosts_of_the_lab(capture: Path) -> None:
    said = about(capture)
    known = {host["mac"] for host in said["hosts"]} | {said["firewall"]["mac"], "ff:ff:ff:ff:ff:ff"}
    seen = {address.hex(":") for _, frame in frames(capture) for address in (frame[:6], frame[6:12])}
    assert seen <= known


@each_capture
def test_every_modbus_request_is_an_operation(capture: Path) -> None:
    """In order, from the same host, with the same function, and inside the operation's times."""
    listed = [
        operation for operation in operations(capture) if operation["protocol"] == "modbus" and "function" in operation
    ]
    assert_agree(modbus_requests(capture), listed)


def assert_agree(wire: list[tuple[float, str, int]], listed: list[dict[str, Any]]) -> None:
    assert [(source, function) for _, source, function in wire] == [(op["src_ip"], op["function"]) for op in listed]
    for (time, _, _), operation in zip(wire, listed, strict=True):
        assert operation["ts"] - 0.001 <= time <= operation["ts_end"] + 0.001


def lab_is_missing() -> str:
    """What keeps the lab from running here, or an empty string."""
    if os.geteuid() != 0:
        return "needs root"
    tools = [tool for tool in ("ip", "tcpdump", "ethtool", "sysctl") if shutil.which(tool) is None]
    stacks = [stack for stack in ("pymodbus", "snap7", "opendnp3") if importlib.util.find_spec(stack) is None]
    if tools or stacks:
        return f"needs {' '.join(tools + stacks)}"
    allowed = subprocess.run(("unshare", "--net", "true"), capture_output=True, check=False)
    return "" if allowed.returncode == 0 else "may not make network namespaces"


@pytest.mark.lab
def test_the_lab_still_makes_them(tmp_path: Path) -> None:
    reason = lab_is_missing()
    if reason:
        pytest.skip(reason)
    command = (sys.executable, ROOT / "pcaps" / "lab" / "record.py", "modbus-write-operator", "--output", tmp_path)
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    fresh, kept = tmp_path / "modbus-write-operator.pcap", PLANT / "modbus-write-operator.pcap"
    listed = [operation for operation in operations(fresh) if "function" in operation]
    assert_agree(modbus_requests(fresh), listed)
    assert [wire[1:] for wire in modbus_requests(fresh)] == [wire[1:] for wire in modbus_requests(kept)]
    assert about(fresh)["sha256"] == hashlib.sha256(fresh.read_bytes()).hexdigest()


@pytest.mark.tshark
@pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark")
@pytest.mark.parametrize("name", ["plant-learn", "plant-attack"])
def test_tshark_sees_the_listed_requests(name: str) -> None:
    """All protocols, host by host and function by function; `verify.py` does it for every capture."""
    spec = importlib.util.spec_from_file_location("verify", ROOT / "pcaps" / "lab" / "verify.py")
    assert spec is not None
    assert spec.loader is not None
    verify = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(verify)
    capture = PLANT / f"{name}.pcap"
    assert verify.seen(capture) == verify.listed(capture.with_suffix(".operations.jsonl"))
