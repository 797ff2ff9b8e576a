"""What traffic may take: routes and security groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal.engine.standin.aws import Aws, AwsType, without_none
from rehearsal.engine.standin.provider import Call, ProviderError
from rehearsal.engine.standin.provider_network import Ec2Type
from rehearsal.engine.standin.values import Properties

TARGETS = (
    "gatewayId",
    "natGatewayId",
    "networkInterfaceId",
    "transitGatewayId",
    "vpcPeeringConnectionId",
    "egressOnlyGatewayId",
)
DESTINATIONS = ("destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId")


class RouteTable(Ec2Type):
    """`aws:ec2/routeTable:RouteTable`; routes are resources of their own here."""

    token, kind = "aws:ec2/routeTable:RouteTable", "route-table"
    replaced_by = frozenset({"vpcId"})
    gone = ("InvalidRouteTableID.NotFound",)

    def make(self, call: Call, inputs: Properties) -> str:
        if inputs.get("routes"):
            raise ProviderError("the stand-in knows routes only as aws.ec2.Route")
        return self.aws.ec2.create_route_table(VpcId=inputs["vpcId"], TagSpecifications=self.tags(inputs))[
            "RouteTable"
        ]["RouteTableId"]

    def look(self, ident: str, inputs: Properties) -> Properties:
        owner = self.aws.ec2.describe_route_tables(RouteTableIds=[ident])["RouteTables"][0].get("OwnerId", "")
        return {"arn": self.arn("route-table", ident, owner), "ownerId": owner}

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        self.retag(ident, inputs, changed)

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.ec2.delete_route_table(RouteTableId=ident)


class Route(AwsType):
    """`aws:ec2/route:Route`; its id is made of the table's and the destination."""

    token = "aws:ec2/route:Route"
    replaced_by = frozenset({"routeTableId", *DESTINATIONS})
    gone = ("InvalidRouteTableID.NotFound", "InvalidRoute.NotFound")

    def make(self, call: Call, inputs: Properties) -> str:
        self.aws.ec2.create_route(
            RouteTableId=inputs["routeTableId"], **without_none(inputs, DESTINATIONS), **without_none(inputs, TARGETS)
        )
        return f"r-{inputs['routeTableId']}-{self._destination(inputs)}"

    def look(self, ident: str, inputs: Properties) -> Properties | None:
        wanted = self._destination(inputs)
        table = self.aws.ec2.describe_route_tables(RouteTableIds=[inputs["routeTableId"]])["RouteTables"][0]
        for route in table["Routes"]:
            if wanted in (
                route.get("DestinationCidrBlock"),
                route.get("DestinationIpv6CidrBlock"),
                route.get("DestinationPrefixListId"),
            ):
                return {"state": route.get("State", "active"), "origin": route.get("Origin", "CreateRoute")}
        return None

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        self.aws.ec2.replace_route(
            RouteTableId=inputs["routeTableId"], **without_none(inputs, DESTINATIONS), **without_none(inputs, TARGETS)
        )

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.ec2.delete_route(RouteTableId=outputs["routeTableId"], **without_none(outputs, DESTINATIONS))

    def _destination(self, inputs: Mapping[str, Any]) -> str:
        return str(next(inputs[key] for key in DESTINATIONS if inputs.get(key)))


class RouteTableAssociation(AwsType):
    """`aws:ec2/routeTableAssociation:RouteTableAssociation`."""

    token = "aws:ec2/routeTableAssociation:RouteTableAssociation"
    replaced_by = frozenset({"subnetId", "gatewayId", "routeTableId"})
    gone = ("InvalidAssociationID.NotFound", "InvalidRouteTableID.NotFound")

    def make(self, call: Call, inputs: Properties) -> str:
        return self.aws.ec2.associate_route_table(
            RouteTableId=inputs["routeTableId"], **without_none(inputs, ("subnetId", "gatewayId"))
        )["AssociationId"]

    def look(self, ident: str, inputs: Properties) -> Properties | None:
        table = self.aws.ec2.describe_route_tables(RouteTableIds=[inputs["routeTableId"]])["RouteTables"][0]
        there = any(item["RouteTableAssociationId"] == ident for item in table["Associations"])
        return {} if there else None

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.ec2.disassociate_route_table(AssociationId=ident)


