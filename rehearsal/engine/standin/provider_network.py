"""Networks: VPC, subnets, gateways, routes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal.engine.standin.aws import Aws, AwsType, pairs
from rehearsal.engine.standin.provider import Call, ProviderError
from rehearsal.engine.standin.values import Properties


class Ec2Type(AwsType):
    """What EC2's types have in common: tags by id."""

    kind = ""  # of the tag specification

    def tags(self, inputs: Mapping[str, Any]) -> list[Any]:
        """The tag specification for a create call; empty without tags, as the API wants it."""
        return [{"ResourceType": self.kind, "Tags": pairs(inputs["tags"])}] if inputs.get("tags") else []

    def retag(self, ident: str, inputs: Mapping[str, Any], changed: frozenset[str]) -> None:
        """Make the tags those of the inputs."""
        if "tags" not in changed:
            return
        wanted = inputs.get("tags") or {}
        pages = self.aws.ec2.get_paginator("describe_tags").paginate(
            Filters=[{"Name": "resource-id", "Values": [ident]}]
        )
        stale = [tag["Key"] for page in pages for tag in page["Tags"] if tag["Key"] not in wanted]
        if stale:
            self.aws.ec2.delete_tags(Resources=[ident], Tags=[{"Key": key} for key in stale])
        if wanted:
            self.aws.ec2.create_tags(Resources=[ident], Tags=pairs(wanted))

    def arn(self, kind: str, ident: str, owner: str) -> str:
        """The ARN of something of EC2."""
        return f"arn:aws:ec2:{self.aws.region}:{owner}:{kind}/{ident}"


def ipv6_networks(found: Mapping[str, Any]) -> list[str]:
    """Those that a VPC or a subnet has."""
    return [
        one["Ipv6CidrBlock"]
        for one in found.get("Ipv6CidrBlockAssociationSet", ())
        if next(iter(one[key]["State"] for key in one if key.endswith("State"))) in ("associating", "associated")
    ]


class Vpc(Ec2Type):
    """`aws:ec2/vpc:Vpc`."""

    token, kind = "aws:ec2/vpc:Vpc", "vpc"
    replaced_by = frozenset({"cidrBlock", "instanceTenancy"})
    defaults = {"enableDnsSupport": True, "instanceTenancy": "default"}  # noqa: RUF012
    gone = ("InvalidVpcID.NotFound",)

    def make(self, call: Call, inputs: Properties) -> str:
        made = self.aws.ec2.create_vpc(
            CidrBlock=inputs["cidrBlock"],
            AmazonProvidedIpv6CidrBlock=bool(inputs.get("assignGeneratedIpv6CidrBlock")),
            InstanceTenancy=inputs["instanceTenancy"],
            TagSpecifications=self.tags(inputs),
        )["Vpc"]["VpcId"]
        self.aws.wait(f"VPC {made}", lambda: self._found(made)["State"] == "available")
        self._dns(made, inputs)
        return made

    def look(self, ident: str, inputs: Properties) -> Properties:
        found = self._found(ident)
        groups = self.aws.ec2.describe_security_groups(
            Filters=[{"Name": "vpc-id", "Values": [ident]}, {"Name": "group-name", "Values": ["default"]}]
        )["SecurityGroups"]
        return {
            "arn": self.arn("vpc", ident, found["OwnerId"]),
            "ownerId": found["OwnerId"],
            "defaultSecurityGroupId": groups[0]["GroupId"] if groups else "",
            "ipv6CidrBlock": next(iter(ipv6_networks(found)), ""),
        }

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        self.retag(ident, inputs, changed)
        self._dns(ident, inputs)
        if "assignGeneratedIpv6CidrBlock" in changed:
            if not inputs.get("assignGeneratedIpv6CidrBlock"):
                raise ProviderError("the stand-in takes no VPC its IPv6 network")
            self.aws.ec2.associate_vpc_cidr_block(VpcId=ident, AmazonProvidedIpv6CidrBlock=True)

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.ec2.delete_vpc(VpcId=ident)

    def _found(self, ident: str) -> Any:
        return self.aws.ec2.describe_vpcs(VpcIds=[ident])["Vpcs"][0]

    def _dns(self, ident: str, inputs: Mapping[str, Any]) -> None:
        # One attribute a call is all that the API takes.
        self.aws.ec2.modify_vpc_attribute(
            VpcId=ident, EnableDnsSupport={"Value": bool(inputs.get("enableDnsSupport", True))}
        )
        self.aws.ec2.modify_vpc_attribute(
            VpcId=ident, EnableDnsHostnames={"Value": bool(inputs.get("enableDnsHostnames", False))}
        )


