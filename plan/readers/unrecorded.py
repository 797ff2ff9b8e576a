"""What outlives every group and the state lacks: a killed update never recorded it, or a person took it out
(`pulumi state delete`).

Made once more, AWS would refuse it (a subnet, a route, a rule of a security group), or it would be there twice. Only
what the state lacks is asked for, so usually nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plan.readers.reads import Reads
from plan.readers.stack_state import StateInventory

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client

VPC, SUBNET, GATEWAY = "aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:ec2/internetGateway:InternetGateway"
ADDRESS, NAT = "aws:ec2/eip:Eip", "aws:ec2/natGateway:NatGateway"
TABLE, ROUTE = "aws:ec2/routeTable:RouteTable", "aws:ec2/route:Route"
JOINED = "aws:ec2/routeTableAssociation:RouteTableAssociation"
FIREWALL = "aws:ec2/securityGroup:SecurityGroup"
WAY_IN = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
# In a URN a pair of colons is between its parts.
COLON = "."
ANYWHERE = "0.0.0.0/0"

# How what carries tags is listed: the call, the key of its list, and of an item's id.
LISTED: Mapping[str, tuple[str, str, str]] = {
    VPC: ("describe_vpcs", "Vpcs", "VpcId"),
    SUBNET: ("describe_subnets", "Subnets", "SubnetId"),
    GATEWAY: ("describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
    ADDRESS: ("describe_addresses", "Addresses", "AllocationId"),
    NAT: ("describe_nat_gateways", "NatGateways", "NatGatewayId"),
    TABLE: ("describe_route_tables", "RouteTables", "RouteTableId"),
    FIREWALL: ("describe_security_groups", "SecurityGroups", "GroupId"),
}


@dataclass(frozen=True)
class Unknown:
    """Something that the state does not hold: how the program calls it, and its id in AWS."""

    type: str
    name: str
    id: str
    below: str = ""  # the component that declares it: Network, LoadBalancer; empty: whichever has the rules


@dataclass(frozen=True)
class ExpectedResource:
    """What a program of this shape declares: a type and a logical name, below a component."""

    type: str
    name: str
    below: str = "Network"


def expected_network(name: str) -> list[ExpectedResource]:
    """What `components.network` declares when it adopts none; a test holds the two against each other."""
    sides = ("public", "private")
    subnets = [f"{name}-{side}-{number}" for side in sides for number in range(2)]
    return [
        ExpectedResource(VPC, f"{name}-vpc"),
        ExpectedResource(GATEWAY, f"{name}-internet"),
        ExpectedResource(ADDRESS, f"{name}-nat"),
        ExpectedResource(NAT, f"{name}-nat"),
        *(ExpectedResource(SUBNET, subnet) for subnet in subnets),
        *(ExpectedResource(kind, f"{name}-{side}") for side in sides for kind in (TABLE, ROUTE)),
        *(ExpectedResource(JOINED, subnet) for subnet in subnets),
    ]


def expected_balancer(name: str, *, ports: Iterable[int], cidrs: Iterable[str]) -> list[ExpectedResource]:
    """The load balancer's security group and who may come in, as `components.load_balancer` declares them."""
    return [
        ExpectedResource(FIREWALL, f"{name}-alb", "LoadBalancer"),
        *(ExpectedResource(WAY_IN, way_in(name, port, cidr), "LoadBalancer") for port in ports for cidr in cidrs),
    ]


def way_in(name: str, port: int, cidr: str) -> str:
    """The logical name of the rule by which a network comes in."""
    return f"{name}-{port}-from-{cidr.replace(':', COLON)}"


def find_unrecorded(
    reads: Reads, made: StateInventory, wanted: Iterable[ExpectedResource], *, owner: str
) -> tuple[Unknown, ...]:
    """What AWS holds of the `wanted`, and the state does not. `owner`: SERVICE/STACK of its tags.

    Nothing when the state holds none of the components: then it has never made any of it.
    """
    components = {one.type.rpartition(":")[2] for one in made.resources if one.type.startswith("phoenix:index:")}
    missing = [one for one in wanted if one.below in components and made.find(one.type, one.name) is None]
    if not missing:
        return ()
    ec2 = reads.client("ec2")
    ids = {(one.type, one.name): one.id for one in made.aws}
    found: list[Unknown] = []
    for one in missing:
        if id := _id(ec2, one, ids, owner=owner):
            ids[one.type, one.name] = id
            found.append(Unknown(one.type, one.name, id, one.below))
    return tuple(found)


def _id(ec2: EC2Client, one: ExpectedResource, ids: Mapping[tuple[str, str], str], *, owner: str) -> str:
    """As `pulumi import` takes it; empty when AWS has none such."""
    if one.type in LISTED:
        return _tagged(ec2, one, owner)
    if one.type == WAY_IN:
        place, _, cidr = one.name.rpartition("-from-")
        name, _, port = place.rpartition("-")
        return _way_in(ec2, ids.get((FIREWALL, f"{name}-alb"), ""), int(port), cidr)
    name = one.name if one.type == ROUTE else one.name.rpartition("-")[0]
    table = ids.get((TABLE, name), "")
    [found] = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"] if table else [None]
    if found is None:
        return ""
    if one.type == ROUTE:
        leads = any(route.get("DestinationCidrBlock") == ANYWHERE for route in found["Routes"])
        return f"{table}_{ANYWHERE}" if leads else ""
    subnet = ids.get((SUBNET, one.name), "")
    joined = any(subnet and joined.get("SubnetId") == subnet for joined in found["Associations"])
    return f"{subnet}/{table}" if joined else ""


def _tagged(ec2: Any, one: ExpectedResource, owner: str) -> str:
    call, items, key = LISTED[one.type]
    filters = [{"Name": "tag:phoenix:stack", "Values": [owner]}, {"Name": "tag:Name", "Values": [one.name]}]
    return next(
        (
            str(item[key])
            for item in getattr(ec2, call)(Filters=filters)[items]
            if item.get("State") not in ("deleted", "deleting", "failed")
        ),
        "",
    )


def _way_in(ec2: EC2Client, firewall: str, port: int, cidr: str) -> str:
    if not firewall:
        return ""
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [firewall]}])[
        "SecurityGroupRules"
    ]
    return next(
        (
            rule["SecurityGroupRuleId"]
            for rule in rules
            if not rule["IsEgress"]
            and rule.get("FromPort") == port
            and cidr in (rule.get("CidrIpv4"), rule.get("CidrIpv6", "").replace(":", COLON))
        ),
        "",
    )
