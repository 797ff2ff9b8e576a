"""What is live, read from AWS itself before anything is declared.

The truth is the production rule of the load balancer tagged with this stack, its weights, and the tags of the target
groups that it names: a failed update saves its outputs too, so those only inform.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core import obstacles
from core.guard import GUARD, WAY_BACK, Guard, WayBack, parse_guard, parse_way_back
from core.listener_rules import share
from core.obstacles import Obstacle
from core.release_record import without_prefix
from core.shift_schedule import short_name
from core.tags import tags_to_dict
from core.times import parse_time
from plan.readers import load_balancers
from plan.readers.load_balancers import Balancer
from plan.readers.reads import Reads
from plan.readers.stack_rules import StackRule, acting_rules, stack_rules, weights_of

# The production rule's tags about groups that died: with 1 for the newest.
HISTORY_TAG = "phoenix:past-"
# A color, a generation, and which attempt at it.
AttemptKey = tuple[str, str, str]


@dataclass(frozen=True)
class Account:
    """Where the program acts: the same account, region and profile as the AWS provider, from the same files."""

    id: str
    region: str
    profile: str = ""
    credentials_file: str = ""
    config_file: str = ""


@dataclass(frozen=True)
class LiveGroup:
    """A group of servers that the production rule names."""

    color: str
    generation: str
    weight: int  # as AWS has it, 0 to 999
    target_group: str  # ARN
    server_spec: str
    fingerprint: str
    image: str
    commit: str
    baked_at: datetime | None
    name: str = ""  # of the auto-scaling group; empty when somebody deleted it
    verified: bool = False
    desired: int = 0
    created_at: datetime | None = None
    tree: str = ""  # clean, or dirty: baked from files that differed from the commit's
    instances: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    attempt_id: str = ""
    launch_commit: str = ""  # from which its servers were launched; empty outside of git
    sizes: tuple[int, int] | None = None  # MinSize and MaxSize
    in_service: int | None = None
    obstacles: tuple[Obstacle, ...] = ()
    is_taken_over: bool = False  # somebody else's, of no color: production is taken over from it
    vulnerable: tuple[str, ...] = ()  # what its image would not be launched with any more, in words
    # What the program wrote on its target group and the steps on its servers' group, keyed without `phoenix:`.
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class LiveState:
    """The load balancer of a stack and the groups that its production rule names.

    `promotion_interrupted`: a promotion was killed under way, and its note is still on the rule. `has_preview_rule`:
    the preview rule, which an update makes before the production rule, is there. `attempts`: of each group that could
    serve, by color and generation, whether production knows it or not; one that is being deleted could not.
    `unused_groups`: names of groups that production does not know. `history`: lines about groups that were deleted,
    newest first (`plan.history`). `rules`: ARNs of the stack's rules by what their tag says they are (production,
    preview). `listeners`: ARNs of those of the load balancer; `listener_rules`: all its rules. `other_balancers`:
    load balancers with the stack's tag that its state has not made. `reported`: percent of production by target
    group, as the last promotion that the state holds said; empty when that is lost, None when nobody has looked.
    `attempted`: color, generation and attempt of whatever is there, also what is being deleted. `commit`: from which
    production was last changed. `guard`: AWS's over the last promotion, as its note says; `way_back`: what AWS said
    when it took production back.
    """

    load_balancer: str = ""  # ARN; empty before the first update
    vpc_id: str = ""
    groups: tuple[LiveGroup, ...] = ()
    promotion_interrupted: bool = False
    has_preview_rule: bool = False
    attempts: Mapping[tuple[str, str], str] = field(default_factory=dict)
    unused_groups: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    rules: Mapping[str, str] = field(default_factory=dict, hash=False)
    listeners: tuple[str, ...] = ()
    other_balancers: tuple[Balancer, ...] = ()
    reported: Mapping[str, int] | None = None
    attempted: frozenset[AttemptKey] = frozenset()
    commit: str = ""
    listener_rules: tuple[StackRule, ...] = ()
    guard: Guard | None = None
    way_back: WayBack | None = None

    def group(self, color: str) -> LiveGroup | None:
        """The production rule's group of a color."""
        return next((group for group in self.groups if group.color == color), None)

    @property
    def taken_over(self) -> LiveGroup | None:
        """Somebody else's servers, while the production rule names them, or is about to."""
        return next((group for group in self.groups if group.is_taken_over), None)

    @property
    def weights(self) -> dict[str, int]:
        """Percent of production by color, without the colors that get none."""
        total = sum(group.weight for group in self.groups)
        return {group.color: share(group.weight, total) for group in self.groups if group.weight}

    @property
    def majority_group(self) -> LiveGroup | None:
        """The group with the largest share of production."""
        return max(self.groups, key=lambda group: group.weight, default=None) if self.weights else None