class DefaultSecurityGroup(Ec2Type):
    """`aws:ec2/defaultSecurityGroup:DefaultSecurityGroup`: not made but taken over, and emptied; never deleted.

    Source: hashicorp/terraform-provider-aws, internal/service/ec2/vpc_default_security_group.go.
    """

    token, kind = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "security-group"
    replaced_by = frozenset({"vpcId"})
    gone = ("InvalidGroup.NotFound",)

    def make(self, call: Call, inputs: Properties) -> str:
        [group] = self.aws.ec2.describe_security_groups(
            Filters=[{"Name": "vpc-id", "Values": [inputs["vpcId"]]}, {"Name": "group-name", "Values": ["default"]}]
        )["SecurityGroups"]
        ident = group["GroupId"]
        if group["IpPermissions"]:
            self.aws.ec2.revoke_security_group_ingress(GroupId=ident, IpPermissions=group["IpPermissions"])
        if group["IpPermissionsEgress"]:
            self.aws.ec2.revoke_security_group_egress(GroupId=ident, IpPermissions=group["IpPermissionsEgress"])
        return ident

    def look(self, ident: str, inputs: Properties) -> Properties:
        [group] = self.aws.ec2.describe_security_groups(GroupIds=[ident])["SecurityGroups"]
        return {"arn": self.arn("security-group", ident, group["OwnerId"]), "name": "default"}

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        """It goes with its VPC."""


class Subnet(Ec2Type):
    """`aws:ec2/subnet:Subnet`."""

    token, kind = "aws:ec2/subnet:Subnet", "subnet"
    replaced_by = frozenset({"vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId"})
    gone = ("InvalidSubnetID.NotFound",)

    def make(self, call: Call, inputs: Properties) -> str:
        zone = {"AvailabilityZone": inputs["availabilityZone"]} if inputs.get("availabilityZone") else {}
        ipv6 = {"Ipv6CidrBlock": inputs["ipv6CidrBlock"]} if inputs.get("ipv6CidrBlock") else {}
        made = self.aws.ec2.create_subnet(
            VpcId=inputs["vpcId"], CidrBlock=inputs["cidrBlock"], TagSpecifications=self.tags(inputs), **zone, **ipv6
        )["Subnet"]["SubnetId"]
        self.aws.wait(f"subnet {made}", lambda: self._found(made)["State"] == "available")
        if inputs.get("mapPublicIpOnLaunch"):
            self._public(made, inputs)
        return made

    def look(self, ident: str, inputs: Properties) -> Properties:
        found = self._found(ident)
        return {
            "arn": self.arn("subnet", ident, found["OwnerId"]),
            "ownerId": found["OwnerId"],
            "availabilityZone": found["AvailabilityZone"],
            "availabilityZoneId": found.get("AvailabilityZoneId"),
        }

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        self.retag(ident, inputs, changed)
        self._public(ident, inputs)
        if "ipv6CidrBlock" in changed:
            if not inputs.get("ipv6CidrBlock"):
                raise ProviderError("the stand-in takes no subnet its IPv6 network")
            self.aws.ec2.associate_subnet_cidr_block(SubnetId=ident, Ipv6CidrBlock=inputs["ipv6CidrBlock"])

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.ec2.delete_subnet(SubnetId=ident)

    def _found(self, ident: str) -> Any:
        return self.aws.ec2.describe_subnets(SubnetIds=[ident])["Subnets"][0]

    def _public(self, ident: str, inputs: Mapping[str, Any]) -> None:
        self.aws.ec2.modify_subnet_attribute(
            SubnetId=ident, MapPublicIpOnLaunch={"Value": bool(inputs.get("mapPublicIpOnLaunch", False))}
        )


