"""Compare captures with their operations by tshark:  python pcaps/lab/verify.py [FOLDER]

Says for each capture how many requests the operations list and tshark sees, function by function and host by
host, and every frame that tshark finds malformed or with a bad checksum. Exit code 1 on any difference.
Confirms (DNP3 function 0) and unsolicited responses are not operations of a client and are left out.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

# (protocol, what selects a request, field of the function)
VIEWS = (
    ("modbus", "modbus && tcp.dstport==502", "modbus.func_code"),
    ("s7comm", "s7comm.header.rosctr==1", "s7comm.param.func"),
    ("userdata", "s7comm.param.userdata.type==4", "s7comm.param.userdata.funcgroup"),
    ("dnp3", "dnp3.al.func && tcp.dstport==20000", "dnp3.al.func"),
)
BAD = (
    "_ws.malformed || tcp.checksum.status==0 || ip.checksum.status==0 || tcp.analysis.lost_segment"
    " || dnp.hdr.CRC.status==0 || dnp.data_chunk.CRC.status==0"
)
KNOWN = ("Read SZL",)  # python-snap7's answer to SZL 0x0011 is shorter than tshark expects
CHECKSUMS = ("-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE")


def tshark(capture: Path, *arguments: str) -> list[str]:
    command = ("tshark", "-n", "-r", str(capture), *CHECKSUMS, *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def seen(capture: Path) -> Counter[tuple[str, str, int]]:
    """Requests on the wire: (protocol, source address, function)."""
    count: Counter[tuple[str, str, int]] = Counter()
    for protocol, choose, field in VIEWS:
        for line in tshark(capture, "-Y", choose, "-T", "fields", "-e", "ip.src", "-e", field):
            source, functions = line.split("\t")
            for function in filter(None, functions.split(",")):
                if not (protocol == "dnp3" and int(function, 0) == 0):
                    count[protocol, source, int(function, 0)] += 1
    return count


def listed(operations: Path) -> Counter[tuple[str, str, int]]:
    """Requests that the operations file lists; the PLC asks for the slices of a download itself."""
    count: Counter[tuple[str, str, int]] = Counter()
    for line in operations.read_text().splitlines():
        operation = json.loads(line)
        protocol = "userdata" if operation.get("userdata") else operation["protocol"]
        for function in operation.get("functions", ()):
            asked_by_plc = protocol == "s7comm" and function in (0x1B, 0x1C)
            count[protocol, operation["dst_ip" if asked_by_plc else "src_ip"], function] += 1
    return count


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent / "plant"
    wrong = 0
    for capture in sorted(folder.glob("*.pcap")):
        wire, said = seen(capture), listed(capture.with_suffix(".operations.jsonl"))
        bad = [line for line in tshark(capture, "-Y", BAD) if not any(known in line for known in KNOWN)]
        print(f"{capture.name}: {wire.total()} requests on the wire, {said.total()} listed, {len(bad)} bad frames")
        for key in sorted(set(wire) | set(said)):
            if wire[key] != said[key]:
                print(f"  {key}: {wire[key]} on the wire, {said[key]} listed")
        for line in bad:
            print("  " + line)
        wrong += wire != said or bool(bad)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
