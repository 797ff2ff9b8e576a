#!/bin/sh
# What reads the secrets that the environment names when a server starts, for which the application's unit waits; what runs
# the stack's stopCommand when a server is to end; and what says when its generation may work (phoenix-live.target).
set -eu
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a

common=${PHOENIX_COMMON:?where the files of image/common are}

# What boto3 and AWS's command line are made of. They would add more, for the few calls that it has as well; Ubuntu 24.04 has
# no awscli.
apt-get install python3-botocore

install -d -m 0755 /usr/local/lib/phoenix
for program in server_aws resolve_secrets run_stop_command live_lease; do
  install -m 0644 "$common/$program.py" "/usr/local/lib/phoenix/$program.py"
done
install -m 0644 "$common/phoenix-secrets.service" "$common/phoenix-stop.service" "$common/phoenix-live.service" \
  "$common/phoenix-live.target" /etc/systemd/system/
