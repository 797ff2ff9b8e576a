#!/bin/sh
# Proves: every archive, security's too, was read in this bake; the operating system has every update of them, and
# nothing on it would change a server by itself.
set -eu

fail() {
  echo "$*" >&2
  exit 1
}

# What apt takes for up to date is as old as its lists. These files were uploaded when the bake began; the application's
# own provision.sh may write among its.
began=${PHOENIX_COMMON:?where the files of image/common are}
lists=
eval "$(apt-config shell lists Dir::State::lists/d)"
known=$(apt-get --print-uris update)
archives=$(printf '%s\n' "$known" | sed -n "s|^'[^']*/InRelease' \\([^ ]*\\)InRelease .*|\\1|p")
[ -n "$archives" ] || fail "apt knows no archive: there is nothing in its sources."
now=$(date +%s)

field() {
  sed -n "s/^$1: //p" "$release" | head -n 1
}

security=
for archive in $archives; do
  release=$lists${archive}InRelease
  [ -f "$release" ] || release=$lists${archive}Release
  [ -f "$release" ] || fail "The archive $archive was not read: it can't be said which updates it has."
  [ -n "$(find "$release" -cnewer "$began")" ] || fail "What is known of $archive is older than this bake."
  dated=$(date -d "$(field Date)" +%s)
  ends=$(field Valid-Until)
  [ "$dated" -le $((now + 86400)) ] || fail "The archive $archive is of a day to come: is this machine's clock right?"
  [ -z "$ends" ] || [ "$(date -d "$ends" +%s)" -ge "$now" ] || fail "What $archive says was valid until $ends."
  if grep -Eqi '^(Suite|Codename|Label): .*security' "$release"; then
    # Vendors write to it every few days. A mirror that stands still for a month brings nobody's security updates.
    [ $((now - dated)) -le 2592000 ] || fail "The archive $archive has had no security update for 30 days: a dead mirror?"
    find "$lists" -name "$archive*Packages*" | grep -q . || fail "The packages of $archive were not read."
    security="$security $archive"
  fi
done
[ -n "$security" ] || fail "None of apt's archives is the one with security updates: $archives"

planned=$(apt-get --simulate full-upgrade)
pending=$(printf '%s\n' "$planned" | grep '^Inst ' || true)
[ -z "$pending" ] || fail "Updates are missing:
$pending"

installed() {
  dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed
}

if installed unattended-upgrades; then
  fail "unattended-upgrades is installed, and would change a server after its birth."
fi
# Snaps refresh themselves four times a day. Where the only way into a server is one, snapd stays, and holds them all.
if installed snapd; then
  snap list amazon-ssm-agent >/dev/null 2>&1 ||
    fail "snapd is installed, and would change a server after its birth; nothing needs it."
  snap refresh --time | grep -qx 'hold: forever' ||
    fail "snapd would refresh its snaps, and change a server after its birth: they are not held forever."
fi
echo "ok: the operating system is up to date; security updates were read from$security"
