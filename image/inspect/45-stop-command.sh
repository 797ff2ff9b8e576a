#!/bin/sh
# Proves: what runs a stack's stopCommand starts at boot where there is one, runs it on this system's Python and libraries,
# and ends one that takes too long.
set -eu

fail() {
  echo "$*" >&2
  exit 1
}

[ "$(systemctl is-enabled phoenix-stop.service)" = enabled ] || fail "phoenix-stop.service is not enabled."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
stop() {
  printf '{"region": "eu-west-1", "hook": "none", "command": "%s", "seconds": %s}' "$1" "$2" >"$work/stop.json"
  python3 -I /usr/local/lib/phoenix/run_stop_command.py "$work/stop.json" --try 2>"$work/said"
}

stop "echo ended >$work/done" 10 || fail "A stop command does not run: $(cat "$work/said")"
[ "$(cat "$work/done")" = ended ] || fail "A stop command did nothing: $(cat "$work/said")"
! stop "sleep 60" 1 || fail "A stop command that takes too long is not ended."
grep -q 'FAILED: stopCommand did not end within 1 s' "$work/said" || fail "It does not say why: $(cat "$work/said")"
echo "ok: a stop command would run, and be ended when its time is over"
