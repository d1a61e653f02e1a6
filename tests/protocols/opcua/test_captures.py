"""Whole captures: the project's own against what was played and the slow decoder, the collection against tshark."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from otwatch.capture.files import open_capture
from otwatch.engine.pipeline import Pipeline
from otwatch.limits import Limits
from otwatch.protocols import protocol_id
from otwatch.protocols.opcua import PROTOCOL
from otwatch.protocols.opcua.spec import CLOSE_CHANNEL, ENCRYPTED, ERROR, HELLO, OPEN_CHANNEL, REQUEST_OF, REVERSE_HELLO
from tests.oracle.opcua import nodes_of

ROOT = Path(__file__).parents[3]
PLANT = sorted((ROOT / "pcaps" / "plant").glob("opcua-*.pcap"))
COLLECTION = Path(os.environ.get("OTWATCH_CAPTURES", ROOT.parent / "shared" / "captures"))
PORTS = (4840, 48010, 51210, 12001, 40840)
HIDDEN = {"opcua-encrypted", "opcua-downgrade"}  # the HMI encrypts
# what asyncua does by itself: hello, endpoints, channel, session, namespaces, state of the server, names on the way, publish requests
OWN = {ENCRYPTED, 1, 428, 446, 461, 467, 473, 452, 631, 554, 826, 781, 847}


def told(path: Path) -> tuple[dict[int, list[dict[str, Any]]], dict[int, list[bytes]], Counter[int]]:
    """Rows and chunks of a capture by frame, and anomalies by kind."""
    pipeline = Pipeline(Limits())
    own = protocol_id("opcua")
    rows: dict[int, list[dict[str, Any]]] = defaultdict(list)
    chunks: dict[int, list[bytes]] = defaultdict(list)
    anomalies: Counter[int] = Counter()

    def take(batch: Any) -> None:
        for index in (batch.operations.array("protocol") == own).nonzero()[0]:
            row = batch.operations.row(int(index))
            row["node"] = PROTOCOL.object_name(row)
            rows[row["frame"]].append(row)
        pdus = pipeline.streams.pdus[own]
        for index in range(pdus.rows):
            pdu = pdus.row(index)
            chunks[pdu["frame"]].append(pdus.octets.tobytes(pdu["start"], pdu["end"]))
        anomalies.update(batch.anomalies.array("kind")[batch.anomalies.array("layer") == 32 + own].tolist())

    with open_capture(str(path), Limits()) as reader:
        for packets in reader:
            take(pipeline.feed(packets))
    take(pipeline.finish())
    return rows, chunks, anomalies


@pytest.mark.parametrize("path", PLANT, ids=lambda path: path.stem)
def test_what_was_played_is_found_once(path: Path) -> None:
    played = [json.loads(line) for line in path.with_suffix(".operations.jsonl").read_text(encoding="utf-8").splitlines()]
    rows = [row for found in told(path)[0].values() for row in found if row["role"] == 0]
    if path.stem in HIDDEN:
        assert Counter(row["function"] for row in rows)[ENCRYPTED] > 10
        played = [operation for operation in played if operation["src"] != "hmi"]
    for operation in played:
        for function in operation.get("functions", ()):
            span = operation["ts"] - 0.001, operation["ts_end"] + 0.5
            wanted = operation.get("objects") or [None]
            for node in wanted:
                fitting = [
                    row
                    for row in rows
                    if row["function"] == function
                    and span[0] <= row["timestamp_ns"] / 1e9 <= span[1]
                    and (node is None or row["node"].split(" ")[0] == node)
                ]
                assert fitting, (operation, node)
                rows.remove(fitting[0])
                if node is None:  # one message, whatever its items
                    rows = [row for row in rows if (row["frame"], row["function"]) != (fitting[0]["frame"], function)]
    left = Counter(row["function"] for row in rows if row["function"] not in OWN)
    assert left == Counter(), "and nothing else"


@pytest.mark.parametrize("path", PLANT, ids=lambda path: path.stem)
def test_nodes_are_those_of_the_slow_decoder(path: Path) -> None:
    rows, chunks, anomalies = told(path)
    compared = 0
    for frame, found in chunks.items():
        for octets in found:
            said = nodes_of(octets)
            if said is not None:
                service, items = said
                own = [row for row in rows[frame] if row["function"] == service and row["role"] == 0]
                assert Counter(row["node"].removesuffix(" NodeClass") for row in own) >= Counter(
                    name for name, attribute in items if attribute in (-1, 13)
                )
                compared += 1
    assert (compared > 0) is (path.stem != "opcua-encrypted")
    expected = {"opcua-sizes": 2, "opcua-clear-password": 1}
    assert sum(anomalies.values()) == expected.get(path.stem, 0)


def functions(fields: list[str]) -> list[int]:
    """The functions of the messages of a frame, from what tshark shows; encrypted ones have no service."""
    services = iter(int(number) for number in fields[2].split(",") if number)
    found = []
    for kind in fields[0].split(","):
        if kind in ("MSG", "OPN", "CLO"):
            number = next(services, 0) or {"MSG": ENCRYPTED, "OPN": OPEN_CHANNEL, "CLO": CLOSE_CHANNEL}[kind]
            found.append(REQUEST_OF.get(number, number))
        else:
            found.append({"HEL": HELLO, "ACK": HELLO, "ERR": ERROR, "RHE": REVERSE_HELLO}[kind])
    return found


@pytest.mark.tshark
@pytest.mark.captures
@pytest.mark.skipif(shutil.which("tshark") is None or not COLLECTION.is_dir(), reason="needs tshark and the capture collection")
def test_the_collection_gives_what_tshark_gives() -> None:
    lines = (COLLECTION / "MANIFEST.tsv").read_text(encoding="utf-8").splitlines()
    messages, attributes, differ = 0, 0, []
    for path in [COLLECTION / line.split("\t")[0] for line in lines if "opcua" in line.lower() or "opc-ua" in line.lower()]:
        ours, _, _ = told(path)
        command = ["tshark", "-r", str(path), "-Y", "opcua", "-T", "fields", "-E", "occurrence=a", "-E", "separator=|"]
        for port in PORTS:
            command += ["-d", f"tcp.port=={port},opcua"]
        for field in ("frame.number", "opcua.transport.type", "opcua.transport.chunk", "opcua.servicenodeid.numeric", "opcua.AttributeId"):
            command += ["-e", field]
        for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
            number, *fields = line.split("|")
            rows = ours.get(int(number), [])
            expected = functions(fields)
            messages += len(expected)
            found = Counter(function for _, _, function in {(row["flow"], row["transaction"], row["function"]) for row in rows})
            if found != Counter(expected) and not (len(expected) == 1 and len(rows) == 1 and rows[0]["function"] == expected[0]):
                differ.append((path.name, int(number)))
            listed = [
                int(attribute, 0) for attribute in fields[3].split(",") if attribute and "751" not in fields[2]
            ]  # operands of filters have some, too
            if listed and [row["start"] for row in rows if row["role"] == 0 and row["start"] > 0 and row["function"] in (631, 673)] != listed:
                differ.append((path.name, int(number)))
            attributes += len(listed)
    assert messages > 1_300
    assert attributes > 250
    # two errors that answer a call: rows of that call
    assert differ == [("opcua.pcap", 24), ("opcua.pcap", 45)]
