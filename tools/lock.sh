#!/bin/sh
# Writes the locks (requirements*.txt: every package with its hashes, for all platforms) from what the .in files ask for:
#   sh tools/lock.sh [--upgrade | --upgrade-package NAME ...]
# Versions that a lock already has are kept without a flag. One set of versions: what is tested is what runs.
set -eu
cd -- "$(dirname -- "$0")/.."

compile() {
  .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --custom-compile-command "make lock" --no-annotate "$@"
}

compile "$@" --output-file requirements-dev.txt requirements-dev.in
for folder in . deployments; do
  compile --constraints requirements-dev.txt --output-file "$folder/requirements.txt" "$folder/requirements.in"
done
echo "locked: requirements.txt, requirements-dev.txt, deployments/requirements.txt"