def account_id(reads: Reads) -> str:
    """Whose credentials these are."""
    return str(reads.client("sts").get_caller_identity()["Account"])


def read_live_state(
    reads: Reads,
    *,
    stack: str,
    shared: tuple[str, str] | None = None,
    made: Collection[str] = (),
    main: str = "",
    taken_over: str = "",
) -> LiveState:
    """What is live of a stack (SERVICE/STACK).

    `shared`: ARN and VPC of the load balancer that it shares with others, the ARN empty when there is none yet; without
    it, its own is found by its tag. `made`: ids of what the stack's state holds. `main`: the listener (ARN) whose rules
    count when two have them, as they do while one takes over from the other. `taken_over`: the target group (ARN) of
    others that production is taken over from; all of it has that one before there is a production rule.
    """
    reads.start(read_groups, stack)
    others: tuple[Balancer, ...] = ()
    if shared is None:
        own, others = load_balancers.find_load_balancer(reads, stack, made=made)
        shared = (own.arn, own.vpc_id) if own else ("", "")
    load_balancer, vpc = shared
    everybody = reads.ask(read_groups, stack)
    tried = attempts_in(tags_to_dict(one.get("Tags", [])) for one in everybody)
    # Not those that AWS deletes already.
    fleet = [one for one in everybody if not one.get("Status")]
    if not load_balancer:
        return LiveState(
            other_balancers=others,
            unused_groups=tuple(sorted(one["AutoScalingGroupName"] for one in fleet)),
            attempted=tried,
        )
    listeners = reads.ask(load_balancers.listeners_of, load_balancer)
    every = reads.ask(load_balancers.rules_of, load_balancer)
    rules = acting_rules(every, stack, main)
    named = weights_of(rules.get("production", {})) or ({taken_over: 100} if taken_over else {})
    tags = _tags(reads, stack, named)
    behind = {arn: one for one in fleet for arn in one["TargetGroupARNs"]}
    groups = tuple(
        _taken_over(arn, weight) if arn == taken_over else _group(arn, weight, tags.get(arn, {}), behind.get(arn))
        for arn, weight in named.items()
    )
    said = rules.get("production", {}).get("tags", {})
    return LiveState(
        load_balancer,
        vpc,
        tuple(group for group in groups if group.color),
        promotion_interrupted="phoenix:before" in said,
        has_preview_rule="preview" in rules,
        attempts=_births(fleet),
        unused_groups=tuple(
            sorted(one["AutoScalingGroupName"] for one in fleet if named.keys().isdisjoint(one["TargetGroupARNs"]))
        ),
        history=_history(said),
        rules={kind: rule["RuleArn"] for kind, rule in rules.items()},
        listeners=tuple(listeners),
        other_balancers=others,
        attempted=tried,
        commit=said.get("phoenix:commit", ""),
        listener_rules=stack_rules(every, stack),
        guard=parse_guard(said.get(GUARD, "")),
        way_back=parse_way_back(said.get(WAY_BACK, "")),
    )


