#!/bin/sh
# Installs what a vendor's base image has, in a box of its own: sh vendor.sh TARGET SUITE MIRROR SOURCES PACKAGES
# (SOURCES is a file; http_proxy leads to the archive). Nothing in it is this project's: the image's scripts add that.
set -eu
target=$1 suite=$2 mirror=$3 sources=$4 packages=$5

# shellcheck disable=SC2086 # a missing mirror is no argument: debootstrap knows the suite's own
debootstrap --variant=minbase "$suite" "$target" $mirror

if [ -s "$sources" ]; then
  cp "$sources" "$target/etc/apt/sources.list"
fi
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
inside apt-get update
inside apt-get -y full-upgrade
# shellcheck disable=SC2086 # a list
inside apt-get -y --no-install-recommends install $packages

# As on the vendors' images for AWS: the archive stays the one that it came from, SSH's keys are of the two kinds that
# Amazon Linux makes, and Debian's user is "admin". What minbase does not have is not set up: locales, a boot loader.
cat >"$target/etc/cloud/cloud.cfg.d/01_vendor.cfg" <<'CONF'
apt_preserve_sources_list: true
ssh_genkeytypes: [ed25519, ecdsa]
locale: false
grub_dpkg: {enabled: false}
CONF
if grep -qx 'ID=debian' "$target/etc/os-release"; then
  cat >>"$target/etc/cloud/cloud.cfg.d/01_vendor.cfg" <<'CONF'
system_info:
  default_user:
    name: admin
    lock_passwd: true
    sudo: ["ALL=(ALL) NOPASSWD:ALL"]
    shell: /bin/bash
CONF
fi

# What a machine makes for itself at its first boot.
rm -f "$target"/etc/ssh/ssh_host_* "$target/usr/sbin/policy-rc.d" "$target/var/lib/dbus/machine-id"
: >"$target/etc/machine-id"
: >"$target/etc/hostname"
inside apt-get clean
rm -rf "$target"/var/lib/apt/lists/*
find "$target/var/log" -type f -exec truncate -s 0 {} +
umount -R "$target/dev" "$target/proc"
