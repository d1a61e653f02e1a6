"""ATT&CK for ICS: current ids, the ids of version 18, the Navigator layer."""

from __future__ import annotations

import json
import re

import pytest

from otwatch.alerts.attack import TECHNIQUES, current, former, navigator_layer, technique_text
from otwatch.alerts.attack_table import FORMER

NINE = {
    "T0803": "T1691.001",
    "T0804": "T1691.002",
    "T0805": "T1695.001",
    "T0812": "T1694.001",
    "T0839": "T1693.002",
    "T0855": "T1692.001",
    "T0856": "T1692.002",
    "T0857": "T1693.001",
    "T0891": "T1694.002",
}


def test_techniques_have_names_tactics_and_pages():
    assert technique_text("T1692.001") == "T1692.001 Unauthorized Message: Command Message"
    assert technique_text("T9999") == "T9999"
    assert TECHNIQUES["T0843"].url == "https://attack.mitre.org/techniques/T0843/"
    assert TECHNIQUES["T1692.001"].url == "https://attack.mitre.org/techniques/T1692/001/"
    assert all(technique.tactics for technique in TECHNIQUES.values())
    assert all(re.fullmatch(r"T[01]\d{3}(\.\d{3})?", number) for number in TECHNIQUES)


def test_every_sub_technique_has_its_parent_in_the_table():
    for number, technique in TECHNIQUES.items():
        parent, _, sub = number.partition(".")
        assert parent in TECHNIQUES
        if sub:
            assert technique.name.startswith(TECHNIQUES[parent].name + ": ")


@pytest.mark.parametrize(("old", "new"), NINE.items())
def test_the_nine_ids_of_version_18_lead_to_their_successors_and_back(old, new):
    assert current(old) == new
    assert former(new) == old
    assert TECHNIQUES[new].former == old
    assert technique_text(old) == technique_text(new)


def test_other_ids_are_the_same_in_both_versions():
    assert set(FORMER) == set(NINE)
    assert not set(FORMER) & set(TECHNIQUES)
    assert current("T0836") == former("T0836") == "T0836"


def test_a_navigator_layer_names_version_scores_and_former_ids():
    layer = navigator_layer("plant", "two alerts", {"T1692.001": 3, "T0836": 1}, {"T0836": ["setpoint written"]})
    assert json.loads(json.dumps(layer)) == layer
    assert layer["domain"] == "ics-attack"
    assert layer["versions"]["attack"] == "19"
    assert [(entry["techniqueID"], entry["score"]) for entry in layer["techniques"]] == [("T0836", 1), ("T1692.001", 3)]
    assert layer["techniques"][0]["comment"] == "setpoint written"
    assert layer["techniques"][1]["metadata"] == [{"name": "ATT&CK v18 id", "value": "T0855"}]
    assert layer["gradient"]["maxValue"] == 3
