"""What outlives every group: a change of it has its row in the plan, or is refused with the deliberate way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from plan.checks import permanent, subnets
from plan.checks.known_failures import KnownFailureError, UpdateFacts, checked_plan
from plan.checks.permanent import Listener, PermanentResources, Rule
from plan.config.settings import TLS_POLICY
from plan.image_source import ImageSource
from plan.readers.account_limits import AccountLimits, Subnet
from plan.readers.stack_state import Resource, StateInventory
from plan.report.permanent_rows import permanent_rows
from tests.support.factories import NOW, group, live, recipe, settings

ELB = "arn:aws:elasticloadbalancing:eu-west-1:123456789012"
BALANCER = f"{ELB}:loadbalancer/app/phoenix-dev/1"
CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/old"
SECURE = {"certificate_arn": CERTIFICATE, "hostname": "shop.example.com"}
OWNED: Any = {"phoenix:stack": "phoenix/dev"}
VPC = {"vpc_id": "vpc-0a", "alb_subnet_ids": ("subnet-a", "subnet-b"), "server_subnet_ids": ("subnet-c",)}


def listener(port: int, protocol: str = "HTTP", **said: Any) -> Listener:
    return Listener(f"phoenix-dev-listener-{port}", f"{ELB}:listener/app/phoenix-dev/1/{port}", port, protocol, **said)


def before(*listeners: Listener, serving: int = 0, **said: Any) -> PermanentResources:
    """A stack with a network of its own that serves on its first listener, or on that with the port `serving`."""
    ears = listeners or (listener(80),)
    main = next(one for one in ears if one.port == (serving or ears[0].port))
    rule = {
        kind: Rule(f"{main.arn.replace(':listener/', ':listener-rule/')}/{kind}", main.arn, number)
        for kind, number in (("preview", 1), ("production", 100))
    }
    return PermanentResources(
        **{
            "vpc_cidr": "10.20.0.0/16",
            "balancer": BALANCER,
            "vpc": "vpc-0a",
            "listeners": ears,
            "cidrs": frozenset({"0.0.0.0/0"}),
            "rules": rule,
            **said,
        }
    )


ADOPTED = before(vpc_cidr="", subnets=frozenset(VPC["alb_subnet_ids"]))
HTTPS = (listener(443, "HTTPS", certificate=CERTIFICATE), listener(80, redirects=True))


@pytest.mark.parametrize(
    ("was", "now", "says"),
    [
        (
            before(),
            {"vpc_cidr": "10.30.0.0/16"},
            [
                "vpcCidr = '10.30.0.0/16': must stay 10.20.0.0/16",
                "type: pulumi config set vpcCidr 10.20.0.0/16",
                "another stack beside it",
                "DNS to its dnsName",
                "pulumi destroy",
            ],
        ),
        (before(rules={}), {"vpc_cidr": "10.30.0.0/16"}, ["nothing is live yet: pulumi destroy, then pulumi up"]),
        (
            before(),
            VPC,
            [
                "vpcId = 'vpc-0a': must stay empty: this stack made its own network",
                "pulumi config rm-all vpcId albSubnetIds serverSubnetIds",
                "another stack beside it",
            ],
        ),
        (ADOPTED, {}, ["vpcId = '': must stay vpc-0a", "pulumi config set vpcId vpc-0a, and albSubnetIds"]),
        (ADOPTED, {**VPC, "vpc_id": "vpc-0b"}, ["vpcId = 'vpc-0b': must stay vpc-0a"]),
        (
            before(listener(8443)),
            {**SECURE, "listener_port": 8443},
            [
                "listenerPort = 8443: must be another port when HTTP becomes HTTPS",
                "pulumi config set listenerPort 443 ",
            ],
        ),
        (before(listener(443)), SECURE, ["listenerPort = 443: must be another port", "set listenerPort 8443 "]),
        (before(*HTTPS), {"listener_port": 443}, ["when HTTPS becomes HTTP", "set listenerPort 80 "]),
        (
            before(protected=True),
            {"listener_port": 8080, "protect": True},
            [
                "protect = 'true': must have been false before HTTP 80 closes and production moves to port 8080",
                "protect false, with listenerPort 80 and no certificateArn still, and pulumi up",
                "then protect true again",
            ],
        ),
        (before(protected=True), {"listener_port": 8080}, ["protect = 'false': must have been false before"]),
        (before(protected=True), {**SECURE, "protect": True}, ["before production moves to port 443:"]),
        (
            before(*HTTPS, protected=True),
            {"protect": True},
            [
                "before HTTPS 443 closes and production moves to port 80:",
                f"with listenerPort 443 and certificateArn {CERTIFICATE} still",
            ],
        ),
    ],
)
def test_a_change_that_would_take_production_away_is_refused_with_the_deliberate_way(
    was: PermanentResources, now: dict[str, Any], says: list[str]
) -> None:
    [problem] = permanent.problems(was, settings(**now))
    for words in says:
        assert words in str(problem)


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (PermanentResources(), {}),
        (PermanentResources(), {"vpc_cidr": "10.30.0.0/16"}),
        (PermanentResources(), VPC),
        (before(), {}),
        (ADOPTED, VPC),
        (ADOPTED, {**VPC, "alb_subnet_ids": ("subnet-a", "subnet-x")}),
        (before(), {"listener_port": 8080}),
        (before(), SECURE),
        (before(*HTTPS), {}),
        (before(*HTTPS), SECURE),
        (before(protected=True), {"protect": True, "allowed_cidrs": ("10.0.0.0/8",)}),
        (before(*HTTPS, protected=True), {**SECURE, "protect": True, "certificate_arn": f"{CERTIFICATE}2"}),
    ],
)
def test_what_can_be_done_is_not_refused(was: PermanentResources, now: dict[str, Any]) -> None:
    assert list(permanent.problems(was, settings(**now))) == []


@pytest.mark.parametrize(("priority", "fits"), [(10, True), (11, False), (9, False), (12, True), (30, True)])
def test_rules_on_a_shared_listener_do_not_meet_on_their_way(priority: int, fits: bool) -> None:
    shared = f"{ELB}:listener/app/edge/1/2"
    was = PermanentResources(
        rules={
            "preview": Rule("p", shared, 10, ("shop.example.com",)),
            "production": Rule("q", shared, 11, ("shop.example.com",)),
        }
    )
    said = list(permanent.problems(was, settings(listener_arn=shared, rule_priority=priority, **VPC)))
    assert bool(said) != fits
    assert fits or "pulumi config set rulePriority 20" in said[0].fix


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        (PermanentResources(), SECURE, []),
        (before(), {}, []),
        (
            before(),
            {"allowed_cidrs": ("10.0.0.0/8",)},
            [
                (
                    "access",
                    "allowedCidrs + 10.0.0.0/8, - 0.0.0.0/0: new ones are let in first, others kept out last of all",
                )
            ],
        ),
        (
            ADOPTED,
            {**VPC, "alb_subnet_ids": ("subnet-a", "subnet-x")},
            [
                (
                    "network",
                    "albSubnetIds + subnet-x, - subnet-b: in place; an address of a subnet that goes leaves the"
                    " balancer's DNS name first, and who still has it is refused",
                )
            ],
        ),
        (
            before(),
            {"protect": True},
            [
                ("logs", "kept for 0 days -> 90"),
                ("protect", "false -> true: listener and rules are kept from deletion"),
            ],
        ),
        (before(protected=True), {}, [("protect", "true -> false: they may be deleted from then on")]),
        (before(), {"dashboard": True}, [("dashboard", "false -> true: is made")]),
        (before(), {"log_days": 7}, [("logs", "kept for 0 days -> 7")]),
        (before(log_days=7), {}, [("logs", "kept for 7 days -> 0: all of them are deleted")]),
        (before(), {"web_acl_arn": "arn:acl"}, [("web ACL", "none -> arn:acl: in place")]),
        (before(web_acl="arn:acl"), {}, [("web ACL", "arn:acl -> none: in place")]),
        (
            before(vpc_cidr=""),
            {"ip_address_type": "dualstack"},
            [("addresses", "ipv4 -> dualstack (ipAddressType): in place")],
        ),
        (
            before(vpc_cidr="10.20.0.0/16"),
            {"ip_address_type": "dualstack"},
            [
                ("network", "it gets IPv6, and so do the load balancer's subnets: in place, and it stays"),
                ("addresses", "ipv4 -> dualstack (ipAddressType): in place"),
            ],
        ),
        (
            before(vpc_cidr="10.20.0.0/16", vpc_ipv6=True),
            {"ip_address_type": "dualstack"},
            [("addresses", "ipv4 -> dualstack (ipAddressType): in place")],
        ),
        (before(), {"idle_timeout_seconds": 300}, [("idle", "60 s -> 300 s (idleTimeoutSeconds): in place")]),
        (
            before(listener(443, "HTTPS", certificate=CERTIFICATE, tls_policy="Old"), listener(80)),
            SECURE,
            [
                (
                    "TLS",
                    f"Old -> {TLS_POLICY}: in place; who speaks none of its ciphers is refused (tlsPolicy)",
                )
            ],
        ),
        (
            before(listener(443, "HTTPS", certificate=CERTIFICATE), listener(80)),
            {**SECURE, "hsts_seconds": 300},
            [
                (
                    "HSTS",
                    "none -> max-age=300: browsers that come are told, and for 300 seconds they come by HTTPS alone,"
                    " whatever is set later",
                )
            ],
        ),
        (
            before(listener(443, "HTTPS", certificate=CERTIFICATE, hsts="max-age=300"), listener(80)),
            SECURE,
            [("HSTS", "max-age=300 -> max-age=0: browsers that come are told, and they forget it")],
        ),
        (
            before(hostname="a.example.com"),
            {"hostname": "b.example.com"},
            [("hostname", "a.example.com -> b.example.com: what probes ask for; DNS is yours")],
        ),
    ],
)
def test_every_change_has_its_row(was: PermanentResources, now: dict[str, Any], told: list[tuple[str, str]]) -> None:
    assert permanent_rows(was, settings(**now), live(), front=True) == told


def test_protected_logs_do_not_go_by_a_key() -> None:
    standing = before(protected=True, log_days=90)
    [refused] = permanent.problems(standing, settings(protect=True, log_days=0, allowed_cidrs=("10.0.0.0/8",)))
    assert "must have been false before the logs go, with their bucket" in str(refused)
    assert list(permanent.problems(standing, settings(protect=True, log_days=30))) == []
    assert list(permanent.problems(replace(standing, protected=False), settings(log_days=0))) == []


@pytest.mark.parametrize(("was", "now"), [(False, True), (True, False)])
def test_a_load_balancer_stays_public_or_internal(was: bool, now: bool) -> None:
    given = settings(internal=now, **VPC)
    standing = replace(ADOPTED, internal=was)
    [refused] = permanent.problems(standing, given)
    said = str(refused)
    assert f"internal = {str(now).lower()!r}: must stay {str(was).lower()}" in said
    assert f"pulumi config set internal {str(was).lower()}" in said
    assert list(permanent.problems(standing, replace(given, internal=was))) == []
    assert list(permanent.problems(PermanentResources(), given)) == [], "nothing stands yet"


def test_a_service_on_a_listener_of_others_tells_of_its_host_and_place() -> None:
    rule = Rule("p", f"{ELB}:listener/app/edge/1/2", 10, ("a.example.com",))
    was = PermanentResources(rules={"preview": rule, "production": replace(rule, priority=11)})
    assert permanent_rows(was, settings(hostname="b.example.com", rule_priority=30), live(), front=False) == [
        ("hostname", "a.example.com -> b.example.com: requests for the old one are this service's no longer"),
        ("rules", "rulePriority 10 -> 30, in place"),
    ]


def test_servers_in_other_subnets_are_those_of_the_next_generation() -> None:
    serving = live(group("blue", subnets=("subnet-c",)))
    assert permanent_rows(ADOPTED, settings(**{**VPC, "server_subnet_ids": ("subnet-d",)}), serving, front=True) == [
        ("network", "serverSubnetIds + subnet-d, - subnet-c: of servers that are launched from now on")
    ]


def test_a_state_tells_what_stands() -> None:
    """As the engine tells it: all numbers are floats, and of what is not set there is none."""
    ear = f"{ELB}:listener/app/phoenix-dev/1/2"
    made = StateInventory(
        tuple(
            Resource(f"urn:pulumi:dev::phoenix::{kind}::{name}", kind, outputs)
            for kind, name, outputs in [
                ("aws:ec2/vpc:Vpc", "phoenix-dev-vpc", {"cidrBlock": "10.20.0.0/16", "tags": OWNED}),
                ("aws:ec2/vpc:Vpc", "other", {"cidrBlock": "10.99.0.0/16"}),
                (
                    "aws:lb/loadBalancer:LoadBalancer",
                    "phoenix-dev",
                    {
                        "arn": BALANCER,
                        "vpcId": "vpc-0a",
                        "subnets": ["subnet-a"],
                        "securityGroups": ["sg-1"],
                        "tags": OWNED,
                        "enableDeletionProtection": True,
                        "internal": True,
                        "accessLogs": {"bucket": "logs-1a2b3c4", "enabled": True},
                    },
                ),
                ("phoenix:index:LoadBalancer", "phoenix-dev", {"arn": BALANCER, "hostname": "shop.example.com"}),
                (
                    "aws:lb/listener:Listener",
                    "phoenix-dev-listener",
                    {
                        "arn": ear,
                        "loadBalancerArn": BALANCER,
                        "port": 443.0,
                        "protocol": "HTTPS",
                        "certificateArn": CERTIFICATE,
                        "sslPolicy": "Policy",
                        "routingHttpResponseStrictTransportSecurityHeaderValue": "max-age=300",
                        "defaultActions": [{"type": "fixed-response"}],
                    },
                ),
                (
                    "aws:lb/listener:Listener",
                    "phoenix-dev-redirect",
                    {
                        "arn": f"{ear}0",
                        "loadBalancerArn": BALANCER,
                        "port": 80.0,
                        "protocol": "HTTP",
                        "defaultActions": [{"type": "redirect"}],
                    },
                ),
                (
                    "aws:wafv2/webAclAssociation:WebAclAssociation",
                    "phoenix-dev-web-acl",
                    {"resourceArn": BALANCER, "webAclArn": "arn:acl"},
                ),
                ("aws:wafv2/webAclAssociation:WebAclAssociation", "x", {"resourceArn": "y", "webAclArn": "arn:other"}),
                ("aws:s3/bucket:Bucket", "phoenix-dev-logs", {"id": "logs-1a2b3c4", "tags": OWNED}),
                (
                    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
                    "phoenix-dev-logs",
                    {"bucket": "logs-1a2b3c4", "rules": [{"id": "expire", "expiration": {"days": 30.0}}]},
                ),
                ("aws:lb/listener:Listener", "elsewhere", {"arn": "x", "loadBalancerArn": "y", "port": 1.0}),
                (
                    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
                    "a",
                    {"securityGroupId": "sg-1", "cidrIpv4": "10.0.0.0/8"},
                ),
                ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "servers", {"securityGroupId": "sg-2"}),
                (
                    "aws:lb/listenerRule:ListenerRule",
                    "phoenix-dev-production",
                    {
                        "arn": "rule",
                        "listenerArn": ear,
                        "priority": 100.0,
                        "conditions": [{"pathPattern": {"values": ["/*"]}}],
                        "tags": {**OWNED, "phoenix:rule": "production"},
                    },
                ),
                ("aws:cloudwatch/dashboard:Dashboard", "phoenix-dev-dashboard", {"dashboardName": "phoenix-dev"}),
            ]
        )
    )
    assert permanent.read_permanent(made, owner="phoenix/dev", identity="phoenix/dev") == PermanentResources(
        vpc_cidr="10.20.0.0/16",
        balancer=BALANCER,
        vpc="vpc-0a",
        subnets=frozenset({"subnet-a"}),
        protected=True,
        internal=True,
        web_acl="arn:acl",
        log_bucket="logs-1a2b3c4",
        log_days=30,
        listeners=(
            Listener("phoenix-dev-listener", ear, 443, "HTTPS", CERTIFICATE, tls_policy="Policy", hsts="max-age=300"),
            Listener("phoenix-dev-redirect", f"{ear}0", 80, "HTTP", redirects=True),
        ),
        cidrs=frozenset({"10.0.0.0/8"}),
        hostname="shop.example.com",
        rules={"production": Rule("rule", ear, 100)},
        dashboard=True,
    )
    assert (
        permanent.read_permanent(StateInventory(), owner="phoenix/dev", identity="phoenix/dev") == PermanentResources()
    )


def test_a_network_that_can_not_change_is_never_mended_by_flipping() -> None:
    """The servers' recipe holds the network too; what a flip would bring is the same refusal."""
    blue, source = group("blue"), ImageSource("111111111111", "", image_ids=("ami-111111111111",))
    changed = replace(recipe(), network="dddddddddddd")
    with pytest.raises(KnownFailureError) as error:
        checked_plan(
            UpdateFacts(
                settings=settings(vpc_cidr="10.30.0.0/16"),
                spec=changed,
                live=live(blue),
                limits=AccountLimits(),
                source=source,
                now=NOW,
                before=before(),
            )
        )
    assert "1 thing is known to fail; nothing was changed" in str(error.value)
    assert "set active" not in str(error.value)


