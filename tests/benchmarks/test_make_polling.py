"""The generated polling capture is what real stacks would send: an independent scalar reading of it finds nothing wrong."""

from __future__ import annotations

import importlib.util
import shutil
import struct
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from otwatch.engine.analysis import Analysis
from otwatch.engine.detector import Policy, RuleDetector, rules_of
from otwatch.limits import Limits
from otwatch.rules.compile import Clause
from otwatch.rules.engine import RuleEngine
from otwatch.rules.outcomes import Numbers


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_polling", Path(__file__).with_name("make_polling.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


make_polling = load()


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("polling") / "polling.pcap"
    make_polling.write(path, 6000)
    return path


def records(path: Path) -> list[tuple[int, bytes]]:
    """(nanoseconds, frame) of every record."""
    data = path.read_bytes()
    unit = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}[struct.unpack_from("<I", data)[0]]
    found, at = [], 24
    while at < len(data):
        seconds, fraction, captured, wire = struct.unpack_from("<IIII", data, at)
        assert captured == wire
        found.append((seconds * 10**9 + fraction * unit, data[at + 16 : at + 16 + captured]))
        at += 16 + captured
    assert at == len(data)
    return found


def ones_sum(data: bytes) -> int:
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def crc_dnp(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA6BC if crc & 1 else crc >> 1
    return crc ^ 0xFFFF


def test_crc_is_the_one_of_the_standard() -> None:
    header = bytes.fromhex("056405c00100000c")
    frame = make_polling.np.frombuffer(header + bytes(2), make_polling.np.uint8).copy()
    make_polling.crc_blocks(frame)
    assert int.from_bytes(frame[8:10].tobytes(), "little") == crc_dnp(header)


@pytest.mark.parametrize("packets", [1, 7, 400, 1761, 3000])
def test_exact_number_of_packets(tmp_path: Path, packets: int) -> None:
    make_polling.write(tmp_path / "x.pcap", packets)
    assert len(records(tmp_path / "x.pcap")) == packets


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        make_polling.write(tmp_path / name, 3000, seed)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != (tmp_path / "c").read_bytes()


def test_nanoseconds(tmp_path: Path) -> None:
    make_polling.write(tmp_path / "n.pcap", 2000, nanoseconds=True)
    assert any(time % 1000 for time, _ in records(tmp_path / "n.pcap"))


def test_times_never_go_back(capture: Path) -> None:
    times = [time for time, _ in records(capture)]
    assert times == sorted(times)


def test_checksums(capture: Path) -> None:
    for _, frame in records(capture):
        total = int.from_bytes(frame[16:18], "big")
        assert ones_sum(frame[14:34]) == 0xFFFF
        segment = frame[34 : 14 + total]
        assert ones_sum(frame[26:34] + struct.pack(">HH", 6, len(segment)) + segment) == 0xFFFF


def test_sequence_numbers(capture: Path) -> None:
    """Each segment begins where its sender's last one ended and acknowledges all that the other side sent."""
    expected: dict[tuple[bytes, bytes], int] = {}
    for _, frame in records(capture):
        total = int.from_bytes(frame[16:18], "big")
        seq, ack = struct.unpack_from(">II", frame, 38)
        here = (frame[26:30] + frame[34:36], frame[30:34] + frame[36:38])
        if here in expected:
            assert seq == expected[here]
        if frame[47] & 0x10:
            assert ack == expected[here[1], here[0]]
        expected[here] = seq + total - 40 + (frame[47] >> 1 & 1)


def test_every_request_is_answered_and_values_change(capture: Path) -> None:
    ports: Counter[tuple[int, bool]] = Counter()
    answers: dict[tuple[bytes, ...], set[bytes]] = {}
    for _, frame in records(capture):
        payload = frame[54 : 14 + int.from_bytes(frame[16:18], "big")]
        source, target = struct.unpack_from(">HH", frame, 34)
        if not payload:
            continue
        ports[min(source, target), target > 40000] += 1
        if source == 502:
            assert int.from_bytes(payload[4:6], "big") == len(payload) - 6
            answers.setdefault((frame[26:34], frame[36:38], payload[7:9]), set()).add(payload[9:])
        if 20000 in (source, target):
            assert payload[:2] == b"\x05\x64"
            blocks = [payload[:10], *(payload[i : i + 18] for i in range(10, len(payload), 18))]
            assert all(crc_dnp(block[:-2]) == int.from_bytes(block[-2:], "little") for block in blocks)
    assert {port for port, _ in ports} == {102, 502, 20000}
    assert all(abs(ports[port, True] - ports[port, False]) <= 8 for port in (102, 502, 20000))
    assert all(len(values) > 1 for values in answers.values())


@pytest.mark.tshark
@pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark")
def test_tshark_finds_nothing_wrong(capture: Path) -> None:
    wrong = "_ws.malformed || tcp.analysis.flags || tcp.checksum.status==0 || dnp.hdr.CRC.status==0 || dnp.data_chunk.CRC.status==0"
    command = ("tshark", "-n", "-r", capture, "-o", "tcp.check_checksum:TRUE", "-Y")
    assert subprocess.run((*command, wrong), capture_output=True, text=True, check=True).stdout == ""
    understood = "modbus || dnp3.al.func || s7comm"
    seen = subprocess.run((*command, understood), capture_output=True, text=True, check=True).stdout
    assert seen.count("\n") > 3500


def test_no_rule_looks_at_polls_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is decided once for a behaviour need not be asked of its every message: a rule that does costs more than all the rest of the analysis."""
    looked_at = []
    taken = RuleEngine._apart

    def counting(engine: RuleEngine, behaviours: Numbers, rows: Numbers) -> tuple[Numbers, dict[Clause, Numbers]]:
        found = taken(engine, behaviours, rows)
        looked_at.append(len(rows))
        return found

    monkeypatch.setattr(RuleEngine, "_apart", counting)
    path = tmp_path / "polling.pcap"
    make_polling.write(path, 60_000)
    analysis = Analysis(Limits(batch_packets=4096))
    analysis.detector = RuleDetector(analysis.pipeline, Policy(rules=rules_of()), analysis.inventory)
    analysis.run([str(path)])
    assert analysis.operations > 30_000
    assert sum(looked_at[len(looked_at) // 2:]) < analysis.operations // 100
