"""Logs beside captures: what the ICSNPP analyzers of Zeek logged of S7comm, S7comm-plus and COTP, message by message."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.protocols.s7comm.pipeline import COLLECTION, tell

pytestmark = [pytest.mark.captures, pytest.mark.skipif(not COLLECTION.is_dir(), reason="no capture collection: set OTWATCH_CAPTURES")]

# PDUs that only otwatch has: (role, function, subfunction, reference). s7ident: the refusals of four uploads (Ack, error 0xd241), which ICSNPP writes
# into none of the logs beside the capture. otwatch is right: tshark shows them too.
OTWATCH_ONLY = {"s7ident.pcap": {(1, 0x1D, -1, reference) for reference in (6, 7, 8, 9)}}
OPCODES = {"0x31": 0, "0x32": 1, "0x33": 2}  # request, response, notification
TPDUS = {"0x0e": 0xE0, "0x0d": 0xD0}


@cache
def rows_of(capture: Path) -> list[dict[str, Any]]:
    """The first row of each PDU of a capture."""
    return [row for row in tell(capture)[0] if row["item"] == 0]


def logs(name: str) -> list[Path]:
    return sorted(COLLECTION.glob(f"cisagov-icsnpp-s7comm/**/*.truth/**/{name}")) if COLLECTION.is_dir() else []


def capture_of(log: Path) -> Path:
    truth = next(part for part in log.parents if part.name.endswith(".truth"))
    return truth.with_name(truth.name.removesuffix(".truth"))


def capture_name(log: Path) -> str:
    return capture_of(log).name


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


def pdu(line: dict[str, str]) -> tuple[int, int, int, int]:
    """(role, function, subfunction, reference) of a line of s7comm.log. ICSNPP joins type and group of userdata in one octet."""
    kind, code = int(line["rosctr_code"]), int(line["function_code"], 16)
    if kind == 7:
        return {4: 0, 8: 1, 0: 2}[code >> 4], code & 0x0F, int(line["subfunction_code"], 16), int(line["pdu_reference"])
    return int(kind != 1), code, -1, int(line["pdu_reference"])


def swapped(reference: int) -> int:
    """ICSNPP reads the reference as little-endian; otwatch as big-endian, like tshark and every other number of the header. A reference is only
    echoed, so both pair the same PDUs."""
    return reference >> 8 | (reference & 0xFF) << 8


@pytest.mark.parametrize("log", logs("s7comm.log"), ids=capture_name)
def test_pdus_are_those_of_icsnpp(log: Path) -> None:
    """Direction, kind, function, subfunction and reference of each PDU, both ways; and no error where ICSNPP says so."""
    capture = capture_of(log)
    ours: Counter[tuple[int, int, int, int]] = Counter()
    senders: dict[tuple[int, int, int, int], str] = {}
    for row in rows_of(capture):
        if row["proto"] == "s7comm" and row["function"] != -1:
            key = row["role"], row["function"], row["subfunction"], swapped(row["transaction"])
            ours[key] += 1
            senders[key] = row["from"]
    lines = zeek_lines(log)
    assert Counter(pdu(line) for line in lines) == ours - Counter(OTWATCH_ONLY.get(capture.name, ()))
    assert Counter(OTWATCH_ONLY.get(capture.name, ())) <= ours
    for line in lines:
        assert senders[pdu(line)] == line["source_h"], line
        assert (line["is_orig"] == "T") == (pdu(line)[0] == 0), line
        assert line["error_class"] in ("-", "No error"), line


@pytest.mark.parametrize("log", logs("s7comm_plus.log"), ids=capture_name)
def test_plus_pdus_are_those_of_icsnpp(log: Path) -> None:
    """Opcode, function, version and sender of each PDU, in order."""
    theirs = [(OPCODES[line["opcode"]], -1 if line["function_code"] == "-" else int(line["function_code"], 16), int(line["version"]),
               line["source_h"]) for line in zeek_lines(log)]
    ours = [(row["role"], -1 if row["role"] == 2 else row["function"], row["subfunction"], row["from"])
            for row in rows_of(capture_of(log)) if row["proto"] == "s7comm-plus" and row["function"] >= 0]
    assert theirs
    assert ours == theirs


@pytest.mark.parametrize("log", logs("cotp.log"), ids=capture_name)
def test_connects_are_those_of_icsnpp(log: Path) -> None:
    theirs = [(TPDUS[line["pdu_code"]], line["source_h"]) for line in zeek_lines(log) if line["pdu_code"] in TPDUS]
    ours = [(row["subfunction"], row["from"]) for row in rows_of(capture_of(log)) if row["function"] == -1 and row["subfunction"] in (0xE0, 0xD0)]
    assert theirs
    assert ours == theirs


@pytest.mark.parametrize("log", logs("s7comm_known_devices.log"), ids=capture_name)
def test_devices_are_those_of_icsnpp(log: Path) -> None:
    facts = {fact.kind: fact.value for fact in tell(capture_of(log))[1]}
    for line in zeek_lines(log):
        assert (facts["name"], facts["module"], facts["serial"]) == (line["automation_system_name"], line["module_name"], line["module_serial"])


DINA = "DINA-community-icsnpp-cotp/testing/Traces/{}.truth/DINA-community-icsnpp-cotp/tests.trace/{}"


@pytest.mark.parametrize(("capture", "log"), [("cotp.pcap", "cotp1.log"), ("cotp2.pcapng", "cotp2.log")])
def test_tsaps_are_those_of_the_other_icsnpp_cotp(capture: str, log: str) -> None:
    """Calling and called TSAP of each connection."""
    path = COLLECTION / DINA.format(capture, log)
    if not path.is_file():
        pytest.skip("the collection lacks this log")
    ours = [row for row in rows_of(capture_of(path)) if row["function"] == -1 and row["subfunction"] == 0xE0]
    lines = zeek_lines(path)
    assert [(row["from"], row["to"]) for row in ours] == [(line["id.orig_h"], line["id.resp_h"]) for line in lines]
    for row, line in zip(ours, lines, strict=True):
        called, calling = (line[name].encode().decode("unicode_escape").encode("latin-1") for name in ("called_tsap", "calling_tsap"))
        assert called in row["bytes"]
        if len(called) <= 4:
            assert (row["object"], row["start"]) == (int.from_bytes(called, "big"), int.from_bytes(calling, "big"))
        else:
            assert calling in row["bytes"]
