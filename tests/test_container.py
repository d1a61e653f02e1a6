"""The container file and its page say the same, and name what is there. Nothing is built: that needs an engine and a registry."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILE = (ROOT / "packaging/Containerfile").read_text()
PAGE = (ROOT / "docs/howto/install.md").read_text()


def instructions(name: str) -> list[str]:
    whole = re.sub(r"\\\\\n", " ", FILE).replace("\\\n", " ")
    return [line.partition(" ")[2] for line in whole.splitlines() if line.startswith(f"{name} ")]


def test_the_commands_of_the_page_stand_at_its_head() -> None:
    section = PAGE.partition("## In a container")[2].partition("\n## ")[0]
    commands = [line for block in re.findall(r"```\n(.*?)```", section, re.DOTALL) for line in block.splitlines()]
    head = [re.split(r" {2,}", line.removeprefix("# "))[0] for line in FILE.splitlines() if line.startswith("# docker ")]
    assert commands == head[:2]
    assert "--cap-add NET_RAW" in head[2]
    assert "--network host" in head[2]


def test_it_builds_and_runs_on_one_debian_with_its_python() -> None:
    images = [line.split()[0] for line in instructions("FROM")]
    assert len(set(images)) == 1
    assert {"12": "3.11", "13": "3.13"}[images[0].partition("debian:")[2].partition("-")[0]] in FILE.partition("cp /usr/bin/python")[2][:4]


def test_it_does_what_the_page_says_and_names_what_is_there() -> None:
    assert all(package in instructions("RUN")[0] for package in ("gcc", "python3-dev", "python3-venv"))
    bundle = instructions("RUN")[1]
    for script in re.findall(r"/src/(packaging/[a-z.]+)", bundle):
        assert (ROOT / script).exists()
    assert "/bundle/install.sh /opt/otwatch" in bundle
    assert instructions("USER") == ["otwatch"]
    assert instructions("ENTRYPOINT") == ['["/opt/otwatch/bin/otwatch"]']
    for line in instructions("COPY"):
        if not line.startswith("--from="):
            assert line.split()[0] == "."
