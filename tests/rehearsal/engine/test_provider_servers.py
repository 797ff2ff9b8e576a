"""The stand-in's groups with lifecycle hooks, and its tables, against AWS's API as moto has it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from moto import mock_aws

from rehearsal.engine.standin import provider_aws
from rehearsal.engine.standin.aws import Aws
from rehearsal.engine.standin.provider import Call, ResourceType
from tests.support.account import moto_only

CALL = Call("urn:pulumi:dev::shop::kind::shop", threading.Event())


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    moto_only(monkeypatch)
    with mock_aws():
        yield Aws({"aws:region": "eu-west-1"}, threading.Event())


def kind(aws: Aws, token: str) -> ResourceType:
    return provider_aws.types(aws)[token]


def test_a_groups_hook_is_there_before_its_first_server(aws: Aws) -> None:
    template = aws.ec2.create_launch_template(
        LaunchTemplateName="shop", LaunchTemplateData={"ImageId": "ami-12c6146b", "InstanceType": "t3.small"}
    )["LaunchTemplate"]["LaunchTemplateId"]
    seen: list[tuple[str, int]] = []

    def called(params: object, model: object, **_: object) -> None:
        groups = aws.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
        seen.append((model.name, sum(len(one["Instances"]) for one in groups)))  # type: ignore[attr-defined]

    aws.autoscaling.meta.events.register("before-call.auto-scaling.PutLifecycleHook", called)
    hook = {
        "name": "phoenix-stop",
        "lifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
        "heartbeatTimeout": 120,
        "defaultResult": "CONTINUE",
    }
    ident, _ = kind(aws, "aws:autoscaling/group:Group").create(
        CALL,
        {
            "name": "shop-dev-blue",
            "minSize": 2,
            "maxSize": 4,
            "launchTemplate": {"id": template, "version": "1"},
            "initialLifecycleHooks": [hook],
            "waitForCapacityTimeout": "0",
            "availabilityZones": ["eu-west-1a"],
            "vpcZoneIdentifiers": [aws.ec2.describe_subnets()["Subnets"][0]["SubnetId"]],
        },
    )
    assert seen == [("PutLifecycleHook", 0)]
    [known] = aws.autoscaling.describe_lifecycle_hooks(AutoScalingGroupName=ident)["LifecycleHooks"]
    assert (known["LifecycleHookName"], known["HeartbeatTimeout"]) == ("phoenix-stop", 120)
    [group] = aws.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    assert (group["MinSize"], group["MaxSize"], len(group["Instances"])) == (2, 4, 2)


def test_a_table_comes_with_its_tags_and_goes(aws: Aws) -> None:
    inputs = {
        "name": "shop-dev-live-1234567",
        "attributes": [{"name": "id", "type": "S"}],
        "hashKey": "id",
        "billingMode": "PAY_PER_REQUEST",
        "tags": {"phoenix:stack": "shop/dev"},
    }
    ident, outputs = kind(aws, "aws:dynamodb/table:Table").create(CALL, inputs)
    found = aws.dynamodb.describe_table(TableName=ident)["Table"]
    assert found["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    tags = aws.dynamodb.list_tags_of_resource(ResourceArn=found["TableArn"])["Tags"]
    assert tags == [{"Key": "phoenix:stack", "Value": "shop/dev"}]
    kind(aws, "aws:dynamodb/table:Table").delete(CALL, ident, outputs)
    assert aws.dynamodb.list_tables()["TableNames"] == []
