#!/bin/sh
# Proves: what wants phoenix-live.target is tied to it and ended in time, whatever its unit says; and the target does not
# start by itself. Says which units of this image it has.
set -eu

fail() {
  echo "$*" >&2
  exit 1
}

[ "$(systemctl is-enabled phoenix-live.service)" = enabled ] || fail "phoenix-live.service is not enabled."
work=$(mktemp -d)
units=/run/systemd/system
worker=inspection-worker.service
clean() {
  [ ! -d /run/systemd/system ] || systemctl kill --signal=SIGKILL "$worker" 2>/dev/null || true
  rm -rf "$work" "$units/${worker:?}" "$units/phoenix-live.target.wants/${worker:?}" "$units/${worker:?}.d"
  [ ! -d /run/systemd/system ] || systemctl daemon-reload
}
trap clean EXIT
live() {
  python3 -I /usr/local/lib/phoenix/live_lease.py "$work/live.json" "$@"
}
echo '{"region": "eu-west-1", "table": "none", "generation": "0123456789ab", "stop_seconds": 2}' >"$work/live.json"

if [ ! -d /run/systemd/system ]; then
  echo "ok: phoenix-live.target is there (it can't be started here: there is no systemd)"
  exit 0
fi
has=$(systemctl show --property Wants --value phoenix-live.target)
! systemctl is-active --quiet phoenix-live.target || fail "phoenix-live.target is active on a machine that serves nobody."

# The worst of workers: it hears no signal, would have minutes to end, and comes again when it has.
mkdir -p "$units/phoenix-live.target.wants"
cat >"$units/$worker" <<'UNIT'
[Service]
ExecStart=/bin/sh -c 'trap "" TERM; while :; do sleep 1; done'
TimeoutStopSec=600
Restart=always
UNIT
ln -s "../$worker" "$units/phoenix-live.target.wants/$worker"
systemctl daemon-reload
live --prepare
systemctl start "$worker"
[ "$(systemctl show --property PartOf --value "$worker")" = phoenix-live.target ] || fail "$worker is not tied to the target."
began=$(date +%s)
live --stop 2>"$work/said" || fail "The target can't be stopped: $(cat "$work/said")"
! systemctl is-active --quiet "$worker" || fail "$worker works on when its target has stopped."
[ $(($(date +%s) - began)) -lt 20 ] || fail "$worker took longer to end than it may."
echo "ok: phoenix-live.target ends what wants it (${has:-no unit of this image})"
