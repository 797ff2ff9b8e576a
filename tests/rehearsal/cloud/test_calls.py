"""Every call is seen, and what is refused arrives as AWS's error in each of its protocols."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from rehearsal.cloud import faults
from rehearsal.cloud.calls import Call, Fault, Substitute
from rehearsal.cloud.cloud import Cloud

READS = {
    "ec2": "describe_vpcs",
    "elbv2": "describe_load_balancers",
    "autoscaling": "describe_auto_scaling_groups",
    "cloudwatch": "describe_alarms",
    "sts": "get_caller_identity",
    "iam": "list_roles",
}
SIGNED = {"elbv2": "elasticloadbalancing", "cloudwatch": "monitoring"}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud(tmp_path_factory.mktemp("cloud"), boot_seconds=1, time_scale=0.02) as made:
        yield made


def client(cloud: Cloud, service: str, *, attempts: int = 1, key: str = "", agent: str = "") -> Any:
    create: Any = boto3.session.Session().client
    return create(
        service,
        endpoint_url=cloud.endpoint,
        region_name=cloud.region,
        aws_access_key_id=key or cloud.access_key,
        aws_secret_access_key="secret",
        config=Config(retries={"mode": "standard", "total_max_attempts": attempts}, user_agent_extra=agent),
    )


def ask(asker: Any, service: str) -> Any:
    return asker.get_parameter(Name="/none") if service == "ssm" else getattr(asker, READS[service])()


def refused(asker: Any, service: str) -> ClientError:
    with pytest.raises(ClientError) as caught:
        ask(asker, service)
    return caught.value


@pytest.mark.parametrize("service", [*READS, "ssm"])
@pytest.mark.parametrize(
    ("fault", "status", "codes", "words"),
    [
        (faults.throttled(), (400, 503), {"RequestLimitExceeded", "Throttling", "ThrottlingException"}, "xceeded"),
        (
            faults.broken(),
            (500,),
            {"InternalError", "InternalFailure", "ServiceFailure", "InternalServerError"},
            "An internal error has occurred",
        ),
        (faults.expired(), (400, 403), {"RequestExpired", "ExpiredToken", "ExpiredTokenException"}, "expired"),
    ],
)
def test_each_protocol_tells_a_refusal_as_aws_does(
    cloud: Cloud, service: str, fault: Fault, status: tuple[int, ...], codes: set[str], words: str
) -> None:
    with cloud.calls.failing(fault):
        said = refused(client(cloud, service), service).response
    assert said["Error"]["Code"] in codes
    assert words in said["Error"]["Message"]
    assert said["ResponseMetadata"]["HTTPStatusCode"] in status
    assert len(said["ResponseMetadata"]["RequestId"]) == 36


@pytest.mark.parametrize("service", [*READS, "ssm"])
@pytest.mark.parametrize("fault", [faults.throttled, faults.broken])
def test_an_sdk_tries_again_after_what_passes(cloud: Cloud, service: str, fault: Any) -> None:
    met: Counter[str] = Counter()
    with cloud.calls.failing(faults.first(faults.counted(fault(), met))):
        try:
            ask(client(cloud, service, attempts=2), service)
        except ClientError as error:
            assert service == "ssm" and error.response["Error"]["Code"] == "ParameterNotFound"
    assert list(met.values()) == [1]


def test_a_call_is_seen_with_its_name_and_its_caller(cloud: Cloud) -> None:
    for service, operation in {**READS, "ssm": "get_parameter"}.items():
        begun = len(cloud.calls.seen)
        try:
            ask(client(cloud, service, agent="phoenix"), service)
        except ClientError:
            assert service == "ssm"
        [call] = cloud.calls.seen[begun:]
        camel = operation.title().replace("_", "")
        assert (call.name, call.access_key) == (f"{SIGNED.get(service, service)}:{camel}", cloud.access_key)
        assert call.agent.endswith(faults.STEPS)


def test_a_lost_answer_is_of_a_call_that_did_its_work(cloud: Cloud) -> None:
    lost = faults.broken("elasticloadbalancing:CreateTargetGroup", performed=True)
    with cloud.calls.failing(lost), pytest.raises(ClientError, match="InternalFailure"):
        client(cloud, "elbv2").create_target_group(Name="lost", Protocol="HTTP", Port=80, VpcId=vpc(cloud))
    [found] = cloud.client("elbv2").describe_target_groups(Names=["lost"])["TargetGroups"]
    assert found["Port"] == 80


def test_a_refused_call_did_nothing(cloud: Cloud) -> None:
    refusing = faults.broken("elasticloadbalancing:CreateTargetGroup")
    with cloud.calls.failing(refusing), pytest.raises(ClientError, match="InternalFailure"):
        client(cloud, "elbv2").create_target_group(Name="refused", Protocol="HTTP", Port=80, VpcId=vpc(cloud))
    names = [one["TargetGroupName"] for one in cloud.client("elbv2").describe_target_groups()["TargetGroups"]]
    assert "refused" not in names


def test_only_the_calls_that_are_named_are_refused_and_only_inside(cloud: Cloud) -> None:
    with cloud.calls.failing(faults.broken("ec2:DescribeVpcs")):
        assert "InternalError" in str(refused(client(cloud, "ec2"), "ec2"))
        ask(client(cloud, "sts"), "sts")
    ask(client(cloud, "ec2"), "ec2")


def test_who_looks_on_meets_no_fault(cloud: Cloud) -> None:
    with cloud.calls.failing(faults.broken()):
        assert cloud.client("ec2").describe_vpcs()["Vpcs"]


def test_a_fault_of_the_steps_spares_everybody_else(cloud: Cloud) -> None:
    with cloud.calls.failing(faults.of_steps(faults.expired())):
        ask(client(cloud, "sts"), "sts")
        assert "ExpiredToken" in str(refused(client(cloud, "sts", agent="phoenix"), "sts"))


def test_first_refuses_each_operation_once() -> None:
    fault = faults.first(faults.broken())
    calls = [call("ec2", "RunInstances"), call("sts", "GetCallerIdentity")]
    assert [fault(one) is not None for one in [*calls, *calls]] == [True, True, False, False]


def test_asked_again_after_a_lost_answer_aws_makes_it_once_where_it_can_tell(cloud: Cloud) -> None:
    ec2, elb = client(cloud, "ec2", attempts=2), client(cloud, "elbv2", attempts=2)
    lost = faults.first(faults.broken(performed=True))
    with cloud.calls.failing(lost):
        ec2.create_launch_template(LaunchTemplateName="once", LaunchTemplateData={"ImageId": "ami-0a"})
        elb.create_target_group(Name="once", Protocol="HTTP", Port=80, VpcId=vpc(cloud))
        with pytest.raises(ClientError, match=r"InvalidGroup\.Duplicate"):
            ec2.create_security_group(GroupName="once", Description="once", VpcId=vpc(cloud))
    templates = [one["LaunchTemplateName"] for one in ec2.describe_launch_templates()["LaunchTemplates"]]
    groups = [one["TargetGroupName"] for one in elb.describe_target_groups()["TargetGroups"]]
    assert (templates.count("once"), groups.count("once")) == (1, 1)
    with pytest.raises(ClientError, match="DuplicateTargetGroupName"):
        elb.create_target_group(Name="once", Protocol="HTTP", Port=81, VpcId=vpc(cloud))


def test_what_was_just_made_is_not_found_for_a_few_reads(cloud: Cloud) -> None:
    ec2, known, new = client(cloud, "ec2"), group(cloud, "known"), group(cloud, "new")
    assert ec2.describe_security_groups(GroupIds=[known])["SecurityGroups"]
    with cloud.calls.failing(faults.unseen(list(cloud.calls.seen), reads=2)):
        for _ in range(2):
            with pytest.raises(ClientError, match=r"InvalidGroup\.NotFound"):
                ec2.describe_security_groups(GroupIds=[new])
        for one in (known, new):
            assert ec2.describe_security_groups(GroupIds=[one])["SecurityGroups"][0]["GroupId"] == one
        assert ec2.describe_security_groups(GroupIds=[known])["SecurityGroups"]


def test_each_caller_and_operation_finds_it_at_a_time_of_its_own() -> None:
    fault = faults.unseen([], reads=1)
    read = replace(call("iam", "GetRole"), body="Action=GetRole&RoleName=shop-blue-1a2b3c4")
    others = [replace(read, agent="Boto3 phoenix"), replace(read, operation="GetInstanceProfile")]
    assert fault(read) == Substitute(body="Action=GetRole&RoleName=shop-blue-1a20000")
    assert [fault(one) is not None for one in [read, *others, *others]] == [False, True, True, False, False]
    assert fault(replace(read, operation="DeleteRole")) is None


def test_keys_of_another_account_are_answered_by_that_account(cloud: Cloud) -> None:
    cloud.calls.accounts["AKIASTRANGER"] = "999999999999"
    assert client(cloud, "sts", key="AKIASTRANGER").get_caller_identity()["Account"] == "999999999999"
    assert client(cloud, "sts").get_caller_identity()["Account"] == cloud.account
    assert not client(cloud, "elbv2", key="AKIASTRANGER").describe_target_groups()["TargetGroups"]


def group(cloud: Cloud, name: str) -> str:
    return str(cloud.client("ec2").create_security_group(GroupName=name, Description=name, VpcId=vpc(cloud))["GroupId"])


def vpc(cloud: Cloud) -> str:
    return str(cloud.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"])


def call(service: str, operation: str) -> Call:
    return Call(t=0, service=service, operation=operation, access_key="", agent="", body="")
