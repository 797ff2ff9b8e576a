#!/bin/sh
# Proves: the log collector, when the image has one, starts at boot, likes its configuration, and collects.
set -eu

if [ ! -f /etc/phoenix/log-collector ]; then
  echo "ok: this image has no log collector"
  exit 0
fi

fail() {
  echo "$*" >&2
  exit 1
}

collector=$(cat /etc/phoenix/log-collector)
access=$(cat /etc/phoenix/access-log 2>/dev/null || true)

case "$collector" in
  fluentd) configuration=/etc/fluent/fluentd.conf ;;
  *) configuration=/etc/syslog-ng/conf.d/phoenix.conf ;;
esac
if [ -n "$access" ] && ! grep -qF -- "${access%/*}" "$configuration"; then
  fail "$collector collects nothing of $access: it was installed before the application had named it." \
    "Give its script in image/provision a number above 40, as image/optional/60-log-collector.sh has."
fi
systemctl is-enabled --quiet "$collector" || fail "$collector is not enabled: a server would boot without it."
case "$collector" in
  fluentd) fluentd --dry-run --config /etc/fluent/fluentd.conf >/dev/null || fail "fluentd refuses its configuration." ;;
  syslog-ng) syslog-ng --syntax-only || fail "syslog-ng refuses its configuration." ;;
esac

if [ ! -d /run/systemd/system ]; then
  echo "ok: $collector likes its configuration (it can't be started here: there is no systemd)"
  exit 0
fi
if [ -n "${LOG_TARGET:-}" ]; then
  # A configuration can be well formed and still end the collector a moment after its start.
  systemctl restart "$collector" || fail "$collector does not start."
  sleep 2
  systemctl is-active --quiet "$collector" || fail "$collector ended right after its start."
  systemctl stop "$collector"
  echo "ok: $collector starts, and sends to $LOG_TARGET (which this image was not asked to reach)"
  exit 0
fi

# What the application writes must arrive where logs are collected: lines of its file, or of the journal.
mark="inspection-$$-$(date +%s)"
log=
systemctl restart "$collector"
if [ -n "$access" ]; then
  log=$(printf '%s\n' "$access" | sed 's/[*]/inspection/')
  echo "$mark" >"$log"
  chown "$(systemctl show --property User --value "$(cat /etc/phoenix/application)"):adm" "$log"
  chmod 0640 "$log"
else
  logger "$mark"
fi
tries=60
until grep -rqs "$mark" /var/log/phoenix; do
  tries=$((tries - 1))
  [ "$tries" -gt 0 ] || fail "A line of ${log:-the journal} did not arrive in /var/log/phoenix within 60 s."
  sleep 1
done
systemctl stop "$collector"
[ -z "$log" ] || rm -f "$log"
echo "ok: $collector collects ${access:-the journal}"
