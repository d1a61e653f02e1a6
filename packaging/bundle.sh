#!/bin/sh
# Everything that a machine without a network needs to run otwatch, in one archive: dist/otwatch-VERSION-PLATFORM.tar.gz with the wheels of otwatch and
# of what it imports, install.sh, an SBOM (CycloneDX), and checksums. Made for the Python that runs this: PYTHON=/usr/bin/python3 packaging/bundle.sh
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
extras=zstd,parquet,pyshark  # scapy is GPL-2.0-only and only makes packets for tests: it is no part of what is handed out

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m venv "$work/tools"
pip="$work/tools/bin/python -m pip --disable-pip-version-check --quiet"
$pip install cyclonedx-bom
$pip wheel --wheel-dir "$work/wheels" ".[$extras]" pip
wheel=$(basename "$work"/wheels/otwatch-*.whl .whl)
name=$(echo "$wheel" | cut -d- -f1-2)-$(echo "$wheel" | cut -d- -f3,5)

folder="$work/$name"
mkdir "$folder"
mv "$work/wheels" "$folder/wheels"
cp packaging/install.sh LICENSE "$folder/"
"$folder/install.sh" "$work/installed" >/dev/null
PIP_DISABLE_PIP_VERSION_CHECK=1 "$work/tools/bin/cyclonedx-py" environment --pyproject pyproject.toml --output-reproducible \
  --output-file "$folder/otwatch.cdx.json" "$work/installed"
(cd "$folder" && find . -type f ! -name SHA256SUMS -print | sort | xargs sha256sum > SHA256SUMS)

mkdir -p dist
tar --create --gzip --owner=0 --group=0 --directory "$work" --file "dist/$name.tar.gz" "$name"
cp "$folder/otwatch.cdx.json" "dist/$name.cdx.json"
(cd dist && sha256sum "$name.tar.gz" "$name.cdx.json" > "$name.sha256")
echo "dist/$name.tar.gz"
