#!/bin/sh
# A service in a container: podman runs it as a unit of systemd's (Quadlet), from the image that shop.container names by its
# digest. It is pulled here, once; a server that starts asks no registry for anything. baseImage: debian-13 or ubuntu-24.04.
set -eu
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a

app=${PHOENIX_APP:?where the files of this folder are}

image=$(sed -n 's/^Image=//p' "$app/shop.container")
printf '%s\n' "$image" | grep -Eqx '[^@]+@sha256:[0-9a-f]{64}' || {
  echo "Image= in shop.container must end with @sha256: and 64 hex digits (a tag may be another image tomorrow): $image" >&2
  exit 1
}

apt-get install podman crun ca-certificates
[ -x /usr/lib/systemd/system-generators/podman-system-generator ] || {
  echo "This podman is older than 4.4 and has no Quadlet: pulumi config set baseImage debian-13, or ubuntu-24.04" >&2
  exit 1
}

# A registry of AWS's lets in who may pull from it: the role of the build instance (docs/your-app.md#a-container).
registry=${image%%/*} login=/root/.config/containers/auth.json
case $registry in
  *.dkr.ecr.*.amazonaws.com | *.dkr.ecr.*.amazonaws.com.cn)
    apt-get install amazon-ecr-credential-helper
    install -d -m 0700 "${login%/*}"
    printf '{"credHelpers": {"%s": "ecr-login"}}\n' "$registry" >"$login"
    AWS_ECR_DISABLE_CACHE=true podman pull --authfile "$login" "$image"
    apt-get purge amazon-ecr-credential-helper
    rm -rf "$login" /root/.ecr
    ;;
  *) podman pull "$image" ;;
esac

install -D -m 0644 "$app/shop.container" /etc/containers/systemd/shop.container
echo shop.service >/etc/phoenix/application
# podman needs root's rights to make the container; the application in it has none of them (shop.container).
echo 100 >/etc/phoenix/exposure
