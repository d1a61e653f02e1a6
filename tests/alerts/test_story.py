"""What the story says of an act."""

from __future__ import annotations

from otwatch.alerts.story import given_text
from tests.alerts.making import act


def test_values_that_say_nothing_new_beside_several_objects_leave_their_number() -> None:
    assert given_text(act("WRITE", objects=("40001", "40002"), values=(None, None), values_count=9)) == "9 values"
