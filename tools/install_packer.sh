#!/bin/sh
# Installs the Packer that image/plugins.pkr.hcl pins, from HashiCorp's own package repository, whose signatures and
# checksums apt verifies. Where that can't be done it says what to type.
set -eu
unset CDPATH
cd -- "$(dirname -- "$0")/.."
version=$(sed -n 's/^ *required_version *= *"\(.*\)"$/\1/p' image/plugins.pkr.hcl)
byhand="https://releases.hashicorp.com/packer/$version/"

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
    "$byhand"
}

installed() {
  command -v packer >/dev/null && packer version | grep -qFx "Packer v$version"
}

# A bake refuses any other version.
if installed; then
  echo "$(command -v packer) is Packer v$version"
  exit 0
fi
if command -v brew >/dev/null; then
  echo "installing Packer with Homebrew, from HashiCorp's tap"
  brew install hashicorp/tap/packer || network "Packer"
  # The tap has the newest one alone.
  installed || fail "Homebrew has installed $(packer version | head -n 1), and image/plugins.pkr.hcl pins $version." \
    "Do: put Packer $version from $byhand first on PATH;" \
    "or try the newer one: change required_version in image/plugins.pkr.hcl (the next bake makes another image)"
  exit 0
fi
command -v apt-get >/dev/null || fail "Packer $version is not installed, and there is neither apt-get nor brew." \
  "Do: install it by hand: $byhand"
[ "$(id -u)" = 0 ] || fail "Packer $version is not installed; installing it with apt-get needs root." \
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
# Another version may be there already, an older or a newer one.
{ apt-get update -qq && apt-get install -y -qq --allow-downgrades "packer=$version-*"; } ||
  network "Packer $version for $codename"
hash -r
installed || fail "apt-get has installed Packer $version, and $(command -v packer) is $(packer version | head -n 1)." \
  "Do: remove that one, or put /usr/bin before it on PATH"
packer version | head -n 1
