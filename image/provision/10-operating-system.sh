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

# The first boot still works on the system while it already answers. Its updates are stopped first (all four units at
# once: the end of one of them starts the next), and what is in the middle of an installation goes on to its end.
if [ -d /run/systemd/system ]; then
  systemctl stop 'apt-daily*.timer' 'apt-daily*.service'
  if command -v cloud-init >/dev/null; then
    timeout 300 cloud-init status --wait >/dev/null || echo "cloud-init was not content with its first boot; going on"
  fi
fi

# For every apt-get of the image's scripts, this one included. An archive that can't be read (security's!) is an error:
# without Error-Mode (apt 2.1.16 and newer) an update ends well, and knows of no update.
cat >/etc/apt/apt.conf.d/90phoenix <<'CONF'
APT::Install-Recommends "false";
APT::Get::Assume-Yes "true";
DPkg::Lock::Timeout "900";
Dpkg::Options { "--force-confdef"; "--force-confold"; };
Acquire::Retries "5";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
CONF
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a

# The timeout above is for the locks of dpkg; that of the lists is refused at once. So apt itself is asked for it, without
# any archive to read, until whoever reads at the first boot has ended.
waited=0
limit=600
until said=$(LC_ALL=C apt-get -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=/dev/null update 2>&1); do
  refused=$(printf '%s\n' "$said" | sed -n 's/^E: \(Could not get lock\)/\1/p')
  if [ -z "$refused" ]; then
    echo "$said" >&2
    exit 1
  fi
  if [ "$waited" -ge "$limit" ]; then
    echo "Somebody has held the lock of apt's lists for $limit s, since this machine booted. $refused" >&2
    exit 1
  fi
  [ $((waited % 10)) -ne 0 ] || echo "[$waited s of $limit s] the first boot still reads the archives: $refused"
  sleep 1
  waited=$((waited + 1))
done

# What the base image knows of the archives may be of any age: only what is read now counts.
rm -rf /var/lib/apt/lists/*
apt-get update
apt-get full-upgrade ca-certificates curl

# On Ubuntu the agent of Systems Manager, the only way into a server, is a snap: it stays, at the version it has.
useless='unattended-upgrades apport popularity-contest modemmanager pollinate'
if command -v snap >/dev/null; then
  # Before the first boot has brought its snaps in, snapd knows of none.
  timeout 300 snap wait system seed.loaded || {
    echo "snapd did not bring in the snaps of the base image within 300 s." >&2
    exit 1
  }
  if snap list amazon-ssm-agent >/dev/null 2>&1; then
    snap refresh --hold
  else
    useless="snapd $useless"
  fi
fi

# What would change a server after its birth, or what nobody uses on one. Only what is there can be removed. Without
# autoremove: what goes with a package may be a collection that holds cloud-init or the network's configuration.
for package in $useless; do
  if dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed; then
    apt-get purge "$package"
  fi
done
