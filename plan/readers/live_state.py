"""What is live, read from AWS itself before anything is declared.

The truth is the production rule of the load balancer tagged with this stack, its weights, and the tags of the target
groups that it names: a failed update saves its outputs too, so those only inform.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import boto3

from core import obstacles
from core.listener_rules import share
from core.obstacles import Obstacle
from core.tags import plain
from core.tags import read as tags_of
from plan.readers.load_balancers import Balancer, find, listeners_of, rules_of
from plan.readers.stack_rules import Door, acting, doors_of, weights_of

if TYPE_CHECKING:
    from types_boto3_autoscaling import AutoScalingClient

# The production rule's tags about groups that died: with 1 for the newest.
PAST = "phoenix:past-"
# A color, a generation, and which attempt at it.
Birth = tuple[str, str, str]


@dataclass(frozen=True)
class Account:
    """Where the program acts: the same account, region and profile as the AWS provider, from the same files."""

    id: str
    region: str
    profile: str = ""
    credentials_file: str = ""
    config_file: str = ""


@dataclass(frozen=True)
class Group:
    """A group of servers that the production rule names."""

    color: str
    generation: str
    weight: int  # as AWS has it, 0 to 999
    target_group: str  # ARN
    recipe: str
    fingerprint: str
    image: str
    commit: str
    baked_at: datetime | None
    name: str = ""  # of the auto-scaling group; empty when somebody deleted it
    verified: bool = False
    desired: int = 0
    born_at: datetime | None = None
    tree: str = ""  # clean, or dirty: baked from files that differed from the commit's
    instances: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    birth: str = ""
    launch_commit: str = ""  # from which its servers were launched; empty outside of git
    sizes: tuple[int, int] | None = None  # MinSize and MaxSize
    in_service: int | None = None
    obstacles: tuple[Obstacle, ...] = ()
    # What the program wrote on its target group and the steps on its servers' group, keyed without `phoenix:`.
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Live:
    """The load balancer of a stack and the groups that its production rule names.

    `unfinished`: a promotion was killed under way, and its note is still on the rule. `previewed`: the preview rule,
    which an update makes before the production rule, is there. `births`: of each group that could serve, by color and
    generation, whether production knows it or not; one that is being deleted could not. `strays`: names of groups that
    production does not know. `past`: lines about groups that died, newest first (`plan.history`). `rules`: ARNs of
    the stack's rules by what their tag says they are (production, preview). `listeners`: ARNs of those of the load
    balancer; `doors`: all its rules. `others`: load balancers with the stack's tag that its state has not made.
    `reported`: percent of production by target group, as the last promotion that the state holds said; empty when that
    is lost, None when nobody has looked. `tried`: color, generation and birth of whatever is there, dying things too.
    `commit`: from which production was last changed.
    """

    load_balancer: str = ""  # ARN; empty before the first update
    vpc_id: str = ""
    groups: tuple[Group, ...] = ()
    unfinished: bool = False
    previewed: bool = False
    births: Mapping[tuple[str, str], str] = field(default_factory=dict)
    strays: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    rules: Mapping[str, str] = field(default_factory=dict, hash=False)
    listeners: tuple[str, ...] = ()
    others: tuple[Balancer, ...] = ()
    reported: Mapping[str, int] | None = None
    tried: frozenset[Birth] = frozenset()
    commit: str = ""
    doors: tuple[Door, ...] = ()

    def group(self, color: str) -> Group | None:
        """The production rule's group of a color."""
        return next((group for group in self.groups if group.color == color), None)

    @property
    def weights(self) -> dict[str, int]:
        """Percent of production by color, without the colors that get none."""
        total = sum(group.weight for group in self.groups)
        return {group.color: share(group.weight, total) for group in self.groups if group.weight}

    @property
    def leader(self) -> Group | None:
        """The group with the largest share of production."""
        return max(self.groups, key=lambda group: group.weight, default=None) if self.weights else None


def account(session: boto3.Session, *, region: str, profile: str = "") -> Account:
    """Whose credentials these are."""
    return Account(session.client("sts").get_caller_identity()["Account"], region, profile)


