"""The stand-in's buckets, flow logs, web ACLs and emptied security groups, against AWS's API as moto has it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from rehearsal.engine.standin import provider_aws
from rehearsal.engine.standin.aws import Aws
from rehearsal.engine.standin.provider import Call, ResourceType
from tests.support.account import moto_only

CALL = Call("urn:pulumi:dev::shop::kind::shop-logs", threading.Event())


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    moto_only(monkeypatch)
    with mock_aws():
        yield Aws({"aws:region": "eu-west-1"}, threading.Event())


def kind(aws: Aws, name: str) -> ResourceType:
    [found] = [one for token, one in provider_aws.types(aws).items() if token.rsplit(":", 1)[1] == name]
    return found


def made(aws: Aws, name: str, **inputs: Any) -> str:
    ident, _ = kind(aws, name).create(CALL, inputs)
    return ident


def test_a_bucket_and_all_that_is_set_of_it_comes_and_goes(aws: Aws) -> None:
    bucket = made(aws, "Bucket", bucket="shop-logs", tags={"phoenix:stack": "shop/dev"})
    closed = dict.fromkeys(("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True)
    parts: dict[str, dict[str, Any]] = {
        "BucketPublicAccessBlock": closed,
        "BucketServerSideEncryptionConfiguration": {
            "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]
        },
        "BucketLifecycleConfiguration": {
            "rules": [
                {"id": "expire", "status": "Enabled", "filter": {"prefix": ""}, "expiration": {"days": 7}},
            ]
        },
        "BucketPolicy": {"policy": '{"Version": "2012-10-17", "Statement": []}'},
    }
    for name, inputs in parts.items():
        assert made(aws, name, bucket=bucket, **inputs) == bucket
    assert all(aws.s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    [rule] = aws.s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert rule["Expiration"] == {"Days": 7}
    assert aws.s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "phoenix:stack", "Value": "shop/dev"}]
    for name in reversed(parts):
        kind(aws, name).delete(CALL, bucket, {})
    aws.s3.put_object(Bucket=bucket, Key="access/x", Body=b"GET /")
    with pytest.raises(aws.s3.exceptions.ClientError, match="BucketNotEmpty"):
        kind(aws, "Bucket").delete(CALL, bucket, {"forceDestroy": False})
    kind(aws, "Bucket").delete(CALL, bucket, {"forceDestroy": True})
    assert aws.s3.list_buckets()["Buckets"] == []
    kind(aws, "Bucket").delete(CALL, bucket, {"forceDestroy": True})  # gone already


def test_a_networks_default_group_is_emptied_and_its_traffic_written_down(aws: Aws) -> None:
    vpc = made(aws, "Vpc", cidrBlock="10.0.0.0/16", instanceTenancy="default")
    group = made(aws, "DefaultSecurityGroup", vpcId=vpc)
    [found] = aws.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert (found["VpcId"], found["GroupName"]) == (vpc, "default")
    assert (found["IpPermissions"], found["IpPermissionsEgress"]) == ([], [])
    bucket = made(aws, "Bucket", bucket="shop-logs")
    flow = made(
        aws,
        "FlowLog",
        vpcId=vpc,
        trafficType="ALL",
        logDestinationType="s3",
        logDestination=f"arn:aws:s3:::{bucket}",
        maxAggregationInterval=600.0,
        tags={"phoenix:stack": "shop/dev"},
    )
    [said] = aws.ec2.describe_flow_logs()["FlowLogs"]
    assert (said["FlowLogId"], said["ResourceId"]) == (flow, vpc)
    kind(aws, "FlowLog").delete(CALL, flow, {})
    assert aws.ec2.describe_flow_logs()["FlowLogs"] == []
    kind(aws, "DefaultSecurityGroup").delete(CALL, group, {})
    assert aws.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"], "it goes with its VPC"


def test_a_web_acl_is_joined_and_parted(aws: Aws) -> None:
    seen: Any = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "edge"}
    acl = aws.wafv2.create_web_acl(Name="edge", Scope="REGIONAL", DefaultAction={"Allow": {}}, VisibilityConfig=seen)[
        "Summary"
    ]["ARN"]
    balancer = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/1a2b"
    joined = made(aws, "WebAclAssociation", webAclArn=acl, resourceArn=balancer)
    assert aws.wafv2.get_web_acl_for_resource(ResourceArn=balancer)["WebACL"]["ARN"] == acl
    kind(aws, "WebAclAssociation").delete(CALL, joined, {})
    assert "WebACL" not in aws.wafv2.get_web_acl_for_resource(ResourceArn=balancer)