class InternetGateway(Ec2Type):
    """`aws:ec2/internetGateway:InternetGateway`."""

    token, kind = "aws:ec2/internetGateway:InternetGateway", "internet-gateway"
    replaced_by = frozenset({"vpcId"})
    gone = ("InvalidInternetGatewayID.NotFound",)

    def make(self, call: Call, inputs: Properties) -> str:
        made = self.aws.ec2.create_internet_gateway(TagSpecifications=self.tags(inputs))["InternetGateway"][
            "InternetGatewayId"
        ]
        if inputs.get("vpcId"):
            self.aws.ec2.attach_internet_gateway(InternetGatewayId=made, VpcId=inputs["vpcId"])
        return made

    def look(self, ident: str, inputs: Properties) -> Properties:
        found = self.aws.ec2.describe_internet_gateways(InternetGatewayIds=[ident])["InternetGateways"][0]
        owner = found.get("OwnerId", "")
        return {"arn": self.arn("internet-gateway", ident, owner), "ownerId": owner}

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        self.retag(ident, inputs, changed)

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        if outputs.get("vpcId"):
            self.aws.ec2.detach_internet_gateway(InternetGatewayId=ident, VpcId=outputs["vpcId"])
        self.aws.ec2.delete_internet_gateway(InternetGatewayId=ident)


class Eip(Ec2Type):
    """`aws:ec2/eip:Eip`."""

    token, kind = "aws:ec2/eip:Eip", "elastic-ip"
    replaced_by = frozenset({"domain"})
    gone = ("InvalidAllocationID.NotFound",)

    def make(self, call: Call, inputs: Properties) -> str:
        return self.aws.ec2.allocate_address(Domain="vpc", TagSpecifications=self.tags(inputs))["AllocationId"]

    def look(self, ident: str, inputs: Properties) -> Properties:
        found = self.aws.ec2.describe_addresses(AllocationIds=[ident])["Addresses"][0]
        return {"allocationId": ident, "publicIp": found["PublicIp"]}

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        self.retag(ident, inputs, changed)

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.ec2.release_address(AllocationId=ident)


class NatGateway(Ec2Type):
    """`aws:ec2/natGateway:NatGateway`."""

    token, kind = "aws:ec2/natGateway:NatGateway", "natgateway"
    replaced_by = frozenset({"allocationId", "subnetId", "connectivityType"})
    gone = ("NatGatewayNotFound",)

    def make(self, call: Call, inputs: Properties) -> str:
        made = self.aws.ec2.create_nat_gateway(
            AllocationId=inputs["allocationId"], SubnetId=inputs["subnetId"], TagSpecifications=self.tags(inputs)
        )["NatGateway"]["NatGatewayId"]
        self.aws.wait(f"NAT gateway {made}", lambda: self._state(made) == "available")
        return made

    def look(self, ident: str, inputs: Properties) -> Properties | None:
        if self._state(ident) in ("", "deleted"):
            return None
        address = self.aws.ec2.describe_nat_gateways(NatGatewayIds=[ident])["NatGateways"][0]["NatGatewayAddresses"][0]
        return {"publicIp": address.get("PublicIp"), "privateIp": address.get("PrivateIp")}

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        self.retag(ident, inputs, changed)

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.ec2.delete_nat_gateway(NatGatewayId=ident)
        self.aws.wait(f"NAT gateway {ident} to go", lambda: self._state(ident) in ("", "deleted"))

    def _state(self, ident: str) -> str:
        found = self.aws.ec2.describe_nat_gateways(NatGatewayIds=[ident])["NatGateways"]
        return found[0]["State"] if found else ""


def types(aws: Aws) -> list[AwsType]:
    """The types of this file."""
    return [Vpc(aws), DefaultSecurityGroup(aws), Subnet(aws), InternetGateway(aws), Eip(aws), NatGateway(aws)]
