"""The permanent part: an application load balancer and its listener."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.existing_listener import ExistingListener, ExistingListenerArgs
from components.listener import StackListener
from components.log_bucket import ACCESS, LogBucket
from core.errors import Problem, UserError
from plan.config.settings import DUALSTACK, IDLE_SECONDS, TLS_POLICY
from plan.listener_move import ListenerMove
from plan.readers.unrecorded import way_in


@dataclass(frozen=True, kw_only=True)
class LoadBalancerArgs:
    """How users reach a load balancer.

    `port` of the listener; `allowed_cidrs` that may reach it; `certificate_arn` (an ACM certificate makes the listener
    HTTPS, and port 80 redirects to it) for `hostname`, with the security policy `tls_policy`; `hsts_seconds` for which
    browsers come by HTTPS alone (0: not told); `web_acl_arn` of a web ACL that judges requests; `internal`: without
    public addresses; `ip_address_type`: ipv4, or dualstack for IPv6 addresses too; `idle_timeout_seconds` after which
    it closes a connection that nobody uses; `protect` keeps ALB, listener and rules from being deleted, by Pulumi and
    by AWS.
    """

    port: int
    allowed_cidrs: Sequence[str]
    certificate_arn: pulumi.Input[str] = ""
    hostname: str = ""
    tls_policy: str = TLS_POLICY
    hsts_seconds: int = 0
    web_acl_arn: str = ""
    internal: bool = False
    ip_address_type: str = "ipv4"
    idle_timeout_seconds: int = IDLE_SECONDS
    protect: bool = False

    @property
    def is_https(self) -> bool:
        """One that is yet to be made is an output, and no text."""
        return self.certificate_arn != ""

    @property
    def ports(self) -> tuple[int, ...]:
        """The main one, and the one whose requests are led there."""
        return (self.port, 80) if self.is_https else (self.port,)

    def url(self, host: str) -> str:
        """What users of a host type."""
        scheme, usual = ("https", 443) if self.is_https else ("http", 80)
        return f"{scheme}://{host}" + ("" if self.port == usual else f":{self.port}")


class LoadBalancer(StackListener):
    """An ALB that answers 503 until a production rule exists, and does not say what it is (no `Server` header).

    Inputs: `args`; `vpc_id`; `subnet_ids` of at least two zones; `tags`, among them `phoenix:stack`, by which an update
    finds its load balancer; `logs`, where its access logs go; `listener_move`: what names and numbers the state has for
    its listeners and rules.

    Each port is a listener of its own: a change of port or protocol is another one beside it, which serves before the
    first one goes.

    Outputs: `arn`, `arn_suffix`, `dns_name`, `zone_id`, `listener_arn`, `security_group_id`, `url`. With a certificate
    that is by `hostname`, and empty without one: no certificate is for the ALB's own DNS name.
    """

    def __init__(
        self,
        name: str,
        args: LoadBalancerArgs,
        *,
        vpc_id: pulumi.Input[str],
        subnet_ids: Sequence[pulumi.Input[str]],
        tags: Mapping[str, str],
        listener_move: ListenerMove | None = None,
        logs: LogBucket | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("phoenix:index:LoadBalancer", name, {"port": args.port, "protect": args.protect}, opts)
        self._prefix, self._tags, self._permanent, self._args = name, dict(tags), args.protect, args
        self._doors = listener_move or ListenerMove()
        self._vpc_id, self._priorities, self._hosts = vpc_id, self._doors.priorities, ()
        group = self._security_group()
        ways_in = {port: self._ways_in(group, port) for port in args.ports}
        balancer = self._balancer(group, subnet_ids, logs)
        judged = self._web_acl(balancer)
        listeners = {port: self._listen(balancer, port, after=[*ways, *judged]) for port, ways in ways_in.items()}
        # The one whose requests are led to the main one.
        self._plain = listeners.get(80) if args.is_https else None
        self._shared: dict[str, tuple[str, int]] = {}
        self.arn = balancer.arn
        self.arn_suffix = balancer.arn_suffix
        self.listener_arn = listeners[args.port].arn
        self.security_group_id = group.id
        self.dns_name = balancer.dns_name
        self.zone_id, self.has_ipv6 = balancer.zone_id, args.ip_address_type == DUALSTACK
        self.url = balancer.dns_name.apply(
            lambda dns: args.url(host) if (host := args.hostname if args.is_https else dns) else ""
        )
        self.register_outputs(
            {
                "dnsName": self.dns_name,
                "arn": self.arn,
                "arnSuffix": self.arn_suffix,
                "listenerArn": self.listener_arn,
                "securityGroupId": self.security_group_id,
                "url": self.url,
                "hostname": args.hostname,
            }
        )

    def production_rule(
        self,
        weights: pulumi.Output[dict[str, int]],
        *,
        after: Sequence[pulumi.Resource],
        tags: Mapping[str, pulumi.Input[str]],
        sticky: bool = False,
    ) -> aws.lb.ListenerRule:
        """The rule for everybody; and behind it the one that leads users of port 80 there, once it can serve them."""
        rule = super().production_rule(weights, after=after, tags=tags, sticky=sticky)
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

        Raises `UserError` when another service has the hostname or one of the two priorities.
        """
        for other, (host, taken) in self._shared.items():
            if hostname == host or abs(priority - taken) < 2:
                raise UserError(
                    Problem(
                        "PHX-223",
                        f"{name} and {other} must have a hostname and two priorities each ({hostname} and {priority},"
                        f" {host} and {taken}).",
                        f"another hostname, or a rulePriority of {taken + 10}",
                    )
                )
        if not self._shared:
            self._redirect()
        self._shared[name] = (hostname, priority)
        return ExistingListener(
            name,
            ExistingListenerArgs(
                listener_arn=self.listener_arn,
                arn_suffix=self.arn_suffix,
                vpc_id=self._vpc_id,
                security_group_id=self.security_group_id,
                dns_name=self.dns_name,
                zone_id=self.zone_id,
                has_ipv6=self.has_ipv6,
                url=self._args.url(hostname),
            ),
            hostname=hostname,
            priority=priority,
            protect=self._permanent,
            tags=tags,
            opts=opts,
        )

    def _security_group(self) -> aws.ec2.SecurityGroup:
        return aws.ec2.SecurityGroup(
            f"{self._prefix}-alb",
            vpc_id=self._vpc_id,
            description=f"Load balancer of {self._prefix}",
            tags=self._called("alb"),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _ways_in(self, group: aws.ec2.SecurityGroup, port: int) -> list[aws.vpc.SecurityGroupIngressRule]:
        return [
            aws.vpc.SecurityGroupIngressRule(
                way_in(self._prefix, port, cidr),
                security_group_id=group.id,
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                cidr_ipv4=None if ":" in cidr else cidr,
                cidr_ipv6=cidr if ":" in cidr else None,
                opts=pulumi.ResourceOptions(parent=self),
            )
            for cidr in self._args.allowed_cidrs
        ]

    def _balancer(
        self, group: aws.ec2.SecurityGroup, subnet_ids: Sequence[pulumi.Input[str]], logs: LogBucket | None
    ) -> aws.lb.LoadBalancer:
        written: aws.lb.LoadBalancerAccessLogsArgsDict | None = None
        if logs:
            written = {"bucket": logs.name, "prefix": ACCESS, "enabled": True}
        elif self._doors.log_bucket:
            # The provider takes nothing for no change.
            written = {"bucket": self._doors.log_bucket, "enabled": False}
        return aws.lb.LoadBalancer(
            self._prefix,
            load_balancer_type="application",
            internal=self._args.internal,
            security_groups=[group.id],
            subnets=list(subnet_ids),
            drop_invalid_header_fields=True,
            ip_address_type=self._args.ip_address_type,
            idle_timeout=self._args.idle_timeout_seconds,
            enable_deletion_protection=self._permanent,
            access_logs=written,
            tags=self._called("alb"),
            opts=pulumi.ResourceOptions(parent=self, protect=self._permanent, depends_on=logs.ready if logs else None),
        )

    def _web_acl(self, balancer: aws.lb.LoadBalancer) -> list[pulumi.Resource]:
        """There before the first listener, so that no request comes past it."""
        if not self._args.web_acl_arn:
            return []
        return [
            aws.wafv2.WebAclAssociation(
                f"{self._prefix}-web-acl",
                resource_arn=balancer.arn,
                web_acl_arn=self._args.web_acl_arn,
                opts=pulumi.ResourceOptions(parent=self),
            )
        ]

    def _listen(self, balancer: aws.lb.LoadBalancer, port: int, *, after: Sequence[pulumi.Resource]) -> aws.lb.Listener:
        is_https = self._args.is_https and port == self._args.port
        # What a listener does without a rule is never changed: users of a port would meet it while rules come and go.
        kept = ["defaultActions"] if port in self._doors.redirecting else None
        name = self._doors.names.get(port, f"{self._prefix}-listener-{port}")
        # Zero has browsers forget it (RFC 6797, 6.1.1). The provider can't take the header away: it sends no empty
        # text.
        sends_hsts = is_https and (self._args.hsts_seconds > 0 or port in self._doors.hsts)
        return aws.lb.Listener(
            name,
            load_balancer_arn=balancer.arn,
            port=port,
            protocol="HTTPS" if is_https else "HTTP",
            ssl_policy=self._args.tls_policy if is_https else None,
            certificate_arn=self._args.certificate_arn if is_https else None,
            routing_http_response_strict_transport_security_header_value=(
                f"max-age={self._args.hsts_seconds}" if sends_hsts else None
            ),
            routing_http_response_server_enabled=False,
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
                    "redirect": {"port": str(self._args.port), "protocol": "HTTPS", "status_code": "HTTP_301"},
                }
            ],
            tags={**self._called("redirect"), "phoenix:rule": "redirect"},
            opts=pulumi.ResourceOptions(parent=self, protect=self._permanent, depends_on=list(after)),
        )
