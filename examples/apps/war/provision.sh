#!/bin/sh
# A web application in a .war, and the distribution's Tomcat. Put yours here as shop.war; without it the one of the folder
# war/ is packed.
set -eu
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a

app=${PHOENIX_APP:?where the files of this folder are}
home=/var/lib/tomcat10

apt-get install tomcat10 default-jre-headless
rm -rf "$home/webapps/ROOT"
if [ -f "$app/shop.war" ]; then
  install -m 0644 "$app/shop.war" "$home/webapps/ROOT.war"
else
  (cd "$app/war" && python3 -m zipfile -c "$home/webapps/ROOT.war" ./*)
fi
# Tomcat may read the application and its configuration, and change neither.
chown -R root:root "$home/webapps" "$home/lib"
chmod -R u=rwX,go=rX "$home/webapps" "$home/lib"
chmod -R go-w /etc/tomcat10
install -m 0640 -o root -g tomcat "$app/server.xml" /etc/tomcat10/server.xml

# Lets ${PHOENIX_PORT} in server.xml mean the variable of the environment.
echo org.apache.tomcat.util.digester.PROPERTY_SOURCE=org.apache.tomcat.util.digester.EnvironmentPropertySource \
  >>/etc/tomcat10/catalina.properties

install -D -m 0644 "$app/tomcat.conf" /etc/systemd/system/tomcat10.service.d/tomcat.conf
echo tomcat10.service >/etc/phoenix/application
echo '/var/log/tomcat10/access.*.log' >/etc/phoenix/access-log
