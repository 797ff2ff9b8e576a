"""What outlives every group and the state lacks is found in AWS, and its import line is said."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from plan.readers import unrecorded
from plan.readers.reads import Reads
from plan.readers.stack_state import Resource, StateInventory
from plan.readers.unrecorded import ExpectedResource
from tests.support.account import moto_only

NAME, OWNER = "shop-dev", "shop/dev"
COMPONENTS = tuple(
    Resource(f"urn::{kind}::{NAME}", f"phoenix:index:{kind}", {}) for kind in ("Network", "LoadBalancer")
)
CIDRS = ["0.0.0.0/0"]


class Network:
    """A network as the program makes it, in moto."""

    def __init__(self) -> None:
        self.session = boto3.Session(region_name="eu-west-1")
        self.ec2 = self.session.client("ec2")
        ec2 = self.ec2
        self.ids: dict[ExpectedResource, str] = {}
        vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
        self.has(unrecorded.VPC, "vpc", vpc, tagged=vpc)
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        self.has(unrecorded.GATEWAY, "internet", gateway, tagged=gateway)
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        self.has(unrecorded.ADDRESS, "nat", address, tagged=address)
        for side, third in (("public", 0), ("private", 64)):
            table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
            ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
            self.has(unrecorded.TABLE, side, table, tagged=table)
            self.has(unrecorded.ROUTE, side, f"{table}_0.0.0.0/0")
            for number in range(2):
                subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.20.{third + number}.0/24")["Subnet"]["SubnetId"]
                ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
                self.has(unrecorded.SUBNET, f"{side}-{number}", subnet, tagged=subnet)
                self.has(unrecorded.JOINED, f"{side}-{number}", f"{subnet}/{table}")
        public = next(
            id for one, id in self.ids.items() if one.name.endswith("public-0") and one.type == unrecorded.SUBNET
        )
        nat = ec2.create_nat_gateway(AllocationId=address, SubnetId=public)["NatGateway"]["NatGatewayId"]
        self.has(unrecorded.NAT, "nat", nat, tagged=nat)
        group = ec2.create_security_group(GroupName="alb", Description="alb", VpcId=vpc)["GroupId"]
        rules = ec2.authorize_security_group_ingress(
            GroupId=group,
            IpPermissions=[{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": CIDRS[0]}]}],
        )
        self.has(unrecorded.FIREWALL, "alb", group, tagged=group, below="LoadBalancer")
        self.has(
            unrecorded.WAY_IN,
            f"80-from-{CIDRS[0]}",
            rules["SecurityGroupRules"][0]["SecurityGroupRuleId"],
            below="LoadBalancer",
        )

    def has(self, type: str, what: str, id: str, *, tagged: str = "", below: str = "Network") -> None:
        self.ids[ExpectedResource(type, f"{NAME}-{what}", below)] = id
        if tagged:
            self.ec2.create_tags(
                Resources=[tagged],
                Tags=[{"Key": "Name", "Value": f"{NAME}-{what}"}, {"Key": "phoenix:stack", "Value": OWNER}],
            )

    def made(self, *but: ExpectedResource) -> StateInventory:
        return StateInventory(
            (
                *COMPONENTS,
                *(Resource(f"urn::{one.name}", one.type, {"id": id}) for one, id in self.ids.items() if one not in but),
            )
        )

    def read(self, made: StateInventory) -> dict[tuple[str, str, str], str]:
        wanted = [*unrecorded.expected_network(NAME), *unrecorded.expected_balancer(NAME, ports=[80], cidrs=CIDRS)]
        return {
            (one.type, one.name, one.below): one.id
            for one in unrecorded.find_unrecorded(Reads(self.session), made, wanted, owner=OWNER)
        }


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    moto_only(monkeypatch)
    with mock_aws():
        yield Network()


def test_each_thing_that_the_state_lacks_is_found_by_its_id(network: Network) -> None:
    assert network.read(network.made()) == {}
    for one, id in network.ids.items():
        found = network.read(network.made(one))
        assert found == {(one.type, one.name, one.below): id}, one


def test_all_of_it_is_found_when_only_the_components_are_known(network: Network) -> None:
    found = network.read(StateInventory(COMPONENTS))
    assert found == {(one.type, one.name, one.below): id for one, id in network.ids.items()}


def test_a_state_that_never_made_it_asks_for_nothing(network: Network) -> None:
    assert network.read(StateInventory()) == {}


def test_what_is_not_there_either_is_made_by_the_update(network: Network) -> None:
    rule = next(one for one in network.ids if one.type == unrecorded.WAY_IN)
    group = next(id for one, id in network.ids.items() if one.type == unrecorded.FIREWALL)
    network.ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[network.ids[rule]])
    assert network.read(network.made(rule)) == {}
