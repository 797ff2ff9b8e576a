#!/bin/sh
# A service in Java: a jar, and the distribution's runtime. Spring Boot's jar goes the same way (server.port, see
# shop.service). Put yours here as shop.jar; without it the one of Shop.java is built, and the compiler taken away again.
set -eu
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a

app=${PHOENIX_APP:?where the files of this folder are}

apt-get install default-jre-headless
useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin shop
install -d -m 0755 /opt/shop
if [ -f "$app/shop.jar" ]; then
  install -m 0644 "$app/shop.jar" /opt/shop/shop.jar
else
  apt-get install default-jdk-headless
  built=$(mktemp -d)
  javac -d "$built" "$app/Shop.java"
  jar --create --file /opt/shop/shop.jar --main-class Shop -C "$built" .
  rm -rf "$built"
  apt-mark manual default-jre-headless
  apt-get autoremove --purge default-jdk-headless
fi
install -m 0644 "$app/shop.service" /etc/systemd/system/shop.service

echo shop.service >/etc/phoenix/application
