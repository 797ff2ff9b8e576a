#!/bin/sh
# The sample application: pages that Tomcat compiles by itself, so nothing has to be built. Tomcat and a Java runtime are
# the distribution's, so that both are signed. Debian mends both for everybody; Ubuntu mends the runtime, and Tomcat (of
# universe) for machines with Ubuntu Pro: docs/vendors-images.md.
set -eu
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a

app=${PHOENIX_APP:?where the files of this folder are}

# Tomcat 10 where the distribution has it; Ubuntu 22.04 has Tomcat 9 only. The application runs on both.
tomcat=
for candidate in tomcat10 tomcat9; do
  if apt-cache show "$candidate" >/dev/null 2>&1; then
    tomcat=$candidate
    break
  fi
done
if [ -z "$tomcat" ]; then
  echo "This distribution has neither tomcat10 nor tomcat9; choose another baseImage." >&2
  exit 1
fi
apt-get install "$tomcat" default-jre-headless

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

install -D -m 0644 "$app/tomcat.conf" "/etc/systemd/system/$tomcat.service.d/tomcat.conf"

echo "$tomcat.service" >/etc/phoenix/application
echo "/var/log/$tomcat/access.*.log" >/etc/phoenix/access-log
