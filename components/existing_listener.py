"""A listener that is there already, adopted by a stack: one load balancer carries many services, told by host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components.listener import StackListener


@dataclass(frozen=True, kw_only=True)
class ExistingListenerArgs:
    """A listener that somebody else made.

    `listener_arn`; its load balancer's `arn_suffix` (as CloudWatch names it), `vpc_id`, `dns_name` in the hosted zone
    `zone_id` of AWS's, and `security_group_id`, which each generation of servers lets in, and gets a way out of;
    `has_ipv6`: it has addresses of IPv6 too; `url` that users type.
    """

    listener_arn: pulumi.Input[str]
    arn_suffix: pulumi.Input[str]
    vpc_id: pulumi.Input[str]
    security_group_id: pulumi.Input[str]
    dns_name: pulumi.Input[str] = ""
    zone_id: pulumi.Input[str] = ""
    has_ipv6: bool = False
    url: pulumi.Input[str]


class ExistingListener(StackListener):
    """A stack's rules on a listener that somebody else made; nothing of the load balancer itself is changed.

    Inputs: `args`; `hostname` of the requests that are this stack's; `priority` of the preview rule, and the production
    rule has the next one; `protect` keeps the rules from being deleted; `tags`, among them `phoenix:stack`: by it an
    update finds them.
    """

    def __init__(
        self,
        name: str,
        args: ExistingListenerArgs,
        *,
        hostname: str,
        priority: int,
        protect: bool = False,
        tags: Mapping[str, str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("phoenix:index:ExistingListener", name, {"hostname": hostname, "priority": priority}, opts)
        self._prefix, self._tags, self._permanent, self._vpc_id = name, dict(tags), protect, args.vpc_id
        self._priorities = {"preview": priority, "production": priority + 1}
        self._hosts = [{"host_header": {"values": [hostname]}}]
        self.arn_suffix = pulumi.Output.from_input(args.arn_suffix)
        self.listener_arn = pulumi.Output.from_input(args.listener_arn)
        self.security_group_id = pulumi.Output.from_input(args.security_group_id)
        self.dns_name = pulumi.Output.from_input(args.dns_name)
        self.zone_id, self.has_ipv6 = pulumi.Output.from_input(args.zone_id), args.has_ipv6
        self.url = pulumi.Output.from_input(args.url)
        self.register_outputs({"listenerArn": self.listener_arn, "url": self.url})
