#!/bin/sh
# Proves: the operating system has every update, and nothing on it would change a server by itself.
set -eu

pending=$(apt-get --simulate full-upgrade | grep '^Inst ' || true)
if [ -n "$pending" ]; then
  echo "Updates are missing:" >&2
  echo "$pending" >&2
  exit 1
fi

for package in snapd unattended-upgrades; do
  if dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed; then
    echo "$package is installed, and would change a server after its birth." >&2
    exit 1
  fi
done
echo "ok: the operating system is up to date"