def name_prefix(stack: str) -> str:
    """What the names of a stack's things (SERVICE/STACK) begin with."""
    return f"{stack.replace('/', '-')}-"


def _tags(reads: Reads, stack: str, target_groups: Collection[str]) -> dict[str, dict[str, str]]:
    """Those of groups that have not the stack's names are asked for besides."""
    known = reads.ask(load_balancers.target_group_tags, name_prefix(stack))
    return {**known, **load_balancers.tags_of(reads, [arn for arn in target_groups if arn not in known])}


def read_groups(reads: Reads, stack: str) -> list[Any]:
    """Auto-scaling groups of a stack."""
    pages = (
        reads.client("autoscaling")
        .get_paginator("describe_auto_scaling_groups")
        .paginate(Filters=[{"Name": "tag:phoenix:stack", "Values": [stack]}])
    )
    groups: Iterable[Any] = [group for page in pages for group in page["AutoScalingGroups"]]
    return [{"TargetGroupARNs": [], **group} for group in groups]


def _births(fleet: Iterable[Any]) -> dict[tuple[str, str], str]:
    """An update that deletes a group sets its sizes to 0 before (the provider, as the console does)."""
    tags = [tags_to_dict(one.get("Tags", [])) for one in fleet if one["MaxSize"]]
    return {
        (one.get("phoenix:color", ""), one.get("phoenix:generation", "")): one.get("phoenix:birth", "") for one in tags
    }


def _group(arn: str, weight: int, tags: Mapping[str, str], fleet: Any) -> LiveGroup:
    def tag(key: str) -> str:
        return tags.get(f"phoenix:{key}", "")

    said = LiveGroup(
        color=tag("color"),
        generation=tag("generation"),
        weight=weight,
        target_group=arn,
        server_spec=tag("recipe"),
        fingerprint=tag("fingerprint"),
        image=tag("image"),
        commit=tag("commit"),
        baked_at=parse_time(tag("baked-at")),
        tree=tag("tree"),
        attempt_id=tag("birth"),
        launch_commit=tag("launch-commit"),
        tags=without_prefix(tags),
    )
    if fleet is None:
        return said
    written = tags_to_dict(fleet.get("Tags", []))
    return LiveGroup(
        **{
            **said.__dict__,
            "name": fleet["AutoScalingGroupName"],
            "desired": fleet["DesiredCapacity"],
            "created_at": fleet["CreatedTime"],
            "sizes": (fleet["MinSize"], fleet["MaxSize"]),
            "in_service": sum(server["LifecycleState"] == "InService" for server in fleet.get("Instances", [])),
            "obstacles": obstacles.find_obstacles(fleet),
            "instances": tuple(server["InstanceId"] for server in fleet.get("Instances", [])),
            "subnets": tuple(filter(None, fleet.get("VPCZoneIdentifier", "").split(","))),
            "tags": {**without_prefix(written), **said.tags},
            "verified": written.get("phoenix:verified") == said.generation,
        }
    )


def _taken_over(arn: str, weight: int) -> LiveGroup:
    """Of servers of which nothing is known."""
    return LiveGroup(
        color=short_name(arn),
        generation="",
        weight=weight,
        target_group=arn,
        server_spec="",
        fingerprint="",
        image="",
        commit="",
        baked_at=None,
        is_taken_over=True,
    )


def _history(tags: Mapping[str, str]) -> tuple[str, ...]:
    found = {
        int(key.removeprefix(HISTORY_TAG)): value
        for key, value in tags.items()
        if value and re.fullmatch(rf"{HISTORY_TAG}\d+", key)
    }
    return tuple(found[number] for number in sorted(found))


def attempts_in(tags: Iterable[Mapping[str, str]]) -> frozenset[AttemptKey]:
    """Which attempts these tags are of."""
    return frozenset(
        (said.get("phoenix:color", ""), said.get("phoenix:generation", ""), said["phoenix:birth"])
        for said in tags
        if "phoenix:birth" in said
    )
