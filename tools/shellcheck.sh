#!/bin/sh
# Checks every shell script with shellcheck, where it is installed (`make test` installs it, as root on Debian).
set -eu
cd -- "$(dirname -- "$0")/.."
if ! command -v shellcheck >/dev/null 2>&1; then
  echo "shell scripts are not checked: shellcheck is not installed (do: sudo apt-get install shellcheck)"
  exit 0
fi
git ls-files -z --cached --others --exclude-standard | xargs -0 grep -slE --directories=skip '^#!/bin/(ba)?sh' | xargs shellcheck
echo "shellcheck: all scripts pass"
