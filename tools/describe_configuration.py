"""Writes docs/configuration.md: every key of the configuration, from Pulumi.yaml and the rules that check it.

`PYTHONPATH=. python tools/describe_configuration.py`; a test holds the page against both.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # it comes with pulumi

from components.settings import Settings, camel

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
    "serverSubnetIds": "makes a server, so a flip: the next generation stands there",
    "vpcCidr": "refused: [another network](runbook.md#another-network) is another stack",
    "certificateArn": "another one: in place; the first: HTTPS opens beside port 80, which serves on until it redirects"
                      " there; none: port 80 serves again before HTTPS closes; never on one and the same port",
    "hostname": "at once: what probes ask for, and on an adopted listener whose requests are this service's",
    "listenerPort": "the new port serves before the old one closes; then whoever still asks at the old one is refused",
    "allowedCidrs": "in place: new ones are let in first, those that are left out last of all",
    "listenerArn": "refused: production can't move to another load balancer",
    "rulePriority": "in place; by two or more",
    "dashboard": "it is made, or goes",
    "protect": "in place; what would delete a listener or rule is refused until an update has made it `false`",
}
HEAD = """# Configuration

Each key is set for a stack: `pulumi config set KEY VALUE --stack STACK`, or in `Pulumi.STACK.yaml` as `phoenix:KEY`.
What is wrong is told all at once, with what to type, before anything is created. Rules that join keys are checked too.

`previewToken` is the only secret: any other key that is stored with `--secret` is refused, since its value stands in
plain text in user data, in an image, in the state or in logs. A secret of the application stays in SSM or Secrets
Manager, and `environment` names it.

A text that looks like a number, a date or nothing is written in quotes: YAML makes 1.1 of a bare `1.10`, and 493 of
`0755`. `pulumi config set --path environment.NAME 1.10` quotes it. A list or an object is set by its items
(`pulumi config set --path 'canarySteps[0]' 10`) or in the file; `pulumi config set canarySteps '[10, 50]'` would store
a mere text.

Keys belong to the namespace of the project (`name` in Pulumi.yaml). A key of ours under another one in the stack's
file, of a project that was renamed or a file that was copied, is refused with the command that moves it.

Two keys of the AWS provider belong to it: `aws:region` (must be set) and `aws:profile`. Credentials are never
configuration: they come from `AWS_PROFILE`, `aws:profile` or the environment. With `aws:profile` the steps of an update
act by that profile too, whatever credentials the environment has.

This page is made from [Pulumi.yaml](../Pulumi.yaml) and the rules in
[components/settings.py](../components/settings.py) by `tools/describe_configuration.py`.
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
        raise ValueError(f"Pulumi.yaml has no key {', '.join(gone)}: say in PARTS of tools/describe_configuration.py"
                         " which key begins that part now")
    lines = [HEAD.rstrip()]
    for key, said in keys.items():
        if key in PARTS:
            lines += ["", f"## {PARTS[key]}", "", "| key | default | what it says | must be |", "|---|---|---|---|"]
        lines.append(f"| `{key}` | {_default(said)} | {_cell(said['description'])} | {_cell(words[key])} |")
    if gone := LIVE.keys() - keys.keys():
        raise ValueError(f"Pulumi.yaml has no key {', '.join(sorted(gone))}, of which LIVE says what a change does")
    lines += ["", "## Changed while users are there", "", "The flight plan has a row for each change of these.", "",
              "| key | what an update does |", "|---|---|", *(f"| `{key}` | {text} |" for key, text in LIVE.items())]
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
    sys.exit(main())
