#!/bin/sh
# Proves: Tomcat starts by itself at boot, and what it answers is what verify and the load balancer will ask for:
# on the port, and with the generation and color, that user data will put into server.env. And that whoever brings code
# into it can change neither it nor its configuration.
set -eu

tomcat=$(cat /etc/phoenix/tomcat)
port=18080
generation=0123456789ab
work=$(mktemp -d)

fail() {
  echo "$*" >&2
  exit 1
}

systemctl is-enabled --quiet "$tomcat" || fail "$tomcat is not enabled: a server would boot without it."

# As user data would have it. Whatever happens, neither this file nor a Tomcat that read it stays.
server_env=/etc/phoenix/server.env
by_hand=
stop() {
  if [ -n "$by_hand" ]; then
    kill "$by_hand" 2>/dev/null || true
    wait "$by_hand" || true
  else
    systemctl stop "$tomcat"
  fi
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

if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl restart "$tomcat"
else
  # In a chroot there is no systemd; this is what its unit does.
  set -a
  # shellcheck source=/dev/null
  . "$server_env"
  set +a
  env CATALINA_HOME="/usr/share/$tomcat" CATALINA_BASE="/var/lib/$tomcat" \
    setpriv --reuid tomcat --regid tomcat --init-groups sh "/usr/libexec/$tomcat/tomcat-start.sh" >"$work/log" 2>&1 &
  by_hand=$!
fi

tries=300
until curl --silent --output /dev/null --max-time 60 "http://127.0.0.1:$port/health"; do
  tries=$((tries - 1))
  [ "$tries" -gt 0 ] || fail "Tomcat does not answer on port $port after 60 s."
  sleep 0.2
done

for page in /health /; do
  curl --silent --show-error --fail --max-time 20 --dump-header "$work/headers" --output "$work/page" \
    "http://127.0.0.1:$port$page" || fail "$page is not answered with 200: $(cat "$work/headers")"
  tr -d '\r' <"$work/headers" >"$work/plain"
  grep -qix "x-phoenix-generation: $generation" "$work/plain" || fail "$page does not say its generation."
  grep -qix 'x-phoenix-color: green' "$work/plain" || fail "$page does not say its color."
done
curl --silent --fail "http://127.0.0.1:$port/health" | grep -qx ok || fail "/health does not say ok."

answer=$(curl --silent --output "$work/page" --write-out '%{http_code}' "http://127.0.0.1:$port/nothing-here")
[ "$answer" = 404 ] || fail "A page that does not exist is answered with $answer."
! grep -qi tomcat "$work/page" || fail "Error pages tell which server this is."

# All that Tomcat's user could change, as its unit lets it; where there is no systemd, in Tomcat's own folders.
look=$(printf '%s ' "/etc/$tomcat" "/var/lib/$tomcat" "/usr/share/$tomcat" "/var/log/$tomcat")
inside=
if [ -z "$by_hand" ]; then
  look=/
  inside="nsenter --mount --target $(systemctl show --property MainPID --value "$tomcat")"
fi
# shellcheck disable=SC2086 # a command with its arguments or none, and folders
$inside setpriv --reuid tomcat --regid tomcat --init-groups find $look \
  \( -path /proc -o -path /sys -o -path /dev \) -prune -o \( -type d -o -type f \) -writable -print \
  >"$work/writable" 2>/dev/null || true
grep -qx "/var/log/$tomcat" "$work/writable" || fail "Tomcat could not write its logs: $(cat "$work/writable")"
more=$(grep -Ev "^(/var/log/$tomcat|/var/cache/$tomcat|/tmp|/var/tmp)(/|\$)" "$work/writable" || true)
[ -z "$more" ] || fail "Tomcat could change more than its logs and what it compiles: $more"
python3 -I - "/etc/$tomcat/server.xml" <<'CHECK' || fail "Tomcat would take up applications or configuration by itself."
import sys
from xml.etree import ElementTree

hosts = list(ElementTree.parse(sys.argv[1]).iter("Host"))
sys.exit(not hosts or any(host.get(name) != "false" for host in hosts for name in ("autoDeploy", "deployXML")))
CHECK

echo "ok: $tomcat answers on port $port with its generation and color"
