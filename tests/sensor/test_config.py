"""The sensor's configuration: every key checked, every mistake with its line; options win."""

from __future__ import annotations

from pathlib import Path

import pytest

from otwatch.alerts.alert import Severity
from otwatch.errors import CaptureError, ConfigErrors
from otwatch.sensor.config import SETTINGS, read_config


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "sensor.toml"
    path.write_text(text)
    return str(path)


def test_defaults_need_no_file() -> None:
    config = read_config(None)
    assert config["health.quiet_seconds"] == 15
    assert config.name
    assert config.min_severity is Severity.INFO


def test_options_win_over_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, '[sensor]\nname = "a"\ninterfaces = ["eth1"]\n[outputs]\ndestinations = ["tcp://siem:601?format=leef"]\n')
    config = read_config(path, {"sensor.name": "b"})
    assert (config.name, config["sensor.interfaces"], config.targets[0].format) == ("b", ("eth1",), "leef")


@pytest.mark.parametrize(("text", "line", "column", "message"), [
    ('[sensor]\nnane = "x"\n', 2, 1, 'did you mean "sensor.name"'),
    ('[senser]\nname = "x"\n', 2, 1, 'there is no "senser.name"'),
    ('name = "x"\n', 1, 1, "must stand in a section"),
    ("[health]\n\n  drop_share = 2\n", 3, 3, "from 0 to 1"),
    ("[outputs]\nspool_megabytes = 1.5\n", 2, 1, "whole number"),
    ('[outputs]\ndestinations = "tcp://x"\n', 2, 1, "list of texts"),
    ('[outputs]\ndestinations = ["ftp://x"]\n', 2, 1, "not a destination"),
    ('[policy]\nmin_severity = "loud"\n', 2, 1, "one of info, low"),
    ("[learning]\nuntil_complete = 1\n", 2, 1, "true or false"),
    ("[sensor\n", 1, 8, "is not TOML"),
])
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, line: int, column: int, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigErrors) as caught:
        read_config(path)
    error = caught.value.errors[0]
    assert str(error).startswith(f"{path}:{line}:{column}: ")
    assert message in error.message


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors) as caught:
        read_config(written(tmp_path, "[sensor]\na = 1\nb = 2\n"))
    assert len(caught.value.errors) == 2


def test_a_missing_file_and_a_wrong_option_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match="cannot be read"):
        read_config(str(tmp_path / "none"))
    with pytest.raises(CaptureError, match="one of info"):
        read_config(None, {"policy.min_severity": "loud"})


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_every_setting_is_documented(setting: object) -> None:
    page = (Path(__file__).parents[2] / "docs/reference/sensor-configuration.md").read_text()
    assert f"`{setting.key.split('.')[1]}`" in page  # type: ignore[attr-defined]
    assert setting.doc in page  # type: ignore[attr-defined]
