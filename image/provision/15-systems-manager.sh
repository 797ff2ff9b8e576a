#!/bin/sh
# The agent of Systems Manager: the only way into a server, which has no SSH and no open port. Ubuntu's images bring it as
# a snap, Debian's have none: there it is AWS's own package of this region, and nothing of it runs before AWS's signature
# is checked.
set -eu
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a

install -d -m 0755 /etc/phoenix
if command -v snap >/dev/null && snap list amazon-ssm-agent >/dev/null 2>&1; then
  echo snap.amazon-ssm-agent.amazon-ssm-agent.service >/etc/phoenix/systems-manager
  exit 0
fi

# AWS's key 1C5B395CBE5E74E2F1CA21592784DBF388D19D46 of 4 June 2026, which AWS uses until 25 November 2027, as it stands in
# docs.aws.amazon.com/systems-manager/latest/userguide/verify-agent-signature.html
aws_key() {
  base64 -d <<'KEY'
mQINBGohhG8BEACxNOk7TM1ywHjW0qrSyH9npRDUjpWAyCD8L1Yu7nLnxwEBtUOk
HgQIo1scTWuwogaBZpAzg22A25AloOrhX8BGTokh71Xm3LbQT8dDQUDT7WRTl4R5
p7786TN79p4DqD3/JyzjiD/keTYyhplBWdyk5BEcqlyVj9Pf/1O6CrOJgGD1oGYK
7lRqMtmXlf86/mKveWvjJTPAF26dkDJZecnrheyEA99XlONm8zAlK6h09JThHBmW
MgDPXDSsVeEyXilPUJFhZJ2HXVG2tS9ioVM309tMX6B3W5woT7w8SA6uV2Pf0jMm
oYmMuCmQMU8/7/vOLQSJm+6Wui5dZywArqtOqXcSledRf7xhmug3Qa5maqY2Ttcn
XqTaH3WaBLtJZYqDJcsUH99AXqdQkozsCHHL2NmxRiShyLCX4VBKzH8j5kDNGeSL
uiICbj1Tufh7LDuIwdOQnX9gvB6j/SF3YVqJl4DAjCs4ODYpwm+36RZjQkbwELzX
zXnDoNgjR5tXCiNdxJLuzemQy7FcDc90fEbpDX03rN7iceavBmZbZ5Tlu53fgpzd
kflD8OwfjnYa9AXh2zweC1G0ut2QU+cZcoOq5/QPtQELNqvgpAUsQtkCECTerz8S
ugriZD4Tnd4FJUgoqX+/iwCWesyWjGkotxi7aJluLtz+znNT9SgeMCoJmQARAQAB
tCdTU00gQWdlbnQgPHNzbS1hZ2VudC1zaWduZXJAYW1hem9uLmNvbT6JAj8EEwEC
ACkFAmohhG8CGy8FCQLGmIAHCwkIBwMCAQYVCAIJCgsEFgIDAQIeAQIXgAAKCRAn
hNvziNGdRnXVD/9bP0IX6aU+qur66fTWs8RLDs//6Vx93e8lH6p4W+RxL+wW7Ajc
/REB7PPgc5ohW80/LwxHP2g8cZiSK7fp9cRbXODqiVYl4mAWQNfxfGcWpBxcEsyo
UGF6oRjiibL1BcJLFJgVZ/H4pT0xNEDJNIJpRn7ZVXm0vrVVVUh4a4WFXUkspRXm
q37eIMm76p969L5SNjY+F8Ld6hjmRiRopg4f/+lf/+e6R+fofSOVE3Ip/YpPH1DR
plwQJrMk1XFjm+JTsdtqMTIKv38j7HANmUgDGLsuQNn8048n6ve8koVZLSrv9FAi
elSNsSIurLEpkLM0QPOFviagK7zB/d/zScpGquBU9dPFOoTq/sNFhnZr+PA7MAek
r4WOP8kasS3LWGn/rqqIOw/PDm2mmUaIwm4XenOe8lJFKUGp6ssUOj4PIQKwGaL/
S2xTex25ZaNQaKXv2JUmriGycpCjIaniEHz60bBN1kSgO0m0a5Yg3X9Qw+ezt51o
Pi6H6NdE0IwNzNcbJI2UvphwR9L92Br/J9ElYbHRdgmz26SZeRNTht/+zKPxk4iD
YibpQ804cPfA0mJBODwzqL5BBfVJ0/rLtQ2ymuHaqKbKEc0KuJ6vWMoH9qlMBlv5
YiZeUw5Ls2uuaxhKTUYrCE4LuUlAtNW63+/TP+ciBg1bq5H5aBn5tSCYV4kCHAQQ
AQIABgUCaiGEcQAKCRB90Jej2tf1/PUvD/43D4uSk84EFEbvxHsXazhieLpzoMql
zYcxOWjRF9+8bYq9NQlC7gYDI3xS7y0NYfNWHdPU2FFO7Obu9XhZp2gQ+NqyyVTj
GoivF2uIhM6xsE1r9ZXXMLap4xbnPTfbLgQIyXkb1Dw0VVK40yFFOHMUs0mXJN6m
/S+FP3TDcgoDxgyRsRAB0vGKPIJABtlmR9Fg0tPEZpA4kbawiEq5uBjv5Fol/ctl
jRZ51ksszlxhZd0t9/aBpe7XBHpfIlsItPVskHV6Kpc274lj+f0BVE70/1n/++FM
sxpQNuN7mdXXzMLASifVapPQGLBeHuxriHsgh+V6Arpswojy1uPgp6J8B/gQQ/B2
mebiGJrM/LwNPWj79QPPgzUFz6LqYnyhtJCWURWJjzHRSXsPWKgd98AXjkeSgUz9
8NV5p9Td1uZ0iYQ7Qlo58Ih6jfPFULnftiQuRnp/5ErhojV/zxKzjZNmB6YZ508M
nYrz5/++8LBc6uAf/Oq907CdfEkAYid8j2dFttksJbhlYVTnuo9vd4BdOovnB88V
dvyFJcFzlWsys2vrH6CGmngYKStQHEA588/d1w1E7Z4A8XJJiBKkBMZSOrWDmUjG
vihLPXNOsrpdCZTI9jlznp6OrRVP3P9fp3fXj1nJeIdMr30akz19Lze6T9jsDDWa
M98H0Sl+MxUsAg==
KEY
}

