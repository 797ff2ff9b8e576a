#!/bin/sh
# Proves the contract of an image (docs/your-app.md), whatever the application is: its unit starts at boot, listens on the
# port that user data puts into server.env, answers the health path with 200 as verify and the load balancer will ask for
# it, tells no other generation than its own, and can change nothing but what its unit names. Then the application's own
# inspect.sh, if it has one, looks at it while it runs.
set -eu

unit=$(cat /etc/phoenix/application)
app=${PHOENIX_APP:?where the files of image/app are}
health=${PHOENIX_HEALTH_PATH:-/health}
port=18080
generation=0123456789ab
limit=60
work=$(mktemp -d)

fail() {
  echo "$*" >&2
  exit 1
}
# What the application itself said is the reason more often than what was asked of it.
fail_with_log() {
  journalctl --unit "$unit" --boot --no-pager --lines 30 --output cat >&2 || true
  fail "$*"
}

case $(systemctl is-enabled "$unit" 2>/dev/null || true) in
  enabled | generated) ;;
  *) fail "$unit is not enabled: a server would boot without it." ;;
esac

# As user data would have it. Whatever happens, neither this file nor an application that read it stays.
server_env=/etc/phoenix/server.env
stop() {
  systemctl stop "$unit"
  rm -rf "$server_env" "$work"
}
trap stop EXIT
cat >"$server_env" <<ENV
PHOENIX_SERVICE=inspection
PHOENIX_STACK=inspection
PHOENIX_COLOR=green
PHOENIX_GENERATION=$generation
PHOENIX_PORT=$port
ENV

systemctl daemon-reload
systemctl restart "$unit" || fail_with_log "$unit does not start."

ends=$(($(date +%s) + limit))
until answer=$(curl --silent --output /dev/null --max-time 5 --dump-header "$work/headers" --write-out '%{http_code}' \
  "http://127.0.0.1:$port$health") && [ "$answer" = 200 ]; do
  [ "$(date +%s)" -lt "$ends" ] || fail_with_log "$unit does not answer $health on port $port (PHOENIX_PORT) with 200 \
within $limit s, but with $answer (000: not at all). Another path: pulumi config set --path packerVariables.health_path PATH"
  sleep 0.2
done

tr -d '\r' <"$work/headers" | tr '[:upper:]' '[:lower:]' >"$work/plain"
said=$(sed -n 's/^x-phoenix-generation: *//p' "$work/plain")
if [ -z "$said" ]; then
  told="without its generation, which is then not checked"
else
  [ "$said" = "$generation" ] ||
    fail "$health says X-Phoenix-Generation: $said, and PHOENIX_GENERATION is $generation: verify would refuse it."
  told="with its generation"
fi

# All that its user could change of a server, as its unit lets it.
user=$(systemctl show --property User --value "$unit")
if [ -n "$user" ] && [ "$user" != root ]; then
  nsenter --mount --target "$(systemctl show --property MainPID --value "$unit")" \
    setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups find / \
    \( -path /proc -o -path /sys -o -path /dev \) -prune -o \( -type d -o -type f \) -writable -print \
    >"$work/writable" 2>/dev/null || true
  more=$(grep -Ev '^(/run|/tmp|/var/tmp|/var/(cache|lib|log)/[^/]+)(/|$)' "$work/writable" || true)
  [ -z "$more" ] || fail "The user of $unit could change more than logs, caches and data of its own: $more"
fi

if [ -f "$app/inspect.sh" ]; then
  PHOENIX_PORT=$port PHOENIX_GENERATION=$generation PHOENIX_COLOR=green sh "$app/inspect.sh" ||
    fail "The application's inspect.sh failed; what it said stands above."
fi

echo "ok: $unit answers $health on port $port, $told"
