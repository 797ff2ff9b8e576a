#!/bin/sh
# Makes the virtual environment .venv with everything that tests and rehearsal need. Run by make; safe to run again.
# With NO_INSTALL=1 it installs nothing outside of .venv.
set -eu
cd -- "$(dirname -- "$0")/.."

python=
for candidate in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11; do
  if command -v "$candidate" >/dev/null 2>&1 &&
    "$candidate" -c 'import ssl, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  echo "Phoenix needs Python 3.11 or newer with the module ssl, and there is none on PATH (python3 is: $(python3 --version 2>&1 || true))." >&2
  echo "Do: install one, or say where it is: make PYTHON=/path/to/python3.12 ..." >&2
  exit 1
fi

# Debian's Python comes without the module that puts pip into a virtual environment.
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
  if [ -z "${NO_INSTALL:-}" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "$python has no ensurepip: installing Debian's $package with apt-get (NO_INSTALL=1 installs nothing)"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$package"
  else
    echo "$python can't make virtual environments: its module ensurepip is missing." >&2
    echo "Do: sudo apt-get install $package   (or your system's package of that kind)" >&2
    exit 1
  fi
fi

echo "making .venv with $("$python" --version) (about 700 MB of libraries, once)"
"$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
touch .venv/.ready
