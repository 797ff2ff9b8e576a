#!/bin/sh
# The application: its own provision.sh installs it and says the name of its unit (docs/your-app.md); here that unit is
# given what is the same for every application: variables, secrets before the start, and isolation.
set -eu

app=${PHOENIX_APP:?where the files of image/app are}
common=${PHOENIX_COMMON:?where the files of image/common are}

fail() {
  echo "$*" >&2
  exit 1
}

[ -f "$app/provision.sh" ] || fail "The application has no provision.sh (docs/your-app.md)."

# Nobody asks what a package would start here: the inspection starts the application, once, as a server will.
policy=/usr/sbin/policy-rc.d
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 0755 "$policy"
install -d -m 0755 /etc/phoenix
sh "$app/provision.sh" || fail "The application's provision.sh failed; what it said last stands above."
rm -f "$policy"

[ -f /etc/phoenix/application ] ||
  fail "The application's provision.sh must say its unit: echo NAME.service >/etc/phoenix/application"
unit=$(cat /etc/phoenix/application)
printf '%s\n' "$unit" | tr '\n' ' ' | grep -Eqx '[A-Za-z0-9:_.@-]+\.service ' ||
  fail "/etc/phoenix/application must hold the name of one unit, as in shop.service, and holds: $unit"
systemctl daemon-reload
[ "$(systemctl show --property LoadState --value "$unit")" = loaded ] ||
  fail "The application's provision.sh installed no $unit, which /etc/phoenix/application names."

user=$(systemctl show --property User --value "$unit")
drop_in=/etc/systemd/system/$unit.d
install -D -m 0644 "$common/application.conf" "$drop_in/50-phoenix.conf"
if [ -f /etc/phoenix/exposure ]; then
  echo "$unit isolates itself: /etc/phoenix/exposure says how much it may be exposed"
else
  case $user in
    '' | root) fail "$unit must have a User= that is not root." ;;
  esac
  install -m 0644 "$common/isolation.conf" "$drop_in/60-phoenix-isolation.conf"
  # What the stack's stopCommand does is as isolated as the application.
  install -D -m 0644 "$common/isolation.conf" /etc/systemd/system/phoenix-stop.service.d/60-phoenix-isolation.conf
fi
# Secrets are for the application's user alone, and so is what is done with them at the end.
for one in phoenix-secrets phoenix-stop; do
  install -d -m 0755 "/etc/systemd/system/$one.service.d"
  printf '[Service]\nUser=%s\n' "${user:-root}" >"/etc/systemd/system/$one.service.d/user.conf"
done

systemctl daemon-reload
# What a generator of systemd's made (of a container, by Quadlet) is enabled by its own file.
[ "$(systemctl is-enabled "$unit" 2>/dev/null || true)" = generated ] || systemctl --no-reload enable "$unit"
systemctl --no-reload enable phoenix-stop.service phoenix-live.service