region=${PHOENIX_REGION:?the region whose bucket the agent comes from}
case $region in
  cn-*) domain=amazonaws.com.cn ;;
  *) domain=amazonaws.com ;;
esac
url=https://s3.$region.$domain/amazon-ssm-$region/latest/debian_$(dpkg --print-architecture)/amazon-ssm-agent.deb

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 0755 "$work"
package=$work/amazon-ssm-agent.deb
fetch() {
  curl --fail --silent --show-error --location --retry 5 --connect-timeout 30 --max-time 600 --output "$1" "$2" || {
    echo "The agent of Systems Manager could not be fetched from $2" >&2
    echo "The subnet of the build needs a way to S3; or remove this script, and nobody gets into a server." >&2
    exit 1
  }
}
fetch "$package" "$url"
fetch "$package.sig" "$url.sig"

apt-get install gpgv
aws_key >"$work/aws.gpg"
if ! gpgv --keyring "$work/aws.gpg" "$package.sig" "$package" >"$work/said" 2>&1; then
  cat "$work/said" >&2
  echo "The signature of $url is not AWS's; nothing was installed from it." >&2
  echo "Has AWS a new key (the page is named in this script)? Then put it here. If not, this may be an attack." >&2
  exit 1
fi

# It starts with a server. On this machine it would only write down which machine it is.
if [ -d /run/systemd/system ]; then
  systemctl --runtime mask amazon-ssm-agent.service
fi
apt-get install "$package"
if [ -d /run/systemd/system ]; then
  systemctl --runtime unmask amazon-ssm-agent.service
fi
systemctl --no-reload enable amazon-ssm-agent.service
echo amazon-ssm-agent.service >/etc/phoenix/systems-manager
