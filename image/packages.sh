#!/bin/sh
# Writes which packages are installed: a line "NAME VERSION" for each, sorted. Packer takes this list home, and every
# server has it too.
set -eu

list=${PHOENIX_PACKAGES:?the file to write}
install -d -m 0755 "$(dirname "$list")"
if command -v dpkg-query >/dev/null; then
  # A removed package is known for as long as its configuration is there.
  dpkg-query --show --showformat '${db:Status-Status} ${Package} ${Version}\n' | sed -n 's/^installed //p'
else
  # Keys of repositories are kept like packages, and are none.
  rpm --query --all --queryformat '%{NAME} %{EVR}\n' | sed '/^gpg-pubkey /d'
fi | LC_ALL=C sort -u >"$list"
[ -s "$list" ] || {
  echo "No package is installed, says this system's package manager; that can't be." >&2
  exit 1
}
chmod 0644 "$list"
echo "ok: $(wc -l <"$list") packages are listed"
