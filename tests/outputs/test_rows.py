"""Records on their way between processes."""

from __future__ import annotations

import pytest

from otwatch.outputs.rows import Rows

RECORDS = [{"type": "flow", "number": number, "text": "a\nb\x1b" * (number % 7), "nested": {"list": [None, 1.5]}} for number in range(5_000)]


def test_rows_come_back_in_their_order_and_again() -> None:
    rows = Rows()
    rows.write(RECORDS[:10])
    rows.write(iter(RECORDS[10:]))
    packed = rows.packed()
    assert len(packed) < 200_000
    for each in (rows, Rows(packed)):
        assert list(each) == RECORDS
        assert list(each) == RECORDS


def test_no_row_is_no_row() -> None:
    assert list(Rows()) == list(Rows(Rows().packed())) == []


@pytest.mark.parametrize("damaged", [b"x", b"\x78\x01\x00"])
def test_damage_is_an_error(damaged: bytes) -> None:
    with pytest.raises(ValueError, match="damaged"):
        list(Rows(damaged))
