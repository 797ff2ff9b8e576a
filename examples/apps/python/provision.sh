#!/bin/sh
# A service in Python: gunicorn of the distribution, and the application in app.py.
set -eu
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a

app=${PHOENIX_APP:?where the files of this folder are}

# More libraries: the distribution's (python3-flask), which are mended with it; or python3-venv, and with the system's
# packages: python3 -m venv /opt/shop/venv && /opt/shop/venv/bin/pip install --require-hashes -r "$app/requirements.txt".
apt-get install python3 gunicorn

useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin shop
install -D -m 0644 "$app/app.py" /opt/shop/app.py
install -m 0644 "$app/shop.service" /etc/systemd/system/shop.service

echo shop.service >/etc/phoenix/application
