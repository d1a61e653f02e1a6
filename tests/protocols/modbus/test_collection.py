"""Real captures: the ground truth of the recorded stacks, and tshark over every Modbus capture of the collection."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from typing import Any

import pytest

from otwatch.protocols.modbus import PROTOCOL
from tests.protocols.modbus.pipeline import COLLECTION, operations, tshark

pytestmark = [
    pytest.mark.captures,
    pytest.mark.skipif(not COLLECTION.is_dir(), reason="no capture collection: set OTWATCH_CAPTURES"),
]

HOSTS = {"hmi": "10.10.1.20", "eng": "10.10.1.30", "itpc": "10.20.0.66"}

# Messages on which tshark 4.0.17 and otwatch differ, and who is right.
#   fuzz-72: after a gap in a fuzzed stream tshark takes the next segment's start for a message; otwatch asks that its function be known, or a
#   header behind it, because after a gap a segment need not start with a message (V1.0b 4.4.2.2: one ADU may span segments). Both defensible.
DIFFERENCES = {"fuzz-72.pcap": 1}

CAPTURES = (
    "AgentCarter1-S7comm-Plus-Anomaly-Detection/Wireshark_Paketler/1.pcapng",
    "AgentCarter1-S7comm-Plus-Anomaly-Detection/Wireshark_Paketler/2.pcapng",
    "EmreEkin-ICS-Pcaps/LocalPCAP/ModbusFloat.pcap",
    "EmreEkin-ICS-Pcaps/LocalPCAP/_llegalFunction.pcap",
    "EmreEkin-ICS-Pcaps/MODBUS/FC1-permit.pcap",
    "EmreEkin-ICS-Pcaps/MODBUS/modbus-mask-write-register.pcap",
    "EmreEkin-ICS-Pcaps/MODBUS/modbus-read-write-multiple-registers.pcap",
    "ITI-ICS-Security-Tools/pcaps/ModbusTCP/Modbus/modbus_test.pcap",
    "ITI-ICS-Security-Tools/pcaps/ModbusTCP/ModbusTCP.pcap",
    "OISF-suricata-verify/tests/modbus/modbus.pcap",
    "antoine-lemay-Modbus_dataset/channel_4d_12s.pcap",
    "antoine-lemay-Modbus_dataset/characterization_modbus_6RTU_with_operate.pcap",
    "arkime-arkime/tests/pcap/modbus.pcap",
    "csu-wingmate-Shark2Pit/pcaps/modbus.pcap",
    "digitalbond-Quickdraw-Snort/modbus_test_data_part1.pcap",
    "digitalbond-Quickdraw-Snort/modbus_test_data_part2.pcap",
    "idaholab-Malcolm-Test-Artifacts/pcap/other/Digital_Bond_S4/Advantech.pcap",
    "idaholab-Malcolm-Test-Artifacts/pcap/other/Digital_Bond_S4/Modicon.pcap",
    "kb221svs-modbus-anomaly-detection/live_attacks_captured.pcap",
    "kb221svs-modbus-anomaly-detection/modbus.pcap",
    "kb221svs-modbus-anomaly-detection/modbus_enp0s3.pcap",
    "kb221svs-modbus-anomaly-detection/modbus_scada.pcap",
    "liushiwen555-testing_tools/packet_sender/pcaps/ICS/modbus/Modbus_Program_Command_to_Quantum.pcap",
    "liushiwen555-testing_tools/packet_sender/pcaps/ICS/modbus/mod_17.pcap",
    "liushiwen555-testing_tools/packet_sender/pcaps/ICS/modbus/mod_21.pcap",
    "liushiwen555-testing_tools/packet_sender/pcaps/ICS/modbus/mod_23.pcap",
    "liushiwen555-testing_tools/packet_sender/pcaps/ICS/modbus/mod_24.pcap",
    "liushiwen555-testing_tools/packet_sender/pcaps/ICS/modbus/mod_3.pcap",
    "liushiwen555-testing_tools/packet_sender/pcaps/ICS/modbus/mods.pcap",
    "ntop-nDPI/tests/cfgs/default/pcap/umas.pcap",
    "real-stacks/modbus.pcap",
    "real-stacks/recon_nmap.pcap",
    "seladb-PcapPlusPlus/Tests/Packet++Test/PacketExamples/modbusFrames.pcap",
    "snort3-snort3_demo/tests/inspectors/modbus/modbus_w_pafs.pcap",
    "yakuter-go-dpi-packet/modbus.pcap",
    "zeek-zeek/testing/btest/Traces/modbus/4SICS-GeekLounge-151022-min.pcap",
    "zeek-zeek/testing/btest/Traces/modbus/fuzz-1011.pcap",
    "zeek-zeek/testing/btest/Traces/modbus/fuzz-72.pcap",
    "zeek-zeek/testing/btest/Traces/modbus/modbus-and-non-modbus-p502.pcap",
)


def test_every_operation_of_the_ground_truth_is_found_once() -> None:
    rows, facts = operations(COLLECTION / "real-stacks" / "modbus.pcap")
    truth = [json.loads(line) for line in (COLLECTION / "real-stacks" / "modbus.gt.jsonl").read_text().splitlines()]
    asked = [row for row in rows if row["role"] == 0 and row["item"] == 0]
    answers = {row["request_frame"]: row for row in rows if row["role"] == 1 and row["item"] == 0}
    assert len(asked) == len(truth)
    for row, told in zip(asked, truth, strict=True):
        assert (row["from"], row["function"]) == (HOSTS[told["src"]], told["fc"]), told
        for column, name in (("unit", "unit"), ("start", "addr"), ("count", "qty"), ("subfunction", "sub"), ("subfunction", "mei"),
                             ("object", "read_code")):
            assert name not in told or row[column] == told[name], (told, column)
        if "value" in told:
            assert int.from_bytes(row["value"], "big") == told["value"]
        if told.get("no_response"):
            assert row["frame"] not in answers
        elif told["op"] != "fc_scan":
            assert (answers[row["frame"]]["status"] != 0) == (told["result"] == "error"), told
            assert "exc" not in told or answers[row["frame"]]["status"] == told["exc"]
    about = {(address, fact.child, fact.kind): fact.value for address, fact in facts if fact.source.startswith("modbus")}
    assert about["10.10.1.10", "unit 1", "order_number"] == "TM221CE40R"
    assert about["10.10.1.10", "unit 1", "firmware"] == "V1.13.1.0"
    assert about["10.10.1.10", "unit 1", "vendor"] == "Schneider Electric"


def test_umas_program_read_out_of_a_quantum() -> None:
    rows, facts = operations(COLLECTION / "ntop-nDPI/tests/cfgs/default/pcap/umas.pcap")
    names = [PROTOCOL.function_name(row["function"], row["subfunction"]) for row in rows if row["role"] == 0]
    assert names.count("umas_download_block") == 53
    assert names.count("umas_take_reservation") == 1
    assert {row["action"] for row in rows if row["subfunction"] == 0x34} == {8}  # the controller carries the bytes: PROGRAM_UPLOAD
    told = {(address, fact.kind): fact.value for address, fact in facts}
    assert told["192.168.63.253", "model"] == "140 CPU 311 10"
    assert told["192.168.63.253", "firmware"] == "2.70"
    assert told["192.168.63.253", "plant"] == "Project"
    assert told["192.168.63.100", "name"] == "USER-714E74F21B"


def test_what_is_not_modbus_on_port_502_makes_no_rows() -> None:
    rows, _ = operations(COLLECTION / "zeek-zeek/testing/btest/Traces/modbus/modbus-and-non-modbus-p502.pcap")
    assert len(rows) == 12


def differences(rows: list[dict[str, Any]], told: dict[str, int]) -> dict[str, tuple[int, int]] | None:
    """The least in which one of the rows differs from a message of tshark; None if there is no row for it."""
    best = None
    for row in rows:
        if row["item"] == 0 and not row.get("used") and row["transaction"] == told["transaction"]:
            differ = {name: (told[name], row[name]) for name in ("role", "unit", "function", "start", "count", "status")
                      if name in told and told[name] != row[name]}
            if best is None or len(differ) < len(best[0]):
                best = differ, row
    if best is None:
        return None
    best[1]["used"] = True
    return best[0]


@pytest.mark.tshark
@pytest.mark.slow
@pytest.mark.extended
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_tells_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """Frame, role, function, unit, address and quantity, exception code: message by message."""
    compared, wrong = 0, []
    for name in CAPTURES:
        path = COLLECTION / name
        rows, _ = operations(path)
        by_frame = defaultdict(list)
        for row in rows:
            by_frame[row["frame"]].append(row)
        for frame, messages in tshark(path):
            for told in messages:
                compared += 1
                differ = differences(by_frame[frame], told)
                if differ is None or differ:
                    wrong.append((path.name, frame, told, differ))
    with capsys.disabled():
        print(f"\nmodbus against tshark: {compared} messages of {len(CAPTURES)} captures, {len(wrong)} differ")
    assert compared > 45_000
    counts: dict[str, int] = defaultdict(int)
    for name, *_ in wrong:
        counts[name] += 1
    assert counts == DIFFERENCES, wrong[:10]
    assert len(wrong) / compared < 0.001
