#!/bin/sh
# What `make test` needs of this machine beyond .venv: shellcheck, and a browser for the rehearsal's page. As root on
# Debian they are installed, after saying so; with NO_INSTALL=1, or where they can't be, it says what is left out.
set -eu

lacking=
command -v shellcheck >/dev/null 2>&1 || lacking=" shellcheck"
browser=
for name in chromium chromium-browser google-chrome; do
  if command -v "$name" >/dev/null 2>&1; then
    browser=$name
  fi
done
[ -n "$browser" ] || lacking="$lacking chromium fonts-dejavu-core"
[ -n "$lacking" ] || exit 0

left_out() {
  echo "not installed, $1:$lacking; what needs them is left out (do: sudo apt-get install$lacking)"
  exit 0
}

[ -z "${NO_INSTALL:-}" ] || left_out "since NO_INSTALL is set"
[ "$(id -u)" = 0 ] || left_out "since only root can"
command -v apt-get >/dev/null 2>&1 || left_out "since there is no apt-get"
echo "installing with apt-get (NO_INSTALL=1 installs nothing; a browser is about 400 MB):$lacking"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # names of packages, one word each
{ apt-get update -qq && apt-get install -y -qq --no-install-recommends $lacking; } || left_out "since apt-get failed"
