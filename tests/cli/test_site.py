"""otwatch site: write one, check one."""

from __future__ import annotations

from pathlib import Path

from tests.cli.calling import SITE, assert_one_line, otwatch


def test_the_file_that_init_writes_has_no_mistakes(tmp_path: Path) -> None:
    told = otwatch("site", "init", "--output", tmp_path / "site.yaml")
    assert told.returncode == 0
    assert otwatch("site", "check", tmp_path / "site.yaml").stdout == (
        f"{tmp_path}/site.yaml: no mistakes; nothing is active in it: its entries are comments, or there are none.\n")
    assert otwatch("site", "check", SITE).stdout == f"{SITE}: no mistakes.\n"


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("mine")
    assert_one_line(otwatch("site", "init", "--output", tmp_path / "site.yaml"), "exists already")
    assert (tmp_path / "site.yaml").read_text() == "mine"


def test_init_into_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert_one_line(otwatch("site", "init", "--output", tmp_path / "no" / "site.yaml"), "cannot be written")


def test_the_site_file_of_the_plant() -> None:
    assert otwatch("site", "check", SITE).returncode == 0


def test_a_mistake_has_its_place(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("version: 1\nzones:\n  - {name: a, networks: [10.0.0.0/8], lewel: 2}\n")
    assert_one_line(otwatch("site", "check", tmp_path / "site.yaml"), "site.yaml:3:46: ", 'did you mean "level"')


def test_a_missing_file() -> None:
    assert_one_line(otwatch("site", "check", "nowhere.yaml"), "nowhere.yaml")
