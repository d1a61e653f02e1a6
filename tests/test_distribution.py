"""What is handed out besides the source: the bundle for machines without a network, and the Debian package. Both are built, installed and run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLANT = "pcaps/plant/plant-attack.pcap"
DEBIAN_PYTHON = Path("/usr/bin/python3")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.extended,
    pytest.mark.skipif(os.geteuid() != 0, reason="installed in namespaces and on an overlay: as root"),
    pytest.mark.skipif(not DEBIAN_PYTHON.exists() or shutil.which("dpkg-deb") is None, reason="a Debian package is made on Debian"),
    pytest.mark.skipif(subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True).returncode != 0, reason="no namespaces here"),
]

# Root file system on an overlay of this machine's, without a network: what is installed in it is gone afterwards
_CHROOT = """
mount -t tmpfs tmpfs "$1" && mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount -t tmpfs tmpfs "$1/root/run" && mount -t proc proc "$1/root/proc" && mount --rbind /dev "$1/root/dev"
mkdir -p "$1/root/made" && mount --bind "$2" "$1/root/made"
exec chroot "$1/root" /bin/sh -euc "$3"
"""


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False, env={**os.environ, **environment})
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The project's files, and what was compiled already."""
    folder = tmp_path_factory.mktemp("distribution")
    files = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md")
    keep = ("otwatch", "rules", "packaging", "build", "pcaps/plant", *files)
    for name in keep:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (ROOT / name).exists():
            shutil.copy2(ROOT / name, folder / name)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def bundle(checkout: Path) -> Path:
    return checkout / run("packaging/bundle.sh", cwd=checkout, PYTHON=str(DEBIAN_PYTHON)).splitlines()[-1]


def test_the_bundle_installs_and_runs_without_a_network(bundle: Path, tmp_path: Path) -> None:
    with tarfile.open(bundle) as archive:
        archive.extractall(tmp_path, filter="data")
    folder = next(tmp_path.iterdir())
    said = run("unshare", "--net", folder / "install.sh", tmp_path / "place", cwd=tmp_path, PYTHON=str(DEBIAN_PYTHON), PYTHONPATH="")
    assert "otwatch" in said
    found = run("unshare", "--net", tmp_path / "place/bin/otwatch", "analyze", ROOT / PLANT, cwd=tmp_path)
    assert "1 incident (critical)" in found

    parts = {part["name"] for part in json.loads((folder / "otwatch.cdx.json").read_text())["components"]}
    assert {"numpy", "click", "rich", "networkx"} <= parts
    assert "scapy" not in parts


def test_a_damaged_bundle_and_another_python_are_refused(bundle: Path, tmp_path: Path) -> None:
    with tarfile.open(bundle) as archive:
        archive.extractall(tmp_path, filter="data")
    folder = next(tmp_path.iterdir())
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\necho cp999\n")
    other.chmod(0o755)
    environment = {**os.environ, "PYTHON": str(other)}
    refused = subprocess.run([folder / "install.sh", tmp_path / "a"], capture_output=True, text=True, check=False, env=environment)
    assert (refused.returncode, "cp999: set PYTHON" in refused.stderr) == (1, True)
    with (folder / "LICENSE").open("a") as file:
        file.write("x")
    refused = subprocess.run([folder / "install.sh", tmp_path / "b"], capture_output=True, text=True, check=False)
    assert (refused.returncode, "copy it again" in refused.stderr) == (1, True)
    assert not (tmp_path / "a").exists()
    assert not (tmp_path / "b").exists()


def test_the_debian_package_installs_runs_and_goes(bundle: Path, checkout: Path, tmp_path: Path) -> None:
    deb = checkout / run("packaging/deb.sh", bundle, cwd=checkout).splitlines()[-1]
    script = f"""
        dpkg --install --force-depends /made/dist/{deb.name} >/dev/null
        otwatch --version
        cd /made && otwatch analyze {PLANT} | head -2 | tail -1
        id -un otwatch; stat -c %U:%a /etc/otwatch/sensor.toml /var/lib/otwatch
        systemd-analyze verify /usr/lib/systemd/system/otwatch-sensor.service
        test -s /usr/share/bash-completion/completions/otwatch
        dpkg --remove otwatch >/dev/null; test ! -e /opt/otwatch/bin; test -e /etc/otwatch/sensor.toml
    """
    (tmp_path / "root").mkdir()
    said = run("unshare", "--mount", "--net", "--pid", "--fork", "sh", "-euc", _CHROOT, "sh", tmp_path / "root", checkout, script)
    lines = said.splitlines()
    assert lines[0].startswith("otwatch ")
    assert "1 incident (critical)" in lines[1]
    assert lines[2:5] == ["otwatch", "otwatch:640", "otwatch:750"]
    # dpkg may be told to leave out manuals on small machines: they are in the package
    contents = run("dpkg-deb", "--contents", deb)
    assert all(f"./usr/share/man/man1/{page}.1.gz" in contents for page in ("otwatch", "otwatch-analyze", "otwatch-lake-verify"))
