#!/bin/sh
# Checks every shell script with shellcheck where it is installed; as root on Debian it is installed first.
set -eu
cd -- "$(dirname -- "$0")/.."
if ! command -v shellcheck >/dev/null 2>&1; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing Debian's shellcheck with apt-get"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq shellcheck
  else
    echo "shell scripts are not checked: shellcheck is not installed (do: sudo apt-get install shellcheck)"
    exit 0
  fi
fi
git ls-files -z --cached --others --exclude-standard | xargs -0 grep -slE --directories=skip '^#!/bin/(ba)?sh' | xargs shellcheck
echo "shellcheck: all scripts pass"
