#!/bin/sh
# Static files by nginx: what lies in site/ is what is served.
set -eu
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a

app=${PHOENIX_APP:?where the files of this folder are}

apt-get install nginx-light
# The distribution's own unit serves another site, and begins as root.
systemctl --no-reload mask nginx.service

useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin site
install -d -m 0755 /opt/site
cp -r "$app/site/." /opt/site/
install -D -m 0644 "$app/nginx.conf" /etc/site/nginx.conf
install -m 0644 "$app/site.service" /etc/systemd/system/site.service

echo site.service >/etc/phoenix/application
