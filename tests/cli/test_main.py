"""The command line as a whole: every command has help, and help is quick."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

import otwatch
from otwatch.cli import main
from tests.cli.calling import ROOT, SMALL, process


def commands(command: click.Command = main, name: str = "otwatch") -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=name)
        for sub in command.list_commands(context):
            found = command.get_command(context, sub)
            assert found is not None
            yield from commands(found, f"{name} {sub}")


EVERY = list(commands())
every_command = pytest.mark.parametrize(("name", "command"), EVERY, ids=[name for name, _ in EVERY])


@every_command
def test_every_command_has_help(name: str, command: click.Command) -> None:
    told = CliRunner().invoke(main, [*name.split()[1:], "--help"])
    assert told.exit_code == 0
    assert told.output.startswith("Usage: ")
    assert command.help or command.callback is None
    assert (command.help or "").split("\n")[0].strip().endswith((".", ":"))


@every_command
def test_every_option_says_what_it_does(name: str, command: click.Command) -> None:
    assert [option.name for option in command.params if isinstance(option, click.Option) and not option.help] == []


@every_command
def test_every_command_is_on_its_page(name: str, command: click.Command) -> None:
    page = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    assert f"\n## {name}\n" in page, "run python docs/reference/generate.py"


def test_the_version_says_whether_it_is_compiled() -> None:
    told = CliRunner().invoke(main, ["--version"]).output
    assert told.startswith(f"otwatch {otwatch.__version__} (")
    assert ("(compiled)" in told) is otwatch.is_compiled()


def test_uncompiled_says_so() -> None:
    assert "uncompiled" in process("--version", OTWATCH_UNCOMPILED="1").stdout


def test_an_unknown_command_is_wrong_use() -> None:
    told = process("analyse", "x.pcap")
    assert told.returncode == 2
    assert "No such command 'analyse'" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("arguments", [("--help",), ("analyze", "--help"), ("baseline", "learn", "--help"), ("sensor", "--help")])
def test_help_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    code = "import sys; sys.argv = ['otwatch', *sys.argv[1:]]\nfrom otwatch.cli import main\ntry: main()\nfinally: print('MODULES', *sys.modules)"
    told = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    loaded = set(told.partition("MODULES ")[2].split())
    assert "otwatch.cli" in loaded
    assert loaded & {"numpy", "networkx", "rich", "scapy", "pyshark", "yaml", "jinja2", "asyncio", "duckdb", "ssl"} == set()


def test_a_small_analysis_imports_only_what_it_needs() -> None:
    code = "import sys; sys.argv = ['otwatch', *sys.argv[1:]]\nfrom otwatch.cli import main\ntry: main()\nfinally: print('MODULES', *sys.modules)"
    command = [sys.executable, "-c", code, "analyze", str(ROOT / "pcaps" / "plant" / "modbus-poll.pcap")]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    loaded = set(told.partition("MODULES ")[2].split())
    assert "otwatch.protocols.modbus.dissect" in loaded
    assert {name for name in loaded if name.endswith(".dissect")} == {"otwatch.protocols.modbus.dissect"}
    assert {name for name in loaded if name.startswith(("otwatch.lake", "otwatch.intel", "otwatch.site.", "otwatch.baseline.b"))} == {
        "otwatch.baseline.behaviours"
    }
    assert loaded & {"numpy.ma", "networkx", "scapy", "jinja2", "duckdb", "ssl", "sqlite3", "otwatch.outputs.view.plant"} == set()


def test_exit_codes_stand_in_the_help() -> None:
    told = " ".join(CliRunner().invoke(main, ["--help"]).output.split())
    assert "Exit codes: 0 done, 2 wrong use, unreadable input or undelivered alerts, 3 --fail-on met, 130 interrupted." in told


def test_the_list_of_commands_says_each_whole() -> None:
    for arguments in ((), ("rules", "--help"), ("baseline", "--help")):
        told = process(*arguments)
        text = told.stdout + told.stderr
        assert "Commands:" in text
        assert "..." not in text.partition("Commands:")[2]


def test_a_misspelt_command_says_what_was_meant() -> None:
    told = process("analyse", SMALL)
    assert told.returncode == 2
    assert 'did you mean "analyze"?' in told.stderr


def test_a_capture_in_the_place_of_a_command_says_how() -> None:
    told = process(SMALL)
    assert told.returncode == 2
    assert f"otwatch analyze {SMALL}" in told.stderr
    assert "No such command 'nonsense'." in process("nonsense").stderr
