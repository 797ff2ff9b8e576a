"""What an update made of a color and was never told of, since it was killed or AWS's answer was lost.

No state knows it, so the engine never deletes it. Auto-scaling groups are in `live`; here is what they would stand on.
What an earlier update replaced and could not delete any more may be among it: the state tells a program nothing of
that. Then the engine's own delete finds it gone, which the provider takes for done.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.tags import ignore_not_found, tags_to_dict
from plan.readers import load_balancers, orphan_guards
from plan.readers.live_state import AttemptKey, LiveState, attempts_in, name_prefix
from plan.readers.reads import Reads

# IAM lists 100 at a time unless told otherwise, and an account may have thousands.
WHOLE: Any = {"PageSize": 1000}


@dataclass(frozen=True)
class Orphans:
    """`things`, in the order in which they can go: ARNs of listeners, ids of security group rules and launch templates,
    ARNs of target groups, ids of security groups, parts of guards, ARNs of instance profiles, roles and alarms.
    `attempted`: the attempts that were seen. `namesakes`: other stacks (SERVICE/STACK) whose things in AWS have the
    same names.
    """

    things: tuple[str, ...]
    attempted: frozenset[AttemptKey]
    namesakes: tuple[str, ...] = ()


@dataclass
class Abandoned:
    """Which things of a stack belong to attempts whose group is not there; `seen`: the tags of all that were looked at.

    An attempt whose group exists is left alone, whoever knows it: it serves, or may. Of AWS's guard over it nothing is
    left alone but what is `armed`: the generation that one watches that this state does not hold.
    """

    stack: str
    existing: frozenset[tuple[str, str, str]]
    armed: str
    seen: list[Mapping[str, str]]
    namesakes: set[str] = field(default_factory=set)

    def among(self, things: Mapping[str, Mapping[str, str]]) -> list[str]:
        """Names of the abandoned ones of `things`, which are tags by name."""
        ours = {name: tags for name, tags in things.items() if tags.get("phoenix:stack") == self.stack}
        self.seen.extend(ours.values())
        owners = {tags.get("phoenix:stack", "") for tags in things.values()} - {self.stack}
        self.namesakes |= {one for one in owners if one.replace("/", "-") == self.stack.replace("/", "-")}
        return [name for name, tags in ours.items() if "phoenix:birth" in tags and self._is_abandoned(name, tags)]

    def _is_abandoned(self, name: str, tags: Mapping[str, str]) -> bool:
        if orphan_guards.is_part(re.split("[/:]", name)[-1], name_prefix(self.stack)):
            return tags.get("phoenix:generation") != self.armed
        return _attempt(tags) not in self.existing


def _attempt(tags: Mapping[str, str]) -> tuple[str | None, ...]:
    return tuple(tags.get(f"phoenix:{key}") for key in ("color", "generation", "birth"))


def ask_ahead(reads: Reads, *, stack: str, known: Collection[str], guards: bool = False) -> None:
    """Begins to ask what `find_orphans` will, that needs nothing of what is live."""
    prefix, there = name_prefix(stack), frozenset(known)
    reads.start(_security_groups, stack)
    reads.start(_templates, stack)
    reads.start(load_balancers.target_group_tags, prefix)
    for question in (_profiles, _roles, _alarms, *(orphan_guards.PARTS if guards else ())):
        reads.start(question, prefix, there)


def find_orphans(
    reads: Reads,
    live: LiveState,
    *,
    stack: str,
    known: Collection[str],
    beside: Collection[str] = (),
    ports: Collection[int] = (),
    guards: bool = False,
) -> Orphans:
    """What is there of a stack that nobody knows, and what there is of its attempts.

    `known`: ids that the state holds. `beside`: security groups of a shared load balancer; `ports`: those that are
    wanted of one of the stack's own. `guards`: the settings ask for them; else parts of one are looked for only when
    something else of it is seen, so that whoever has none needs no right to look.
    """
    prefix, there = name_prefix(stack), frozenset(known)
    ask_ahead(reads, stack=stack, known=there, guards=guards)
    existing = {(color, generation, attempt) for (color, generation), attempt in live.attempts.items()}
    existing |= {(group.color, group.generation, group.attempt_id) for group in live.groups}
    armed = live.guard.generation if live.guard and live.guard.rule not in known else ""
    abandoned = Abandoned(stack, frozenset(existing), armed, [])
    security_groups = reads.ask(_security_groups, stack)
    left = abandoned.among({one["GroupId"]: tags_to_dict(one.get("Tags", [])) for one in security_groups})
    found = [
        *_security_group_rules(reads, security_groups, frozenset(left), beside),
        *abandoned.among(reads.ask(_templates, stack)),
        *abandoned.among(reads.ask(load_balancers.target_group_tags, prefix)),
        *left,
    ]
    rights = {**reads.ask(_profiles, prefix, there), **reads.ask(_roles, prefix, there)}
    last = [*abandoned.among(rights), *abandoned.among(reads.ask(_alarms, prefix, there))]
    guards = guards or live.guard is not None or any("-guard-" in name for name in last)
    things = (
        *_listeners(reads, live, stack, known, ports),
        *(name for name in found if name not in known),
        *(abandoned.among(orphan_guards.find_parts(reads, prefix, there)) if guards else ()),
        *last,
    )
    return Orphans(things, attempts_in(abandoned.seen), tuple(sorted(abandoned.namesakes)))


def _of_stack(stack: str) -> Any:
    return [{"Name": "tag:phoenix:stack", "Values": [stack]}]


def _security_groups(reads: Reads, stack: str) -> list[Any]:
    pages = reads.client("ec2").get_paginator("describe_security_groups").paginate(Filters=_of_stack(stack))
    return [one for page in pages for one in page["SecurityGroups"]]


def _templates(reads: Reads, stack: str) -> dict[str, dict[str, str]]:
    """Tags of the stack's launch templates, by their ids."""
    pages = reads.client("ec2").get_paginator("describe_launch_templates").paginate(Filters=_of_stack(stack))
    return {
        one["LaunchTemplateId"]: tags_to_dict(one.get("Tags", [])) for page in pages for one in page["LaunchTemplates"]
    }


