"""The host name's DNS: who leads it to the load balancer, and by which certificate it is answered."""

from __future__ import annotations

from typing import Any

import boto3
import pulumi
import pytest

from tests.support.main_program import certificate, program
from tests.support.recorder import Existing
from tests.unit.plan.checks.test_hosted_zone import HOST, PROOF, made_zone, plain
from tests.unit.program.existing_group import network

RECORD = "aws:route53/record:Record"


@pytest.fixture
def dns() -> Any:
    return boto3.Session(region_name="eu-west-1").client("route53")


def test_without_a_zone_dns_is_nobodys_business() -> None:
    done = program(certificateArn=certificate(), hostname=HOST)
    assert done.all(RECORD) == done.all("aws:acm/certificate:Certificate") == []


def test_a_zone_leads_its_name_here_by_https_with_a_certificate_of_its_own(dns: Any) -> None:
    ident = made_zone(dns)
    done = program(hostedZoneId=ident, hostname=HOST)
    made = done.one("aws:acm/certificate:Certificate").inputs
    assert (made["domainName"], made["validationMethod"]) == (HOST, "DNS")
    assert made["tags"]["phoenix:stack"] == "phoenix/dev"
    proof = done.one(RECORD, "validation").inputs
    assert (proof["zoneId"], proof["name"], proof["type"], proof["records"]) == (ident, f"{PROOF}.", "CNAME", ["_v."])
    issued = done.one("aws:acm/certificateValidation:CertificateValidation")
    assert issued.inputs["certificateArn"].endswith(":phoenix-dev-certificate")
    assert issued.create_timeout == "30m", "an update does not wait for hours for a zone that nobody asks"
    listener = done.one("aws:lb/listener:Listener", "listener-443")
    assert listener.inputs["certificateArn"] == issued.inputs["certificateArn"]
    assert "phoenix-dev-issued" in listener.depends_on, "no listener takes a certificate that is not issued"
    assert done.one("aws:lb/listener:Listener", "listener-80")
    assert done.outputs["url"] == f"https://{HOST}"
    alias = done.one(RECORD, "phoenix-dev-a")
    assert alias.inputs == {
        "zoneId": ident,
        "name": HOST,
        "type": "A",
        "aliases": [{"name": "phoenix-dev.elb.amazonaws.com", "zoneId": "ZBALANCER", "evaluateTargetHealth": False}],
    }
    assert "phoenix-dev-production" in alias.depends_on, "no user is led to where nobody serves yet"


def test_a_certificate_of_ones_own_is_used_and_none_is_made(dns: Any) -> None:
    arn = certificate()
    done = program(hostedZoneId=made_zone(dns), hostname=HOST, certificateArn=arn)
    assert done.one("aws:lb/listener:Listener", "listener-443").inputs["certificateArn"] == arn
    assert done.all("aws:acm/certificate:Certificate") == []
    assert [one.name for one in done.all(RECORD)] == ["phoenix-dev-a"]


def test_what_somebody_else_has_in_the_zone_yet_is_told_from_what_is_missing(dns: Any, existing: Existing) -> None:
    balancer = "phoenix-dev-1.elb.amazonaws.com"
    alias = {"HostedZoneId": "Z32O12XQLNTSW2", "DNSName": balancer, "EvaluateTargetHealth": False}
    ident = made_zone(
        dns,
        "example.com",
        {"Name": HOST, "Type": "A", "AliasTarget": alias},
        plain(PROOF, "CNAME", "_x.acm-validations.aws."),
    )
    with pytest.raises(pulumi.RunError, match="PHX-366"):
        program(hostedZoneId=ident, hostname=HOST)
    existing.holds(
        "aws:lb/loadBalancer:LoadBalancer", "arn:aws:elb:1", dnsName=balancer, tags={"phoenix:stack": "phoenix/dev"}
    )
    done = program(existing=existing, hostedZoneId=ident, hostname=HOST)
    [record] = done.all(RECORD)
    assert (record.name, record.inputs["allowOverwrite"]) == ("phoenix-dev-a", True)
    assert record.ignore == ("allowOverwrite",), "the next update finds it its own, and changes nothing"


def test_on_an_adopted_listener_the_name_is_led_there_and_the_certificate_is_its_owners(dns: Any) -> None:
    (vpc, subnets), arn = network("ab"), certificate()
    elb: Any = boto3.client("elbv2", "eu-west-1")
    wall = boto3.client("ec2", "eu-west-1").create_security_group(GroupName="edge", Description="edge", VpcId=vpc)
    made = elb.create_load_balancer(Name="edge", Subnets=subnets, SecurityGroups=[wall["GroupId"]])["LoadBalancers"][0]
    listener = elb.create_listener(
        LoadBalancerArn=made["LoadBalancerArn"],
        Protocol="HTTPS",
        Port=443,
        Certificates=[{"CertificateArn": arn}],
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}],
    )["Listeners"][0]["ListenerArn"]
    done = program(
        hostedZoneId=made_zone(dns),
        hostname=HOST,
        listenerArn=listener,
        rulePriority=10,
        vpcId=vpc,
        albSubnetIds=subnets,
        serverSubnetIds=subnets,
    )
    assert done.all("aws:acm/certificate:Certificate") == []
    [record] = done.all(RECORD)
    [alias] = record.inputs["aliases"]
    assert (alias["name"], alias["zoneId"]) == (made["DNSName"], made["CanonicalHostedZoneId"])


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"hostedZoneId": "Z1"}, "PHX-178"),
        ({"hostedZoneId": "Z1", "hostname": f"{'a' * 60}.example.com"}, "PHX-179"),
        ({"hostedZoneId": "Z1", "hostname": HOST, "listenerPort": 80}, "PHX-127"),
        ({"hostedZoneId": "example.com", "hostname": HOST}, "the id of a hosted zone of Route 53"),
    ],
)
def test_a_zone_without_what_it_needs_is_refused(said: dict[str, Any], code: str) -> None:
    with pytest.raises(pulumi.RunError, match=code):
        program(**said)
