#!/bin/sh
# Writes the locks (*.lock.txt: every package with its hashes, for all platforms) from what requirements*.txt ask for:
#   sh tools/lock.sh [--upgrade | --upgrade-package NAME ...]
# Versions that a lock already has are kept without a flag. One set of versions: what is tested is what runs.
set -eu
cd -- "$(dirname -- "$0")/.."

# compile NAME FILE...: NAME.lock.txt from what the files ask for, less the lines that lead to a lock.
compile() {
  name=$1
  shift
  # shellcheck disable=SC2086 # flags have no blanks
  grep -hv '^-' "$@" | .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-strip-extras --custom-compile-command "make lock" --no-annotate $flags --output-file "$name.lock.txt" -
}

flags=$*
compile requirements-dev requirements-dev.txt requirements.txt deployments/requirements.txt
flags="$* --constraints requirements-dev.lock.txt"
for name in requirements requirements-docs deployments/requirements; do
  compile "$name" "$name.txt"
done
echo "locked: requirements, requirements-dev, requirements-docs, deployments/requirements"
