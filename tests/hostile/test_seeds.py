"""Every hash table that the wire can fill has a secret seed: nobody chooses the places of what they send."""

from __future__ import annotations

import re
from pathlib import Path

import otwatch

FACTOR = re.compile(r"0x[0-9A-Fa-f]{16}\)?(?! *[-+])")  # 64-bit constants; a mask is no factor
MASKS = {"0xFFFFFFFFFFFFFFFF", "0x7FFFFFFFFFFFFFFF", "0x8000000000000000"}


def test_where_something_is_hashed_there_is_a_secret() -> None:
    found = {}
    for path in sorted(Path(otwatch.__file__).parent.rglob("*.py")):
        text = path.read_text()
        factors = {match.group().rstrip(")").replace("x", "X").upper().replace("0X", "0x") for match in FACTOR.finditer(text)} - MASKS
        if factors:
            found[path.name] = "secrets." in text or "urandom(" in text
    assert found  # else the pattern is wrong
    assert [name for name, secret in found.items() if not secret] == []
