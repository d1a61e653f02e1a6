"""Strict YAML: values with places, mistakes with file, line and column."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otwatch import documents
from otwatch.documents import Complaints, Mapping, duration_ns, nearest, parse_document, read_document
from otwatch.errors import ConfigErrors


def complaints_of(text: str) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        parse_document(text, "f.yaml")
    return [str(error) for error in caught.value.errors]


def test_scalars_are_what_they_look_like_to_a_person():
    document = parse_document("a: 0x5A\nb: off\nc: 00:11:22:33:44:55\nd: true\ne: 2026-11-22\nf: 1.5\ng: 010\nh:\ni: -1\n", "f.yaml")
    assert document.plain() == {
        "a": 90, "b": "off", "c": "00:11:22:33:44:55", "d": True, "e": "2026-11-22", "f": 1.5, "g": "010", "h": None, "i": -1}  # fmt: skip


def test_values_know_their_place():
    document = parse_document("a:\n  - b: 1\n    c: 2\n", "f.yaml")
    value = document.raw["a"].raw[0].raw["c"]
    assert (value.line, value.column) == (3, 8)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: 1\na: 2\n", 'f.yaml:2:1: "a" stands here twice'),
        ("a: &x [1]\nb: *x\n", "f.yaml:1:4: aliases (*name) are not allowed: write the value out"),
        ("a: !!python/object:os.system x\n", "f.yaml:1:4: the tag tag:yaml.org,2002:python/object:os.system is not allowed: plain data only"),
        ("a: [1\nb: 2", "f.yaml:2:2: is not YAML: expected ',' or ']', but got ':'"),
        ("", "f.yaml:1:1: is empty"),
        ("[a]: 1", "f.yaml:1:1: a key must be a word"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1: is not YAML: but found another document"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text, complaint):
    assert complaints_of(text)[0] == complaint


def test_every_mistake_is_told_at_once():
    assert len(complaints_of("a: 1\na: 2\nb: 1\nb: 2\n")) == 2


def test_deep_nesting_is_refused():
    assert "nested" in complaints_of("[" * 80 + "]" * 80)[0]


@given(st.text(max_size=60))
def test_any_text_gives_a_document_or_config_errors(text):
    with contextlib.suppress(ConfigErrors):
        parse_document(text, "f.yaml")


def test_files_that_cannot_be_read(tmp_path: Path):
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"a: \xe4")
    for path in (tmp_path / "missing.yaml", latin, tmp_path):
        with pytest.raises(ConfigErrors, match=str(path)):
            read_document(path)


def test_a_mapping_complains_about_what_nobody_asked_for():
    complaints = Complaints()
    reader = Mapping(parse_document("name: x\nnetwroks: []\nlevel: 9\nkind: bleu", "f.yaml"), complaints, "a zone")
    reader.text("name")
    assert tuple(reader.items("networks")) == ()
    reader.number("level", high=5)
    reader.word("kind", ("blue", "red"))
    reader.text("needed")
    reader.done()
    assert [str(error) for error in complaints.errors] == [
        'f.yaml:3:8: "level" must be a whole number from 0 to 5',
        'f.yaml:4:7: "bleu" is no kind, did you mean "blue"?',
        'f.yaml:1:1: a zone needs "needed"',
        'f.yaml:2:11: a zone has no "netwroks", did you mean "networks"?',
    ]


def test_nearest_looks_past_case():
    assert nearest("WRTE", ("WRITE", "READ")) == ', did you mean "WRITE"?'
    assert nearest("write", ("WRITE",)) == ', did you mean "WRITE"?'
    assert nearest("zzz", ("WRITE",)) == ""


def test_durations():
    assert duration_ns("10s") == 10 * 10**9
    assert duration_ns("1.5h") == 5400 * 10**9
    with pytest.raises(ValueError, match="no duration"):
        duration_ns("soon")


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 50_000, "- " * 50_000 + "a", "\n".join(" " * i + "a:" for i in range(2000))])
def test_deep_nesting_is_a_mistake_not_a_crash(text: str) -> None:
    with pytest.raises(ConfigErrors):
        parse_document(text, "x")


def test_both_parsers_read_the_shipped_rules_alike() -> None:
    for path in sorted(Path(__file__).parents[1].joinpath("rules").rglob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        assert documents._parsed(text, "x", documents._QuickParser) == documents._parsed(text, "x", documents._SlowParser)


@pytest.mark.parametrize(("text", "keys"), [
    ("id: a\ntests:\n  - rows: [1]\n", ["id"]),
    ("id: a\ntests:\n- rows: [1]\n# the end\n", ["id"]),
    ("id: a\ntests:\n  - rows: [1]\nwhy: b\n", ["id", "tests", "why"]),  # not the last: all of it is read
    ("id: a\nwhy: |\n  tests:\n", ["id", "why"]),
])
def test_the_last_key_is_left_out_where_it_is_not_needed(tmp_path: Path, text: str, keys: list[str]) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    assert list(read_document(path, up_to="tests").raw) == keys
