#!/bin/sh
# Writes which packages are installed: a line "NAME VERSION" for each, sorted. Packer takes this list home, and every
# server has it too.
set -eu

list=${PHOENIX_PACKAGES:?the file to write}
install -d -m 0755 "$(dirname "$list")"
none() {
  echo "No package is installed, says this system's package manager; that can't be." >&2
  exit 1
}

if command -v dpkg-query >/dev/null; then
  known=$(dpkg-query --show --showformat '${db:Status-Status} ${Package} ${Version}\n') || none
  # A removed package is known for as long as its configuration is there.
  installed=$(printf '%s\n' "$known" | sed -n 's/^installed //p')
else
  known=$(rpm --query --all --queryformat '%{NAME} %{EVR}\n') || none
  # Keys of repositories are kept like packages, and are none.
  installed=$(printf '%s\n' "$known" | sed '/^gpg-pubkey /d')
fi
[ -n "$installed" ] || none
printf '%s\n' "$installed" | LC_ALL=C sort -u >"$list"
chmod 0644 "$list"
echo "ok: $(wc -l <"$list") packages are listed"
