#!/bin/sh
# Writes which packages are installed: a line "NAME VERSION ARCHITECTURE" for each, sorted, below a line "# deb ID VERSION"
# (or rpm) that says what system this is (os-release(5)). Packer takes this list home, and every server has it too.
set -eu

list=${PHOENIX_PACKAGES:?the file to write}
install -d -m 0755 "$(dirname "$list")"
none() {
  echo "No package is installed, says this system's package manager; that can't be." >&2
  exit 1
}

if command -v dpkg-query >/dev/null; then
  kind=deb
  known=$(dpkg-query --show --showformat '${db:Status-Status} ${Package} ${Version} ${Architecture}\n') || none
  # A removed package is known for as long as its configuration is there.
  installed=$(printf '%s\n' "$known" | sed -n 's/^installed //p')
else
  kind=rpm
  known=$(rpm --query --all --queryformat '%{NAME} %{EVR} %{ARCH}\n') || none
  # Keys of repositories are kept like packages, and are none.
  installed=$(printf '%s\n' "$known" | sed '/^gpg-pubkey /d')
fi
[ -n "$installed" ] || none
# Neither is there in an unstable system, or is a must.
# shellcheck source=/dev/null # the system's own
system=$(if [ -r /etc/os-release ]; then . /etc/os-release; fi; printf '%s' "${ID:-linux}${VERSION_ID:+ $VERSION_ID}")
{
  echo "# $kind $system"
  printf '%s\n' "$installed" | LC_ALL=C sort -u
} >"$list"
chmod 0644 "$list"
echo "ok: $(($(wc -l <"$list") - 1)) packages are listed"
