#!/bin/sh
# Proves: what reads the secrets at a server's start runs on this system's Python and libraries, keeps what it writes to
# itself, and without the secrets the application does not start.
set -eu

unit=$(cat /etc/phoenix/application)
names=/etc/phoenix/secrets.json
work=$(mktemp -d)

fail() {
  echo "$*" >&2
  exit 1
}

# Neither these names nor a unit that failed over them stay.
clean() {
  rm -rf "$names" "$work"
  if [ -d /run/systemd/system ]; then
    systemctl stop "$unit" phoenix-secrets.service
    systemctl reset-failed "$unit" phoenix-secrets.service 2>/dev/null || true
  fi
}
trap clean EXIT

dpkg-query -W -f '${db:Status-Status}' python3-botocore | grep -qx installed || fail "python3-botocore is not installed."
resolve() {
  python3 -I /usr/local/lib/phoenix/resolve_secrets.py "$@"
}

echo '{"region": "eu-west-1", "variables": {}}' >"$work/none.json"
resolve "$work/none.json" "$work/env" || fail "Where no secret is named, it should end well."
[ "$(stat -c %a "$work/env")" = 400 ] || fail "Others could read the secrets: $(ls -l "$work/env")"
# A build machine has no role, and no wish to wait for one: names that can't be understood fail at once.
echo 'no names' >"$work/bad.json"
! resolve "$work/bad.json" "$work/bad" 2>"$work/said" || fail "It ends well with names that can't be read."
grep -q 'FAILED: .*the application does not start' "$work/said" || fail "It does not say why: $(cat "$work/said")"

if [ ! -d /run/systemd/system ]; then
  echo "ok: secrets would be read (it can't be started here: there is no systemd)"
  exit 0
fi
systemctl daemon-reload
cp "$work/bad.json" "$names"
! systemctl start "$unit" 2>/dev/null || fail "$unit starts although its secrets can't be read."
systemctl is-failed --quiet phoenix-secrets.service || fail "$unit does not start, but not for want of secrets."
echo "ok: $unit starts with its secrets, or not at all"
