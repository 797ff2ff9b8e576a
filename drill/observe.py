"""The invariants watched in an account, by what AWS answers: the samples and the judgement are the rehearsal's.

AWS is asked every two seconds, so what is shorter than that is not seen; requests are all counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from core import server_groups, tags
from core.aws import error_code
from rehearsal.scenario.watch import GroupSample, InvariantWatch, Sample
from rehearsal.state.journal import Event

SECONDS = 2.0
SEARCH_SECONDS = 10.0
"""Between two searches for the production rule, which ask for the tags of every load balancer of the account."""
BLIND_SECONDS = 120.0
"""So long AWS may refuse to answer (throttling, a network that is gone for a moment) before the watch is none."""


@dataclass
class AccountWatch(InvariantWatch):
    """`clients` gives boto3's clients. `events`: what happened to servers, as far as AWS shows it."""

    seconds: float = SECONDS
    clients: Callable[[str], Any] = lambda service: None
    events: list[Event] = field(default_factory=list)
    search_seconds: float = SEARCH_SECONDS
    _rule: str = ""
    _searched_at: float = 0.0
    _states: dict[str, str] = field(default_factory=dict)
    _try_query: float = field(default_factory=time.monotonic)

    def take_sample(self) -> Sample | None:
        try:
            now = self._query()
        except (BotoCoreError, ClientError, OSError) as error:
            if time.monotonic() - self._try_query > BLIND_SECONDS:
                raise RuntimeError(f"AWS has not answered for {BLIND_SECONDS:.0f} s: {error}") from error
            return None
        self._try_query = time.monotonic()
        return now

    def _query(self) -> Sample:
        groups = [
            group
            for page in self.clients("autoscaling")
            .get_paginator("describe_auto_scaling_groups")
            .paginate(Filters=[{"Name": "tag:phoenix:stack", "Values": [self.stack]}])
            for group in page["AutoScalingGroups"]
        ]
        sample = Sample(t=time.time(), weights=self._weights(), groups=tuple(_group(group) for group in groups))
        self._note(sample.t, groups)
        return sample

    def _weights(self) -> dict[str, int]:
        """Of the production rule, which is looked for until it is there, and again when it is gone."""
        balancing = self.clients("elbv2")
        if not self._rule and time.monotonic() - self._searched_at >= self.search_seconds:
            self._rule, self._searched_at = production_rule(balancing, self.stack), time.monotonic()
        if not self._rule:
            return {}
        try:
            [rule] = balancing.describe_rules(RuleArns=[self._rule])["Rules"]
        except ClientError as error:
            if error_code(error) != "RuleNotFound":
                raise
            self._rule = ""
            return {}
        targets = rule["Actions"][-1].get("ForwardConfig", {}).get("TargetGroups", [])
        return {target["TargetGroupArn"]: int(target.get("Weight", 1)) for target in targets}

    def _note(self, now: float, groups: list[Any]) -> None:
        """What differs from the last look, as the local cloud's journal has it."""
        seen: dict[str, str] = {}
        for group in groups:
            health = self._health(group["TargetGroupARNs"])
            for instance in group["Instances"]:
                state = instance["LifecycleState"]
                leaves = state.startswith("Terminat")
                seen[instance["InstanceId"]] = "leaves" if leaves else health.get(instance["InstanceId"], "booting")
                if instance["InstanceId"] not in self._states:
                    self._event(
                        now, "instance", instance["InstanceId"], f"launched by {group['AutoScalingGroupName']}: {state}"
                    )
        for instance, state in seen.items():
            if self._states.get(instance) != state:
                self._event(now, "instance" if state == "leaves" else "health", instance, f"{state} as AWS shows it")
        for instance in self._states.keys() - seen.keys():
            self._event(now, "instance", instance, "terminated as AWS shows it")
        self._states = seen

    def _health(self, targets: list[str]) -> Mapping[str, str]:
        balancing = self.clients("elbv2")
        answers = [balancing.describe_target_health(TargetGroupArn=arn) for arn in targets]
        return {
            found["Target"]["Id"]: found["TargetHealth"]["State"]
            for answer in answers
            for found in answer["TargetHealthDescriptions"]
        }

    def _event(self, now: float, kind: str, subject: str, text: str) -> None:
        self.events.append(Event(t=now, kind=kind, subject=subject, text=text))


def production_rule(balancing: Any, stack: str) -> str:
    """Its ARN, by its tags; empty while there is none."""
    balancers = [
        one["LoadBalancerArn"]
        for page in balancing.get_paginator("describe_load_balancers").paginate()
        for one in page["LoadBalancers"]
    ]
    for balancer in _tagged(balancing, balancers, stack):
        for page in balancing.get_paginator("describe_listeners").paginate(LoadBalancerArn=balancer):
            for listener in page["Listeners"]:
                rules = balancing.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
                arns = [rule["RuleArn"] for rule in rules if not rule["IsDefault"]]
                for arn, known in _tagged(balancing, arns, stack).items():
                    if known.get("phoenix:rule") == "production":
                        return arn
    return ""


def _tagged(balancing: Any, arns: list[str], stack: str) -> dict[str, dict[str, str]]:
    """Those that carry the stack's tag, with all their tags."""
    return {arn: known for arn, known in tags.read_tags(balancing, arns).items() if known.get("phoenix:stack") == stack}


def _group(group: Any) -> GroupSample:
    known = tags.tags_to_dict(group["Tags"])
    template = server_groups.template_of(group)
    return GroupSample(
        name=group["AutoScalingGroupName"],
        color=known.get("phoenix:color", ""),
        generation=known.get("phoenix:generation", ""),
        verified=known.get("phoenix:verified", "") == known.get("phoenix:generation", "-"),
        is_deleting=group["MaxSize"] == 0 or "Status" in group,
        in_service=sum(1 for one in group["Instances"] if one["LifecycleState"] == "InService"),
        template=f"{template.get('LaunchTemplateId', '')}:{template.get('Version', '')}",
        target_groups=tuple(group["TargetGroupARNs"]),
    )
