"""The package as it is built and installed: what is compiled, what is shipped, and that it runs away from its checkout."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import otwatch

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PLANT = ROOT / "pcaps" / "plant" / "plant-attack.pcap"


def compiled_modules() -> list[str]:
    """The modules whose first line asks for the compiler."""
    found = []
    for path in sorted((ROOT / "otwatch").rglob("*.py")):
        with path.open(encoding="utf-8") as lines:
            if lines.readline().startswith("# cython:"):
                found.append(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return found


def test_the_type_checker_leaves_out_exactly_the_compiled_modules() -> None:
    left_out = next(override["module"] for override in PROJECT["tool"]["mypy"]["overrides"] if override.get("ignore_errors"))
    assert sorted(left_out) == compiled_modules(), "pyproject.toml: bring the list under [[tool.mypy.overrides]] in line with the compiled modules"


@pytest.mark.skipif(not otwatch.is_compiled(), reason="otwatch runs uncompiled here")
def test_every_compiled_module_is_compiled() -> None:
    fallen_back = [name for name in compiled_modules() if (importlib.import_module(name).__file__ or "").endswith(".py")]
    assert fallen_back == [], "these run as plain Python, slow: make build tells why"


@pytest.mark.skipif(not otwatch.is_compiled(), reason="otwatch runs uncompiled here")
def test_no_compiled_file_is_older_than_its_source() -> None:
    stale = []
    for name in compiled_modules():
        binary = Path(importlib.import_module(name).__file__ or "")
        source = ROOT / Path(*name.split(".")).with_suffix(".py")
        if binary.is_relative_to(ROOT) and source.stat().st_mtime > binary.stat().st_mtime:
            stale.append(name)
    assert stale == [], "an old compiled file wins over a newer source: make build"


def test_version_is_that_of_the_project() -> None:
    assert otwatch.__version__ == PROJECT["project"]["version"]


def test_all_extras_are_in_all() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    assert extras["all"] == [f"otwatch[{','.join(name for name in extras if name != 'all')}]"]


# The package, built


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    told = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False, env={**os.environ, **environment})
    assert told.returncode == 0, f"{command}\n{told.stdout}\n{told.stderr}"
    return told.stdout


def project_files() -> list[str]:
    """What git knows or would add; everything of the package's folders where there is no git."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    return [str(path.relative_to(ROOT)) for top in ("otwatch", "rules", "docs", "pcaps") for path in (ROOT / top).rglob("*") if path.is_file()] + [
        path.name for path in ROOT.iterdir() if path.is_file()
    ]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, with what was compiled already, so that the builds below compile only what changed since."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in project_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    if (ROOT / "build" / "otwatch").is_dir():
        shutil.copytree(ROOT / "build" / "otwatch", folder / "build" / "otwatch")
    library = folder / "build" / f"lib.{sysconfig.get_platform()}-{sys.implementation.cache_tag}"
    for binary in (ROOT / "otwatch").rglob("*.so"):
        target = library / binary.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(binary, target)
    return folder


def wheel_of(project: Path, folder: Path, **environment: str) -> Path:
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    run(*pip, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "-w", folder, project, cwd=folder, **environment)
    return next(folder.glob("otwatch-*.whl"))


def installed(wheel: Path, folder: Path) -> Path:
    """A fresh virtual environment with the wheel; its dependencies are those of this environment, for tests use no network."""
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    python = folder / "bin" / "python"
    run(sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel,
        cwd=folder.parent)
    packages = next((folder / "lib").glob("python*/site-packages"))
    (packages / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")
    return folder / "bin" / "otwatch"


def names_in(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def assert_whole(names: Sequence[str]) -> None:
    """The wheel holds what the package reads at run time."""
    rules = {str(path.relative_to(ROOT / "rules")) for path in (ROOT / "rules").rglob("*.yaml")}
    assert {name.removeprefix("otwatch/shipped_rules/") for name in names if name.startswith("otwatch/shipped_rules/")} == rules
    wanted = {"inventory/oui.tsv.gz", "site/template.yaml", "py.typed", "tables.pyi", "tables.pxd"}
    assert {f"otwatch/{name}" for name in wanted} <= set(names)
    assert [name for name in names if name.startswith(("tests/", "docs/", "pcaps/", "rules/"))] == []


def assert_works(command: Path, folder: Path, version: str) -> None:
    """The installed command, away from the checkout."""
    assert run(command, "--version", cwd=folder).strip().endswith(version)
    assert run(command, "rules", "list", cwd=folder).splitlines()[-1] == f"{len(list((ROOT / 'rules').rglob('*.yaml')))} rules."
    run(command, "site", "init", cwd=folder)
    run(command, "site", "check", "site.yaml", cwd=folder)
    assert "critical" in run(command, "analyze", PLANT, cwd=folder)
    place = run(command.parent / "python", "-c", "import otwatch; print(otwatch.__file__)", cwd=folder)
    assert not Path(place.strip()).is_relative_to(ROOT)


@pytest.mark.slow
@pytest.mark.skipif(not otwatch.is_compiled(), reason="otwatch runs uncompiled here: no compiler")
def test_the_wheel_is_whole_and_works_in_a_fresh_environment(checkout: Path, tmp_path: Path) -> None:
    wheel = wheel_of(checkout, tmp_path)
    names = names_in(wheel)
    assert_whole(names)
    binaries = {name.partition(".")[0].replace("/", ".") for name in names if name.endswith(".so")}
    assert binaries == {*compiled_modules(), "otwatch._views"}  # the last is what all of them share
    assert_works(installed(wheel, tmp_path / "fresh"), tmp_path, "(compiled)")


@pytest.mark.slow
def test_the_source_distribution_installs_without_a_compiler_and_runs_uncompiled(checkout: Path, tmp_path: Path) -> None:
    run(sys.executable, "setup.py", "-q", "sdist", "-d", tmp_path, cwd=checkout)
    with tarfile.open(next(tmp_path.glob("otwatch-*.tar.gz"))) as archive:
        archive.extractall(tmp_path, filter="data")
    source = next(path for path in tmp_path.glob("otwatch-*") if path.is_dir())
    assert {"rules", "docs", "tests", "pcaps", "Makefile", "LICENSE", "README.md"} <= {path.name for path in source.iterdir()}
    assert list(source.rglob("*.so")) == []
    if (checkout / "build" / "otwatch").is_dir():
        shutil.copytree(checkout / "build" / "otwatch", source / "build" / "otwatch")  # spares translating to C once more
    (tmp_path / "wheels").mkdir()
    wheel = wheel_of(source, tmp_path / "wheels", CC="false")
    names = names_in(wheel)
    assert_whole(names)
    assert [name for name in names if name.endswith(".so")] == []
    assert_works(installed(wheel, tmp_path / "fresh"), tmp_path, "then reinstall)")
