"""Alerts as Sigma rules, read back by pySigma, and matched against the events that they are for."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from otwatch.engine.detector import rules_of
from otwatch.outputs.siem.bodies import BODIES
from otwatch.sensor.health import CONDITIONS
from tests.cli.calling import otwatch
from tests.outputs.siem.reading_back import read_cef, read_leef
from tests.outputs.siem.receivers import SENSOR, event

sigma = pytest.importorskip("sigma.collection")


@pytest.fixture(scope="module", params=["ecs", "json", "cef", "leef"])
def exported(request: pytest.FixtureRequest) -> tuple[str, str]:
    done = otwatch("rules", "export", "--sigma", "--fields", request.param)
    assert done.returncode == 0, done.stderr
    return request.param, done.stdout


def test_pysigma_reads_every_rule_without_a_complaint(exported: tuple[str, str]) -> None:
    collection = sigma.SigmaCollection.from_yaml(exported[1], collect_errors=True)
    assert collection.errors == []
    assert [rule.errors for rule in collection.rules if rule.errors] == []
    assert len(collection.rules) == len(rules_of()) + len(CONDITIONS)
    assert len({rule.id for rule in collection.rules}) == len(collection.rules)
    levels = {rule.title: rule.level.name.lower() for rule in collection.rules}
    for rule in rules_of():
        assert levels[rule.title[:256]] in ("informational" if rule.severity.label == "info" else rule.severity.label,), rule.id


def test_techniques_are_tags(exported: tuple[str, str]) -> None:
    by_rule = {next(iter(one["detection"]["selection"].values())): one for one in yaml.safe_load_all(exported[1])}
    for rule in rules_of():
        assert by_rule[rule.id].get("tags", []) == [f"attack.{technique.lower()}" for technique in rule.attack]


def test_the_field_is_one_that_the_events_have(exported: tuple[str, str]) -> None:
    form, text = exported
    (field,) = {next(iter(one["detection"]["selection"])) for one in yaml.safe_load_all(text)}
    said = BODIES[form](event(rule="ot.controller-stop"), SENSOR)
    found: Any
    if form == "cef":
        found = {"DeviceEventClassID": read_cef(said)[0][4]}
    elif form == "leef":
        found = {"EventID": read_leef(said)[0][4]}
    else:
        found = json.loads(said)
    for part in [field] if field in found else field.split("."):
        found = found[part]
    assert found == "ot.controller-stop"


def test_ids_stay_the_same(exported: tuple[str, str]) -> None:
    again = otwatch("rules", "export", "--sigma", "--fields", exported[0]).stdout
    assert again == exported[1]
