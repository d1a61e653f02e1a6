"""Rule files: strict, every mistake with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from otwatch.alerts.alert import Severity
from otwatch.errors import ConfigErrors
from otwatch.rules.load import load_rules
from otwatch.rules.rule import AllOf, AnyOf, Not, Term
from tests.rules.hand import HEAD, rules_from


def mistakes(tmp_path: Path, text: str, **names: tuple[str, ...]) -> list[str]:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(ConfigErrors) as caught:
        load_rules([path], drafts=True, **names)
    return [str(error).removeprefix(f"{path}:") for error in caught.value.errors]


def test_a_rule_is_read_as_it_is_written(tmp_path):
    (rule,) = rules_from(
        tmp_path,
        "attack: [T0855]\nwhere:\n  action: [WRITE, CONTROL]\n  unit|not: 3\n"
        "  any: [{start|ge: 0x10}, {src|cidr: 10.0.0.0/8}]\n"
        "  not: {protocol: dnp3}\nwindow: {by: [src], for: 10m, at_least: 3, distinct: dst}\ngroup: [src]\n",
    )
    assert (rule.id, rule.severity, rule.attack, rule.group) == ("test.rule-0", Severity.HIGH, ("T1692.001",), ("src",))
    assert isinstance(rule.where, AllOf)
    assert rule.where.parts[0] == Term("action", "in", ("WRITE", "CONTROL"))
    assert rule.where.parts[1] == Term("unit", "not", (3,))
    assert rule.where.parts[2] == AnyOf((Term("start", "ge", (16,)), rule.where.parts[2].parts[1]))
    assert rule.where.parts[3] == Not(Term("protocol", "in", ("dnp3",)))
    assert rule.window is not None
    assert (rule.window.for_ns, rule.window.at_least, rule.window.distinct) == (600 * 10**9, 3, "dst")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("where: {acton: WRITE}\n", '6:16: operations has no field "acton", did you mean "action"?'),
        ("where: {action: WRTE}\n", '6:17: "WRTE" is no action, did you mean "WRITE"?'),
        ("where: {unit: one}\n", '6:15: "unit" is a number'),
        ("where: {unit|contains: 1}\n", '6:24: "unit" is a number: no "|contains" (there is in, not, ge, gt, le, lt, known)'),
        ("where: {src: hmi}\n", "6:14: 'hmi' does not appear to be an IPv4 or IPv6 address"),
        ("where: {src|cidr: 10.0.0.1/8}\n", "6:19: 10.0.0.1/8 has host bits set"),
        ("where: {failed: 1}\n", '6:17: "failed" is true or false'),
        ("where: {}\n", "6:8: a condition is a mapping of fields, or a list of such mappings of which one must fit"),
        ("where: {unit: []}\n", '6:15: "unit" is compared with nothing'),
        ("wher: {unit: 1}\n", 'a rule needs "where" or "sequence"'),
        ("table: flow\nwhere: {port: 1}\n", '6:8: "flow" is no table, did you mean "flows"?'),
        ("where: {unit: 1}\nwindow: {for: soon, at_least: 0, by: [scr]}\n", '7:38: operations has no "scr" to count by, did you mean "src"?'),
        ("where: {unit: 1}\nattack: [0855]\n", '7:9: "0855" is no ATT&CK technique id (T0836, T1692.001)'),
        ("sequence: {within: 1m, steps: [{table: flows, key: dst, where: {port: 1}}]}\n", "6:11: a sequence has at least two steps"),
        ("where: {any: [{value|gt: 3, writer: unknown}]}\n", "a condition on a value cannot be mixed with one on zones"),
        ("where: {unless: {writer: polls}}\n", '"writer" is known late: an exception (unless:) is what a site file or a baseline says'),
        ("where: {unit: 1}\nwindow: {for: 1s, at_least: 2, distinct: dst, times_habit: 3}\n", '"times_habit" compares numbers of rows'),
        ("where: {unit: 1}\ntests: [{expect: {alerts: 1}}]\n", '7:9: a test has either "rows" or a "capture"'),
    ],
)
def test_mistakes_are_told_with_their_place(tmp_path, text, expected):
    assert any(expected in mistake for mistake in mistakes(tmp_path, HEAD + text)), mistakes(tmp_path, HEAD + text)


def test_names_of_protocols_and_anomalies_are_checked_where_they_are_known(tmp_path):
    assert mistakes(tmp_path, HEAD + "where: {protocol: modbsu}\n", protocols=("modbus",)) == [
        '6:19: "modbsu" is no protocol, did you mean "modbus"?'
    ]
    assert "modbus.quantity" in mistakes(tmp_path, HEAD + "table: anomalies\nwhere: {anomaly: modbus.quantiy}\n", anomalies=("modbus.quantity",))[0]


def test_all_mistakes_of_all_files_come_at_once(tmp_path):
    (tmp_path / "a.yaml").write_text(HEAD + "where: {a: 1, b: 2}\n")
    (tmp_path / "b.yaml").write_text("nonsense")
    (tmp_path / "c.yaml").write_text("a: [")
    with pytest.raises(ConfigErrors) as caught:
        load_rules([tmp_path, tmp_path / "missing.yaml"])
    assert {Path(error.path).name for error in caught.value.errors} == {"a.yaml", "b.yaml", "c.yaml", "missing.yaml"}
    assert len([error for error in caught.value.errors if error.path.endswith("a.yaml")]) == 2


def test_an_id_stands_once(tmp_path):
    (tmp_path / "a.yaml").write_text(HEAD + "where: {unit: 1}\n")
    (tmp_path / "b.yaml").write_text(HEAD + "where: {unit: 1}\n")
    with pytest.raises(ConfigErrors, match=r"stands in .*a\.yaml:1 already"):
        load_rules([tmp_path])


def test_a_stable_rule_must_prove_itself_and_a_draft_is_not_loaded(tmp_path):
    complaints = mistakes(tmp_path, HEAD.replace("draft", "stable") + "where: {unit: 1}\n")
    assert any("needs a test that fires" in complaint for complaint in complaints)
    (tmp_path / "r.yaml").write_text(HEAD + "where: {unit: 1}\n")
    assert load_rules([tmp_path]) == []
    assert len(load_rules([tmp_path], drafts=True)) == 1


def test_an_empty_folder_is_told(tmp_path):
    with pytest.raises(ConfigErrors, match="no rule"):
        load_rules([tmp_path])


NAMES = {"functions": {"read": [("dnp3", 1)], "write_single_register": [("modbus", 6)]}, "areas": ("holding_register", "coil")}


def condition_of(tmp_path, text, *others):
    path = tmp_path / "named.yaml"
    path.write_text("\n".join(f"- {HEAD.replace('test.rule', name)}where: {where}".replace("\n", "\n  ") for name, where in (("a.b", text), *others)))
    return next(rule.where for rule in load_rules([path], drafts=True, **NAMES) if rule.id == "a.b")


def test_numbers_may_be_written_by_name(tmp_path):
    read = AllOf((Term("protocol", "in", ("dnp3",)), Term("function", "in", (1,))))
    assert condition_of(tmp_path, "{area: holding_register}") == Term("area_name", "in", ("holding_register",))
    assert condition_of(tmp_path, "{area: [4, coil]}") == AnyOf((Term("area", "in", (4,)), Term("area_name", "in", ("coil",))))
    assert condition_of(tmp_path, "{function: read}") == read
    assert condition_of(tmp_path, "{function|not: [read, 7]}") == AllOf(
        (Term("function", "known", (True,)), Not(AnyOf((Term("function", "in", (7,)), read))))
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{area: holding_registre}", '"holding_registre" is no area, did you mean "holding_register"?'),
        ("{function: reed}", '"reed" is no function, did you mean "read"?'),
        ("{function|ge: read}", '"function" is a number'),
        ("{unit: one}", '"unit" is a number'),
    ],
)
def test_names_that_do_not_exist_are_mistakes(tmp_path, text, expected):
    assert any(expected in mistake for mistake in mistakes(tmp_path, HEAD + f"where: {text}\n", **NAMES))


def test_the_conditions_of_another_rule_can_be_matched(tmp_path):
    other = ("c.d", "{action: WRITE}")
    assert condition_of(tmp_path, "{match: c.d, unit: 1}", other) == AllOf((Term("action", "in", ("WRITE",)), Term("unit", "in", (1,))))
    assert condition_of(tmp_path, "{match: [c.d, e.f]}", other, ("e.f", "{unit: 2}")) == AnyOf(
        (Term("action", "in", ("WRITE",)), Term("unit", "in", (2,)))
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("where: {match: x.windo}", '"x.windo" is no rule, did you mean "x.window"?'),
        ("where: {match: test.rule}", "a circle"),
        ("where: {match: x.window}", "only a rule without window and sequence can be matched"),
        ("where: {match: x.flows}", "x.flows is a rule on flows, this is one on operations"),
    ],
)
def test_what_cannot_be_matched(tmp_path, text, expected):
    (tmp_path / "x.yaml").write_text(
        f"- {HEAD.replace('test.rule', 'x.window')}where: {{unit: 1}}\nwindow: {{for: 1s, at_least: 2}}\n".replace("\n", "\n  ").rstrip(" ")
        + f"- {HEAD.replace('test.rule', 'x.flows')}table: flows\nwhere: {{port: 1}}\n".replace("\n", "\n  ").rstrip(" ")
        + f"- {HEAD}{text}\n".replace("\n", "\n  ").rstrip(" ")
    )
    with pytest.raises(ConfigErrors) as caught:
        load_rules([tmp_path / "x.yaml"], drafts=True)
    assert any(expected in str(error) for error in caught.value.errors), [str(error) for error in caught.value.errors]


def test_test_is_loaded_and_must_prove_itself(tmp_path):
    assert any("a rule of status test needs" in mistake for mistake in mistakes(tmp_path, HEAD.replace("draft", "test") + "where: {unit: 1}\n"))
    row = "{src: 10.0.0.1, dst: 10.0.0.2, protocol: modbus, function: 3, action: READ, unit: %s}"
    proofs = "tests:\n" + "".join(f"  - rows: [{row % unit}]\n    expect: {{alerts: {alerts}}}\n" for unit, alerts in ((1, 1), (2, 0)))
    (tmp_path / "r.yaml").write_text(HEAD.replace("draft", "test") + "where: {unit: 1}\n" + proofs)
    assert [rule.status for rule in load_rules([tmp_path])] == ["test"]
