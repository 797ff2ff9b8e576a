"""The way in: the load balancer, its listeners and rules, certificates, and the token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pulumi
import pytest

from tests.support.factories import TOKEN
from tests.support.main_program import certificate, first_update, program
from tests.support.recorder import Existing
from tests.unit.program.existing_group import network, stands

HSTS = "routingHttpResponseStrictTransportSecurityHeaderValue"


def test_the_load_balancer_answers_503_until_a_group_is_live_and_drops_bad_headers() -> None:
    done = first_update()
    balancer = done.one("aws:lb/loadBalancer:LoadBalancer")
    assert balancer.inputs["dropInvalidHeaderFields"] is True
    assert (balancer.inputs["enableDeletionProtection"], balancer.protect) == (False, False)
    listener = done.one("aws:lb/listener:Listener").inputs
    assert (listener["port"], listener["protocol"]) == (80, "HTTP")
    assert listener["defaultActions"] == [
        {
            "type": "fixed-response",
            "fixedResponse": {"contentType": "text/plain", "messageBody": "no group is live\n", "statusCode": "503"},
        }
    ]


def test_the_preview_rule_comes_first_and_asks_for_the_token() -> None:
    rule = first_update().one("aws:lb/listenerRule:ListenerRule", "preview").inputs
    assert rule["priority"] == 10
    assert rule["conditions"] == {
        "secret": [{"httpHeader": {"httpHeaderName": "X-Phoenix-Preview", "values": [TOKEN]}}]
    }


def test_a_certificate_makes_https_with_a_current_policy_and_a_redirect() -> None:
    arn = certificate()
    done = program(certificateArn=arn, hostname="shop.example.com")
    listener = done.one("aws:lb/listener:Listener", "listener-443").inputs
    assert (listener["port"], listener["protocol"], listener["certificateArn"]) == (443, "HTTPS", arn)
    # No certificate is for the load balancer's own name, which is where DNS leads the host name to.
    assert done.outputs["url"] == "https://shop.example.com"
    assert done.outputs["dnsName"] == "phoenix-dev.elb.amazonaws.com"
    assert listener["sslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
    assert HSTS not in listener, "without protect nobody is told to stay with HTTPS"
    plain = done.one("aws:lb/listener:Listener", "listener-80").inputs
    assert (plain["port"], plain["protocol"]) == (80, "HTTP")
    assert "sslPolicy" not in plain
    assert plain["routingHttpResponseServerEnabled"] is listener["routingHttpResponseServerEnabled"] is False
    redirect = done.one("aws:lb/listenerRule:ListenerRule", "redirect")
    assert redirect.inputs["actions"] == [
        {"type": "redirect", "redirect": {"port": "443", "protocol": "HTTPS", "statusCode": "HTTP_301"}}
    ]
    assert redirect.inputs["conditions"] == [{"pathPattern": {"values": ["/*"]}}]
    assert "phoenix-dev-production" in redirect.depends_on, "users would be led to where nobody serves yet"
    production = done.one("aws:lb/listenerRule:ListenerRule", "production").inputs
    assert redirect.inputs["priority"] > production["priority"], "a production rule that is there yet serves on"


def test_in_production_browsers_come_back_by_https_alone_until_that_is_taken_back(existing: Existing) -> None:
    https: dict[str, Any] = {"certificateArn": certificate(), "hostname": "shop.example.com", "protect": True}
    done = program(existing=existing, **https, tlsPolicy="ELBSecurityPolicy-TLS13-1-3-PQ-2025-09")
    listener = done.one("aws:lb/listener:Listener", "listener-443").inputs
    assert listener[HSTS] == "max-age=31536000"
    assert listener["sslPolicy"] == "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09"
    assert HSTS not in done.one("aws:lb/listener:Listener", "listener-80").inputs, "browsers obey it over TLS alone"
    assert (
        HSTS
        not in program(existing=existing, **https, hstsSeconds=0).one("aws:lb/listener:Listener", "listener-443").inputs
    )
    balancer = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/phoenix-dev/1"
    stands(
        existing, "phoenix-dev", "aws:lb/loadBalancer:LoadBalancer", arn=balancer, tags={"phoenix:stack": "phoenix/dev"}
    )
    stands(
        existing,
        "phoenix-dev-listener-443",
        "aws:lb/listener:Listener",
        arn=f"{balancer}/1",
        port=443.0,
        protocol="HTTPS",
        loadBalancerArn=balancer,
        **{HSTS: "max-age=31536000"},
    )
    back = program(existing=existing, **https, hstsSeconds=0).one("aws:lb/listener:Listener", "listener-443").inputs
    assert back[HSTS] == "max-age=0", "an empty text is never sent by the provider"


def test_a_security_policy_that_aws_does_not_have_is_refused_before_anything_is_made() -> None:
    with pytest.raises(pulumi.RunError, match="tlsPolicy = 'ELBSecurityPolicy-Typo': must be a security policy"):
        program(certificateArn=certificate(), hostname="shop.example.com", tlsPolicy="ELBSecurityPolicy-Typo")


def test_a_web_acl_judges_from_the_first_request_on_and_one_that_is_not_there_is_refused() -> None:
    waf: Any = boto3.client("wafv2", "eu-west-1")
    seen = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "edge"}
    arn = waf.create_web_acl(Name="edge", Scope="REGIONAL", DefaultAction={"Allow": {}}, VisibilityConfig=seen)[
        "Summary"
    ]["ARN"]
    done = program(webAclArn=arn)
    joined = done.one("aws:wafv2/webAclAssociation:WebAclAssociation")
    assert joined.inputs["webAclArn"] == arn
    assert "phoenix-dev-web-acl" in done.one("aws:lb/listener:Listener").depends_on
    assert first_update().all("aws:wafv2/webAclAssociation:WebAclAssociation") == []
    with pytest.raises(pulumi.RunError, match="must be a web ACL of this account in eu-west-1; there is none such"):
        program(webAclArn=f"{arn}0")


def test_an_internal_load_balancer_has_no_public_address_and_the_plan_says_who_must_reach_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vpc, subnets = network("ab")
    monkeypatch.setenv("PHOENIX_PLAN_MARKDOWN", str(tmp_path / "plan.md"))
    done = program(vpcId=vpc, albSubnetIds=subnets, serverSubnetIds=subnets, internal=True)
    assert done.one("aws:lb/loadBalancer:LoadBalancer").inputs["internal"] is True
    assert "the load balancer is internal" in (tmp_path / "plan.md").read_text()
    done = program(vpcId=vpc, albSubnetIds=subnets, serverSubnetIds=subnets)
    assert done.one("aws:lb/loadBalancer:LoadBalancer").inputs["internal"] is False
    assert (
        "; nothing writes down who came (logDays); no web ACL judges requests (webAclArn) |"
        in (tmp_path / "plan.md").read_text()
    )


def test_a_listener_opens_after_its_way_in_and_closes_before_it() -> None:
    done = program(
        certificateArn=certificate(), hostname="shop.example.com", allowedCidrs=["10.0.0.0/8", "192.0.2.0/24"]
    )
    for port in (80, 443):
        listener = done.one("aws:lb/listener:Listener", f"listener-{port}")
        assert {f"phoenix-dev-{port}-from-10.0.0.0/8", f"phoenix-dev-{port}-from-192.0.2.0/24"} <= listener.depends_on


def test_a_stack_of_an_older_version_keeps_the_listeners_that_it_has(existing: Existing) -> None:
    """Under their own names they stay; what the one does without a rule is not changed while users may meet it."""
    balancer = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/phoenix-dev/1"
    stands(
        existing, "phoenix-dev", "aws:lb/loadBalancer:LoadBalancer", arn=balancer, tags={"phoenix:stack": "phoenix/dev"}
    )
    for name, port, protocol, action in (
        ("listener", 443.0, "HTTPS", "fixed-response"),
        ("redirect", 80.0, "HTTP", "redirect"),
    ):
        stands(
            existing,
            f"phoenix-dev-{name}",
            "aws:lb/listener:Listener",
            arn=f"{balancer}/{name}",
            port=port,
            protocol=protocol,
            loadBalancerArn=balancer,
            defaultActions=[{"type": action}],
        )
    done = program(existing=existing, certificateArn=certificate(), hostname="shop.example.com")
    found = {one.inputs["port"]: (one.name, one.ignore) for one in done.all("aws:lb/listener:Listener")}
    assert found == {443: ("phoenix-dev-listener", ()), 80: ("phoenix-dev-redirect", ("defaultActions",))}


def test_the_token_in_clear_text_is_told_and_refused_in_production(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, told = tmp_path / "plan.md", "the preview token crosses the internet in clear text"
    monkeypatch.setenv("PHOENIX_PLAN_MARKDOWN", str(plan))
    program()
    assert f"{told}, and whoever reads it there reaches pre-production: HTTP 80 is open to 0.0.0.0/0" in (
        plan.read_text()
    )
    for said in ({"certificateArn": certificate(), "hostname": "shop.example.com"}, {"allowedCidrs": ["10.0.0.0/8"]}):
        program(protect=True, **said)
        assert told not in plan.read_text()
    with pytest.raises(pulumi.RunError, match=f"protect = 'true': must not be set while {told}"):
        program(protect=True)


def test_a_certificate_for_another_name_is_refused_before_anything_is_made() -> None:
    with pytest.raises(pulumi.RunError, match=r"hostname = 'blog\.example\.com': must be a name that a certificate"):
        program(certificateArn=certificate(), hostname="blog.example.com")


def test_a_listener_that_is_adopted_is_not_touched_and_gets_two_rules_for_one_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vpc, subnets = network("ab")
    elb = boto3.client("elbv2", "eu-west-1")
    firewall = boto3.client("ec2", "eu-west-1").create_security_group(GroupName="edge", Description="edge", VpcId=vpc)[
        "GroupId"
    ]
    balancer = elb.create_load_balancer(Name="edge", Subnets=subnets, SecurityGroups=[firewall])["LoadBalancers"][0][
        "LoadBalancerArn"
    ]
    listener = elb.create_listener(
        LoadBalancerArn=balancer,
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}],
    )["Listeners"][0]["ListenerArn"]
    done = program(
        listenerArn=listener,
        vpcId=vpc,
        albSubnetIds=subnets,
        serverSubnetIds=subnets,
        hostname="shop.example.com",
        rulePriority="30",
    )
    assert not [
        one for one in done.resources if one.type in ("aws:lb/loadBalancer:LoadBalancer", "aws:lb/listener:Listener")
    ]
    host = {"hostHeader": {"values": ["shop.example.com"]}}
    rules = {one.inputs["priority"]: one.inputs for one in done.all("aws:lb/listenerRule:ListenerRule")}
    assert set(rules) == {30, 31}
    assert {one["listenerArn"] for one in rules.values()} == {listener}
    assert rules[31]["conditions"] == [host]
    assert rules[30]["conditions"]["secret"][0] == host
    assert [*rules[30]["conditions"]["secret"][1]] == ["httpHeader"]
    way_in = done.one("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule").inputs
    assert way_in["referencedSecurityGroupId"] == firewall
    assert done.one("command:local:Command", "promote").inputs["environment"]["PHOENIX_SHARED"] == "true"
    assert done.outputs["url"] == "http://shop.example.com"
    assert done.outputs["dnsName"] == elb.describe_load_balancers()["LoadBalancers"][0]["DNSName"]
    elb.modify_load_balancer_attributes(
        LoadBalancerArn=balancer, Attributes=[{"Key": "idle_timeout.timeout_seconds", "Value": "600"}]
    )
    monkeypatch.setenv("PHOENIX_PLAN_MARKDOWN", str(tmp_path / "plan.md"))
    again = program(
        listenerArn=listener,
        vpcId=vpc,
        albSubnetIds=subnets,
        serverSubnetIds=subnets,
        hostname="shop.example.com",
        rulePriority="30",
    )
    assert again.outputs["url"], "others need the timeout: it is told, and stops nothing"
    assert "keepAliveTimeout), and the load balancer 600 s" in (tmp_path / "plan.md").read_text()
