#!/bin/sh
# A service in Node.js: the runtime of the distribution, and the application in server.js.
set -eu
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a

app=${PHOENIX_APP:?where the files of this folder are}

# With libraries: apt-get install npm, put package.json and package-lock.json here, and run npm ci --omit=dev in /opt/shop.
apt-get install nodejs

useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin shop
install -D -m 0644 "$app/server.js" /opt/shop/server.js
install -m 0644 "$app/shop.service" /etc/systemd/system/shop.service

echo shop.service >/etc/phoenix/application