class SecurityGroup(Ec2Type):
    """`aws:ec2/securityGroup:SecurityGroup`; rules are resources of their own here."""

    token, kind = "aws:ec2/securityGroup:SecurityGroup", "security-group"
    replaced_by = frozenset({"vpcId", "name", "description"})
    defaults = {"description": "Managed by Pulumi"}  # noqa: RUF012
    name_input = "name"
    gone = ("InvalidGroup.NotFound",)

    def make(self, call: Call, inputs: Properties) -> str:
        if inputs.get("ingress") or inputs.get("egress"):
            raise ProviderError("the stand-in knows rules only as aws.vpc.SecurityGroupIngressRule and EgressRule")
        made = self.aws.ec2.create_security_group(
            GroupName=inputs["name"],
            Description=inputs["description"],
            TagSpecifications=self.tags(inputs),
            **without_none(inputs, ("vpcId",)),
        )["GroupId"]
        call.made.append(made)
        self._read_created(made, inputs)
        # AWS lets everything out of a new group; the provider takes that away.
        everything = self.aws.ec2.describe_security_groups(GroupIds=[made])["SecurityGroups"][0].get(
            "IpPermissionsEgress", []
        )
        if everything:
            self.aws.ec2.revoke_security_group_egress(
                GroupId=made, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
            )
        return made

    def look(self, ident: str, inputs: Properties) -> Properties:
        found = self.aws.ec2.describe_security_groups(GroupIds=[ident])["SecurityGroups"][0]
        return {
            "arn": self.arn("security-group", ident, found["OwnerId"]),
            "ownerId": found["OwnerId"],
            "vpcId": found.get("VpcId"),
        }

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        self.retag(ident, inputs, changed)

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.ec2.delete_security_group(GroupId=ident)


class SecurityGroupRule(Ec2Type):
    """What the two kinds of rules share."""

    kind = "security-group-rule"
    replaced_by = frozenset({"securityGroupId"})
    gone = ("InvalidSecurityGroupRuleId.NotFound", "InvalidGroup.NotFound", "InvalidPermission.NotFound")

    def look(self, ident: str, inputs: Properties) -> Properties | None:
        found = self.aws.ec2.describe_security_group_rules(SecurityGroupRuleIds=[ident])["SecurityGroupRules"]
        return {"securityGroupRuleId": ident} if found else None

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        self.retag(ident, inputs, changed)
        if changed - {"tags"}:
            rule: Any = {
                "IpProtocol": inputs["ipProtocol"],
                **without_none(inputs, ("fromPort", "toPort", "cidrIpv4", "cidrIpv6", "description", "prefixListId")),
            }
            if inputs.get("referencedSecurityGroupId"):
                rule["ReferencedGroupId"] = inputs["referencedSecurityGroupId"]
            self.aws.ec2.modify_security_group_rules(
                GroupId=inputs["securityGroupId"],
                SecurityGroupRules=[{"SecurityGroupRuleId": ident, "SecurityGroupRule": rule}],
            )

    def permission(self, inputs: Mapping[str, Any]) -> Any:
        """The rule as the API's older calls take it."""
        about = without_none(inputs, ("description",))
        peers = {
            "IpRanges": [{"CidrIp": inputs["cidrIpv4"], **about}] if inputs.get("cidrIpv4") else [],
            "Ipv6Ranges": [{"CidrIpv6": inputs["cidrIpv6"], **about}] if inputs.get("cidrIpv6") else [],
            "PrefixListIds": [{"PrefixListId": inputs["prefixListId"], **about}] if inputs.get("prefixListId") else [],
            "UserIdGroupPairs": [{"GroupId": inputs["referencedSecurityGroupId"], **about}]
            if inputs.get("referencedSecurityGroupId")
            else [],
        }
        return {
            "IpProtocol": inputs["ipProtocol"],
            **without_none(inputs, ("fromPort", "toPort")),
            **{key: value for key, value in peers.items() if value},
        }


class IngressRule(SecurityGroupRule):
    """`aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule`."""

    token = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"

    def make(self, call: Call, inputs: Properties) -> str:
        made = self.aws.ec2.authorize_security_group_ingress(
            GroupId=inputs["securityGroupId"],
            IpPermissions=[self.permission(inputs)],
            TagSpecifications=self.tags(inputs),
        )
        return made["SecurityGroupRules"][0]["SecurityGroupRuleId"]

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.ec2.revoke_security_group_ingress(GroupId=outputs["securityGroupId"], SecurityGroupRuleIds=[ident])


class EgressRule(SecurityGroupRule):
    """`aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule`."""

    token = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"

    def make(self, call: Call, inputs: Properties) -> str:
        made = self.aws.ec2.authorize_security_group_egress(
            GroupId=inputs["securityGroupId"],
            IpPermissions=[self.permission(inputs)],
            TagSpecifications=self.tags(inputs),
        )
        return made["SecurityGroupRules"][0]["SecurityGroupRuleId"]

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.ec2.revoke_security_group_egress(GroupId=outputs["securityGroupId"], SecurityGroupRuleIds=[ident])


def types(aws: Aws) -> list[AwsType]:
    """The types of this file."""
    return [
        RouteTable(aws),
        Route(aws),
        RouteTableAssociation(aws),
        SecurityGroup(aws),
        IngressRule(aws),
        EgressRule(aws),
    ]
