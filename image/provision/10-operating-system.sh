#!/bin/sh
# The operating system: every update that the vendor's base image lacks, and nothing that a server does not need.
set -eu

# shellcheck source=/dev/null
. /etc/os-release
case "$ID" in
  debian | ubuntu) ;;
  *)
    echo "The scripts of image/provision are written for Debian and Ubuntu, and this base image is ${PRETTY_NAME:-$ID}." >&2
    echo "Choose baseImage ubuntu-24.04, ubuntu-22.04, debian-12 or debian-13, or write the scripts for $ID." >&2
    exit 1
    ;;
esac

# The first boot still works on the system while it already answers: two installations at once would collide.
if [ -d /run/systemd/system ] && command -v cloud-init >/dev/null; then
  timeout 300 cloud-init status --wait >/dev/null || echo "cloud-init was not content with its first boot; going on"
fi

# For every apt-get of the image's scripts, this one included. An archive that can't be read (security's!) is an error:
# without Error-Mode (apt 2.1.16 and newer) an update ends well, and knows of no update.
cat >/etc/apt/apt.conf.d/90phoenix <<'CONF'
APT::Install-Recommends "false";
APT::Get::Assume-Yes "true";
DPkg::Lock::Timeout "300";
Dpkg::Options { "--force-confdef"; "--force-confold"; };
Acquire::Retries "5";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
CONF
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a

# What the base image knows of the archives may be of any age: only what is read now counts.
rm -rf /var/lib/apt/lists/*
apt-get update
apt-get full-upgrade ca-certificates curl

# On Ubuntu the agent of Systems Manager, the only way into a server, is a snap: it stays, at the version it has.
useless='unattended-upgrades apport popularity-contest modemmanager pollinate'
if command -v snap >/dev/null && snap list amazon-ssm-agent >/dev/null 2>&1; then
  snap refresh --hold
else
  useless="snapd $useless"
fi

# What would change a server after its birth, or what nobody uses on one. Only what is there can be removed. Without
# autoremove: what goes with a package may be a collection that holds cloud-init or the network's configuration.
for package in $useless; do
  if dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed; then
    apt-get purge "$package"
  fi
done
