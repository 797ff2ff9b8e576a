"""What a stack steers on a listener, whoever made it: its target groups, and the two rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from components.replacement import group_options
from core.listener_rules import STICKINESS_SECONDS, sticks
from core.names import PREVIEW_HEADER
from plan.group_key import GroupKey


class StackListener(pulumi.ComponentResource):
    """A listener with a stack's rules on it; `LoadBalancer` makes one, `ExistingListener` takes one that is there.

    Outputs: `arn_suffix` of the load balancer, `dns_name` (what the DNS of a host name leads to) in the hosted zone
    `zone_id` of AWS's, `has_ipv6` addresses or not, `listener_arn`, `security_group_id`, `url`.
    """

    arn_suffix: pulumi.Output[str]
    dns_name: pulumi.Output[str]
    zone_id: pulumi.Output[str]
    has_ipv6: bool = False
    listener_arn: pulumi.Output[str]
    security_group_id: pulumi.Output[str]
    url: pulumi.Output[str]

    _prefix: str
    _tags: Mapping[str, str]
    _permanent: bool
    _vpc_id: pulumi.Input[str]
    # AWS tries rules in the order of their priority: the door of preview comes before everybody's.
    _priorities: Mapping[str, int]
    _hosts: Sequence[aws.lb.ListenerRuleConditionArgsDict]

    def target_group(
        self,
        color: GroupKey,
        *,
        port: int,
        health_check_path: str,
        health_check_interval_seconds: int,
        drain_seconds: int,
        slow_start_seconds: int = 0,
        tags: Mapping[str, pulumi.Input[str]],
    ) -> aws.lb.TargetGroup:
        """The target group of one generation of a color. No stickiness: it would hold users on the
        group that is deleted.
        """
        return aws.lb.TargetGroup(
            color.name,
            vpc_id=self._vpc_id,
            port=port,
            protocol="HTTP",
            target_type="instance",
            deregistration_delay=drain_seconds,
            slow_start=slow_start_seconds,
            # AWS takes no slow start with another one.
            load_balancing_algorithm_type="round_robin",
            stickiness={"type": "lb_cookie", "enabled": False},
            health_check={
                "enabled": True,
                "protocol": "HTTP",
                "port": "traffic-port",
                "path": health_check_path,
                "matcher": "200",
                "interval": health_check_interval_seconds,
                # AWS wants a timeout below the interval.
                "timeout": min(5, health_check_interval_seconds - 1),
                "healthy_threshold": 2,
                "unhealthy_threshold": 2,
            },
            tags=color.tags(**tags),
            opts=group_options(color, self),
        )

    def preview_rule(self, target_group_arn: pulumi.Input[str], *, token: pulumi.Input[str]) -> aws.lb.ListenerRule:
        """The rule for holders of the token: forwards to the active color, before and after it has production.

        It names the target group before the group is launched, since an ALB checks the health of named ones only.
        """
        header: aws.lb.ListenerRuleConditionHttpHeaderArgsDict = {
            "http_header_name": PREVIEW_HEADER,
            "values": [pulumi.Output.secret(token)],
        }
        return self._rule("preview", [{"http_header": header}], [{"arn": target_group_arn, "weight": 1}], [], {})

    def production_rule(
        self,
        weights: pulumi.Output[dict[str, int]],
        *,
        after: Sequence[pulumi.Resource],
        tags: Mapping[str, pulumi.Input[str]],
        sticky: bool = False,
    ) -> aws.lb.ListenerRule:
        """The rule for everybody: `weights` is percent of production of target groups by ARN; `tags` are added.

        `sticky`: who keeps cookies stays with a group while several have a share.
        """
        everything: aws.lb.ListenerRuleConditionArgsDict = {"path_pattern": {"values": ["/*"]}}
        named = weights.apply(lambda known: [{"arn": arn, "weight": weight} for arn, weight in known.items()])
        return self._rule(
            "production",
            [] if self._hosts else [everything],
            named,
            after,
            tags,
            sticks=weights.apply(lambda known: sticks(known, sticky=sticky)) if sticky else False,
        )

    def _rule(
        self,
        rule: str,
        conditions: Sequence[aws.lb.ListenerRuleConditionArgsDict],
        weights: pulumi.Input[Any],
        after: Sequence[pulumi.Resource],
        tags: Mapping[str, pulumi.Input[str]],
        sticks: pulumi.Input[bool] = False,
    ) -> aws.lb.ListenerRule:
        return aws.lb.ListenerRule(
            f"{self._prefix}-{rule}",
            listener_arn=self.listener_arn,
            priority=self._priorities[rule],
            conditions=[*self._hosts, *conditions],
            actions=[
                {
                    "type": "forward",
                    "forward": {
                        "target_groups": weights,
                        "stickiness": {"enabled": sticks, "duration": STICKINESS_SECONDS},
                    },
                }
            ],
            tags={**self._called(rule), "phoenix:rule": rule, **tags},
            opts=pulumi.ResourceOptions(parent=self, protect=self._permanent, depends_on=list(after)),
        )

    def _called(self, what: str) -> dict[str, str]:
        return {**self._tags, "Name": f"{self._prefix}-{what}"}
