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
tomcat=$(cat /etc/phoenix/tomcat)

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

# What Tomcat writes must arrive where logs are collected.
mark="inspection-$$-$(date +%s)"
log=/var/log/$tomcat/access.inspection.log
systemctl restart "$collector"
echo "$mark" >"$log"
chown tomcat:adm "$log"
chmod 0640 "$log"
tries=60
until grep -rqs "$mark" /var/log/phoenix; do
  tries=$((tries - 1))
  [ "$tries" -gt 0 ] || fail "A line of Tomcat's access log did not arrive in /var/log/phoenix within 60 s."
  sleep 1
done
systemctl stop "$collector"
rm -f "$log"
echo "ok: $collector collects Tomcat's access log"
