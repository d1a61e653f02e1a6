#!/bin/sh
# dist/otwatch_VERSION_ARCHITECTURE.deb for the Debian that runs this: /opt/otwatch (a virtual environment), unit, user, configuration, man pages, completion.
# Made from the bundle (packaging/bundle.sh), with Debian's own Python.
set -eu
cd "$(dirname "$0")/.."
python=/usr/bin/python3
[ -x "$python" ] && command -v dpkg-deb >/dev/null || { echo "deb.sh: a Debian package is made on Debian, with its python3" >&2; exit 1; }
bundle=${1:-$(PYTHON=$python packaging/bundle.sh)}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root="$work/root"
mkdir -p "$work/bundle" "$root/opt"
tar --extract --gzip --file "$bundle" --directory "$work/bundle" --strip-components 1
PYTHON=$python "$work/bundle/install.sh" "$root/opt/otwatch" >/dev/null
grep --recursive --files-with-matches --binary-files=without-match "$root" "$root/opt/otwatch/bin" "$root/opt/otwatch/pyvenv.cfg" | xargs sed -i "s#$root##g"
find "$root" -name __pycache__ -prune -exec rm -rf {} +

version=$(echo "$work"/bundle/wheels/otwatch-*.whl | sed 's#.*/otwatch-\([^-]*\)-.*#\1#')
"$python" -m venv "$work/tools"
"$work/tools/bin/python" -m pip --disable-pip-version-check --quiet install --no-index --find-links "$work/bundle/wheels" otwatch
man="$root/usr/share/man/man1"
"$work/tools/bin/python" -m otwatch.cli.manual "$man"
gzip --no-name --best "$man"/*.1
for shell in bash zsh fish; do
  case $shell in
    bash) file="$root/usr/share/bash-completion/completions/otwatch" ;;
    zsh) file="$root/usr/share/zsh/vendor-completions/_otwatch" ;;
    fish) file="$root/usr/share/fish/vendor_completions.d/otwatch.fish" ;;
  esac
  mkdir -p "$(dirname "$file")"
  _OTWATCH_COMPLETE=${shell}_source "$work/tools/bin/otwatch" > "$file"
done

shipped="$root/opt/otwatch/lib/$(ls "$root/opt/otwatch/lib")/site-packages/otwatch/systemd"
install -D -m 0644 "$shipped/otwatch-sensor.service" "$root/usr/lib/systemd/system/otwatch-sensor.service"
install -D -m 0640 "$shipped/sensor.toml" "$root/etc/otwatch/sensor.toml"
install -D -m 0644 packaging/deb/sysusers.conf "$root/usr/lib/sysusers.d/otwatch.conf"
install -D -m 0644 LICENSE "$root/usr/share/doc/otwatch/copyright"
install -D -m 0644 CHANGELOG.md "$root/usr/share/doc/otwatch/changelog"
install -D -m 0644 "$work/bundle/otwatch.cdx.json" "$root/usr/share/doc/otwatch/otwatch.cdx.json"
mkdir -p "$root/usr/bin" "$root/DEBIAN"
ln -s /opt/otwatch/bin/otwatch "$root/usr/bin/otwatch"
install -m 0755 packaging/deb/postinst packaging/deb/prerm "$root/DEBIAN/"
echo /etc/otwatch/sensor.toml > "$root/DEBIAN/conffiles"
minor=$("$python" -c 'import sys; print(sys.version_info[1])')
cat > "$root/DEBIAN/control" <<EOF
Package: otwatch
Version: $version
Architecture: $(dpkg --print-architecture)
Maintainer: the otwatch developers <security@otwatch.invalid>
Depends: python3 (>= 3.$minor), python3 (<< 3.$((minor + 1))), systemd
Recommends: tshark, ethtool
Installed-Size: $(du --summarize --block-size=1K "$root" | cut -f1)
Section: net
Priority: optional
Description: passive OT network security monitor
 Reads captures, or listens to a SPAN port, and reports what is on an industrial network, who commands
 the controllers, and what of that should not be happening. It never sends a packet.
EOF
mkdir -p dist
deb="dist/otwatch_${version}_$(dpkg --print-architecture).deb"
dpkg-deb -Zgzip -z6 --root-owner-group --build "$root" "$deb" >/dev/null
(cd dist && sha256sum "$(basename "$deb")" > "$(basename "$deb").sha256")
echo "$deb"
