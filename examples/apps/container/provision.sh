#!/bin/sh
# A service in a container, by its digest: podman runs it as a unit of systemd's (Quadlet). The image is pulled here, once,
# and never when a server starts: no registry has a say in whether it does. baseImage: debian-13 or ubuntu-24.04 (podman
# 4.4 or newer).
set -eu
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a

app=${PHOENIX_APP:?where the files of this folder are}

# NAME@sha256:DIGEST, in one place: whoever changes what runs changes the fingerprint.
image=$(sed -n 's/^Image=//p' "$app/shop.container")
case $image in
  *@sha256:*) ;;
  *)
    echo "Image= in shop.container must end with @sha256:DIGEST; a tag may be another image tomorrow: $image" >&2
    exit 1
    ;;
esac

apt-get install podman crun netavark ca-certificates
if [ ! -x /usr/lib/systemd/system-generators/podman-system-generator ]; then
  echo "The podman of this distribution has no Quadlet; choose baseImage debian-13 or ubuntu-24.04." >&2
  exit 1
fi

# From its registry; or from shop.tar beside this script (podman save --format oci-archive), which must be the same image.
if [ -f "$app/shop.tar" ]; then
  podman pull "oci-archive:$app/shop.tar"
else
  podman pull "$image"
fi
podman image inspect "$image" >/dev/null

install -D -m 0644 "$app/shop.container" /etc/containers/systemd/shop.container
echo shop.service >/etc/phoenix/application
# podman needs root's rights to make the container, in which the application has none of them (shop.container).
echo 96 >/etc/phoenix/exposure
