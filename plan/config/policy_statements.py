"""What servers may do beside reading their secrets: statements, and policies by their ARN. Pure.

A statement is one of IAM's policy language, without a principal: it is the role's own ("IAM JSON policy elements
reference", IAM user guide).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

POLICY_ARN = re.compile(r"arn:aws[a-z-]*:iam::(?:aws|\d{12}):policy/[\w+=,.@/-]+")
# Of a role, unless AWS has raised it ("IAM and AWS STS quotas", IAM user guide).
MOST_POLICIES = 10
ELEMENTS = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}
ACTION = re.compile(r"\*|[a-z0-9-]+:[A-Za-z0-9*?]+")
RESOURCE = re.compile(r"\*|arn:[^\s]+")
RULE = "a statement of an IAM policy: "


def statement(text: str) -> str:
    """A statement as JSON. Raises ValueError with what it must be."""
    try:
        said = json.loads(text)
    except json.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        raise ValueError(
            RULE + 'an object such as {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:..."}'
        )
    if strange := sorted(said.keys() - ELEMENTS):
        raise ValueError(RULE + f"it takes {', '.join(sorted(ELEMENTS))}, and no {strange[0]}")
    if said.get("Effect") not in ("Allow", "Deny"):
        raise ValueError(RULE + "its Effect is Allow or Deny")
    if not re.fullmatch(r"[A-Za-z0-9]*", str(said.get("Sid", ""))):
        raise ValueError(RULE + "its Sid is letters and digits")
    actions = _listed(said, "Action")
    _matching(actions, ACTION, "each Action like s3:GetObject")
    _matching(_listed(said, "Resource"), RESOURCE, "each Resource an ARN, or *")
    condition = said.get("Condition", {})
    if not isinstance(condition, dict) or not all(isinstance(keys, dict) for keys in condition.values()):
        raise ValueError(RULE + "its Condition is an object of operators, each with keys and values")
    if said["Effect"] == "Allow" and any(one.lower().startswith("ssm:getparameter") for one in actions):
        raise ValueError(
            RULE + "which parameters servers read is said by environment (NAME: ssm:/PATH/NAME); all others are denied"
        )
    return json.dumps(said)


def _listed(said: Mapping[str, Any], element: str) -> list[str]:
    """The values of an element or of its opposite, of which a statement has one."""
    have = [name for name in (element, f"Not{element}") if name in said]
    if len(have) != 1:
        raise ValueError(RULE + f"it has one of {element} and Not{element}")
    values = said[have[0]]
    found = values if isinstance(values, list) else [values]
    if not found or not all(isinstance(one, str) for one in found):
        raise ValueError(RULE + f"its {have[0]} is a text or a list of texts")
    return found


def _matching(values: list[str], pattern: re.Pattern[str], words: str) -> None:
    if wrong := next((one for one in values if not pattern.fullmatch(one)), None):
        raise ValueError(RULE + f"{words}, and not {wrong}")
