#!/bin/sh
# Proves: the agent of Systems Manager, when the image has one, can run here and starts at boot: it is the only way in.
set -eu

if [ ! -f /etc/phoenix/systems-manager ]; then
  echo "ok: this image has no agent of Systems Manager, so nobody gets into a server"
  exit 0
fi

fail() {
  echo "$*" >&2
  exit 1
}

unit=$(cat /etc/phoenix/systems-manager)
systemctl is-enabled --quiet "$unit" || fail "$unit is not enabled: nobody would get into a server."
case $unit in
  snap.*) version=$(snap list amazon-ssm-agent) || fail "The snap amazon-ssm-agent is not installed." ;;
  *) version=$(amazon-ssm-agent -version) || fail "amazon-ssm-agent does not run on this machine: $version" ;;
esac
echo "ok: $unit starts at boot ($(printf '%s\n' "$version" | tail -n 1))"
