"""The AWS types and functions that the stand-in knows: those that this project uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rehearsal.engine.standin import (
    provider_balancer,
    provider_cloudwatch,
    provider_dns,
    provider_events,
    provider_iam,
    provider_logs,
    provider_network,
    provider_routes,
    provider_servers,
    provider_tables,
)
from rehearsal.engine.standin.aws import Aws, without_none
from rehearsal.engine.standin.provider import ResourceType

FAMILIES = (
    provider_network,
    provider_routes,
    provider_balancer,
    provider_servers,
    provider_tables,
    provider_cloudwatch,
    provider_events,
    provider_iam,
    provider_logs,
    provider_dns,
)


def types(aws: Aws) -> dict[str, ResourceType]:
    """Every resource type by token."""
    return {kind.token: kind.resource_type() for family in FAMILIES for kind in family.types(aws)}


def invokes(aws: Aws) -> dict[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]]:
    """Every function by token."""

    def zones(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        filters = [{"Name": item["name"], "Values": item["values"]} for item in arguments.get("filters") or []]
        if arguments.get("state"):
            filters.append({"Name": "state", "Values": [arguments["state"]]})
        every = without_none(arguments, ("allAvailabilityZones",))
        answer = aws.ec2.describe_availability_zones(Filters=filters, **every)  # type: ignore[arg-type]
        found = sorted(answer["AvailabilityZones"], key=lambda zone: zone["ZoneName"])
        return {
            **arguments,
            "id": aws.region,
            "names": [zone["ZoneName"] for zone in found],
            "zoneIds": [zone["ZoneId"] for zone in found],
            "groupNames": sorted({zone.get("GroupName", aws.region) for zone in found}),
            "region": aws.region,
        }

    def identity(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        found = aws.sts.get_caller_identity()
        return {"accountId": found["Account"], "arn": found["Arn"], "userId": found["UserId"], "id": found["Account"]}

    def region(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        return {
            "id": aws.region,
            "name": aws.region,
            "region": aws.region,
            "description": aws.region,
            "endpoint": f"ec2.{aws.region}.amazonaws.com",
        }

    def partition(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"id": "aws", "partition": "aws", "dnsSuffix": "amazonaws.com", "reverseDnsPrefix": "com.amazonaws"}

    return {
        "aws:index/getAvailabilityZones:getAvailabilityZones": zones,
        "aws:index/getCallerIdentity:getCallerIdentity": identity,
        "aws:index/getRegion:getRegion": region,
        "aws:index/getPartition:getPartition": partition,
    }