def _listeners(reads: Reads, live: LiveState, stack: str, known: Collection[str], ports: Collection[int]) -> list[str]:
    """Listeners of the stack without rules (ARNs) that no state knows, on ports that are not wanted.

    One on a port that is wanted is the engine's as soon as it asks for it: AWS makes the same listener once.
    """
    used = {door.listener for door in live.listener_rules}
    left = [arn for arn in live.listeners if arn not in known and arn not in used] if ports else []
    if not left:
        return []
    ours = [arn for arn, tags in load_balancers.tags_of(reads, left).items() if tags.get("phoenix:stack") == stack]
    found = reads.client("elbv2").describe_listeners(ListenerArns=ours)["Listeners"] if ours else []
    return [one["ListenerArn"] for one in found if one["Port"] not in ports]


def _profiles(reads: Reads, prefix: str, known: Collection[str]) -> dict[str, dict[str, str]]:
    """Tags of the instance profiles with such names that the state does not hold, by their ARNs."""
    iam = reads.client("iam")
    pages = iam.get_paginator("list_instance_profiles").paginate(PaginationConfig=WHOLE)
    named = {one["Arn"]: one["InstanceProfileName"] for page in pages for one in page["InstanceProfiles"]}
    return _tagged(
        _unknown(named, prefix, known),
        lambda name: iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"].get("Tags", []),
    )


def _roles(reads: Reads, prefix: str, known: Collection[str]) -> dict[str, dict[str, str]]:
    """The same of roles."""
    iam = reads.client("iam")
    pages = iam.get_paginator("list_roles").paginate(PaginationConfig=WHOLE)
    named = {one["Arn"]: one["RoleName"] for page in pages for one in page["Roles"]}
    return _tagged(_unknown(named, prefix, known), lambda name: iam.get_role(RoleName=name)["Role"].get("Tags", []))


def _alarms(reads: Reads, prefix: str, known: Collection[str]) -> dict[str, dict[str, str]]:
    """Tags of the alarms with such names that the state does not hold, by their ARNs.

    Those of alarms first: AWS deletes none that such a one is about.
    """
    cloudwatch = reads.client("cloudwatch")
    pages = list(
        cloudwatch.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=prefix, AlarmTypes=["CompositeAlarm", "MetricAlarm"]
        )
    )
    listed: list[Any] = [
        *(one for page in pages for one in page["CompositeAlarms"]),
        *(one for page in pages for one in page["MetricAlarms"]),
    ]
    arns = [one["AlarmArn"] for one in listed if one["AlarmName"] not in known]
    return _tagged({arn: arn for arn in arns}, lambda arn: cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"])


def _unknown(named: Mapping[str, str], prefix: str, known: Collection[str]) -> dict[str, str]:
    """Of names by ARN those with this beginning that the state does not hold."""
    return {arn: name for arn, name in named.items() if name.startswith(prefix) and name not in known}


def _tagged(names: Mapping[str, str], ask: Callable[[str], Any]) -> dict[str, dict[str, str]]:
    """Tags of each of `names`, by its ARN; without what somebody deletes meanwhile: names may begin alike."""
    found = {}
    for arn, name in names.items():
        with ignore_not_found(("NoSuchEntity", "ResourceNotFoundException", "ResourceNotFound")):
            found[arn] = tags_to_dict(ask(name))
    return found


def _security_group_rules(
    reads: Reads, security_groups: Iterable[Any], abandoned: Collection[str], beside: Collection[str]
) -> list[str]:
    """Rules of other security groups that name an abandoned one, which can't be deleted while there are any."""
    lead = [
        one["GroupId"]
        for one in security_groups
        if one["GroupId"] not in abandoned
        for way in (*one.get("IpPermissions", []), *one.get("IpPermissionsEgress", []))
        for peer in way.get("UserIdGroupPairs", [])
        if peer.get("GroupId") in abandoned
    ]
    lead += beside if abandoned else ()
    if not lead:
        return []
    rules = (
        reads.client("ec2")
        .get_paginator("describe_security_group_rules")
        .paginate(Filters=[{"Name": "group-id", "Values": sorted(set(lead))}])
    )
    return [
        rule["SecurityGroupRuleId"]
        for page in rules
        for rule in page["SecurityGroupRules"]
        if rule.get("ReferencedGroupInfo", {}).get("GroupId") in abandoned
    ]
