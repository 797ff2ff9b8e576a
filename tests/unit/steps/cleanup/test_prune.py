"""What prune takes away, what it never touches, and what it says when AWS refuses."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from core import images
from core.images import Image
from core.server_groups import Group
from steps.cleanup import old_images, prune, sweep
from steps.image import leftovers
from steps.image.leftovers import Leftover
from steps.runtime import options
from tests.unit.steps.cleanup.images import ACCOUNT, REGION, SERVICE, STACK, Account
from tests.unit.steps.cloud import Wrapped

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def image(ami: str, days: float) -> Image:
    return Image(id=ami, name=ami, state="available", created=NOW - days * DAY)


@pytest.mark.parametrize(
    ("used", "keep", "doomed"),
    [
        pytest.param(set(), 1, ["b", "c", "d"], id="only the newest stays"),
        pytest.param(set(), 2, ["c", "d"], id="the newest two stay"),
        pytest.param({"c"}, 1, ["b", "d"], id="what is used stays"),
        pytest.param({"a", "b", "c", "d"}, 1, [], id="all is used"),
        pytest.param(set(), 9, [], id="more are kept than there are"),
    ],
)
def test_what_goes(used: set[str], keep: int, doomed: list[str]) -> None:
    ours = [image("c", 20), image("a", 0.1), image("d", 30), image("b", 10)]
    verdict = old_images.select(ours, used=used, keep=keep, now=NOW)
    assert [one.id for one in verdict.to_deregister] == doomed
    assert {one.id for one, _ in verdict.kept} == {"a", "b", "c", "d"} - set(doomed)


def test_what_is_younger_than_a_day_stays() -> None:
    verdict = old_images.select([image("a", 0.1), image("b", 0.9), image("c", 1.1)], used=set(), keep=1, now=NOW)
    assert [one.id for one in verdict.to_deregister] == ["c"]


def test_leftovers_go_when_no_bake_can_need_them_in_an_order_that_aws_allows() -> None:
    def left(kind: str, name: str, days: float | None) -> Leftover:
        return Leftover(kind=kind, id=name, began=None if days is None else NOW - days * DAY)

    found = [
        left("security group", "sg", 2),
        left("volume", "vol", 2),
        left("instance", "i", 2),
        left("image", "ami", 2),
        left("instance", "i-young", 0.5),
        left("key pair", "key-undated", None),
        left("image", "ami-used", 2),
    ]
    old = leftovers.select_old(found, used={"ami-used"}, before=NOW - DAY)
    assert [one.id for one in old] == ["i", "ami", "vol", "sg"]


def test_old_images_go_with_their_snapshots(account: Account) -> None:
    made = [account.bake() for _ in range(3)]
    result = account.prune(keep=1)
    assert len(result["deregistered"]) == 2 and len(result["kept"]) == 1
    assert account.images() == set(result["kept"])
    kept_snapshots = {snapshot for ami, snapshot in made if ami in result["kept"]}
    gone_snapshots = {snapshot for ami, snapshot in made if ami in result["deregistered"]}
    assert account.snapshots() & {snapshot for _, snapshot in made} == kept_snapshots
    assert set(result["snapshots"]) == gone_snapshots


def test_a_list_of_packages_goes_with_its_image(account: Account) -> None:
    made = [account.bake()[0] for _ in range(3)]
    for ami in made:
        account.list_packages(ami)
    result = account.prune(keep=1)
    assert result["lists"] == sorted(result["deregistered"]) and len(result["lists"]) == 2
    assert account.listed() == set(result["kept"])


def test_lists_of_images_that_are_gone_go_and_those_of_other_services_stay(account: Account) -> None:
    kept, gone = account.bake()[0], account.bake()[0]
    account.list_packages(kept)
    account.list_packages(gone)
    account.list_packages(gone, service="phoenix-shop")
    account.ec2.deregister_image(ImageId=gone)
    assert account.prune(keep=9)["lists"] == [gone]
    assert account.listed() == {kept} and account.listed("phoenix-shop") == {gone}
    assert f"the list of packages of {gone} is gone" in account.told.getvalue()


def test_a_list_of_today_is_left_alone_even_when_its_image_is_not_seen_yet(account: Account) -> None:
    account.clock.passed = 0.0
    ami = account.bake()[0]
    account.list_packages(ami)
    account.ec2.deregister_image(ImageId=ami)
    assert account.prune()["lists"] == [] and account.listed() == {ami}


def test_lists_that_may_not_be_read_are_a_warning(account: Account) -> None:
    def get_paginator(name: str) -> Any:
        error: Any = {"Code": "AccessDeniedException", "Message": "no"}
        raise ClientError({"Error": error}, "GetParametersByPath")

    old = [account.bake()[0] for _ in range(2)]
    account.aws.__dict__["ssm"] = Wrapped(account.aws.ssm, get_paginator=get_paginator)
    result = account.prune(keep=1)
    assert set(result["deregistered"]) < set(old) and len(result["deregistered"]) == 1 and result["lists"] == []
    assert "warning: PHX-905: every list of packages stays for now: GetParametersByPath: AccessDeniedException" in (
        account.told.getvalue()
    )


def test_what_any_version_of_a_launch_template_names_stays(account: Account) -> None:
    ids = [account.bake()[0] for _ in range(4)]
    data: Any = {"ImageId": ids[0]}
    template = account.ec2.create_launch_template(LaunchTemplateName="another-stack", LaunchTemplateData=data)
    account.ec2.create_launch_template_version(
        LaunchTemplateId=template["LaunchTemplate"]["LaunchTemplateId"], LaunchTemplateData={"ImageId": ids[1]}
    )
    assert account.prune(keep=1)["deregistered"]
    assert {ids[0], ids[1]} <= account.images()


def test_what_an_instance_runs_stays(account: Account) -> None:
    ids = [account.bake()[0] for _ in range(3)]
    for ami in ids:
        account.instance([], image=ami)
    assert account.prune(keep=1)["deregistered"] == []
    assert account.images() == set(ids)


def test_the_calls_grow_with_the_images_that_may_go_and_with_nothing_else_of_the_account(account: Account) -> None:
    """Karpenter alone makes thousands of launch templates, and other teams have instances."""

    def calls() -> list[str]:
        made: list[str] = []
        note = lambda model, **_: made.append(model.name)  # noqa: E731 - to register and unregister the same
        account.ec2.meta.events.register("before-call.ec2", note)
        account.prune(keep=3)
        account.ec2.meta.events.unregister("before-call.ec2", note)
        return made

    for _ in range(3):
        account.bake()
    alone = calls()
    for number in range(30):
        made = account.ec2.create_launch_template(
            LaunchTemplateName=f"karpenter-{number}", LaunchTemplateData={"ImageId": account.base}
        )
        account.instance([])
        for _ in range(3):
            account.ec2.create_launch_template_version(
                LaunchTemplateId=made["LaunchTemplate"]["LaunchTemplateId"],
                LaunchTemplateData={"ImageId": account.base},
            )
    assert calls() == alone
    for _ in range(11):
        account.bake()
    assert calls().count("DescribeImageReferences") == 2, "it is asked about 10 images at once"
    assert len(account.images()) == 3


def test_a_version_behind_many_newer_ones_is_found(account: Account) -> None:
    """A group may be pinned to any, and without a server nothing else names its image."""
    for _ in range(3):
        account.bake()
    ours = images.of_service(account.ec2, SERVICE)
    pinned, free = (
        one.id for one in old_images.select(ours, used=set(), keep=1, now=account.clock.utc()).to_deregister
    )
    made = account.ec2.create_launch_template(LaunchTemplateName="pinned", LaunchTemplateData={"ImageId": pinned})
    for _ in range(12):
        account.ec2.create_launch_template_version(
            LaunchTemplateId=made["LaunchTemplate"]["LaunchTemplateId"], LaunchTemplateData={"ImageId": account.base}
        )
    assert account.prune(keep=1)["deregistered"] == [free]


def test_images_of_others_are_not_touched(account: Account) -> None:
    theirs = {
        account.bake(tags=account.tags(stack="phoenix/prod"))[0],
        account.bake(name=f"other-{'5' * 64}-20260101000000", tags=account.tags(service="other"))[0],
        account.bake(name="by-hand", tags=[])[0],
    }
    ours = {account.bake()[0] for _ in range(2)}
    account.prune(keep=1)
    assert theirs <= account.images() and len(account.images() & ours) == 1


def test_what_killed_bakes_left_is_taken_away(account: Account) -> None:
    builder = account.instance(account.tags())
    server = account.instance([{"Key": "phoenix:stack", "Value": STACK}, {"Key": "phoenix:service", "Value": SERVICE}])
    untagged, its_snapshot = account.bake(tags=[])
    volume = account.ec2.create_volume(
        AvailabilityZone=f"{REGION}a", Size=8, TagSpecifications=[{"ResourceType": "volume", "Tags": account.tags()}]
    )["VolumeId"]
    group = account.ec2.create_security_group(
        GroupName="packer_1",
        Description="-",
        TagSpecifications=[{"ResourceType": "security-group", "Tags": account.tags()}],
    )["GroupId"]
    key = account.ec2.create_key_pair(
        KeyName="packer_1", TagSpecifications=[{"ResourceType": "key-pair", "Tags": account.tags()}]
    )["KeyName"]
    result = account.prune()
    assert set(result["leftovers"]) == {builder, untagged, volume, group, key}
    assert untagged not in account.images() and its_snapshot not in account.snapshots()
    states = {
        one["InstanceId"]: one["State"]["Name"]
        for reservation in account.ec2.describe_instances()["Reservations"]
        for one in reservation["Instances"]
    }
    assert states[builder] == "terminated" and states[server] == "running"
    assert account.prune()["leftovers"] == []


def test_a_bake_of_today_is_left_alone(account: Account) -> None:
    account.clock.passed = 0.0
    builder = account.instance(account.tags(baked_at=account.clock.utc().strftime("%Y-%m-%dT%H:%M:%SZ")))
    untagged, _ = account.bake(tags=[])
    assert account.prune()["leftovers"] == []
    assert untagged in account.images() and builder


def test_an_image_that_aws_keeps_is_a_warning_and_the_rest_goes(account: Account) -> None:
    ids = [account.bake()[0] for _ in range(3)]
    real = account.ec2

    def deregister_image(**arguments: Any) -> Any:
        if arguments["ImageId"] == stubborn:
            error: Any = {"Code": "OperationNotPermitted", "Message": "it is protected"}
            raise ClientError({"Error": error}, "DeregisterImage")
        return real.deregister_image(**arguments)

    newest = old_images.select(images.of_service(real, SERVICE), used=set(), keep=1, now=account.clock.utc())
    stubborn = newest.to_deregister[0].id
    account.aws.__dict__["ec2"] = Wrapped(real, deregister_image=deregister_image)
    result = account.prune(keep=1)
    assert result["deregistered"] == [newest.to_deregister[1].id]
    assert "warning" in account.told.getvalue() and "it is protected" in account.told.getvalue()
    assert stubborn in account.images() and len(ids) == 3


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_at_least_one_image_is_kept(number: str) -> None:
    environment = {
        "PHOENIX_STACK": STACK,
        "PHOENIX_ACCOUNT": ACCOUNT,
        "PHOENIX_REGION": REGION,
        "PHOENIX_SERVICE": SERVICE,
        "PHOENIX_IMAGE_KEEP": number,
    }
    with pytest.raises(Exception, match="not a whole number from 1"):
        options.read_options(prune.Options, step="prune", about="", arguments=[], environment=environment)


def test_strays_go_but_for_ours_and_what_production_knows() -> None:
    def group(name: str) -> Group:
        return Group(
            name=name,
            minimum=1,
            maximum=4,
            desired=1,
            instances=(),
            target_groups=(f"arn-{name}",),
            tags={},
            created=NOW,
        )

    everything = [group(name) for name in ("stray", "ours", "known", "newer")]
    left = sweep.unused_names(everything, names=["stray", "ours", "known"], ours="ours", known=frozenset({"arn-known"}))
    assert [one.name for one in left] == ["stray"]


def test_what_no_state_knows_goes_and_what_aws_keeps_is_told(account: Account) -> None:
    made = account.ec2.create_launch_template(LaunchTemplateName="lost", LaunchTemplateData={"ImageId": "ami-0a"})
    template = made["LaunchTemplate"]["LaunchTemplateId"]
    free, used = (account.ec2.create_security_group(GroupName=name, Description=name)["GroupId"] for name in "ab")
    way = account.ec2.authorize_security_group_ingress(
        GroupId=used, IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": free}]}]
    )
    rule = way["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    vpc = account.ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    target = account.aws.elbv2.create_target_group(Name="lost", Protocol="HTTP", Port=80, VpcId=vpc)
    arn = target["TargetGroups"][0]["TargetGroupArn"]
    real = account.ec2

    def delete_security_group(**arguments: Any) -> Any:
        if arguments["GroupId"] == used:
            error: Any = {"Code": "DependencyViolation", "Message": "it has a dependent object"}
            raise ClientError({"Error": error}, "DeleteSecurityGroup")
        return real.delete_security_group(**arguments)

    account.aws.__dict__["ec2"] = Wrapped(real, delete_security_group=delete_security_group)
    orphans = (rule, template, arn, free, used)
    assert account.prune(orphans=orphans)["orphans"] == [rule, template, arn, free]
    assert real.describe_security_groups(GroupIds=[used])["SecurityGroups"][0]["IpPermissions"] == []
    assert f"warning: PHX-905: {used}, which no state knows, stays for now" in account.told.getvalue()
    assert account.prune(orphans=(rule, template, free))["orphans"] == [rule, template, free]  # gone already


def test_rights_and_alarms_that_no_state_knows_go_with_all_that_is_in_them(account: Account) -> None:
    iam, watch = account.aws.iam, account.aws.cloudwatch
    role = iam.create_role(RoleName="lost", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    policy = iam.create_policy(
        PolicyName="core",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        ),
    )["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="lost", PolicyArn=policy)
    iam.put_role_policy(
        RoleName="lost",
        PolicyName="own",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
        ),
    )
    profile = iam.create_instance_profile(InstanceProfileName="lost")["InstanceProfile"]["Arn"]
    iam.add_role_to_instance_profile(InstanceProfileName="lost", RoleName="lost")
    watch.put_metric_alarm(
        AlarmName="lost",
        EvaluationPeriods=1,
        ComparisonOperator="GreaterThanThreshold",
        Threshold=1,
        Period=60,
        Namespace="n",
        MetricName="m",
        Statistic="Sum",
    )
    alarm = watch.describe_alarms()["MetricAlarms"][0]["AlarmArn"]
    orphans = (profile, role, alarm)
    assert account.prune(orphans=orphans)["orphans"] == list(orphans)
    assert (iam.list_roles()["Roles"], iam.list_instance_profiles()["InstanceProfiles"]) == ([], [])
    assert watch.describe_alarms()["MetricAlarms"] == []
    assert account.prune(orphans=orphans)["orphans"] == list(orphans)  # gone already
