#!/bin/sh
# Collects the logs of the application and of the system: the journal, and the files that the application names in
# /etc/phoenix/access-log (FOLDER/NAMES, with a * in the names). To add it to the image:
#
#   cp image/optional/60-log-collector.sh image/provision/
#   pulumi config set --path packerVariables.log_collector syslog-ng       (and packerVariables.log_target)
#
# LOG_COLLECTOR  fluentd (from its own package repository) or syslog-ng (from the distribution)
# LOG_TARGET     tls://HOST:PORT: fluentd's forward protocol, or syslog (RFC 5425), both over TLS: nobody on the way reads
#                or changes a line, and nothing is sent to whoever can't prove to be HOST with a certificate of an
#                authority that this system trusts (a script before this one may add one: /usr/local/share/ca-certificates
#                and update-ca-certificates). HOST:PORT: the same in clear text. Empty: files in /var/log/phoenix, kept
#                for 7 days
set -eu
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a

collector=${LOG_COLLECTOR:-fluentd}
target=${LOG_TARGET:-}
access=$(cat /etc/phoenix/access-log 2>/dev/null || true)
# shellcheck source=/dev/null
. /etc/os-release

if [ -n "$target" ] && ! printf '%s' "$target" | tr '\n' ' ' | grep -Eqx '(tls://)?[A-Za-z0-9._:-]+:[0-9]+'; then
  echo "LOG_TARGET '$target' is neither empty nor tls://HOST:PORT nor HOST:PORT." >&2
  exit 1
fi
tls=
case "$target" in
  tls://*) tls=yes target=${target#tls://} ;;
esac
host=${target%:*}
port=${target##*:}

fluentd() {
  # The repository's key is taken from the network, so it is compared with the fingerprint that the project publishes.
  apt-get install gnupg
  fingerprint=B40948B6A3B80E90F40E841F977D7A0943FA320E
  keyring=/usr/share/keyrings/fluent-package.asc
  curl --fail --silent --show-error --location --retry 5 -o "$keyring" https://fluentd.cdn.cncf.io/GPG-KEY-fluent-package
  found=$(gpg --show-keys --with-colons "$keyring" | awk -F: '
    $1 == "pub" { primary = 1 }
    $1 == "fpr" && primary { print $10; primary = 0 }')
  if [ "$found" != "$fingerprint" ]; then
    rm -f "$keyring"
    echo "fluentd's repository shows the key $found instead of $fingerprint; nothing is installed from it." >&2
    exit 1
  fi
  cat >/etc/apt/sources.list.d/fluent.sources <<SOURCES
Types: deb
URIs: https://fluentd.cdn.cncf.io/lts/6/$ID/$VERSION_CODENAME/
Suites: $VERSION_CODENAME
Components: contrib
Signed-By: $keyring
SOURCES
  apt-get update
  apt-get install fluent-package
  # It reads files of logs by the group adm, and the journal by systemd-journal.
  usermod -aG adm,systemd-journal _fluentd
  install -d -m 0750 -o _fluentd -g adm /var/log/phoenix
  install -d -m 0750 -o _fluentd -g _fluentd /var/lib/phoenix
  fluentd_configuration >/etc/fluent/fluentd.conf
  systemctl --no-reload enable fluentd
}

fluentd_configuration() {
  cat <<CONF
# Written by image/provision/60-log-collector.sh. Nothing here listens.
CONF
  if [ -n "$access" ]; then
    cat <<CONF
<source>
  @type tail
  tag application.access
  path $access
  pos_file /var/lib/phoenix/access.pos
  read_from_head true
  # How soon a new file is seen, of a new day for example.
  refresh_interval 5s
  <parse>
    @type none
  </parse>
</source>
CONF
  fi
  cat <<CONF
<source>
  @type systemd
  tag journal
  read_from_head true
  <storage>
    @type local
    path /var/lib/phoenix/journal.json
  </storage>
  <entry>
    fields_strip_underscores true
    fields_lowercase true
  </entry>
</source>
<filter **>
  @type record_transformer
  <record>
    host "#{Socket.gethostname}"
  </record>
</filter>
# What fluentd says of itself stays in its own log: that a target is not reached would be sent to the target.
<label @FLUENT_LOG>
  <match **>
    @type null
  </match>
</label>
CONF
  if [ -n "$target" ]; then
    transport=tcp
    [ -z "$tls" ] || transport='tls
  tls_ca_cert_path /etc/ssl/certs/ca-certificates.crt'
    cat <<CONF
<match **>
  @type forward
  transport $transport
  # A name that can't be resolved yet, or not where the image is baked, must not keep it from starting.
  ignore_network_errors_at_startup true
  <server>
    host $host
    port $port
  </server>
  <buffer>
    @type file
    path /var/lib/phoenix/buffer
    total_limit_size 512m
    overflow_action drop_oldest_chunk
    flush_interval 5s
  </buffer>
</match>
CONF
  else
    cat <<CONF
<match **>
  @type file
  path /var/log/phoenix/\${tag}
  append true
  <buffer tag, time>
    path /var/lib/phoenix/buffer
    timekey 1d
    timekey_wait 1m
    flush_mode interval
    flush_interval 5s
  </buffer>
</match>
CONF
  fi
}

syslog_ng() {
  apt-get install syslog-ng-core
  install -d -m 0750 -o root -g adm /var/log/phoenix
  syslog_ng_configuration >/etc/syslog-ng/conf.d/phoenix.conf
  syslog-ng --syntax-only
  systemctl --no-reload enable syslog-ng
}

syslog_ng_configuration() {
  if [ -n "$target" ]; then
    # One for both: two with one address would share the name of a disk buffer, and syslog-ng does not start.
    transport='transport("tcp")'
    if [ -n "$tls" ]; then
      transport='transport("tls") tls(peer-verify(required-trusted) ca-dir("/etc/ssl/certs"))'
    fi
    destinations="destination d_remote {
  syslog(\"$host\" $transport port($port) disk-buffer(disk-buf-size(536870912) reliable(no)));
};"
    requests=d_remote
    journal=d_remote
  else
    day="\${YEAR}\${MONTH}\${DAY}"
    destinations="destination d_access { file(\"/var/log/phoenix/application.access.$day.log\" group(\"adm\") perm(0640)); };
destination d_journal { file(\"/var/log/phoenix/journal.$day.log\" group(\"adm\") perm(0640)); };"
    requests=d_access
    journal=d_journal
  fi
  cat <<CONF
# Written by image/provision/60-log-collector.sh. Nothing here listens.
$destinations
CONF
  if [ -n "$access" ]; then
    cat <<CONF
source s_access {
  wildcard-file(base-dir("${access%/*}") filename-pattern("${access##*/}") flags(no-parse)
    program-override("application.access"));
};
log { source(s_access); destination($requests); };
CONF
  fi
  cat <<CONF
# s_src is the journal, in the distribution's own configuration.
log { source(s_src); destination($journal); };
CONF
}

case "$collector" in
  fluentd) fluentd ;;
  syslog-ng) syslog_ng ;;
  *)
    echo "LOG_COLLECTOR is '$collector'; it can be fluentd or syslog-ng." >&2
    exit 1
    ;;
esac

# Files that are collected on the server itself must not fill its disk.
echo 'e /var/log/phoenix - - - 7d' >/etc/tmpfiles.d/phoenix.conf
echo "$collector" >/etc/phoenix/log-collector
