"""What could not be seen, in words: one packet is not `1 packets`."""

from __future__ import annotations

import pytest

from otwatch.engine.visibility import blind_spots


@pytest.mark.parametrize(("count", "words"), [(1, "1 packet"), (22834, "22,834 packets")])
def test_counts_are_written_as_people_write_them(count, words):
    told = blind_spots(
        [],
        [],
        {"undecoded": count, "duplicates": count},
        {"skipped": count},
        packets=9,
        operations=1,
        behaviours_merged=0,
        forgotten={"flows": count},
    )
    texts = [spot.text for spot in told]
    assert texts[0] == f"{words} of link types or network protocols that are not decoded"
    assert texts[1].startswith(f"{words} arrived twice")
    assert texts[3].startswith(f"the limit on flows was hit {words.split()[0]} time{'' if count == 1 else 's'}:")
