"""Where the load balancer and the servers are: a network that is given, or a small one of our own."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import islice

import pulumi
import pulumi_aws as aws

from components.log_bucket import LogBucket


class Network(pulumi.ComponentResource):
    """A VPC with subnets for the load balancer and for servers without public addresses.

    Given `vpc_id`, `alb_subnet_ids` and `server_subnet_ids` it adopts them and creates nothing. Without them it makes
    a VPC of `cidr` (IPv4, prefix /16 to /24) over two availability zones: a public and a private subnet in each (a
    quarter of the VPC each), an internet gateway, and one NAT gateway through which servers reach package archives
    and Systems Manager. One NAT gateway is one zone's: production that must outlive a zone adopts a network of its own.
    Its default security group has no rule; `logs` is where its flow logs go. With `ipv6` AWS gives the VPC a network of
    IPv6 (/56), of which each public subnet gets a /64 with a way to the internet: for a load balancer, in place, and
    never taken away again. Servers have IPv4 alone.

    Outputs: `vpc_id`, `alb_subnet_ids`, `server_subnet_ids`.
    """

    vpc_id: pulumi.Output[str]
    alb_subnet_ids: Sequence[pulumi.Output[str]]
    server_subnet_ids: Sequence[pulumi.Output[str]]

    def __init__(
        self,
        name: str,
        *,
        vpc_id: str = "",
        alb_subnet_ids: Sequence[str] = (),
        server_subnet_ids: Sequence[str] = (),
        cidr: str = "10.20.0.0/16",
        ipv6: bool = False,
        logs: LogBucket | None = None,
        tags: Mapping[str, str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("phoenix:index:Network", name, {"vpcId": vpc_id, "cidr": cidr}, opts)
        if vpc_id:
            self.vpc_id = pulumi.Output.from_input(vpc_id)
            self.alb_subnet_ids = [pulumi.Output.from_input(subnet) for subnet in alb_subnet_ids]
            self.server_subnet_ids = [pulumi.Output.from_input(subnet) for subnet in server_subnet_ids]
        else:
            vpc = self._make(name, cidr, tags, ipv6=ipv6)
            self._shut(name, vpc)
            if logs:
                self._watch(name, vpc, logs, tags)
        self.register_outputs(
            {"vpcId": self.vpc_id, "albSubnetIds": self.alb_subnet_ids, "serverSubnetIds": self.server_subnet_ids}
        )

    def _shut(self, name: str, vpc: aws.ec2.Vpc) -> None:
        """Takes all rules out of the group that AWS gives to whatever names none: nothing here is in it."""
        aws.ec2.DefaultSecurityGroup(f"{name}-default", vpc_id=vpc.id, opts=pulumi.ResourceOptions(parent=self))

    def _watch(self, name: str, vpc: aws.ec2.Vpc, logs: LogBucket, tags: Mapping[str, str]) -> None:
        aws.ec2.FlowLog(
            f"{name}-flow",
            vpc_id=vpc.id,
            traffic_type="ALL",
            log_destination_type="s3",
            log_destination=logs.arn,
            max_aggregation_interval=600,
            tags={**tags, "Name": f"{name}-flow"},
            opts=pulumi.ResourceOptions(parent=self, depends_on=logs.ready),
        )

    def _make(self, name: str, cidr: str, tags: Mapping[str, str], *, ipv6: bool) -> aws.ec2.Vpc:
        mine = pulumi.ResourceOptions(parent=self)

        def called(what: str) -> dict[str, str]:
            return {**tags, "Name": f"{name}-{what}"}

        vpc = aws.ec2.Vpc(
            f"{name}-vpc",
            cidr_block=cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            assign_generated_ipv6_cidr_block=True if ipv6 else None,
            tags=called("vpc"),
            opts=mine,
        )
        gateway = aws.ec2.InternetGateway(f"{name}-internet", vpc_id=vpc.id, tags=called("internet"), opts=mine)
        zones = aws.get_availability_zones(
            state="available", filters=[{"name": "opt-in-status", "values": ["opt-in-not-required"]}]
        ).names[:2]
        quarters = [str(quarter) for quarter in ipaddress.ip_network(cidr).subnets(prefixlen_diff=2)]
        public, private = (
            [
                self._subnet(f"{name}-{kind}-{i}", vpc, zone, cidrs[i], tags, ipv6=i if has_ipv6 else None)
                for i, zone in enumerate(zones)
            ]
            for kind, cidrs, has_ipv6 in (("public", quarters[:2], ipv6), ("private", quarters[2:], False))
        )
        address = aws.ec2.Eip(
            f"{name}-nat",
            domain="vpc",
            tags=called("nat"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[gateway]),
        )
        nat = aws.ec2.NatGateway(
            f"{name}-nat",
            allocation_id=address.id,
            subnet_id=public[0].id,
            tags=called("nat"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[gateway]),
        )
        outside = self._routes(f"{name}-public", vpc, public, tags, ipv6=ipv6, gateway_id=gateway.id)
        inside = self._routes(f"{name}-private", vpc, private, tags, nat_gateway_id=nat.id)
        self.vpc_id = vpc.id
        self.alb_subnet_ids = [_reached(subnet, outside) for subnet in public]
        self.server_subnet_ids = [_reached(subnet, inside) for subnet in private]
        return vpc

    def _subnet(
        self, name: str, vpc: aws.ec2.Vpc, zone: str, cidr: str, tags: Mapping[str, str], *, ipv6: int | None
    ) -> aws.ec2.Subnet:
        """`ipv6`: which /64 of the VPC's IPv6 network it has; None for none."""
        return aws.ec2.Subnet(
            name,
            vpc_id=vpc.id,
            cidr_block=cidr,
            ipv6_cidr_block=None if ipv6 is None else vpc.ipv6_cidr_block.apply(partial(_ipv6_part, number=ipv6)),
            availability_zone=zone,
            map_public_ip_on_launch=False,
            tags={**tags, "Name": name},
            # The order of a region's zones is the account's; a new zone must not move a subnet.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["availabilityZone"]),
        )

    def _routes(
        self,
        name: str,
        vpc: aws.ec2.Vpc,
        subnets: Sequence[aws.ec2.Subnet],
        tags: Mapping[str, str],
        *,
        ipv6: bool = False,
        **way_out: pulumi.Input[str],
    ) -> list[pulumi.CustomResource]:
        """A route table with one way out for these subnets, by `ipv6` too; what makes them reached."""
        opts = pulumi.ResourceOptions(parent=self)
        table = aws.ec2.RouteTable(name, vpc_id=vpc.id, tags={**tags, "Name": name}, opts=opts)
        route = aws.ec2.Route(name, route_table_id=table.id, destination_cidr_block="0.0.0.0/0", opts=opts, **way_out)
        of_ipv6 = (
            [
                aws.ec2.Route(
                    f"{name}-ipv6", route_table_id=table.id, destination_ipv6_cidr_block="::/0", opts=opts, **way_out
                )
            ]
            if ipv6
            else []
        )
        joined = [
            aws.ec2.RouteTableAssociation(f"{name}-{i}", route_table_id=table.id, subnet_id=subnet.id, opts=opts)
            for i, subnet in enumerate(subnets)
        ]
        return [route, *of_ipv6, *joined]


def _ipv6_part(network: str, *, number: int) -> str:
    """A /64, which is what a subnet has of IPv6, of a VPC's /56."""
    return str(next(islice(ipaddress.ip_network(network).subnets(new_prefix=64), number, None)))


def _reached(subnet: aws.ec2.Subnet, ways: Sequence[pulumi.CustomResource]) -> pulumi.Output[str]:
    """The subnet's id, once its way out exists: AWS refuses a load balancer without one, and a server that boots
    without one fails its first call. On the way down it is the other way round."""
    return pulumi.Output.all(subnet.id, *[way.id for way in ways]).apply(lambda ids: str(ids[0]))
