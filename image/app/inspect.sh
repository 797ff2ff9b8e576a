#!/bin/sh
# Proves of the sample application what the contract of an image does not ask for: which color answers, what errors tell,
# and that whoever brings code into Tomcat can change neither its applications nor its configuration.
set -eu

fail() {
  echo "$*" >&2
  exit 1
}

unit=$(cat /etc/phoenix/application)
tomcat=${unit%.service}
url=http://127.0.0.1:${PHOENIX_PORT:?where the application listens}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for page in /health /; do
  curl --silent --show-error --fail --max-time 20 --dump-header "$work/headers" --output "$work/page" "$url$page" ||
    fail "$page is not answered with 200: $(cat "$work/headers")"
  tr -d '\r' <"$work/headers" >"$work/plain"
  grep -qix "x-phoenix-generation: $PHOENIX_GENERATION" "$work/plain" || fail "$page does not say its generation."
  grep -qix "x-phoenix-color: $PHOENIX_COLOR" "$work/plain" || fail "$page does not say its color."
done
curl --silent --fail "$url/health" | grep -qx ok || fail "/health does not say ok."

answer=$(curl --silent --output "$work/page" --write-out '%{http_code}' "$url/nothing-here")
[ "$answer" = 404 ] || fail "A page that does not exist is answered with $answer."
! grep -qi tomcat "$work/page" || fail "Error pages tell which server this is."

# All that Tomcat's user could change, as its unit lets it.
nsenter --mount --target "$(systemctl show --property MainPID --value "$unit")" \
  setpriv --reuid tomcat --regid tomcat --init-groups find / \
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
echo "ok: the sample application answers with its color, and can't change itself"
