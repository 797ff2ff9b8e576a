"""What the stand-in for Packer reaches its build instance by, while it builds: a key pair and a security group.

As HashiCorp's plugin makes them (builder/common/step_key_pair.go, step_security_group.go): with the tags of the build,
the port of SSH open to the sources that it was given, or with Session Manager no port at all.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client

# Where this host is seen from, to a cloud on its loopback.
HERE = ["127.0.0.1/32"]


@contextmanager
def access(ec2: EC2Client, ask: Mapping[str, Any], tags: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    """Arguments for RunInstances. What they name is taken away at the end, so the instance must be gone by then."""
    name = f"packer_{uuid.uuid4()}"
    made: dict[str, str] = {}
    try:
        ec2.create_key_pair(KeyName=name, KeyType="ed25519", TagSpecifications=_tagged("key-pair", tags))
        made["key"] = name
        subnets = ec2.describe_subnets(SubnetIds=[ask["subnet_id"]])["Subnets"] if ask["subnet_id"] else []
        there: Any = {"VpcId": subnets[0]["VpcId"]} if subnets else {}
        group = ec2.create_security_group(
            GroupName=name,
            Description="Temporary group for Packer",
            TagSpecifications=_tagged("security-group", tags),
            **there,
        )
        made["group"] = group["GroupId"]
        ec2.get_waiter("security_group_exists").wait(GroupIds=[group["GroupId"]])
        if not ask["session_manager_profile"]:
            ec2.authorize_security_group_ingress(
                GroupId=group["GroupId"],
                IpPermissions=[
                    {
                        "IpProtocol": "tcp",
                        "FromPort": 22,
                        "ToPort": 22,
                        "IpRanges": [{"CidrIp": source} for source in ask["ssh_from"] or HERE],
                    }
                ],
            )
        yield {"KeyName": name, **_interface(ask, group["GroupId"])}
    finally:
        _end(ec2, made)


def _interface(ask: Mapping[str, Any], group: str) -> dict[str, Any]:
    """In a subnet that is named the instance's interface says whether it has a public address."""
    if not ask["subnet_id"]:
        return {"SecurityGroupIds": [group]}
    public = ask["associate_public_ip_address"] and not ask["session_manager_profile"]
    return {
        "NetworkInterfaces": [
            {
                "DeviceIndex": 0,
                "SubnetId": ask["subnet_id"],
                "Groups": [group],
                "DeleteOnTermination": True,
                "AssociatePublicIpAddress": public,
            }
        ]
    }


def _end(ec2: EC2Client, made: Mapping[str, str]) -> None:
    """A failure is printed, and does not fail the build: as with the plugin, what stays is the next prune's."""
    try:
        if "group" in made:
            ec2.delete_security_group(GroupId=made["group"])
    except ClientError as error:
        print(f"Error cleaning up security group. Please delete the group manually: {made['group']}: {error}")
    try:
        if "key" in made:
            ec2.delete_key_pair(KeyName=made["key"])
    except ClientError as error:
        print(f"Error cleaning up keypair. Please delete the key manually: {made['key']}: {error}")


def _tagged(kind: str, tags: Sequence[Any]) -> Any:
    return [{"ResourceType": kind, "Tags": tags}]
