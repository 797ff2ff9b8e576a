#!/bin/sh
# The application: pages that Tomcat compiles by itself, so nothing has to be built. Put your own in image/app/ROOT.
set -eu

app=${PHOENIX_APP:?where the files of image/app are}
tomcat=$(cat /etc/phoenix/tomcat)

# Tomcat may read the application and its configuration, and change neither.
rm -rf "/var/lib/$tomcat/webapps/ROOT"
cp -r "$app/ROOT" "/var/lib/$tomcat/webapps/ROOT"
chown -R root:root "/var/lib/$tomcat/webapps" "/var/lib/$tomcat/lib"
chmod -R u=rwX,go=rX "/var/lib/$tomcat/webapps" "/var/lib/$tomcat/lib"
# The distribution lets Tomcat's user write applications' configurations there, each a way to code of one's own.
chmod -R go-w "/etc/$tomcat"
install -m 0640 -o root -g tomcat "$app/server.xml" "/etc/$tomcat/server.xml"

# Lets ${PHOENIX_PORT} in server.xml mean the variable of the environment.
properties=/etc/$tomcat/catalina.properties
source=org.apache.tomcat.util.digester.PROPERTY_SOURCE=org.apache.tomcat.util.digester.EnvironmentPropertySource
grep -qxF "$source" "$properties" || printf '\n%s\n' "$source" >>"$properties"

install -D -m 0644 "$app/tomcat.service.conf" "/etc/systemd/system/$tomcat.service.d/phoenix.conf"
