#!/bin/sh
# Installs what a vendor's base image has, in a box of its own: sh vendor.sh TARGET SUITE MIRROR TREE PACKAGES ENABLE DISABLE
# (TREE has the vendor's files in files/ and packages of its own in packages/; http_proxy leads to the archive). Nothing
# in it is this project's: the image's scripts add that.
set -eu
target=$1 suite=$2 mirror=$3 tree=$4 packages=$5 enable=$6 disable=$7

# Without --force-check-gpg it goes on unsigned where it finds no keyring. --mirror is anybody's, and http.
debootstrap --force-check-gpg --keyring=/usr/share/keyrings/debian-archive-keyring.gpg --variant=minbase "$suite" "$target" "$mirror"

# The vendor's list of archives, and whose image it is.
rm -f "$target/etc/apt/sources.list"
if [ -e "$tree/files/etc/os-release" ]; then
  rm "$target/etc/os-release"
fi
cp -R "$tree/files/." "$target/"
# Maintainer scripts need these; the box takes them away again.
mount -t proc proc "$target/proc"
mount --rbind /dev "$target/dev"
# Nothing is started while it is installed.
printf '#!/bin/sh\nexit 101\n' >"$target/usr/sbin/policy-rc.d"
chmod 0755 "$target/usr/sbin/policy-rc.d"

inside() {
  chroot "$target" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    ${http_proxy:+http_proxy="$http_proxy"} "$@"
}
install_what_is_named() {
  inside apt-get -y --no-install-recommends -o Dpkg::Options::=--force-confold install "$@"
}
inside apt-get update
inside apt-get -y full-upgrade
# shellcheck disable=SC2086 # a list
install_what_is_named $packages
for package in "$tree"/packages/*.deb; do
  if [ -e "$package" ]; then
    cp "$package" "$target/own.deb"
    install_what_is_named ./own.deb
    rm "$target/own.deb"
  fi
done
for unit in $disable; do
  inside systemctl disable "$unit"
done
for unit in $enable; do
  inside systemctl enable "$unit"
done
ln -sf /run/systemd/resolve/resolv.conf "$target/etc/resolv.conf"

# What a machine makes for itself at its first boot.
rm -f "$target"/etc/ssh/ssh_host_* "$target/usr/sbin/policy-rc.d" "$target/var/lib/dbus/machine-id"
: >"$target/etc/machine-id"
: >"$target/etc/hostname"
inside apt-get clean
rm -rf "$target"/var/lib/apt/lists/*
find "$target/var/log" -type f -exec truncate -s 0 {} +
umount -R "$target/dev" "$target/proc"
