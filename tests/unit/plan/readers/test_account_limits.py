"""What AWS is asked beforehand, and that no answer is no error."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.credentials import RefreshableCredentials
from botocore.stub import Stubber
from moto import mock_aws

from core.session import connect
from plan.detection import LiveTraffic
from plan.readers import account_limits
from plan.readers.account_limits import InstanceType, Quota
from plan.readers.live_state import LiveState
from plan.readers.live_traffic import read_live_traffic
from plan.readers.reads import Reads
from tests.support.account import moto_only
from tests.support.factories import NOW, group, live, settings


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Any:
    moto_only(monkeypatch)
    with mock_aws():
        yield boto3.Session(region_name="eu-west-1")


@pytest.mark.parametrize(
    ("instance_type", "code"),
    [
        ("t3.small", "L-1216C47A"),
        ("m7i-flex.large", "L-1216C47A"),
        ("c6gn.large", "L-1216C47A"),
        ("im4gn.large", "L-1216C47A"),
        ("d3en.xlarge", "L-1216C47A"),
        ("h1.2xlarge", "L-1216C47A"),
        ("g5g.xlarge", "L-DB2E81BA"),
        ("vt1.3xlarge", "L-DB2E81BA"),
        ("p5.48xlarge", "L-417A185B"),
        ("f2.6xlarge", "L-74FC7D96"),
        ("inf2.xlarge", "L-1945791B"),
        ("trn1.2xlarge", "L-2C3B7624"),
        ("dl1.24xlarge", "L-6E869C2A"),
        ("x2iedn.xlarge", "L-7295265B"),
        ("u-6tb1.56xlarge", "L-43DA4232"),
        ("u7i-12tb.224xlarge", "L-43DA4232"),
        ("hpc7g.4xlarge", "L-F7808C92"),
        ("mac2.metal", ""),
        ("q1.small", ""),
    ],
)
def test_each_family_has_its_quota(instance_type: str, code: str) -> None:
    assert account_limits.quota_code(instance_type) == code


def test_a_quota_is_measured_as_it_says_itself(session: boto3.Session) -> None:
    quotas, watch = session.client("service-quotas"), session.client("cloudwatch")
    dimensions = {"Class": "Standard/OnDemand", "Resource": "vCPU", "Service": "EC2", "Type": "Resource"}
    metric = {
        "MetricNamespace": "AWS/Usage",
        "MetricName": "ResourceCount",
        "MetricDimensions": dimensions,
        "MetricStatisticRecommendation": "Maximum",
    }
    with Stubber(quotas) as stub:
        stub.add_response(
            "get_service_quota",
            {"Quota": {"QuotaName": "Running", "Value": 32.0, "UsageMetric": metric}},
            {"ServiceCode": "ec2", "QuotaCode": "L-1216C47A"},
        )
        now = datetime.now(UTC)
        data: Any = [
            {
                "MetricName": "ResourceCount",
                "Timestamp": now - timedelta(minutes=ago),
                "Value": value,
                "Dimensions": [{"Name": name, "Value": said} for name, said in dimensions.items()],
            }
            for ago, value in ((9, 4.0), (3, 12.0))
        ]
        watch.put_metric_data(Namespace="AWS/Usage", MetricData=data)
        assert account_limits.read_quota(quotas, watch, "t3.small", now=now) == Quota(
            "L-1216C47A", "Running", 32.0, 12.0
        )


def test_instance_types_are_known_or_known_not_to_be(session: boto3.Session) -> None:
    ec2 = session.client("ec2")
    found = account_limits.read_instance_types(ec2, ("t3.small", "t3.tiny", "t4g.small"))
    assert list(found) == ["t3.small", "t3.tiny", "t4g.small"]
    assert found["t3.small"] == InstanceType(2, ("x86_64",))
    assert found["t4g.small"].architectures == ("arm64",)
    assert found["t3.tiny"] == InstanceType(0)


def test_a_base_image_by_its_id_is_looked_for_and_no_other(session: boto3.Session) -> None:
    ec2 = session.client("ec2")
    there = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    ssm = session.client("ssm")
    ssm.put_parameter(Name="/golden/base", Value=there, Type="String")
    ssm.put_parameter(Name="/golden/text", Value="none", Type="String")
    sizes = {
        name: account_limits.read_base_image(ec2, ssm if name.startswith("/") else None, name)
        for name in (there, "/golden/base", "ami-00000000000000000", "/golden/text", "/golden/nowhere", "ubuntu-24.04")
    }
    assert sizes == {  # every image's size here is 15
        there: 15,
        "/golden/base": 15,
        "ami-00000000000000000": 0,
        "/golden/text": 0,
        "/golden/nowhere": 0,
        "ubuntu-24.04": None,
    }


def test_everything_is_asked_at_once_and_what_fails_is_unknown(session: boto3.Session) -> None:
    ec2 = session.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.0.0/28", AvailabilityZone="eu-west-1a")["Subnet"]["SubnetId"]
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    server = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=subnet)["Instances"][0]["InstanceId"]
    ec2.create_tags(Resources=[server], Tags=[{"Key": "aws:autoscaling:groupName", "Value": "blue-1"}])
    alive = live(
        group("blue", name="blue-1", instances=(server, "i-00000000000000000"), subnets=(subnet, "subnet-0000000a"))
    )
    found = account_limits.read_account_limits(Reads(connect(region="eu-west-1")), settings(), alive, now=NOW)
    assert found.instance_types == {"t3.small": InstanceType(2, ("x86_64",))}
    [place] = found.subnets or ()
    assert (place.id, place.zone, place.vpc, place.free) == (subnet, "eu-west-1a", vpc, 10)
    assert found.launched_at is not None
    assert len(found.launched_at) == 1
    assert (found.quota, found.credentials_end) == (None, None)
    assert found.healthy == {alive.groups[0].target_group: 0}, "its target group is gone"
    [unknown] = found.unknown  # moto has no quotas of EC2
    assert unknown.startswith("the quota of vCPUs: GetServiceQuota: NoSuchResourceException")


def test_nothing_is_live_and_nothing_is_adopted(session: boto3.Session) -> None:
    found = account_limits.read_account_limits(Reads(connect(region="eu-west-1")), settings(), LiveState(), now=NOW)
    assert (found.subnets, found.launched_at) == ((), ())


def test_the_end_of_credentials_counts_when_nobody_can_renew_them(tmp_path: Path) -> None:
    ends = datetime.now(UTC) + timedelta(hours=1)

    def of(method: str) -> datetime | None:
        made = boto3.Session(region_name="eu-west-1")
        made._session._credentials = RefreshableCredentials(  # type: ignore[attr-defined]
            "id", "key", "token", ends, dict, method
        )
        return account_limits.credentials_end(made)

    assert of("env") == ends
    assert of("sso") is None


def test_the_traffic_of_the_last_hour_is_that_of_the_groups_that_have_production(session: boto3.Session) -> None:
    watch = session.client("cloudwatch")
    state = replace(live(group("blue"), group("green", weight=0)), load_balancer="arn:x:loadbalancer/app/shop/1")

    def put(metric: str, color: str, minutes_ago: int, value: float) -> None:
        target_group = next(one.target_group for one in state.groups if one.color == color)
        where = {"LoadBalancer": "app/shop/1", "TargetGroup": target_group.rpartition(":")[2]}
        watch.put_metric_data(
            Namespace="AWS/ApplicationELB",
            MetricData=[
                {
                    "MetricName": metric,
                    "Dimensions": [{"Name": name, "Value": each} for name, each in where.items()],
                    "Timestamp": NOW - timedelta(minutes=minutes_ago),
                    "Value": value,
                }
            ],
        )

    assert read_live_traffic(watch, state, now=NOW) == LiveTraffic(per_second=0, error_share=0)
    for ago, requests in ((70, 10**6), (20, 300), (11, 900)):
        put("RequestCount", "blue", ago, requests)
    put("HTTPCode_Target_5XX_Count", "blue", 11, 12)
    put("RequestCount", "green", 11, 10**6)
    # Ten minutes from the first to the last: a service that is young has no less traffic for that.
    assert read_live_traffic(watch, state, now=NOW) == LiveTraffic(per_second=2, error_share=0.01)
    assert read_live_traffic(watch, replace(state, groups=()), now=NOW) is None
