"""The permanent part: an application load balancer, its listener, and the two rules that Phoenix steers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from components.color import Color

PREVIEW_HEADER = "X-Phoenix-Preview"
TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"  # TLS 1.3 and 1.2; what AWS recommends for HTTPS listeners


class LoadBalancer(pulumi.ComponentResource):
    """An internet-facing ALB that answers 503 until a production rule exists.

    Inputs: `vpc_id`; `subnet_ids` of at least two zones; `port` of the listener; `allowed_cidrs` that may reach it;
    `certificate_arn` (an ACM certificate makes the listener HTTPS, and port 80 redirects to it); `protect` keeps ALB,
    listener and rules from being deleted, by Pulumi and by AWS; `tags`, among them `phoenix:stack`, by which an update
    finds its load balancer.

    Outputs: `arn`, `arn_suffix`, `listener_arn`, `security_group_id`, `url` (by the ALB's own DNS name).
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
        protect: bool = False,
        tags: Mapping[str, str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("phoenix:index:LoadBalancer", name, {"port": port, "protect": protect}, opts)
        self._prefix, self._tags, self._permanent = name, dict(tags), protect
        self._vpc_id = vpc_id
        group = aws.ec2.SecurityGroup(
            f"{name}-alb", vpc_id=vpc_id, description=f"Load balancer of {name}", tags=self._called("alb"),
            opts=pulumi.ResourceOptions(parent=self))
        for number in [port, 80] if certificate_arn else [port]:
            for cidr in allowed_cidrs:
                aws.vpc.SecurityGroupIngressRule(
                    f"{name}-{number}-from-{cidr}", security_group_id=group.id, ip_protocol="tcp", from_port=number,
                    to_port=number, cidr_ipv4=cidr, opts=pulumi.ResourceOptions(parent=self))
        balancer = aws.lb.LoadBalancer(
            name, load_balancer_type="application", internal=False, security_groups=[group.id],
            subnets=list(subnet_ids), drop_invalid_header_fields=True, enable_deletion_protection=protect,
            tags=self._called("alb"), opts=pulumi.ResourceOptions(parent=self, protect=protect))
        self._listener = self._listen(name, balancer, port, certificate_arn)
        scheme, usual = ("https", 443) if certificate_arn else ("http", 80)
        shown = "" if port == usual else f":{port}"
        self.arn = balancer.arn
        self.arn_suffix = balancer.arn_suffix
        self.listener_arn = self._listener.arn
        self.security_group_id = group.id
        self.url = balancer.dns_name.apply(lambda dns: f"{scheme}://{dns}{shown}")
        self.register_outputs({
            "arn": self.arn, "arnSuffix": self.arn_suffix, "listenerArn": self.listener_arn,
            "securityGroupId": self.security_group_id, "url": self.url})

    def target_group(
        self,
        color: Color,
        *,
        port: int,
        health_check_path: str,
        health_check_interval_seconds: int,
        drain_seconds: int,
        tags: Mapping[str, pulumi.Input[str]],
    ) -> aws.lb.TargetGroup:
        """The target group of one generation of a color. No stickiness: it would hold users on the group that dies."""
        return aws.lb.TargetGroup(
            color.name,
            vpc_id=self._vpc_id,
            port=port,
            protocol="HTTP",
            target_type="instance",
            deregistration_delay=drain_seconds,
            load_balancing_algorithm_type="round_robin",
            stickiness={"type": "lb_cookie", "enabled": False},
            health_check={
                "enabled": True, "protocol": "HTTP", "port": "traffic-port", "path": health_check_path,
                "matcher": "200", "interval": health_check_interval_seconds,
                # AWS wants a timeout below the interval.
                "timeout": min(5, health_check_interval_seconds - 1), "healthy_threshold": 2, "unhealthy_threshold": 2},
            tags=color.tags(**tags),
            opts=color.options(self),
        )

    def preview_rule(self, target_group_arn: pulumi.Input[str], *, token: str) -> aws.lb.ListenerRule:
        """The rule for holders of the token: forwards to the active color, before and after it has production.

        It names the target group before the group is born, since an ALB checks the health of named ones only.
        """
        header: aws.lb.ListenerRuleConditionHttpHeaderArgsDict = {
            "http_header_name": PREVIEW_HEADER, "values": [pulumi.Output.secret(token)]}
        return self._rule("preview", 1, {"http_header": header}, [(target_group_arn, 1)], [], {})

    def production_rule(
        self, weights: Sequence[tuple[pulumi.Input[str], int]], *, after: Sequence[pulumi.Resource],
        tags: Mapping[str, pulumi.Input[str]],
    ) -> aws.lb.ListenerRule:
        """The rule for everybody: `weights` is percent of production of target groups by ARN; `tags` are added."""
        return self._rule("production", 100, {"path_pattern": {"values": ["/*"]}}, weights, after, tags)

    def _rule(
        self,
        rule: str,
        priority: int,
        condition: aws.lb.ListenerRuleConditionArgsDict,
        weights: Sequence[tuple[pulumi.Input[str], int]],
        after: Sequence[pulumi.Resource],
        tags: Mapping[str, pulumi.Input[str]],
    ) -> aws.lb.ListenerRule:
        return aws.lb.ListenerRule(
            f"{self._prefix}-{rule}",
            listener_arn=self.listener_arn,
            priority=priority,
            conditions=[condition],
            actions=[{"type": "forward", "forward": {
                "target_groups": [{"arn": arn, "weight": weight} for arn, weight in weights],
                "stickiness": {"enabled": False, "duration": 3600}}}],
            tags={**self._called(rule), "phoenix:rule": rule, **tags},
            opts=pulumi.ResourceOptions(parent=self, protect=self._permanent, depends_on=list(after)),
        )

    def _listen(
        self, name: str, balancer: aws.lb.LoadBalancer, port: int, certificate_arn: str
    ) -> aws.lb.Listener:
        opts = pulumi.ResourceOptions(parent=self, protect=self._permanent)
        if certificate_arn:
            aws.lb.Listener(
                f"{name}-redirect", load_balancer_arn=balancer.arn, port=80, protocol="HTTP",
                default_actions=[{"type": "redirect", "redirect": {
                    "port": str(port), "protocol": "HTTPS", "status_code": "HTTP_301"}}],
                tags=self._called("redirect"), opts=opts)
        return aws.lb.Listener(
            f"{name}-listener", load_balancer_arn=balancer.arn, port=port,
            protocol="HTTPS" if certificate_arn else "HTTP",
            ssl_policy=TLS_POLICY if certificate_arn else None, certificate_arn=certificate_arn or None,
            default_actions=[{"type": "fixed-response", "fixed_response": {
                "content_type": "text/plain", "message_body": "no group is live\n", "status_code": "503"}}],
            tags=self._called("listener"), opts=opts)

    def _called(self, what: str) -> dict[str, str]:
        return {**self._tags, "Name": f"{self._prefix}-{what}"}
