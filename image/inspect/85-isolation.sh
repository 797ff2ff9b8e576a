#!/bin/sh
# Proves: the kernel keeps processes and the network's settings to themselves, now and at the next boot, and a service that
# is broken into is worth little.
set -eu

fail() {
  echo "$*" >&2
  exit 1
}

# What the next boot makes of all files together (a server's kernel), and what this machine's own kernel says. In a
# container the kernel is another's, all but its network.
configured=$(/usr/lib/systemd/systemd-sysctl --cat-config | sed -n 's/^ *-\{0,1\}\([a-z][^ =#]*\) *= *\(.*[^ ]\) *$/\1 \2/p')
own_kernel=yes
! systemd-detect-virt --quiet --container || own_kernel=
read_settings=0
setting() {
  printf '%s\n' "$configured" | awk -v wanted="$1" -v value="$2" '
    BEGIN { pattern = "^" wanted "$"; gsub(/[.]/, "[.]", pattern); gsub(/[*]/, "[^.]+", pattern) }
    { name = $1; if (index(name, "/") && index(name, "/") < index(name ".", ".")) gsub("/", ".", name)
      $1 = ""; sub(/^ /, ""); if (name == wanted || name ~ pattern) last[name] = $0 }
    END { if (!(wanted in last)) exit 1
      for (name in last) if (last[name] != value) exit 1 }' ||
    fail "A server's kernel would not have $1 = $2, or not for all; systemd-sysctl --cat-config says why."
  case $1 in
    net.ipv6.*) [ -d /proc/sys/net/ipv6 ] || return 0 ;;
    net.*) ;;
    *) [ -n "$own_kernel" ] || return 0 ;;
  esac
  # A name that stands for several interfaces is a pattern of files.
  for file in /proc/sys/$(printf '%s\n' "$1" | tr . /); do
    [ -r "$file" ] || fail "The kernel has no $1: there is no $file."
    [ "$(cat "$file")" = "$2" ] || fail "The kernel has $(cat "$file") in $file, and not $2."
    read_settings=$((read_settings + 1))
  done
}
setting kernel.kptr_restrict 2
setting kernel.dmesg_restrict 1
setting kernel.yama.ptrace_scope 2
setting kernel.unprivileged_bpf_disabled 1
setting kernel.kexec_load_disabled 1
setting kernel.core_pattern '|/bin/false'
setting fs.suid_dumpable 0
setting 'net.ipv4.conf.*.accept_redirects' 0
setting 'net.ipv4.conf.*.send_redirects' 0
setting 'net.ipv4.conf.*.accept_source_route' 0
setting 'net.ipv6.conf.*.accept_redirects' 0
setting 'net.ipv6.conf.*.accept_source_route' -1
setting net.ipv4.tcp_syncookies 1
setting fs.protected_fifos 2
setting fs.protected_regular 2

# systemd's own measure of what somebody gets who brings code into a service, in tenths: from 0 (little) to 100 (all).
# Debian's own unit of Tomcat is at 87, and with image/common/isolation.conf at 16 (systemd 252). An application that can't
# live in that says what it needs in /etc/phoenix/exposure.
exposed() {
  measured=$(systemd-analyze security --no-pager "$1" | sed -n 's/.*exposure level for .*: \([0-9]*\)[.]\([0-9]\).*/\1\2/p')
  [ -n "$measured" ] || fail "systemd-analyze security does not say how exposed $1 is."
  [ "$measured" -le "$2" ] ||
    fail "$1 is more exposed than it was: $measured tenths instead of $2. Why: systemd-analyze security $1"
}
if [ -d /run/systemd/system ]; then
  unit=$(cat /etc/phoenix/application)
  systemctl daemon-reload
  exposed "$unit" "$(cat /etc/phoenix/exposure 2>/dev/null || echo 20)"
  exposed phoenix-secrets.service 20
  exposed phoenix-stop.service "$(cat /etc/phoenix/exposure 2>/dev/null || echo 20)"
  for one in "$unit" phoenix-secrets.service phoenix-stop.service; do
    [ "$(systemctl show --property LimitCORE --value "$one")" = 0 ] || fail "$one would write core dumps."
  done
fi

echo "ok: the kernel has every setting ($read_settings of them read from it), and services keep to themselves"
