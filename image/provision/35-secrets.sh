#!/bin/sh
# What reads the secrets that the environment names when a server starts; the application's unit waits for it.
set -eu
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a

common=${PHOENIX_COMMON:?where the files of image/common are}

# What boto3 and AWS's command line are made of. They would add more, for two calls that it has as well; Ubuntu 24.04 has
# no awscli.
apt-get install python3-botocore

install -D -m 0644 "$common/resolve_secrets.py" /usr/local/lib/phoenix/resolve_secrets.py
install -m 0644 "$common/phoenix-secrets.service" /etc/systemd/system/phoenix-secrets.service
