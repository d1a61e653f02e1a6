"""The object library against the oracle's own table of sizes."""

from __future__ import annotations

from otwatch.protocols.dnp3 import objects, tables
from tests.oracle.dnp3 import SIZES, size_of

ISSUE = {0, *range(1, 5), *range(10, 14), *range(20, 24), *range(30, 35), *range(40, 44), 50, 51, 52, 60, 70, 80, *range(81, 84), *range(85, 89),
         90, 91, 101, 102, *range(110, 114), 120, 121, 122}


def test_sizes_are_those_of_the_oracle() -> None:
    for group in range(256):
        for variation in range(256):
            expected = size_of(group, variation)
            code = {"attribute": objects.SIZE_ATTRIBUTE, "sized": objects.SIZE_SIZED, None: objects.SIZE_UNKNOWN}.get(expected)
            bits = objects.size_bits(group, variation)
            assert bits == (code if code is not None else expected * 8), (group, variation)
            assert tables.sizes()[group << 8 | variation] == bits


def test_every_group_of_the_standard_is_there_and_named() -> None:
    assert set(objects.GROUPS) >= ISSUE
    assert {group for group, _ in objects.OBJECTS} | objects.STRING_GROUPS | {0} == set(objects.GROUPS)
    assert set(SIZES) | {0} == set(objects.GROUPS)
    assert all(name.isidentifier() for name in objects.GROUPS.values())


def test_every_field_has_a_known_type_and_every_flag_octet_its_names() -> None:
    for (group, variation), (layout, title) in objects.OBJECTS.items():
        assert title
        if layout in (objects.SIZED, objects.NO_DATA):
            continue
        for name, kind in objects.fields_of(layout):
            assert name.isidentifier(), (group, variation)
            assert kind in objects.TYPE_BITS, (group, variation)
            assert kind != "flags" or len(objects.FLAGS[group]) == 8


def test_titles() -> None:
    assert objects.object_title(12, 1) == "control relay output block (CROB)"
    assert objects.object_title(30, 0) == "analog input, any variation"
    assert objects.object_title(110, 12) == "octet string, 12 octets"
    assert objects.object_title(0, 252) == "manufacturer name"
    assert objects.object_title(0, 7) == "attribute 7"
    assert objects.object_title(5, 1) == "group 5, variation 1"
