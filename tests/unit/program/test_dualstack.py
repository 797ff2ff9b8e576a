"""A load balancer with addresses of IPv6 too: who may come, where it stands, and how its name leads to it."""

from __future__ import annotations

import ipaddress
from typing import Any

import boto3
import pulumi
import pytest

from tests.support.main_program import certificate, program
from tests.support.recorder import Existing, Recorded
from tests.unit.plan.checks.test_hosted_zone import HOST, made_zone
from tests.unit.program.existing_group import network

BOTH = ["10.0.0.0/8", "::/0"]


def adopted(*, ipv6: bool = True) -> dict[str, Any]:
    """A network of the account's, whose subnets have IPv6 too."""
    ec2: Any = boto3.client("ec2", "eu-west-1")
    vpc, subnets = network("ab")
    if ipv6:
        ec2.associate_vpc_cidr_block(VpcId=vpc, AmazonProvidedIpv6CidrBlock=True)
        [found] = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]
        parts = ipaddress.ip_network(found["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]).subnets(new_prefix=64)
        for subnet, part in zip(subnets, parts, strict=False):
            ec2.associate_subnet_cidr_block(SubnetId=subnet, Ipv6CidrBlock=str(part))
    return {"vpcId": vpc, "albSubnetIds": subnets, "serverSubnetIds": subnets}


def test_a_load_balancer_has_ipv4_unless_it_is_said() -> None:
    assert program().one("aws:lb/loadBalancer:LoadBalancer").inputs["ipAddressType"] == "ipv4"


def test_users_of_ipv6_come_in_and_the_name_has_addresses_of_both() -> None:
    zone = made_zone(boto3.client("route53", "eu-west-1"))
    done = program(
        ipAddressType="dualstack",
        allowedCidrs=BOTH,
        hostedZoneId=zone,
        hostname=HOST,
        certificateArn=certificate(),
        listenerPort=8443,
        **adopted(),
    )
    assert done.one("aws:lb/loadBalancer:LoadBalancer").inputs["ipAddressType"] == "dualstack"
    ways = {
        one.name: (one.inputs.get("cidrIpv4"), one.inputs.get("cidrIpv6"))
        for one in done.all("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
        if one.inputs["fromPort"] == 8443
    }
    assert ways == {
        "phoenix-dev-8443-from-10.0.0.0/8": ("10.0.0.0/8", None),
        "phoenix-dev-8443-from-../0": (None, "::/0"),
    }
    assert [one.inputs["type"] for one in done.all("aws:route53/record:Record")] == ["A", "AAAA"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"allowedCidrs": BOTH}, "PHX-183: allowedCidrs"),
        ({"ipAddressType": "dualstack"}, r'type: in Pulumi.STACK.yaml, allowedCidrs: \["0.0.0.0/0", "::/0"\]'),
        ({"ipAddressType": "ipv6"}, "must be ipv4 or dualstack"),
        ({"allowedCidrs": ["2001:db8::1/32"]}, "a network such as 10.20.0.0/16 or 2001:db8::/32"),
    ],
)
def test_what_would_leave_users_of_ipv6_outside_is_refused(said: dict[str, Any], told: str) -> None:
    with pytest.raises(pulumi.RunError, match=told):
        program(**said)


def own_network(done: Recorded) -> dict[str, Any]:
    """What of a network of its own is IPv6's: the VPC, each subnet that has some, and routes."""
    subnets = {one.name: one.inputs.get("ipv6CidrBlock") for one in done.all("aws:ec2/subnet:Subnet")}
    return {
        "vpc": done.one("aws:ec2/vpc:Vpc").inputs.get("assignGeneratedIpv6CidrBlock"),
        "subnets": {name: part for name, part in subnets.items() if part},
        "routes": [
            one.inputs["gatewayId"]
            for one in done.all("aws:ec2/route:Route")
            if one.inputs.get("destinationIpv6CidrBlock") == "::/0"
        ],
    }


WITHOUT: dict[str, Any] = {"vpc": None, "subnets": {}, "routes": []}
WITH: dict[str, Any] = {
    "vpc": True,
    "subnets": {
        "phoenix-dev-public-0": "2001:db8:0:1200::/64",
        "phoenix-dev-public-1": "2001:db8:0:1201::/64",
    },
    "routes": ["phoenix-dev-internet-id"],
}


def test_a_network_of_its_own_has_ipv6_where_the_load_balancer_stands_and_servers_have_none() -> None:
    assert own_network(program()) == WITHOUT
    done = program(ipAddressType="dualstack", allowedCidrs=BOTH)
    assert own_network(done) == WITH
    for subnet in done.all("aws:ec2/subnet:Subnet"):
        # With it an IPv6 network that changes would replace the subnet.
        assert "assignIpv6AddressOnCreation" not in subnet.inputs


@pytest.mark.parametrize(("has_ipv6", "expected"), [(True, WITH), (False, WITHOUT)])
def test_what_a_network_has_got_it_keeps(has_ipv6: bool, expected: dict[str, Any]) -> None:
    """AWS takes no network from a VPC while a subnet has a part of it, and the VPC's change would come first."""
    existing = Existing()
    existing.holds(
        "aws:ec2/vpc:Vpc",
        "vpc-1",
        cidrBlock="10.20.0.0/16",
        assignGeneratedIpv6CidrBlock=has_ipv6,
        tags={"phoenix:stack": "phoenix/dev"},
    )
    assert own_network(program(existing=existing)) == expected


def test_subnets_without_ipv6_are_refused_before_aws_does() -> None:
    with pytest.raises(pulumi.RunError, match="PHX-368: albSubnetIds = 'subnet-"):
        program(ipAddressType="dualstack", allowedCidrs=BOTH, **adopted(ipv6=False))


def test_an_adopted_load_balancers_addresses_are_its_owners() -> None:
    listener = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/edge/0a/0b"
    with pytest.raises(pulumi.RunError, match="ipAddressType = 'dualstack': must not be set with listenerArn"):
        program(listenerArn=listener, ipAddressType="dualstack", hostname=HOST, vpcId="vpc-0123456789abcdef0")
