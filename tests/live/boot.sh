#!/bin/sh
# Boots the machine's own systemd as process 1 of namespaces of its own, on an overlay of this machine's file system: nothing of it reaches the machine.
# boot.sh FOLDER PYTHON CHECKOUT PACKAGES: an empty folder, the prefix of the interpreter, the checkout, the site-packages; the latter three become
# /opt/python, /opt/checkout and /opt/packages. FOLDER/etc is copied over /etc. One interface, eth1, whose other end is `far`.
set -eu
folder=$1 python=$2 checkout=$3 packages=$4
if [ -z "${OTWATCH_INSIDE:-}" ]; then
  groups=$(awk '$3 == "cgroup2" {print $2; exit}' /proc/mounts)
  [ -n "$groups" ] || { echo "no cgroup2 file system" >&2; exit 77; }
  # of this run alone: another one beside it boots a systemd, too. What earlier runs left is empty, and goes.
  find "$groups"/otwlab-systemd-* -depth -type d -exec rmdir {} \; 2>/dev/null || true
  mkdir "$groups/otwlab-systemd-$$"
  echo $$ > "$groups/otwlab-systemd-$$/cgroup.procs"
  export OTWATCH_INSIDE=1
  exec unshare --pid --mount --cgroup --net --ipc --uts --fork --kill-child --propagation private "$0" "$@"
fi
made="$folder/made"; root="$made/root"
mkdir "$made"
mount -t tmpfs tmpfs "$made"
mkdir "$made/upper" "$made/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$made/upper,workdir=$made/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm" "$root/dev/pts" "$root/dev/mqueue"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
for place in python checkout packages; do mkdir -p "$root/opt/$place"; done
mount --bind "$python" "$root/opt/python"
mount --bind "$checkout" "$root/opt/checkout"
mount --bind "$packages" "$root/opt/packages"

rm -rf "$root/etc/systemd/system"  # none of this machine's services
mkdir -p "$root/etc/systemd/system" "$root/opt/otwatch/bin" "$root/old"
cp -r "$folder/etc/." "$root/etc/"
printf '[Unit]\nDescription=the lab\n' > "$root/etc/systemd/system/lab.target"
echo 'otwatch:x:977:977::/var/lib/otwatch:/usr/sbin/nologin' >> "$root/etc/passwd"
echo 'otwatch:x:977:' >> "$root/etc/group"
install -m 0755 "$folder/otwatch" "$root/opt/otwatch/bin/otwatch"

sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip link set lo up
ip link add eth1 type veth peer name far
ip link set eth1 arp off up
ip link set far arp off up
cd "$root"
pivot_root . old
exec chroot . /bin/sh -c 'umount -l /old && rmdir /old; container=lab exec /lib/systemd/systemd --system --unit=lab.target --log-target=null --show-status=no' </dev/null
