"""The permanent part: an application load balancer and its listener."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from components.existing_listener import ExistingListener
from components.listener import StackListener
from plan.listener_move import ListenerMove
from plan.readers.existing_balancer import ExistingBalancerError

TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"  # TLS 1.3 and 1.2; what AWS recommends for HTTPS listeners


class LoadBalancer(StackListener):
    """An internet-facing ALB that answers 503 until a production rule exists.

    Inputs: `vpc_id`; `subnet_ids` of at least two zones; `port` of the listener; `allowed_cidrs` that may reach it;
    `certificate_arn` (an ACM certificate makes the listener HTTPS, and port 80 redirects to it) for `hostname`;
    `protect` keeps ALB, listener and rules from being deleted, by Pulumi and by AWS; `tags`, among them
    `phoenix:stack`, by which an update finds its load balancer; `doors`: what names and numbers the state has for them.

    Each port is a listener of its own: a change of port or protocol is another one beside it, which serves before the
    first one goes.

    Outputs: `arn`, `arn_suffix`, `dns_name`, `listener_arn`, `security_group_id`, `url`. With a certificate that is by
    `hostname`, and empty without one: no certificate is for the ALB's own DNS name.
    """

    def __init__(
        self,
        name: str,
        *,
        vpc_id: pulumi.Input[str],
        subnet_ids: Sequence[pulumi.Input[str]],
        port: int,
        allowed_cidrs: Sequence[str],
        certificate_arn: str = "",
        hostname: str = "",
        protect: bool = False,
        tags: Mapping[str, str],
        doors: ListenerMove | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("phoenix:index:LoadBalancer", name, {"port": port, "protect": protect}, opts)
        self._prefix, self._tags, self._permanent = name, dict(tags), protect
        self._doors = doors or ListenerMove()
        self._vpc_id, self._priorities, self._hosts = vpc_id, self._doors.priorities, ()
        group = aws.ec2.SecurityGroup(
            f"{name}-alb",
            vpc_id=vpc_id,
            description=f"Load balancer of {name}",
            tags=self._called("alb"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        ways_in = {
            number: [
                aws.vpc.SecurityGroupIngressRule(
                    f"{name}-{number}-from-{cidr}",
                    security_group_id=group.id,
                    ip_protocol="tcp",
                    from_port=number,
                    to_port=number,
                    cidr_ipv4=cidr,
                    opts=pulumi.ResourceOptions(parent=self),
                )
                for cidr in allowed_cidrs
            ]
            for number in ([port, 80] if certificate_arn else [port])
        }
        balancer = aws.lb.LoadBalancer(
            name,
            load_balancer_type="application",
            internal=False,
            security_groups=[group.id],
            subnets=list(subnet_ids),
            drop_invalid_header_fields=True,
            enable_deletion_protection=protect,
            tags=self._called("alb"),
            opts=pulumi.ResourceOptions(parent=self, protect=protect),
        )
        listeners = {
            number: self._listen(balancer, number, certificate_arn if number == port else "", after=ways)
            for number, ways in ways_in.items()
        }
        # The one whose requests are led to the main one.
        self._plain, self._port = listeners.get(80) if certificate_arn else None, port
        scheme, usual = ("https", 443) if certificate_arn else ("http", 80)
        shown = "" if port == usual else f":{port}"
        self._front = (scheme, shown)
        self._shared: dict[str, tuple[str, int]] = {}
        self.arn = balancer.arn
        self.arn_suffix = balancer.arn_suffix
        self.listener_arn = listeners[port].arn
        self.security_group_id = group.id
        self.dns_name = balancer.dns_name
        self.url = balancer.dns_name.apply(
            lambda dns: f"{scheme}://{host}{shown}" if (host := hostname if certificate_arn else dns) else ""
        )
        self.register_outputs(
            {
                "dnsName": self.dns_name,
                "arn": self.arn,
                "arnSuffix": self.arn_suffix,
                "listenerArn": self.listener_arn,
                "securityGroupId": self.security_group_id,
                "url": self.url,
                "hostname": hostname,
            }
        )

    def production_rule(
        self,
        weights: pulumi.Output[dict[str, int]],
        *,
        after: Sequence[pulumi.Resource],
        tags: Mapping[str, pulumi.Input[str]],
    ) -> aws.lb.ListenerRule:
        """The rule for everybody; and behind it the one that leads users of port 80 there, once it can serve them."""
        rule = super().production_rule(weights, after=after, tags=tags)
        self._redirect(after=[rule])
        return rule

    def listener_for(
        self,
        name: str,
        *,
        hostname: str,
        priority: int,
        tags: Mapping[str, str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> ExistingListener:
        """The listener for one of several services: for requests to `hostname`, by rules of its own.

        Raises `ExistingBalancerError` when another service has the hostname or one of the two priorities.
        """
        for other, (host, taken) in self._shared.items():
            if hostname == host or abs(priority - taken) < 2:
                raise ExistingBalancerError(
                    f"{name} and {other} must have a hostname and two priorities each ({hostname} and {priority},"
                    f" {host} and {taken}).\n  type: another hostname, or a rulePriority of {taken + 10}"
                )
        if not self._shared:
            self._redirect()
        self._shared[name] = (hostname, priority)
        scheme, shown = self._front
        return ExistingListener(
            name,
            listener_arn=self.listener_arn,
            arn_suffix=self.arn_suffix,
            vpc_id=self._vpc_id,
            security_group_id=self.security_group_id,
            dns_name=self.dns_name,
            hostname=hostname,
            priority=priority,
            url=f"{scheme}://{hostname}{shown}",
            protect=self._permanent,
            tags=tags,
            opts=opts,
        )

    def _listen(
        self, balancer: aws.lb.LoadBalancer, port: int, certificate_arn: str, *, after: Sequence[pulumi.Resource]
    ) -> aws.lb.Listener:
        # What a listener does without a rule is never changed: users of a port would meet it while rules come and go.
        kept = ["defaultActions"] if port in self._doors.redirecting else None
        name = self._doors.names.get(port, f"{self._prefix}-listener-{port}")
        return aws.lb.Listener(
            name,
            load_balancer_arn=balancer.arn,
            port=port,
            protocol="HTTPS" if certificate_arn else "HTTP",
            ssl_policy=TLS_POLICY if certificate_arn else None,
            certificate_arn=certificate_arn or None,
            default_actions=[
                {
                    "type": "fixed-response",
                    "fixed_response": {
                        "content_type": "text/plain",
                        "message_body": "no group is live\n",
                        "status_code": "503",
                    },
                }
            ],
            tags={**self._tags, "Name": name},
            opts=pulumi.ResourceOptions(
                parent=self, protect=self._permanent, depends_on=list(after), ignore_changes=kept
            ),
        )

    def _redirect(self, *, after: Sequence[pulumi.Resource] = ()) -> None:
        """Leads from port 80 to HTTPS by a rule that comes last: a production rule that is there yet serves on."""
        if self._plain is None:
            return
        aws.lb.ListenerRule(
            f"{self._prefix}-redirect",
            listener_arn=self._plain.arn,
            priority=self._doors.priorities["redirect"],
            conditions=[{"path_pattern": {"values": ["/*"]}}],
            actions=[
                {
                    "type": "redirect",
                    "redirect": {"port": str(self._port), "protocol": "HTTPS", "status_code": "HTTP_301"},
                }
            ],
            tags={**self._called("redirect"), "phoenix:rule": "redirect"},
            opts=pulumi.ResourceOptions(parent=self, protect=self._permanent, depends_on=list(after)),
        )