def read(
    session: boto3.Session,
    *,
    stack: str,
    shared: tuple[str, str] | None = None,
    made: Collection[str] = (),
    main: str = "",
) -> Live:
    """What is live of a stack (SERVICE/STACK).

    `shared`: ARN and VPC of the load balancer that it shares with others, the ARN empty when there is none yet; without
    it, its own is found by its tag. `made`: ids of what the stack's state holds. `main`: the listener (ARN) whose rules
    count when two have them, as they do while one takes over from the other.
    """
    balancers = session.client("elbv2")
    others: tuple[Balancer, ...] = ()
    if shared is None:
        own, others = find(balancers, stack, made=made)
        shared = (own.arn, own.vpc_id) if own else ("", "")
    load_balancer, vpc = shared
    everybody = _fleet(session.client("autoscaling"), stack)
    tried = births(plain(one.get("Tags", [])) for one in everybody)
    # Not those that AWS deletes already.
    fleet = [one for one in everybody if not one.get("Status")]
    if not load_balancer:
        return Live(others=others, strays=tuple(sorted(one["AutoScalingGroupName"] for one in fleet)), tried=tried)
    listeners = listeners_of(balancers, load_balancer)
    every = rules_of(balancers, listeners)
    rules = acting(every, stack, main)
    named = weights_of(rules.get("production", {}))
    tags = tags_of(balancers, list(named))
    behind = {arn: one for one in fleet for arn in one["TargetGroupARNs"]}
    groups = tuple(_group(arn, weight, tags.get(arn, {}), behind.get(arn)) for arn, weight in named.items())
    return Live(
        load_balancer,
        vpc,
        tuple(group for group in groups if group.color),
        unfinished="phoenix:before" in rules.get("production", {}).get("tags", {}),
        previewed="preview" in rules,
        births=_births(fleet),
        strays=tuple(
            sorted(one["AutoScalingGroupName"] for one in fleet if named.keys().isdisjoint(one["TargetGroupARNs"]))
        ),
        past=_past(rules.get("production", {}).get("tags", {})),
        rules={kind: rule["RuleArn"] for kind, rule in rules.items()},
        listeners=tuple(listeners),
        others=others,
        tried=tried,
        commit=rules.get("production", {}).get("tags", {}).get("phoenix:commit", ""),
        doors=doors_of(every, stack),
    )


def when(text: str | None) -> datetime | None:
    """A time from a tag; None when there is none or it is no time."""
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _fleet(scaling: AutoScalingClient, stack: str) -> list[Any]:
    """Auto-scaling groups of a stack."""
    pages = scaling.get_paginator("describe_auto_scaling_groups").paginate(
        Filters=[{"Name": "tag:phoenix:stack", "Values": [stack]}]
    )
    groups: Iterable[Any] = [group for page in pages for group in page["AutoScalingGroups"]]
    return [{"TargetGroupARNs": [], **group} for group in groups]


def _births(fleet: Iterable[Any]) -> dict[tuple[str, str], str]:
    """An update that deletes a group sets its sizes to 0 before (the provider, as the console does)."""
    tags = [plain(one.get("Tags", [])) for one in fleet if one["MaxSize"]]
    return {
        (one.get("phoenix:color", ""), one.get("phoenix:generation", "")): one.get("phoenix:birth", "") for one in tags
    }


def _group(arn: str, weight: int, tags: Mapping[str, str], fleet: Any) -> Group:
    def tag(key: str) -> str:
        return tags.get(f"phoenix:{key}", "")

    said = Group(
        color=tag("color"),
        generation=tag("generation"),
        weight=weight,
        target_group=arn,
        recipe=tag("recipe"),
        fingerprint=tag("fingerprint"),
        image=tag("image"),
        commit=tag("commit"),
        baked_at=when(tag("baked-at")),
        tree=tag("tree"),
        birth=tag("birth"),
        launch_commit=tag("launch-commit"),
        tags=_ours(tags),
    )
    if fleet is None:
        return said
    written = plain(fleet.get("Tags", []))
    return Group(
        **{
            **said.__dict__,
            "name": fleet["AutoScalingGroupName"],
            "desired": fleet["DesiredCapacity"],
            "born_at": fleet["CreatedTime"],
            "sizes": (fleet["MinSize"], fleet["MaxSize"]),
            "in_service": sum(server["LifecycleState"] == "InService" for server in fleet.get("Instances", [])),
            "obstacles": obstacles.found(fleet),
            "instances": tuple(server["InstanceId"] for server in fleet.get("Instances", [])),
            "subnets": tuple(filter(None, fleet.get("VPCZoneIdentifier", "").split(","))),
            "tags": {**_ours(written), **said.tags},
            "verified": written.get("phoenix:verified") == said.generation,
        }
    )


def _past(tags: Mapping[str, str]) -> tuple[str, ...]:
    found = {
        int(key.removeprefix(PAST)): value for key, value in tags.items() if value and re.fullmatch(rf"{PAST}\d+", key)
    }
    return tuple(found[number] for number in sorted(found))


def _ours(tags: Mapping[str, str]) -> dict[str, str]:
    return {key.removeprefix("phoenix:"): value for key, value in tags.items() if key.startswith("phoenix:")}


def births(tags: Iterable[Mapping[str, str]]) -> frozenset[Birth]:
    """Which births these tags are of."""
    return frozenset(
        (said.get("phoenix:color", ""), said.get("phoenix:generation", ""), said["phoenix:birth"])
        for said in tags
        if "phoenix:birth" in said
    )
