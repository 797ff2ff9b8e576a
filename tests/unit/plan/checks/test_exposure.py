"""What shuts a load balancer is refused early where AWS would refuse it, and what is left open is told."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from moto import mock_aws

from plan.checks import clear_text, exposure
from plan.checks.permanent import PermanentResources
from plan.config.settings import TLS_POLICY
from plan.readers.account_limits import AccountLimits
from plan.readers.load_balancers import read_tls_versions
from plan.readers.web_acl import read_web_acl
from tests.support.factories import settings

SECURE: dict[str, Any] = {
    "certificate_arn": "arn:aws:acm:eu-west-1:123456789012:certificate/1",
    "hostname": "a.example",
}
ACL = "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/edge/1a2b"


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        (AccountLimits(), ""),
        (AccountLimits(tls_versions=("TLSv1.2", "TLSv1.3"), web_acl=True), ""),
        (AccountLimits(tls_versions=()), "tlsPolicy = 'ELBSecurityPolicy-Typo': must be a security policy"),
        (AccountLimits(web_acl=False), f"webAclArn = {ACL!r}: must be a web ACL of this account in eu-west-1"),
    ],
)
def test_what_the_load_balancer_would_not_take_is_told_before_it_is_made(limits: AccountLimits, told: str) -> None:
    found = list(exposure.problems(settings(tls_policy="ELBSecurityPolicy-Typo", web_acl_arn=ACL, **SECURE), limits))
    assert [told in str(one) and one.fix.startswith("aws ") for one in found] == ([True] if told else [])


@pytest.mark.parametrize(
    ("said", "versions", "told"),
    [
        ({}, None, ["no web ACL judges requests (webAclArn)"]),
        ({"web_acl_arn": ACL}, None, []),
        ({"internal": True}, None, []),
        ({**SECURE, "web_acl_arn": ACL}, None, ["browsers may come back by HTTP (hstsSeconds)"]),
        ({**SECURE, "web_acl_arn": ACL, "protect": True}, ("TLSv1.2", "TLSv1.3"), []),
        (
            {**SECURE, "web_acl_arn": ACL, "protect": True, "hsts_seconds": 0},
            ("TLSv1", "TLSv1.1", "TLSv1.2"),
            [
                "TLSv1, TLSv1.1 by the security policy (tlsPolicy)",
                "browsers may come back by HTTP (hstsSeconds)",
            ],
        ),
    ],
)
def test_what_is_left_open_is_told(said: dict[str, Any], versions: tuple[str, ...] | None, told: list[str]) -> None:
    limits = AccountLimits(tls_versions=versions)
    always = [
        "servers may go anywhere (allowedEgress)",
        "images are trusted by their tags, which whoever may tag them writes (imageSigningKey)",
    ]
    unseen = [] if said.get("protect") else ["nothing writes down who came (logDays)"]
    assert list(exposure.left_open(settings(**said), limits, front=True)) == [*always, *unseen, *told]
    assert list(exposure.left_open(settings(**said), limits, front=False)) == always, "others' load balancer"
    key = "arn:aws:kms:eu-west-1:123456789012:key/1"
    listed = settings(**said, allowed_egress=("0.0.0.0/0:443",), image_signing_key=key, log_days=7)
    assert list(exposure.left_open(listed, limits, front=True)) == told


@pytest.mark.parametrize(
    ("target", "told"),
    [("logs:24224", True), ("tls://logs:24224", False), ("", False), ("127.0.0.1:5140", False), ("localhost:1", False)],
)
def test_logs_that_leave_in_clear_text_are_told(target: str, told: bool) -> None:
    said = exposure.left_open(settings(packer_variables={"log_target": target}), AccountLimits(), front=False)
    assert any("logs leave servers in clear text (packerVariables.log_target" in line for line in said) is told


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ({"protect": True}, 0),
        ({**SECURE}, 0),
        ({**SECURE, "protect": True}, 31_536_000),
        ({**SECURE, "protect": True, "hsts_seconds": 0}, 0),
        ({**SECURE, "protect": True, "hsts_seconds": 60}, 60),
        ({**SECURE, "hsts_seconds": 60}, 60),
        ({**SECURE, "protect": True, "listener_port": 8443}, 0),
    ],
)
def test_browsers_are_told_of_https_where_it_is_on_its_own_port(said: dict[str, Any], seconds: int) -> None:
    assert settings(**said).hsts == seconds


def test_an_internal_load_balancer_is_no_internet_and_must_be_reached() -> None:
    inside = settings(internal=True, protect=True)
    assert clear_text.token_path(inside, None, PermanentResources(), port=80) == ""
    [said] = exposure.warning(inside)
    assert "from where this update runs, which must reach it" in said
    assert list(exposure.warning(settings())) == []


def test_aws_is_asked_about_the_security_policy_and_the_web_acl() -> None:
    with mock_aws():
        balancers: Any = boto3.client("elbv2", "eu-west-1")
        assert read_tls_versions(balancers, settings()) is None
        assert read_tls_versions(balancers, settings(**SECURE, tls_policy=TLS_POLICY)) == ("TLSv1.2", "TLSv1.3")
        assert read_tls_versions(balancers, settings(**SECURE, tls_policy="ELBSecurityPolicy-Typo")) == ()
        waf: Any = boto3.client("wafv2", "eu-west-1")
        seen = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "edge"}
        made = waf.create_web_acl(Name="edge", Scope="REGIONAL", DefaultAction={"Allow": {}}, VisibilityConfig=seen)
        assert read_web_acl(waf, made["Summary"]["ARN"]) is True
        assert read_web_acl(waf, ACL) is False
        assert read_web_acl(None, "") is None


def test_servers_that_nobody_can_reach_are_told() -> None:
    [said] = exposure.warning(settings(allowed_egress=("10.0.0.0/8:5432",)))
    assert "no way out to port 443" in said
    assert list(exposure.warning(settings(allowed_egress=("10.0.0.0/8:400-500", "10.0.0.0/8:53/udp")))) == []


@pytest.mark.parametrize(
    ("said", "days"),
    [
        ({}, 0),
        ({"protect": True}, 90),
        ({"protect": True, "log_days": 0}, 0),
        ({"log_days": 7}, 7),
        ({"protect": True, "listener_arn": "arn:of-others"}, 0),
    ],
)
def test_logs_are_kept_in_production_and_where_they_are_asked_for(said: dict[str, Any], days: int) -> None:
    assert settings(**said).kept_days == days
