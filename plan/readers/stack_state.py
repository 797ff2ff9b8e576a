"""Where a stack lives, by what its state says that it made.

With another account's credentials, or in another region, nothing of the stack is found, and the plan would be a first
launch there.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pulumi

from core import reachability
from core.errors import Problem, UserError
from core.names import ARN
from plan.readers.live_state import Account, AttemptKey, attempts_in
from plan.readers.recorded_steps import COMMAND, RecordedSteps

TRIES = 5
PAUSE_SECONDS = 0.2
ELSEWHERE = "(elsewhere it is another stack: pulumi stack init NAME)"


@dataclass(frozen=True)
class Resource:
    """A resource as the state holds it. `outputs` are the provider's."""

    urn: str
    type: str
    outputs: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The logical name."""
        return self.urn.rsplit("::", 1)[-1]

    @property
    def id(self) -> str:
        """The provider's id; empty for a component."""
        return str(self.outputs.get("id") or "")

    @property
    def arn(self) -> str:
        """Empty for what has none."""
        return str(self.outputs.get("arn") or "")

    @property
    def owner(self) -> str:
        """SERVICE/STACK of its tag; empty without one."""
        tags: Any = self.outputs.get("tags") or {}
        # An auto-scaling group's are a list.
        pairs = tags if isinstance(tags, Mapping) else {tag["key"]: tag["value"] for tag in tags}
        return str(pairs.get("phoenix:stack", ""))


@dataclass(frozen=True)
class StateInventory:
    """What the stack has made: every resource that its state holds, but those that are yet to be deleted."""

    resources: tuple[Resource, ...] = ()

    @cached_property
    def aws(self) -> tuple[Resource, ...]:
        """Those of the AWS provider."""
        return tuple(one for one in self.resources if one.type.startswith("aws:"))

    @cached_property
    def ids(self) -> frozenset[str]:
        """The ids of what it made in AWS."""
        return frozenset(one.id for one in self.aws)

    @cached_property
    def rules(self) -> Mapping[str, str]:
        """The ARNs of its listener rules, with the SERVICE/STACK of their tags."""
        return {one.arn: one.owner for one in self.aws if ":listener-rule/" in one.arn}

    def find(self, type: str, name: str) -> Resource | None:
        """The resource of this type and logical name."""
        return next((one for one in self.resources if (one.type, one.name) == (type, name)), None)

    @cached_property
    def recorded(self) -> RecordedSteps:
        """What its steps said."""
        return RecordedSteps({one.name: one.outputs for one in self.resources if one.type == COMMAND})

    @cached_property
    def attempted(self) -> frozenset[AttemptKey]:
        """The attempts that it knows things of."""
        tags = (one.outputs.get("tags") for one in self.aws)
        return attempts_in(one for one in tags if isinstance(one, Mapping))


def read_state() -> StateInventory:
    """What the stack has made.

    It costs one reading of the state. Stack outputs would not do: an update that was killed has made things and saved
    none. Source: pulumi/pulumi, pkg/backend/backend.go, GetStackResourceOutputs, which leaves out what is condemned.
    """
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    return StateInventory(tuple(Resource(urn, one["type"], one["outputs"]) for urn, one in _state(stack).items()))


def check_account(account: Account, made: StateInventory) -> None:
    """Raises `UserError` when the stack lives in another account or region."""
    if why := refusal(account, [one.arn for one in made.aws], stack=pulumi.get_stack()):
        raise UserError(*why)


def _state(stack: str) -> Mapping[str, Any]:
    """Each resource of the state by its URN. Raises what the last reading raised.

    The engine saves the state while the program begins; of a state in a file it may read a half then, and says so.
    """
    for _ in range(TRIES - 1):
        with contextlib.suppress(Exception):  # there is nothing narrower
            return _read(stack)
        time.sleep(PAUSE_SECONDS)
    return _read(stack)


def _read(stack: str) -> Mapping[str, Any]:
    result = pulumi.runtime.invoke("pulumi:pulumi:readStackResourceOutputs", {"stackName": stack})
    return result.value["outputs"]  # type: ignore[no-any-return]


def check_listener_unchanged(made: StateInventory, *, stack: str, listener: str) -> None:
    """Raises `UserError` when the rules of SERVICE/STACK are on another load balancer than `listener`'s.

    `listener` is empty when the state holds the load balancer itself. Production can't be moved between two of them:
    its rule, and with it every group, would be made anew in one update, past all gates.
    """
    for arn, owner in made.rules.items():
        on = reachability.listener_of(arn)
        balancer = reachability.balancer_of(on)
        if owner != stack or on == listener or (not listener and balancer in made.ids):
            continue
        adopted = "" if balancer in made.ids else on
        back = f"pulumi config set listenerArn {adopted}" if adopted else "pulumi config rm listenerArn"
        raise UserError(
            Problem(
                "PHX-222",
                f"listenerArn is {listener or 'empty'}, but {stack} has its rules on {on}; production can't move to"
                " another listener, and nothing was changed",
                f"{back}\n{ELSEWHERE}",
            )
        )


def refusal(account: Account, arns: Iterable[str], *, stack: str) -> list[Problem]:
    """Why a stack that made things with these ARNs can't be updated in an account; none when it can."""
    found = {(match[2], match[1]) for match in map(ARN.fullmatch, arns) if match and match[2]}
    homes = {home for home in found if home[1]} or found  # IAM's have no region
    if not homes or any(home in homes for home in ((account.id, account.region), (account.id, ""))):
        return []
    home, region = min(homes)
    refused = []
    if home != account.id:
        whose = f"the credentials of aws:profile {account.profile}" if account.profile else "these credentials"
        refused.append(
            Problem(
                "PHX-220",
                f"{whose} belong to account {account.id}, but stack {stack} lives in account {home}; nothing was"
                " changed",
                f"export AWS_PROFILE=NAME   (a profile of account {home}; or pulumi config set aws:profile NAME)\n"
                f"{ELSEWHERE}",
            )
        )
    if region not in ("", account.region):
        refused.append(
            Problem(
                "PHX-221",
                f"aws:region is {account.region}, but stack {stack} lives in region {region}; nothing was changed",
                f"pulumi config set aws:region {region}\n{ELSEWHERE}",
            )
        )
    return refused