@pytest.mark.parametrize(("subnet", "fits"), [("subnet-b", True), ("subnet-x", False)])
def test_the_load_balancer_stays_in_the_zones_of_servers_that_have_production(subnet: str, fits: bool) -> None:
    zones = {"subnet-a": "a", "subnet-b": "b", "subnet-x": "c", "subnet-c": "a", "subnet-d": "b"}
    limits = AccountLimits(subnets=tuple(Subnet(id, zone, "vpc-0a", 50) for id, zone in zones.items()))
    given = settings(**{**VPC, "alb_subnet_ids": ("subnet-a", subnet)})
    said = list(subnets.balancer_zone_problems(given, live(group("blue", subnets=("subnet-c", "subnet-d"))), limits))
    assert said == [] if fits else "must keep a subnet of b: servers that have production stand there" in said[0].what


def test_a_network_of_the_stacks_own_that_is_full_is_not_to_get_another_subnet() -> None:
    blue = group("blue", subnets=("subnet-c",), desired=3)
    full = AccountLimits(subnets=(Subnet("subnet-c", "a", "vpc-0a", 0),))
    source = ImageSource("222222222222", "", needs_bake=True)
    with pytest.raises(KnownFailureError) as error:
        checked_plan(
            UpdateFacts(
                settings=settings(active="green"),
                spec=recipe("222222222222"),
                live=live(blue),
                limits=full,
                source=source,
                now=NOW,
                before=before(),
            )
        )
    assert "serverSubnetIds" not in str(error.value)
    assert permanent.BESIDE in str(error.value)


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        (
            before(),
            {"listener_port": 8080},
            [
                "HTTP 8080 opens, and serves beside what serves now",
                "HTTP 80 closes, last of all: whoever still asks there is refused from then on",
            ],
        ),
        (
            before(),
            SECURE,
            [
                "HTTPS 443 opens, and serves beside what serves now",
                "HTTP 80 serves until HTTPS 443 does, then it redirects there",
            ],
        ),
        (
            before(listener(8080)),
            SECURE,
            [
                "HTTPS 443 opens, and serves beside what serves now",
                "HTTP 80 opens, and redirects to HTTPS 443",
                "HTTP 8080 closes, last of all: whoever still asks there is refused from then on",
            ],
        ),
        (
            before(*HTTPS),
            {},
            [
                "HTTP 80 serves itself, beside what serves now",
                "HTTPS 443 closes, last of all: whoever still asks there is refused from then on",
            ],
        ),
        (
            before(*HTTPS),
            {**SECURE, "listener_port": 8443},
            [
                "HTTPS 8443 opens, and serves beside what serves now",
                "HTTP 80 redirects to HTTPS 8443, once that serves",
                "HTTPS 443 closes, last of all: whoever still asks there is refused from then on",
            ],
        ),
        # An update that was killed half-way goes on, or is taken back.
        (
            before(listener(80), listener(8080)),
            {"listener_port": 8080},
            [
                "HTTP 8080 serves itself, beside what serves now",
                "HTTP 80 closes, last of all: whoever still asks there is refused from then on",
            ],
        ),
        (
            before(listener(80), listener(8080)),
            {},
            ["HTTP 8080 closes, last of all: whoever still asks there is refused from then on"],
        ),
        (before(*HTTPS), SECURE, []),
    ],
)
def test_every_listener_that_changes_is_told(was: PermanentResources, now: dict[str, Any], told: list[str]) -> None:
    assert [text for key, text in permanent_rows(was, settings(**now), live(), front=True) if key == "listener"] == told


def test_another_certificate_is_told() -> None:
    said = permanent_rows(
        before(*HTTPS), settings(**{**SECURE, "certificate_arn": f"{CERTIFICATE}2"}), live(), front=True
    )
    assert ("certificate", f"{CERTIFICATE} -> {CERTIFICATE}2: in place") in said
