"""Hooks: programs of the user's that are asked while a release goes on, and may stop it. Pure.

A hook is a shell command, a Lambda function, or an Automation document of Systems Manager. docs/hooks.md says when each
is asked, what it is given and how it answers.

Sources: Lambda API reference, Invoke (ARN of a function); Systems Manager API reference, StartAutomationExecution (a
document's name; a parameter's value has at most 512 characters).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from core.release_events import ReleaseEvent

AFTER_VERIFY, BEFORE_SHIFT, AFTER_PROMOTE, ON_ROLLBACK = "afterVerify", "beforeShift", "afterPromote", "onRollback"
# The short form of a command after verify; its time is verify's.
SMOKE = "smokeCommand"
COMMAND, LAMBDA, DOCUMENT = "command", "lambda", "document"
KINDS = (COMMAND, LAMBDA, DOCUMENT)
TIMEOUT = "timeoutSeconds"
DEFAULT_SECONDS, MOST_SECONDS = 300, 86400
# Of the parameter of a document, with the facts; its value's characters.
PARAMETER, PARAMETER_LENGTH = "facts", 512

COMMAND_LINE = re.compile(r"[^\n\x00]{1,4096}")
FUNCTION = re.compile(
    r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9$_-]{1,128})?"
)
AUTOMATION = re.compile(r"(?=.{3,128}$)(arn:aws[a-z-]*:ssm:[a-z0-9-]+:([0-9]{12})?:document/)?[A-Za-z0-9_.-]+")
FORMS = {
    COMMAND: (COMMAND_LINE, "a shell command on one line, of at most 4096 characters"),
    LAMBDA: (
        FUNCTION,
        "the ARN of a Lambda function: arn:aws:lambda:REGION:ACCOUNT:function:NAME, perhaps with :ALIAS",
    ),
    DOCUMENT: (AUTOMATION, "the name or ARN of an Automation document of Systems Manager"),
}


@dataclass(frozen=True, kw_only=True)
class Hook:
    """Who is asked: a command, or the function or document of that ARN or name, for `timeout_seconds` in all."""

    name: str
    kind: str
    target: str
    timeout_seconds: int = DEFAULT_SECONDS


def at_share(share: int) -> str:
    """The name of the hook that is asked at a percentage of production."""
    return f"atShare{share}"


def possible_names(canary_steps: Sequence[int]) -> tuple[str, ...]:
    """The hooks that there can be, in the order in which they are asked."""
    return (AFTER_VERIFY, BEFORE_SHIFT, *map(at_share, canary_steps), AFTER_PROMOTE, ON_ROLLBACK)


def parse_hook(name: str, said: object) -> Hook:
    """A hook as the settings have it. Raises ValueError with what it must be."""
    if isinstance(said, str):
        said = {COMMAND: said}
    if not isinstance(said, dict):
        raise ValueError(f"must be a shell command, or an object with one of {', '.join(KINDS)}, and {TIMEOUT}")
    if strange := sorted(map(str, said.keys() - {*KINDS, TIMEOUT})):
        raise ValueError(f"takes one of {', '.join(KINDS)}, and {TIMEOUT}, and no {strange[0]!r}")
    kinds = [kind for kind in KINDS if kind in said]
    if len(kinds) != 1:
        raise ValueError(f"must have one of {', '.join(KINDS)} (it has {' and '.join(kinds) or 'none'})")
    [kind] = kinds
    target, (form, words) = said[kind], FORMS[kind]
    if not isinstance(target, str) or not form.fullmatch(target):
        raise ValueError(f"must have as {kind} {words}")
    return Hook(name=name, kind=kind, target=target, timeout_seconds=_seconds(said.get(TIMEOUT, DEFAULT_SECONDS)))


def _seconds(said: object) -> int:
    text = "" if isinstance(said, bool) else str(said)
    if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= MOST_SECONDS:
        raise ValueError(f"must have as {TIMEOUT} a whole number from 1 to {MOST_SECONDS} seconds")
    return int(text)


def encode_hooks(hooks: Iterable[Hook]) -> str:
    """Hooks as a step's option."""
    said = {hook.name: {hook.kind: hook.target, TIMEOUT: hook.timeout_seconds} for hook in hooks}
    return json.dumps(said, sort_keys=True)


def decode_hooks(text: str) -> tuple[Hook, ...]:
    """A step's option as hooks. Raises ValueError with the reason."""
    try:
        said = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(said, dict):
        raise ValueError('not a JSON object of hooks ({"beforeShift": "make check"})')
    return tuple(parse_hook(name, one) for name, one in said.items())


def held_seconds(hooks: Iterable[Hook], shares: Iterable[int]) -> int:
    """How long they may hold a promotion in all that gives production these percentages, one after another."""
    asked = {BEFORE_SHIFT, *map(at_share, shares), AFTER_PROMOTE}
    return sum(hook.timeout_seconds for hook in hooks if hook.name in asked)


def facts(event: ReleaseEvent) -> str:
    """What a hook is given, as JSON: the `detail` of an event, and the `hook` that it is, which is the event's kind."""
    return json.dumps({"hook": event.kind, **event.detail()}, sort_keys=True)


def short_facts(event: ReleaseEvent) -> str:
    """The same for a document: without the release record, and with so much of the reason as a parameter takes."""
    said: dict[str, Any] = {"hook": event.kind, **event.detail()}
    del said["release"]
    while len(text := json.dumps(said, sort_keys=True)) > PARAMETER_LENGTH and said["reason"]:
        said["reason"] = said["reason"][:-1]
    return text
