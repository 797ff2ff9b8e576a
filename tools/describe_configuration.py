"""Writes docs/configuration.md: every key of the configuration, from Pulumi.yaml and the rules that check it.

`PYTHONPATH=. python tools/describe_configuration.py`; a test holds the page against both.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # it comes with pulumi

from plan.config.settings import Settings, camel

PROJECT = Path(__file__).resolve().parents[1]
PAGE = PROJECT / "docs" / "configuration.md"
# The first key of each part of Pulumi.yaml, and what the part is about.
PARTS = {
    "active": "The flag, and how much production follows it",
    "service": "The image",
    "instanceType": "A server",
    "minSize": "How many servers",
    "vpcId": "The network",
    "certificateArn": "The load balancer",
    "previewToken": "Pre-production and the gates",
    "alarms": "What stops a rollout",
    "drainSeconds": "The end of a group, the plan, and what is permanent",
}
# What a change does to a stack that users are on, of the keys of what outlives every group.
LIVE = {
    "vpcId": "refused, in every direction: [another network](runbook.md#another-network) is another stack",
    "albSubnetIds": "in place; a zone where servers have production must stay",
    "serverSubnetIds": "makes a server, so a flip: the next generation runs there",
    "allowedEgress": "makes a server, so a flip: the next generation goes there",
    "volumeKmsKey": "makes a server, so a flip: the next generation's disks have it",
    "vpcCidr": "refused: [another network](runbook.md#another-network) is another stack",
    "certificateArn": "another one: in place; the first: HTTPS opens beside port 80, which serves on until it redirects"
    " there; none: port 80 serves again before HTTPS closes; never on one and the same port",
    "hostedZoneId": "its record is made last, and deleted; with `protect` the latter is refused. The first certificate:"
    " HTTPS opens beside port 80, as above; for another `hostname`: in place, before the old name's record goes",
    "tlsPolicy": "in place",
    "logDays": "in place; `0` deletes the bucket with all that is in it, and is refused until an update has made"
    " `protect` `false`",
    "hstsSeconds": "in place; 0 has browsers forget it where it was set, since no update can take the header away",
    "webAclArn": "in place",
    "internal": "refused: [that](runbook.md#another-network) is another stack",
    "ipAddressType": "in place",
    "idleTimeoutSeconds": "in place",
    "hostname": "at once: what probes ask for, and on an adopted listener whose requests are this service's",
    "listenerPort": "the new port serves before the old one closes; then whoever still asks at the old one is refused",
    "allowedCidrs": "in place: new ones are let in first, those that are left out last of all",
    "listenerArn": "refused: production can't move to another load balancer",
    "takeOverTargetGroup": "the first release takes production over from it; taken out after that, it is out of the"
    " production rule, and the way back to it ends",
    "rulePriority": "in place; by two or more",
    "dashboard": "it is created or deleted",
    "protect": "in place; what would delete a listener or rule is refused until an update has made it `false`",
}
HEAD = """# Configuration

Each key is set for a stack: `pulumi config set KEY VALUE --stack STACK`, or in `Pulumi.STACK.yaml` as `KEY`.
All mistakes are reported at once, with what to type, before anything is created. Rules across keys are checked too.
Only what is of another type is refused by Pulumi itself, before the program runs, one key at a time: `Stack 'dev' with
configuration key 'minSize' must be of type 'integer'` asks for a whole number, `boolean` for true or false, `array` for
a list and `object` for names with values, each as the tables below have it.

