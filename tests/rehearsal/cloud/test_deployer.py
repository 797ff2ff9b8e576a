"""A cloud under the shipped policies: it does what is the stack's own, and refuses the same about a neighbour's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from rehearsal.cloud.cloud import Cloud
from tests.support.deployer import Deployer
from tests.support.iam import USUAL

OWN, OTHER = "phoenix/local", "phoenix/local-eu"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud(tmp_path_factory.mktemp("cloud")) as opened, opened.calls.failing(Deployer(opened, USUAL)):
        yield opened


def client(cloud: Cloud, service: str) -> Any:
    """As whoever deploys."""
    create: Any = boto3.Session(cloud.access_key, cloud.access_key, region_name=cloud.region).client
    return create(service, endpoint_url=cloud.endpoint)


def tags(stack: str) -> list[dict[str, str]]:
    return [{"Key": "phoenix:stack", "Value": stack}]


def firewall(cloud: Cloud, stack: str) -> str:
    made = cloud.client("ec2").create_security_group(
        GroupName=f"{stack}-{len(cloud.calls.seen)}",
        Description="-",
        TagSpecifications=[{"ResourceType": "security-group", "Tags": tags(stack)}],
    )
    return str(made["GroupId"])


def name(cloud: Cloud, what: str) -> str:
    """One that is the stack's own: it is the tag that tells."""
    return f"phoenix-local-blue-{what}{len(cloud.calls.seen):07x}"


def targets(cloud: Cloud, stack: str) -> str:
    vpc = cloud.client("ec2").create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    made = cloud.client("elbv2").create_target_group(
        Name=name(cloud, ""), Protocol="HTTP", Port=80, VpcId=vpc, Tags=tags(stack)
    )
    return str(made["TargetGroups"][0]["TargetGroupArn"])


def role(cloud: Cloud, stack: str) -> str:
    made = cloud.client("iam").create_role(
        RoleName=name(cloud, "role-"), AssumeRolePolicyDocument="{}", Tags=tags(stack)
    )
    return str(made["Role"]["RoleName"])


@pytest.mark.parametrize(
    ("make", "act"),
    [
        (firewall, lambda cloud, one: client(cloud, "ec2").delete_security_group(GroupId=one)),
        (targets, lambda cloud, one: client(cloud, "elbv2").add_tags(ResourceArns=[one], Tags=tags(OWN))),
        (targets, lambda cloud, one: client(cloud, "elbv2").delete_target_group(TargetGroupArn=one)),
        (role, lambda cloud, one: client(cloud, "iam").tag_role(RoleName=one, Tags=tags(OWN))),
        (role, lambda cloud, one: client(cloud, "iam").delete_role(RoleName=one)),
    ],
)
def test_what_is_a_neighbours_is_refused_and_ones_own_is_done(
    cloud: Cloud, make: Callable[[Cloud, str], str], act: Callable[[Cloud, str], None]
) -> None:
    with pytest.raises(ClientError, match="not authorized to perform"):
        act(cloud, make(cloud, OTHER))
    act(cloud, make(cloud, OWN))


def test_what_is_made_carries_the_stacks_name(cloud: Cloud) -> None:
    def make(stack: str) -> None:
        client(cloud, "ec2").create_launch_template(
            LaunchTemplateName=stack.replace("/", "-"),
            LaunchTemplateData={"InstanceType": "t3.small"},
            TagSpecifications=[{"ResourceType": "launch-template", "Tags": tags(stack)}],
        )

    with pytest.raises(ClientError, match="not authorized to perform ec2:CreateLaunchTemplate"):
        make(OTHER)
    make(OWN)


def test_what_exists_is_not_tagged_as_if_it_were_being_made(cloud: Cloud) -> None:
    nobodys = cloud.client("ec2").create_security_group(GroupName="nobodys", Description="-")["GroupId"]
    with pytest.raises(ClientError, match="not authorized to perform ec2:CreateTags"):
        client(cloud, "ec2").create_tags(Resources=[nobodys], Tags=tags(OWN))


def test_the_default_group_of_a_network_is_emptied_and_a_neighbours_group_is_not(cloud: Cloud) -> None:
    """AWS gives the first no tag: it is bound by its network."""
    vpc = cloud.client("ec2").create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    of_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
    [default] = cloud.client("ec2").describe_security_groups(Filters=of_vpc)["SecurityGroups"]
    out = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    client(cloud, "ec2").revoke_security_group_egress(GroupId=default["GroupId"], IpPermissions=out)
    with pytest.raises(ClientError, match="not authorized to perform ec2:RevokeSecurityGroupEgress"):
        client(cloud, "ec2").revoke_security_group_egress(GroupId=firewall(cloud, OTHER), IpPermissions=out)
