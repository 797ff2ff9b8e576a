"""Application load balancers: balancer, target groups, listeners, rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal.engine.standin.aws import Aws, AwsType, kebab, pairs, pascal, without_none
from rehearsal.engine.standin.provider import Call, ProviderError
from rehearsal.engine.standin.values import Properties

# The provider's name of an attribute: AWS's.
BALANCER_ATTRIBUTES = {
    "enableDeletionProtection": "deletion_protection.enabled",
    "dropInvalidHeaderFields": "routing.http.drop_invalid_header_fields.enabled",
    "idleTimeout": "idle_timeout.timeout_seconds",
    "enableHttp2": "routing.http2.enabled",
    "preserveHostHeader": "routing.http.preserve_host_header.enabled",
    "desyncMitigationMode": "routing.http.desync_mitigation_mode",
}
GROUP_ATTRIBUTES = {
    "deregistrationDelay": "deregistration_delay.timeout_seconds",
    "slowStart": "slow_start.duration_seconds",
    "loadBalancingAlgorithmType": "load_balancing.algorithm.type",
}
STICKINESS = {
    "enabled": "stickiness.enabled",
    "type": "stickiness.type",
    "cookieDuration": "stickiness.lb_cookie.duration_seconds",
}
LISTENER_ATTRIBUTES = {
    "routingHttpResponseServerEnabled": "routing.http.response.server.enabled",
    "routingHttpResponseStrictTransportSecurityHeaderValue": (
        "routing.http.response.strict_transport_security.header_value"
    ),
}
# The API asks for texts of which the provider fills these in.
REDIRECT = {"Host": "#{host}", "Path": "/#{path}", "Query": "#{query}"}


class BalancerType(AwsType):
    """What the types of Elastic Load Balancing have in common: the id is the ARN, and tags."""

    def retag(self, ident: str, inputs: Mapping[str, Any], changed: frozenset[str]) -> None:
        """Make the tags those of the inputs."""
        if "tags" not in changed:
            return
        wanted = inputs.get("tags") or {}
        held = self.aws.elbv2.describe_tags(ResourceArns=[ident])["TagDescriptions"][0]["Tags"]
        stale = [tag["Key"] for tag in held if tag["Key"] not in wanted]
        if stale:
            self.aws.elbv2.remove_tags(ResourceArns=[ident], TagKeys=stale)
        if wanted:
            self.aws.elbv2.add_tags(ResourceArns=[ident], Tags=pairs(wanted))

    def tags(self, inputs: Mapping[str, Any]) -> Any:
        """Tags for a create call, which takes no empty list."""
        return {"Tags": pairs(inputs["tags"])} if inputs.get("tags") else {}


class LoadBalancer(BalancerType):
    """`aws:lb/loadBalancer:LoadBalancer`, application load balancers only."""

    token = "aws:lb/loadBalancer:LoadBalancer"
    replaced_by = frozenset({"name", "internal", "loadBalancerType"})
    defaults = {"loadBalancerType": "application", "internal": False}  # noqa: RUF012
    name_input, name_length = "name", 32
    gone = ("LoadBalancerNotFound",)

    def make(self, call: Call, inputs: Properties) -> str:
        if inputs["loadBalancerType"] != "application":
            raise ProviderError("the stand-in knows application load balancers only")
        made = self.aws.elbv2.create_load_balancer(
            Name=inputs["name"],
            Type="application",
            Scheme="internal" if inputs["internal"] else "internet-facing",
            **without_none(inputs, ("subnets", "securityGroups", "ipAddressType")),
            **self.tags(inputs),
        )["LoadBalancers"][0]["LoadBalancerArn"]
        call.made.append(made)
        self._attributes(made, inputs)
        self.aws.wait(f"load balancer {inputs['name']}", lambda: self._found(made)["State"]["Code"] == "active")
        return made

    def look(self, ident: str, inputs: Properties) -> Properties:
        found = self._found(ident)
        return {
            "arn": ident,
            "arnSuffix": ident.split(":loadbalancer/")[1],
            "dnsName": found["DNSName"],
            "zoneId": found.get("CanonicalHostedZoneId"),
            "vpcId": found["VpcId"],
            "ipAddressType": found["IpAddressType"],
            "name": found["LoadBalancerName"],
        }

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        self.retag(ident, inputs, changed)
        self._attributes(ident, inputs)
        if "securityGroups" in changed:
            self.aws.elbv2.set_security_groups(LoadBalancerArn=ident, SecurityGroups=inputs["securityGroups"])
        if "ipAddressType" in changed:
            self.aws.elbv2.set_ip_address_type(LoadBalancerArn=ident, IpAddressType=inputs["ipAddressType"])
        if "subnets" in changed:
            self.aws.elbv2.set_subnets(LoadBalancerArn=ident, Subnets=inputs["subnets"])

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.elbv2.delete_load_balancer(LoadBalancerArn=ident)

    def _found(self, ident: str) -> Any:
        return self.aws.elbv2.describe_load_balancers(LoadBalancerArns=[ident])["LoadBalancers"][0]

    def _attributes(self, ident: str, inputs: Mapping[str, Any]) -> None:
        wanted = _attributes(BALANCER_ATTRIBUTES, inputs)
        if logs := inputs.get("accessLogs"):
            wanted.append({"Key": "access_logs.s3.enabled", "Value": str(bool(logs.get("enabled"))).lower()})
            if logs.get("enabled"):
                wanted += [
                    {"Key": "access_logs.s3.bucket", "Value": logs["bucket"]},
                    {"Key": "access_logs.s3.prefix", "Value": logs.get("prefix") or ""},
                ]
        if wanted:
            self.aws.elbv2.modify_load_balancer_attributes(LoadBalancerArn=ident, Attributes=wanted)


class TargetGroup(BalancerType):
    """`aws:lb/targetGroup:TargetGroup`."""

    token = "aws:lb/targetGroup:TargetGroup"
    replaced_by = frozenset({"name", "port", "protocol", "protocolVersion", "targetType", "vpcId", "ipAddressType"})
    defaults = {"targetType": "instance"}  # noqa: RUF012
    name_input, name_length = "name", 32
    gone = ("TargetGroupNotFound",)

    def make(self, call: Call, inputs: Properties) -> str:
        made = self.aws.elbv2.create_target_group(
            Name=inputs["name"],
            TargetType=inputs["targetType"],
            **without_none(inputs, ("port", "protocol", "protocolVersion", "vpcId", "ipAddressType")),
            **self._check(inputs),
            **self.tags(inputs),
        )["TargetGroups"][0]["TargetGroupArn"]
        call.made.append(made)
        self._attributes(made, inputs)
        return made

    def look(self, ident: str, inputs: Properties) -> Properties:
        found = self.aws.elbv2.describe_target_groups(TargetGroupArns=[ident])["TargetGroups"][0]
        return {
            "arn": ident,
            "arnSuffix": ident.rsplit(":", 1)[1],
            "name": found["TargetGroupName"],
            "loadBalancerArns": list(found.get("LoadBalancerArns", [])),
        }

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        self.retag(ident, inputs, changed)
        if "healthCheck" in changed:
            self.aws.elbv2.modify_target_group(TargetGroupArn=ident, **self._check(inputs))
        self._attributes(ident, inputs)

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.elbv2.delete_target_group(TargetGroupArn=ident)

    def _check(self, inputs: Mapping[str, Any]) -> Any:
        check = inputs.get("healthCheck") or {}
        wanted = {
            "HealthCheckEnabled": check.get("enabled", True),
            "HealthCheckProtocol": check.get("protocol"),
            "HealthCheckPort": check.get("port"),
            "HealthCheckPath": check.get("path"),
            "HealthCheckIntervalSeconds": check.get("interval"),
            "HealthCheckTimeoutSeconds": check.get("timeout"),
            "HealthyThresholdCount": check.get("healthyThreshold"),
            "UnhealthyThresholdCount": check.get("unhealthyThreshold"),
            "Matcher": {"HttpCode": check["matcher"]} if check.get("matcher") else None,
        }
        return {key: value for key, value in wanted.items() if value is not None}

    def _attributes(self, ident: str, inputs: Mapping[str, Any]) -> None:
        wanted = _attributes(GROUP_ATTRIBUTES, inputs) + _attributes(STICKINESS, inputs.get("stickiness") or {})
        if wanted:
            self.aws.elbv2.modify_target_group_attributes(TargetGroupArn=ident, Attributes=wanted)


class Listener(BalancerType):
    """`aws:lb/listener:Listener`."""

    token = "aws:lb/listener:Listener"
    replaced_by = frozenset({"loadBalancerArn"})
    gone = ("ListenerNotFound",)

    def make(self, call: Call, inputs: Properties) -> str:
        made = self.aws.elbv2.create_listener(
            LoadBalancerArn=inputs["loadBalancerArn"],
            DefaultActions=actions(inputs["defaultActions"]),
            **self._about(inputs),
            **self.tags(inputs),
        )["Listeners"][0]["ListenerArn"]
        call.made.append(made)
        self._attributes(made, inputs)
        return made

    def look(self, ident: str, inputs: Properties) -> Properties:
        found = self.aws.elbv2.describe_listeners(ListenerArns=[ident])["Listeners"][0]
        return {"arn": ident, "loadBalancerArn": found["LoadBalancerArn"]}

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        self.retag(ident, inputs, changed)
        if changed - {"tags", *LISTENER_ATTRIBUTES}:
            self.aws.elbv2.modify_listener(
                ListenerArn=ident, DefaultActions=actions(inputs["defaultActions"]), **self._about(inputs)
            )
        if changed & LISTENER_ATTRIBUTES.keys():
            self._attributes(ident, inputs)

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        """Unlike the others, the provider takes "not found" for a failure here.

        Source: hashicorp/terraform-provider-aws, internal/service/elbv2/listener.go (resourceListenerDelete).
        """
        try:
            self.aws.elbv2.delete_listener(ListenerArn=ident)
        except self.aws.elbv2.exceptions.ListenerNotFoundException as error:
            raise ProviderError(f"deleting ELBv2 Listener ({ident}): {error}") from error

    def _attributes(self, ident: str, inputs: Mapping[str, Any]) -> None:
        if wanted := _attributes(LISTENER_ATTRIBUTES, inputs):
            self.aws.elbv2.modify_listener_attributes(ListenerArn=ident, Attributes=wanted)

    def _about(self, inputs: Mapping[str, Any]) -> Any:
        certificate = inputs.get("certificateArn")
        return {
            **without_none(inputs, ("port", "protocol", "sslPolicy")),
            **({"Certificates": [{"CertificateArn": certificate}]} if certificate else {}),
        }


class ListenerRule(BalancerType):
    """`aws:lb/listenerRule:ListenerRule`."""

    token = "aws:lb/listenerRule:ListenerRule"
    replaced_by = frozenset({"listenerArn"})
    gone = ("RuleNotFound", "ListenerNotFound")

    def make(self, call: Call, inputs: Properties) -> str:
        return self.aws.elbv2.create_rule(
            ListenerArn=inputs["listenerArn"],
            Priority=inputs["priority"],
            Conditions=conditions(inputs["conditions"]),
            Actions=actions(inputs["actions"]),
            **self.tags(inputs),
        )["Rules"][0]["RuleArn"]

    def look(self, ident: str, inputs: Properties) -> Properties | None:
        found = self.aws.elbv2.describe_rules(RuleArns=[ident])["Rules"]
        return {"arn": ident} if found else None

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        self.retag(ident, inputs, changed)
        if "priority" in changed:
            self.aws.elbv2.set_rule_priorities(RulePriorities=[{"RuleArn": ident, "Priority": inputs["priority"]}])
        if {"conditions", "actions"} & changed:
            self.aws.elbv2.modify_rule(
                RuleArn=ident, Conditions=conditions(inputs["conditions"]), Actions=actions(inputs["actions"])
            )

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.elbv2.delete_rule(RuleArn=ident)


class WebAclAssociation(AwsType):
    """`aws:wafv2/webAclAssociation:WebAclAssociation`; its id is both ARNs."""

    token = "aws:wafv2/webAclAssociation:WebAclAssociation"
    replaced_by = frozenset({"resourceArn", "webAclArn"})
    gone = ("WAFNonexistentItemException",)

    def make(self, call: Call, inputs: Properties) -> str:
        self.aws.wafv2.associate_web_acl(WebACLArn=inputs["webAclArn"], ResourceArn=inputs["resourceArn"])
        return f"{inputs['webAclArn']},{inputs['resourceArn']}"

    def look(self, ident: str, inputs: Properties) -> Properties | None:
        acl, balancer = ident.split(",")
        found = self.aws.wafv2.get_web_acl_for_resource(ResourceArn=balancer).get("WebACL")
        return {} if found and found["ARN"] == acl else None

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.wafv2.disassociate_web_acl(ResourceArn=ident.split(",")[1])


def actions(wanted: list[Mapping[str, Any]]) -> list[Any]:
    """Actions of a listener or a rule in the API's words."""
    names = {
        "arn": "TargetGroupArn",
        "duration": "DurationSeconds",
        "stickiness": "TargetGroupStickinessConfig",
        "redirect": "RedirectConfig",
        "forward": "ForwardConfig",
        "fixedResponse": "FixedResponseConfig",
    }
    made = [pascal(dict(action), names) for action in wanted]
    for number, action in enumerate(made, 1):
        action.setdefault("Order", number)
        if "RedirectConfig" in action:
            action["RedirectConfig"] = {**REDIRECT, **action["RedirectConfig"]}
    return made


def conditions(wanted: list[Mapping[str, Any]]) -> list[Any]:
    """Conditions of a rule in the API's words: `httpHeader` is the field `http-header` with an `HttpHeaderConfig`."""
    made = []
    for condition in wanted:
        for kind, about in condition.items():
            values = {"Values": pascal(about)} if kind == "queryStrings" else pascal(about)
            field = kind.removesuffix("s") if kind == "queryStrings" else kind
            made.append({"Field": kebab(field), f"{field[0].upper()}{field[1:]}Config": values})
    return made


def _attributes(names: Mapping[str, str], inputs: Mapping[str, Any]) -> list[Any]:
    return [
        {"Key": names[key], "Value": str(value).lower() if isinstance(value, bool) else str(value)}
        for key, value in inputs.items()
        if key in names and value is not None
    ]


def types(aws: Aws) -> list[AwsType]:
    """The types of this file."""
    return [LoadBalancer(aws), TargetGroup(aws), Listener(aws), ListenerRule(aws), WebAclAssociation(aws)]
