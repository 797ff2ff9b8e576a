#!/bin/sh
# Sealing: what belongs to the machine that baked the image, and not to the servers born from it, is taken out.
# The last script; it fails when something is left.
set -eu

unit=$(cat /etc/phoenix/application)

# What the checks of image/inspect started; their log lines would be the first of every server.
if [ -d /run/systemd/system ]; then
  for started in "$unit" phoenix-secrets fluentd syslog-ng; do
    systemctl stop "$started" 2>/dev/null || true
  done
fi
rm -f /etc/phoenix/server.env /etc/phoenix/secrets.json
# Ubuntu's agent of Systems Manager has run since this machine booted, and knows it by its name.
if [ -d /run/systemd/system ] && [ -f /etc/phoenix/systems-manager ]; then
  systemctl stop "$(cat /etc/phoenix/systems-manager)"
fi
rm -rf /var/lib/amazon/ssm/* /var/log/amazon/*

# Packages that were downloaded, what apt knows of the archive, and what of their news it has shown, to nobody.
apt-get clean
rm -rf /var/lib/apt/lists/* /var/lib/apt/listchanges*

# Identity: keys and names that must differ from server to server. cloud-init and systemd make new ones.
rm -f /etc/ssh/ssh_host_*
rm -f /root/.ssh/authorized_keys /home/*/.ssh/authorized_keys
truncate -s 0 /etc/machine-id
rm -f /var/lib/dbus/machine-id /var/lib/systemd/random-seed
if command -v cloud-init >/dev/null; then
  cloud-init clean --logs
fi

# Traces: logs, how far they were collected, histories, what was uploaded.
if [ -d /run/systemd/system ]; then
  journalctl --rotate >/dev/null 2>&1 || true
fi
rm -rf /var/log/journal/* /run/log/journal/* /var/log/phoenix/*
# What the inspected application wrote, in the folder that it names.
if [ -f /etc/phoenix/access-log ]; then
  logs=$(cat /etc/phoenix/access-log)
  find "${logs%/*}" -mindepth 1 -delete
fi
# Of a package that is gone, whose process writes once more when this machine shuts down.
rm -rf /var/log/unattended-upgrades
find /var/log -type f -exec truncate -s 0 {} +
rm -rf /var/lib/phoenix/* /var/lib/syslog-ng/*.persist /var/lib/syslog-ng/*.*qf
rm -f /root/.*_history /home/*/.*_history
rm -rf "${PHOENIX_APP:?where the files of image/app are}" "${PHOENIX_COMMON:?where the files of image/common are}"

left=$(find /etc/ssh -name 'ssh_host_*'; find /root/.ssh /home/*/.ssh -name authorized_keys 2>/dev/null || true)
if [ -n "$left" ] || [ -s /etc/machine-id ]; then
  echo "The image still carries the identity of the machine that baked it: $left $(cat /etc/machine-id)" >&2
  exit 1
fi
sync
