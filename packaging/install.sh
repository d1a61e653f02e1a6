#!/bin/sh
# Installs otwatch from the folder of this script into a virtual environment; needs Python alone, no network, no compiler, no pip.
#   ./install.sh [FOLDER]      (default: /opt/otwatch as root, else ~/otwatch)    PYTHON=python3.11 ./install.sh  names the interpreter
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
if [ "$(id -u)" = 0 ]; then place=${1:-/opt/otwatch}; else place=${1:-$HOME/otwatch}; fi

if [ -e "$here/SHA256SUMS" ]; then
  (cd "$here" && sha256sum --check --quiet SHA256SUMS) || { echo "install.sh: the bundle is damaged: copy it again" >&2; exit 1; }
fi
made_for=$(cd "$here/wheels" && ls otwatch-*.whl | cut -d- -f3)
runs=$("$python" -c 'import sys; print("cp%d%d" % sys.version_info[:2])') || { echo "install.sh: there is no $python: set PYTHON" >&2; exit 1; }
if [ "$made_for" != "$runs" ]; then
  echo "install.sh: this bundle is for Python $made_for, $python is $runs: set PYTHON, or make the bundle with that Python (make bundle PYTHON=...)" >&2
  exit 1
fi
"$python" -m venv --clear --without-pip "$place"  # Debian without python3-venv has no pip to copy: the bundle has one
pip=$(ls "$here"/wheels/pip-*.whl)
"$place/bin/python" "$pip/pip" install --disable-pip-version-check --quiet --no-index --find-links "$here/wheels" 'otwatch[zstd,parquet,pyshark]'
"$place/bin/otwatch" --version
echo "Start it with $place/bin/otwatch"
