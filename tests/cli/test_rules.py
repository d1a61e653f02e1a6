"""otwatch rules: list, show, check, test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.calling import ROOT, assert_one_line, otwatch

SHIPPED = sorted((ROOT / "rules").rglob("*.yaml"))


def test_list_names_every_rule() -> None:
    told = otwatch("rules", "list")
    assert told.returncode == 0
    assert told.stdout.splitlines()[-1] == f"{len(SHIPPED)} rules."
    assert "ot.unauthorized-write" in told.stdout


def test_show_prints_a_rule_as_it_is_written() -> None:
    told = otwatch("rules", "show", "ot.unauthorized-write")
    assert told.returncode == 0
    assert (ROOT / "rules" / "ot" / "unauthorized-write.yaml").read_text(encoding="utf-8") in told.stdout


def test_show_of_an_unknown_rule_names_the_nearest() -> None:
    assert_one_line(otwatch("rules", "show", "ot.unauthorised-write"), "did you mean ot.unauthorized-write?")


def test_check_of_the_shipped_rules() -> None:
    told = otwatch("rules", "check", ROOT / "rules")
    assert (told.returncode, told.stdout) == (0, f"{len(SHIPPED)} rules, no mistakes.\n")


def test_check_of_a_rule_of_ones_own(tmp_path: Path) -> None:
    text = (ROOT / "rules" / "ot" / "unauthorized-write.yaml").read_text(encoding="utf-8")
    folder = tmp_path / "my"
    folder.mkdir()
    (folder / "write.yaml").write_text(text.replace("id: ot.unauthorized-write", "id: my.write"), encoding="utf-8")
    told = otwatch("rules", "check", folder)
    assert (told.returncode, told.stdout, told.stderr) == (0, "1 rule, no mistakes.\n", "")
    proved = otwatch("rules", "test", folder)
    assert " of 1 rule passed." in proved.stdout


def test_only_the_given_rules_are_tested() -> None:
    told = otwatch("rules", "test", ROOT / "rules" / "bacnet" / "malformed.yaml")
    assert told.returncode == 0, told.stderr
    assert " of 1 rule passed." in told.stdout


def test_check_names_every_mistake_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("id: my.a\ntitle: [\n")
    (tmp_path / "b.yaml").write_text("id: my.b\nseverity: enormous\n")
    told = otwatch("rules", "check", tmp_path)
    assert told.returncode == 2
    assert "a.yaml:" in told.stderr
    assert "b.yaml:2:11: " in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("command", ["check", "test"])
def test_a_missing_path(command: str) -> None:
    assert_one_line(otwatch("rules", command, "nowhere"), "nowhere")


@pytest.mark.slow
def test_the_shipped_rules_prove_themselves() -> None:
    told = otwatch("rules", "test")
    assert told.returncode == 0, told.stderr
    assert "passed." in told.stdout
