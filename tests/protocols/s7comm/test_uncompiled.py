"""The same rows, anomalies and facts from the sources as from the compiled modules."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.protocols.s7comm.test_dissect import PASSED
from tests.protocols.s7comm.test_plus import READ_SYMBOLS, pdu, request, response
from tests.protocols.s7comm.test_programmer import BIT, WORD, task
from tests.protocols.s7comm.test_transfers import download
from tests.protocols.s7comm.wire import Wire, answer, any_item, connect, data, item_data, job, userdata, variables

ROOT = Path(__file__).parents[3]
_PRINT = """
import json, sys
sys.path.insert(0, sys.argv[1])
import otwatch
from tests.protocols.s7comm.test_uncompiled import told
print(json.dumps([otwatch.is_compiled(), told()]))
"""


def told() -> list[object]:
    """What one long conversation gives."""
    wire = Wire().ask(connect()).say(connect(0xD0, destination=1))
    for packets in PASSED.values():
        for direction, packet in packets:
            wire.add(packet, direction)
    wire.ask(job(variables(5, any_item(count=4), any_item(number=65535, start=0xFFFFFF, count=0xFFFF, size=8)),
                 item_data((0, 4, b"1234"), (0, 9, bytes(9)))), flow=1)
    wire.say(answer(b"\5\2", b"\xff\x0a"), flow=1)
    download(wire, [b"pp" + bytes(80)])
    wire.ask(userdata(1, 1, 9, task(b"\0\2" + BIT + WORD + b"\0\3\0\1\1\0" + b"\0\4\0\x10\x12\x34")), flow=2)
    wire.ask(userdata(1, 2, 1, b"\0\1\1\2" + any_item()), flow=2).say(userdata(2, 4, 1, b"\xff\x11\xff\xff\0\0\0\0"), flow=2)
    wire.ask(pdu(request(0x0542, READ_SYMBOLS), version=3), flow=3).say(pdu(response(0x0542, b"\xff" * 12), version=3), flow=3)
    wire.ask(data(b"\1\0\1\0\x61\x09\x30\x07\2\1\3\xa0\2\xa0\0"), flow=4).run()
    lost = [wire.dissector.forget(flow) for flow in range(5)]
    rows = [{**row, "bytes": row["bytes"].hex()} for row in wire.rows]
    return json.loads(json.dumps([rows, wire.bad, [repr(fact) for fact in wire.facts], lost]))  # type: ignore[no-any-return]


def test_uncompiled_code_gives_the_same() -> None:
    text = subprocess.run([sys.executable, "-c", _PRINT, str(ROOT)], capture_output=True, text=True, check=True,
                          env={**os.environ, "OTWATCH_UNCOMPILED": "1"}).stdout
    compiled, rows = json.loads(text)
    assert compiled is False
    assert rows == told()
