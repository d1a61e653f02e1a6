"""Text from the wire that wants to act: no output lets it."""

from __future__ import annotations

import json
from pathlib import Path
from unicodedata import category
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from otwatch.cli import main
from tests.evasion.case import background
from tests.evasion.wire import GUEST, PLC, Capture, Tcp
from tests.protocols.modbus.wire import adu

HOSTILE = {
    "escape": b"\x1b[31mRED\x1b]8;;http://evil\x07",
    "line": b'x\r\n{"type":"alert"}',
    "markup": b"[bold red]X[/] [/]",
    "xml": b'"></data><node id="evil"/>&',
    "bidi": b"\xe2\x80\xae\xe2\x81\xa6bidi",
    "surrogate": b"\xed\xa0\x80\x00nul",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_a_device_says_of_itself_stays_text(text: bytes, tmp_path: Path) -> None:
    capture = background(Capture())
    talk = Tcp(capture, GUEST, PLC, 502)
    talk.say(adu(bytes([0x2B, 0x0E, 1, 0])))
    talk.answer(adu(bytes([0x2B, 0x0E, 1, 1, 0, 0, 1, 0, len(text)]) + text))
    path = str(capture.write(tmp_path / "hostile.pcap"))
    graph = tmp_path / "plant.graphml"
    shown = CliRunner().invoke(main, ["analyze", path, "--graph", str(graph)])
    assert shown.exit_code == 0, shown.exception
    assert not [character for character in shown.stdout if character != "\n" and category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    records = CliRunner().invoke(main, ["analyze", path, "--format", "jsonl"]).stdout
    assert records.isascii()
    assert {json.loads(line)["type"] for line in records.splitlines()} >= {"summary", "asset"}
    ids = [node.get("id") for node in ElementTree.parse(graph).iter() if node.tag.endswith("}node")]
    assert "evil" not in ids