`previewToken` is the only secret: any other key that is stored with `--secret` is refused, since its value would be in
plain text in user data, in an image, in the state or in logs. A secret of the application stays in SSM or Secrets
Manager, and `environment` names it ([secrets](#secrets-of-the-application)).

A text that looks like a number, a date or nothing is written in quotes: YAML makes 1.1 of a bare `1.10`, and 493 of
`0755`. `pulumi config set --path environment.NAME 1.10` quotes it. A list or an object is set by its items
(`pulumi config set --path 'canarySteps[0]' 10`) or in the file; `pulumi config set canarySteps '[10, 50]'` would store
a mere text, which Pulumi refuses at the next update. A number below 0 comes behind two hyphens, or Pulumi takes it for
a flag: `pulumi config set hstsSeconds -- -1`.

Keys belong to the namespace of the project (`name` in Pulumi.yaml), also those that name none. A key of ours under
another one in the stack's file, of a project that was renamed or a file that was copied, is refused with the command
that moves it.

Keys of the AWS provider that belong to it: `aws:region` (must be set), `aws:profile`, `aws:sharedConfigFiles` and
`aws:sharedCredentialsFiles` (a list of one file each). Credentials are never configuration: they come from
`AWS_PROFILE`, `aws:profile` or the environment (also `AWS_ROLE_ARN` with `AWS_WEB_IDENTITY_TOKEN_FILE`). Plan,
provider, steps and Packer act as the same identity, with `aws:profile` whatever credentials the environment has. What
only the provider would follow (`assumeRoleWithWebIdentity`, `endpoints`, ...) is refused, with what does the same for
all.

This page is generated from [Pulumi.yaml](../Pulumi.yaml) and the rules in
[plan/config/settings.py](../plan/config/settings.py) by `tools/describe_configuration.py`.
"""
SECRETS = """
## Secrets of the application

```sh run
openssl rand -hex 24 | tr -d '\\n' | aws ssm put-parameter --type SecureString --name /shop/dev/DB_PASSWORD \\
  --value file:///dev/stdin
pulumi config set --plaintext --path environment.DB_PASSWORD ssm:/shop/dev/DB_PASSWORD
```

| value | the application gets |
|---|---|
| `ssm:NAME`, `ssm:/PATH/NAME` | the parameter's value; a `SecureString` decrypted |
| `secretsmanager:NAME` | the secret's whole text, JSON unchanged |
| `secretsmanager:NAME:KEY` | one value of the JSON object that the secret holds; what is no text, as JSON writes it |

Anything else that begins with `ssm:` or `secretsmanager:` is refused. A secret is of the stack's own account and
region. A unit of the image, `phoenix-secrets`, reads all of them when a server starts, before the application, with the
credentials of the server's role: into `/run/phoenix-secrets/env`, a file in memory that only the application's user can
read, and systemd makes variables of it. Values arrive as they are: line breaks, quotes, `$` and all.

- *One can't be read*: the application does not start, so no request reaches that server. The console says which
  variable and why (never a value), and verify repeats it. What is missing, binary, or no text that a variable can
  have fails at once; what may pass (a role or right that AWS does not show yet, throttling, no answer) after a minute.
- *It changes*: nothing that runs reads it again, not even when the application restarts. Servers that start later read
  the new value, so flip to have it everywhere; with a value that must change everywhere at once, give it a new name.
- *Rights*: a server's role may read the parameters and secrets that `environment` names, by their ARNs, and no other. A
  KMS key of yours needs no setting: the role may decrypt with any key that these services use for these very names
  (`kms:ViaService` and the encryption context); the key's own policy must let the account's roles do so.
- *An image of your own* ([`imageDir`](#the-image)) needs `resolve_secrets.py` and `phoenix-secrets.service` of
  `image/common`, as `image/provision/35-secrets.sh` installs them; a plan says when nothing there reads the names.
"""


def rules() -> dict[str, str]:
    """What each key must be, in the words of the rule that says so when it is broken."""
    return {camel(item.name): _words(item.metadata["rule"]) for item in fields(Settings) if item.metadata}


def _words(rule: Any) -> str:
    """No key takes a control character, and a list or an object is asked for its items' rule with one in it."""
    for wrong in ("\x00", '["\\u0000"]', '{"\\u0000": ""}'):
        try:
            rule(wrong)
        except ValueError as broken:
            said = str(broken).partition(" (")[0] if wrong != "\x00" else str(broken)
            if said not in ("a list", "an object of names and texts"):
                return said
    raise ValueError(f"{rule} takes anything: a key's rule must say what it must be")


def page(project: Mapping[str, Any], words: Mapping[str, str]) -> str:
    """The page. Raises ValueError for a part whose first key is gone."""
    keys = project["config"]
    if gone := [first for first in PARTS if first not in keys]:
        raise ValueError(
            f"Pulumi.yaml has no key {', '.join(gone)}: say in PARTS of tools/describe_configuration.py"
            " which key begins that part now"
        )
    lines = [HEAD.rstrip()]
    for key, said in keys.items():
        if key in PARTS:
            lines += ["", f"## {PARTS[key]}", "", "| key | default | what it says | must be |", "|---|---|---|---|"]
        lines.append(f"| `{key}` | {_default(said)} | {_cell(said['description'])} | {_cell(words[key])} |")
    if gone := LIVE.keys() - keys.keys():
        raise ValueError(f"Pulumi.yaml has no key {', '.join(sorted(gone))}, of which LIVE says what a change does")
    lines.append(SECRETS.rstrip())
    lines += [
        "",
        "## Changed while users are there",
        "",
        "The rollout plan has a row for each change of these.",
        "",
        "| key | what an update does |",
        "|---|---|",
        *(f"| `{key}` | {text} |" for key, text in LIVE.items()),
    ]
    return "\n".join([*lines, ""])


def _default(said: Mapping[str, Any]) -> str:
    value = said["default"]
    return "" if value == "" else f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> int:
    """Writes the page."""
    PAGE.write_text(page(yaml.safe_load((PROJECT / "Pulumi.yaml").read_text()), rules()))
    print(f"written: {PAGE}")
    return 0


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    sys.exit(main())
