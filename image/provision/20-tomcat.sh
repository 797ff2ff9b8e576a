#!/bin/sh
# Tomcat and a Java runtime, both from the distribution, so that both are signed. Debian mends both for everybody; Ubuntu
# mends the runtime, and Tomcat (of universe) for machines with Ubuntu Pro: docs/vendors-images.md.
set -eu
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a

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

# Nobody asks this Tomcat anything: the check starts it, once, as a server will.
policy=/usr/sbin/policy-rc.d
cat >"$policy" <<'POLICY'
#!/bin/sh
case $1 in tomcat*) exit 101 ;; esac
POLICY
chmod 0755 "$policy"
apt-get install "$tomcat" default-jre-headless
rm -f "$policy"

# The later scripts ask this file for the name of the package, the unit and the folders.
install -d -m 0755 /etc/phoenix
echo "$tomcat" >/etc/phoenix/tomcat

systemctl --no-reload enable "$tomcat"
