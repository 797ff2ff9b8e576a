"""Everything that shuts a stack, at once: it is launched, flips, and goes only once it is protected no longer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from core.names import other_color
from tests.cycles.stack import ENGINES, Stack

AUTO_SCALING = "arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
EGRESS = ["0.0.0.0/0:443", "10.0.0.0/8:5432-5433", "10.0.0.5/32:514/udp"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_stack_with_everything_shut_flips_and_goes_when_it_may(engine: str, tmp_path: Path) -> None:
    with Stack(tmp_path, stand_in=engine == "stand-in") as stack:
        stack.set(
            active="auto",
            protect=True,
            allowedCidrs=["10.0.0.0/8"],
            allowedEgress=EGRESS,
            volumeKmsKey=disk_key(stack),
            **({"webAclArn": web_acl(stack)} if engine == "stand-in" else {}),
        )
        stack.up()
        [live] = stack.groups().values()
        assert protection(stack, live.name) == "prevent-all-deletion"
        check_shut(stack)

        stack.change()
        stack.up()
        [new] = stack.groups().values()
        assert new.color == other_color(live.color)
        assert protection(stack, new.name) == "prevent-all-deletion"
        check_shut(stack)
        stack.idle()

        refused = stack.engine.destroy()
        assert not refused.ok
        assert stack.groups()[new.color].in_service, "what is protected serves on"

        stack.set(protect=False, logDays=30)
        stack.up()
        [bucket] = buckets(stack)
        s3 = stack.cloud.client("s3")
        with pytest.raises(ClientError, match="403"):
            s3.put_object(Bucket=bucket, Key="x", Body=b"without TLS")
        s3.delete_bucket_policy(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="access/AWSLogs/123456789012/x.log.gz", Body=b"GET /")
        stack.destroy()
        assert buckets(stack) == []


def disk_key(stack: Stack) -> str:
    allowed = {"Effect": "Allow", "Principal": {"AWS": AUTO_SCALING}, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    return str(stack.cloud.client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"])


def web_acl(stack: Stack) -> str:
    made: Any = stack.cloud.client("wafv2").create_web_acl(
        Name="edge",
        Scope="REGIONAL",
        DefaultAction={"Allow": {}},
        VisibilityConfig={"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "edge"},
    )
    return str(made["Summary"]["ARN"])


def protection(stack: Stack, group: str) -> str:
    found: Any = stack.cloud.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[group])
    return str(found["AutoScalingGroups"][0].get("DeletionProtection", "none"))


def buckets(stack: Stack) -> list[str]:
    return [one["Name"] for one in stack.cloud.client("s3").list_buckets()["Buckets"]]


def check_shut(stack: Stack) -> None:
    """What AWS has of each key."""
    elbv2, ec2, s3 = (stack.cloud.client(name) for name in ("elbv2", "ec2", "s3"))
    [balancer] = elbv2.describe_load_balancers()["LoadBalancers"]
    said = elbv2.describe_load_balancer_attributes(LoadBalancerArn=balancer["LoadBalancerArn"])["Attributes"]
    attributes = {one["Key"]: one["Value"] for one in said}
    [bucket] = buckets(stack)
    assert (attributes["access_logs.s3.enabled"], attributes["access_logs.s3.bucket"]) == ("true", bucket)
    [rule] = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert rule["Expiration"] == {"Days": 90}
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    [flow] = ec2.describe_flow_logs()["FlowLogs"]
    assert (flow["ResourceId"], flow["LogDestination"]) == (balancer["VpcId"], f"arn:aws:s3:::{bucket}")
    groups = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [balancer["VpcId"]]}])["SecurityGroups"]
    [default] = [one for one in groups if one["GroupName"] == "default"]
    assert (default["IpPermissions"], default["IpPermissionsEgress"]) == ([], [])
    [servers] = [one for one in groups if one["Description"].startswith("Servers of")]
    out = {
        (network["CidrIp"], one["IpProtocol"], one["FromPort"], one["ToPort"])
        for one in servers["IpPermissionsEgress"]
        for network in one["IpRanges"]
    }
    assert out == {
        ("0.0.0.0/0", "tcp", 443, 443),
        ("10.0.0.0/8", "tcp", 5432, 5433),
        ("10.0.0.5/32", "udp", 514, 514),
    }
    for listener in elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]:
        has = elbv2.describe_listener_attributes(ListenerArn=listener["ListenerArn"])["Attributes"]
        assert {"Key": "routing.http.response.server.enabled", "Value": "false"} in has
