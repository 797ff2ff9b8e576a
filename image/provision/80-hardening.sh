#!/bin/sh
# Hardening. A server is never repaired, so nobody logs in to one, and nothing changes it after its birth.
set -eu

# No SSH from the next boot on. Masked rather than disabled, so that nothing else starts it either; the session that
# bakes this image goes on. Should somebody unmask it, it lets in keys only, and never root.
systemctl --no-reload mask ssh.service ssh.socket
install -d -m 0755 /etc/ssh/sshd_config.d
cat >/etc/ssh/sshd_config.d/00-phoenix.conf <<'CONF'
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
AllowAgentForwarding no
AllowTcpForwarding no
X11Forwarding no
CONF
passwd -l root >/dev/null

# Updates come with the next generation, never by night on a server that serves.
systemctl --no-reload mask apt-daily.timer apt-daily-upgrade.timer apt-daily.service apt-daily-upgrade.service \
  dpkg-db-backup.timer man-db.timer motd-news.timer update-notifier-download.timer update-notifier-motd.timer

# Names come from DNS. Debian builds systemd-resolved so that it answers its neighbours too (LLMNR on port 5355 of TCP and
# UDP, mDNS on 5353); Ubuntu builds it without.
install -d -m 0755 /etc/systemd/resolved.conf.d
cat >/etc/systemd/resolved.conf.d/90-phoenix.conf <<'CONF'
[Resolve]
LLMNR=no
MulticastDNS=no
CONF
if [ -d /run/systemd/system ]; then
  systemctl try-restart systemd-resolved.service
fi

# The last of all names: what is read later wins, and distributions have files of 99-.
cat >/etc/sysctl.d/zz-phoenix.conf <<'CONF'
# Addresses and messages of the kernel are nobody's business.
kernel.kptr_restrict = 2
kernel.dmesg_restrict = 1
# Who is not root looks into no other process, and brings no program into the kernel; nobody starts another kernel.
kernel.yama.ptrace_scope = 2
kernel.unprivileged_bpf_disabled = 1
kernel.kexec_load_disabled = 1
# A core dump is a process's memory on a disk, secrets and all.
kernel.core_pattern = |/bin/false
fs.suid_dumpable = 0
# A server is no router. For each interface: some of these count there only, whatever "all" says
# (Documentation/networking/ip-sysctl.rst). IPv6 knows -1: not even routing headers of mobile hosts.
net.ipv4.conf.*.accept_redirects = 0
net.ipv4.conf.*.send_redirects = 0
net.ipv4.conf.*.accept_source_route = 0
net.ipv6.conf.*.accept_redirects = 0
net.ipv6.conf.*.accept_source_route = -1
net.ipv4.tcp_syncookies = 1
# Links and FIFOs of others in shared folders are not followed.
fs.protected_fifos = 2
fs.protected_regular = 2
CONF
if [ -d /run/systemd/system ]; then
  # For the checks: what a server's kernel makes of it.
  systemctl restart systemd-sysctl.service
fi
