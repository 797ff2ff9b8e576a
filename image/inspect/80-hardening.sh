#!/bin/sh
# Proves: nobody can log in with a password, SSH does not start on a server, and nothing listens that should not.
set -eu

fail() {
  echo "$*" >&2
  exit 1
}

for unit in ssh.service ssh.socket apt-daily-upgrade.timer; do
  [ "$(systemctl is-enabled "$unit" 2>/dev/null || true)" = masked ] || fail "$unit is not masked."
done

# A file that is read earlier could still allow it: the server's own view counts.
if command -v sshd >/dev/null; then
  mkdir -p /run/sshd
  for setting in 'passwordauthentication no' 'kbdinteractiveauthentication no' 'permitrootlogin no'; do
    sshd -T | grep -qx "$setting" || fail "sshd would not have: $setting"
  done
fi

usable=$(awk -F: '$2 ~ /^\$/ { print $1 }' /etc/shadow)
[ -z "$usable" ] || fail "These accounts have a password: $usable"

# SSH is how this script came here. Whatever else other machines could reach would be reachable on every server too.
not_loopback() {
  grep -Ev '^(127\.|\[::1\]|\[::ffff:127\.)' || true
}
listening=$(ss -Hltn)
open=$(printf '%s\n' "$listening" | awk '{ print $4 }' | not_loopback | grep -Ev ':22$' || true)
[ -z "$open" ] || fail "Something listens that should not: $open"
# The network's own clients of DHCP are none of that (68, and 546 of IPv6), nor are ports from 32768 on: whoever asks for
# a name or the time waits there for the answer.
answering=$(ss -Hlun)
open=$(printf '%s\n' "$answering" |
  awk '{ n = split($4, part, ":"); if (part[n] < 32768 && part[n] != 68 && part[n] != 546) print $4 }' | not_loopback)
[ -z "$open" ] || fail "Something answers over UDP that should not: $open"

echo "ok: no passwords, no SSH after this, no open port but the application's"
