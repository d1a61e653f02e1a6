"""The same rows from the .py files as from the compiled modules: one run of each, in a process of its own."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from otwatch import is_compiled
from tests.protocols.modbus.test_dissect import SOUND
from tests.protocols.modbus.wire import Wire, adu

ROOT = Path(__file__).parents[3]


def rows() -> str:
    """Rows and anomalies of sound and damaged messages in a fixed order."""
    chance = random.Random(5)
    wire = Wire()
    for turn in range(60):
        for request, response in SOUND:
            for direction, body in enumerate((request, response)):
                message = bytearray(adu(body, transaction=turn))
                if chance.random() < 0.5:
                    message[chance.randrange(7, len(message))] = chance.randrange(256)
                wire.add(bytes(message[:chance.randrange(1, len(message)) if chance.random() < 0.1 else None]), direction,
                         flow=chance.randrange(3), flags=chance.choice([0, 0, 0, 1, 2, 16]), framing=chance.choice([0, 0, 0, 1, 2]))
        wire.run()
    return json.dumps([[{**row, "value": row["value"].hex()} for row in wire.rows], wire.bad, [str(fact) for fact in wire.facts]])


@pytest.mark.skipif(not is_compiled(), reason="nothing is compiled here")
def test_uncompiled_gives_the_same() -> None:
    code = "from tests.protocols.modbus.test_uncompiled import rows; from otwatch import is_compiled; assert not is_compiled(); print(rows())"
    plain = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "OTWATCH_UNCOMPILED": "1", "PYTHONPATH": str(ROOT)},
                           capture_output=True, text=True, check=True, timeout=120).stdout
    assert json.loads(plain) == json.loads(rows())
