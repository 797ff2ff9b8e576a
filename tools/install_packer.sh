#!/bin/sh
# Installs a current Packer from HashiCorp's own package repository, whose signatures and checksums apt verifies.
# Where that can't be done it says what to type.
set -eu

# https://www.hashicorp.com/trust/security ("PGP public keys", Linux package checksum verification)
key=798AEC654E5C15428C8E42EEAA16FCBCA621E701
url=https://apt.releases.hashicorp.com
root=${DESTDIR:-}
keyring=/usr/share/keyrings/hashicorp-archive-keyring.gpg

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

network() {
  fail "$1 could not be had from $url." \
    "Do: check the network and proxy (https_proxy), and run \`make pulumi\` again; or install Packer by hand:" \
    "https://developer.hashicorp.com/packer/install"
}

# Packer before 1.7 knows no plugins, and AWS itself is not baked on with it.
if command -v packer >/dev/null && packer version | grep -qE '^Packer v(1\.([7-9]|[1-9][0-9])|[2-9])'; then
  echo "$(command -v packer) is $(packer version | head -n 1)"
  exit 0
fi
if command -v brew >/dev/null; then
  echo "installing Packer with Homebrew, from HashiCorp's tap"
  brew install hashicorp/tap/packer || network "Packer"
  exit 0
fi
command -v apt-get >/dev/null || fail "Packer 1.7 or newer is not installed, and there is neither apt-get nor brew." \
  "Do: install it by hand: https://developer.hashicorp.com/packer/install"
[ "$(id -u)" = 0 ] || fail "Packer 1.7 or newer is not installed; installing it with apt-get needs root." \
  "Do: sudo sh tools/install_packer.sh"

echo "installing Packer with apt-get, from HashiCorp's repository"
export DEBIAN_FRONTEND=noninteractive
for tool in curl gpg; do
  command -v "$tool" >/dev/null || { apt-get update -qq && apt-get install -y -qq "$tool" ca-certificates; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
curl -fsSL --retry 3 -o "$work/key" "$url/gpg" || network "The key of HashiCorp's repository"
# Only the key that is named here is trusted, whatever else the answer holds.
chmod 700 "$work"
gpg --homedir "$work" --quiet --batch --import "$work/key"
gpg --homedir "$work" --quiet --batch --export "$key" >"$work/keyring"
[ -s "$work/keyring" ] || fail "$url/gpg does not hold HashiCorp's key $key; nothing was installed." \
  "Do: see https://www.hashicorp.com/trust/security whether the key was changed; or whether a proxy answers for it"
install -D -m 644 "$work/keyring" "$root$keyring"
# shellcheck source=/dev/null
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
mkdir -p "$root/etc/apt/sources.list.d"
echo "deb [arch=$(dpkg --print-architecture) signed-by=$keyring] $url $codename main" \
  >"$root/etc/apt/sources.list.d/hashicorp.list"
{ apt-get update -qq && apt-get install -y -qq packer; } || network "Packer for $codename"
packer version | head -n 1
