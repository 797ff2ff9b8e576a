"""AWS does not answer as it should: once, so that it is asked again, or for a whole update.

Calls are named as `Cloud.calls` sees them: service:Operation. An update that meets a fault for good is told by
AWS_MAX_ATTEMPTS not to wait for AWS; the next one goes on from there, and meets the next fault.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import pytest
from moto.ec2.models import ec2_backends

from core.images import tags
from rehearsal.cloud import faults
from rehearsal.cloud.calls import Call, Fault, Refusal, Substitute
from rehearsal.state.cloud_state import ACCOUNT
from tests.cycles.stack import IDENTITY
from tests.faults.trial import Trial

# What the program asks before it declares anything, and the tables of the other rooms, in the order of an update.
ASKED = (
    "sts:GetCallerIdentity",
    "ec2:DescribeImages",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:DescribeTags",
    "autoscaling:DescribeAutoScalingGroups",
)
MADE = (
    "iam:CreateRole",
    "iam:PutRolePolicy",
    "iam:CreateInstanceProfile",
    "iam:AddRoleToInstanceProfile",
    "ec2:CreateSecurityGroup",
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:AuthorizeSecurityGroupEgress",
    "ec2:CreateLaunchTemplate",
    "elasticloadbalancing:CreateTargetGroup",
    "elasticloadbalancing:ModifyTargetGroupAttributes",
    "elasticloadbalancing:ModifyRule",
    "monitoring:PutMetricAlarm",
    "autoscaling:CreateAutoScalingGroup",
    "autoscaling:PutScalingPolicy",
)
BAKED = ("sts:GetCallerIdentity", "ec2:DescribeImages")
PACKED = ("ec2:RunInstances", "ec2:StopInstances", "ec2:CreateImage")
VERIFIED = (
    "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:DescribeTags",
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeLoadBalancers",
    "autoscaling:DescribeAutoScalingGroups",
    "elasticloadbalancing:DescribeTargetHealth",
    "autoscaling:DescribeScalingActivities",
    "autoscaling:CreateOrUpdateTags",
)
PROMOTED = (
    "monitoring:DescribeAlarms",
    "elasticloadbalancing:AddTags",
    "elasticloadbalancing:ModifyRule",
    "monitoring:GetMetricData",
)
PRUNED = ("ec2:DescribeInstances", "ec2:DescribeVolumes", "ec2:DescribeKeyPairs")
DELETED = (
    "autoscaling:DeletePolicy",
    "autoscaling:UpdateAutoScalingGroup",
    "autoscaling:DeleteAutoScalingGroup",
    "monitoring:DeleteAlarms",
    "ec2:DeleteLaunchTemplate",
    "iam:RemoveRoleFromInstanceProfile",
    "iam:DeleteInstanceProfile",
    "iam:DeleteRolePolicy",
    "iam:DeleteRole",
    "ec2:RevokeSecurityGroupIngress",
    "ec2:RevokeSecurityGroupEgress",
    "elasticloadbalancing:DeleteTargetGroup",
    "ec2:DeleteSecurityGroup",
)
FAILS = "An internal error has occurred"
LATER = "run `pulumi up` again when AWS answers; it goes on from what is there"


def each_first(trial: Trial, fault: Fault) -> None:
    """An update in which every operation's first call is refused, and is asked again."""
    met: Counter[str] = Counter()
    trial.change()
    trial.strike()
    with trial.stack.cloud.calls.failing(faults.first(faults.counted(fault, met))):
        trial.up()
    assert trial.share() == 100
    trial.live = replace(trial.live, instances=frozenset())  # they went with the flip
    if trial.stack.engine.stand_in:
        tables = {*ASKED, *MADE, *BAKED, *PACKED, *VERIFIED, *PROMOTED, *PRUNED, *DELETED}
        assert tables - met.keys() == set(), "an update makes no such call any more"
    trial.ends()


@pytest.mark.representative("forward")
def test_every_operation_answers_500_once(trial: Trial) -> None:
    each_first(trial, faults.broken())


def test_every_operation_is_throttled_once(trial: Trial) -> None:
    each_first(trial, faults.throttled())


def test_500_for_good_on_what_the_program_asks(trial: Trial) -> None:
    trial.change()
    for name in ASKED:
        with for_good(trial, faults.broken(name)):
            trial.refused(
                "AWS could not be asked what is live; nothing was changed",
                FAILS,
                operation(name),
                "type: pulumi up   (AWS failed; it may answer by then)",
            )
    assert trial.born() is None
    trial.ends()


def test_500_for_good_on_each_create(trial: Trial) -> None:
    trial.change()
    each_for_good(trial, MADE, trial.refused)
    trial.ends()


def test_500_for_good_on_each_delete(trial: Trial) -> None:
    """From when promote has done its work on: a security group's birth revokes what AWS gives it, too."""
    trial.change()
    each_for_good(trial, DELETED, trial.lands, begins="elasticloadbalancing:RemoveTags")
    trial.ends()


def test_500_for_good_on_each_call_of_the_bake(trial: Trial) -> None:
    trial.change()
    for name in BAKED:
        with for_good(trial, faults.of_steps(faults.broken(name))):
            trial.refused("bake failed", FAILS, operation(name), LATER)
    for name in PACKED:
        with for_good(trial, faults.broken(name)):
            trial.refused("packer build failed with exit code 1", FAILS, "(nothing that serves was touched)")
    assert trial.born() is None
    trial.ends()


def test_500_for_good_on_each_call_of_verify(trial: Trial) -> None:
    trial.change()
    for name in VERIFIED:
        with for_good(trial, faults.of_steps(faults.broken(name))):
            trial.refused("verify failed", FAILS, operation(name), LATER)
    trial.ends()


def test_500_for_good_on_each_call_of_promote(trial: Trial) -> None:
    trial.change()
    for name in PROMOTED:
        with for_good(trial, faults.of_steps(faults.broken(name))):
            trial.refused("was not promoted", FAILS, operation(name), LATER)
    trial.ends()


def test_500_for_good_on_each_call_of_prune(trial: Trial) -> None:
    trial.change()
    old = old_images(trial)
    for name in (*PRUNED, "ec2:DescribeImageReferences"):
        with for_good(trial, faults.of_steps(faults.broken(name))):
            trial.lands("prune failed", FAILS, operation(name), LATER)
            assert images(trial) >= old, "nobody has said that nothing uses them"
    trial.ends()
    if trial.ending == "forward":
        assert not images(trial) >= old
    for image in images(trial) & old:
        trial.stack.cloud.client("ec2").deregister_image(ImageId=image)


def old_images(trial: Trial) -> set[str]:
    """Images of the stack that nothing uses: as many as an update keeps, so that with today's one may go."""
    ec2, made = trial.stack.cloud.client("ec2"), set()
    for number in range(1, 4):
        said = tags(
            service="phoenix",
            stack=IDENTITY,
            fingerprint="0" * 64,
            base="ami-0a",
            base_name="base",
            commit="none",
            tree="clean",
            baked_at="2026-01-01T00:00:00Z",
        )
        image = str(
            ec2.register_image(
                Name=f"phoenix-{'0' * 64}-2026010{number}000000",
                RootDeviceName="/dev/sda1",
                TagSpecifications=[
                    {"ResourceType": "image", "Tags": [{"Key": key, "Value": value} for key, value in said.items()]}
                ],
            )["ImageId"]
        )
        ec2_backends[ACCOUNT][trial.stack.cloud.region].amis[image].creation_date = datetime(2026, 1, number)
        made.add(image)
    return made


def images(trial: Trial) -> set[str]:
    return {one["ImageId"] for one in trial.stack.cloud.client("ec2").describe_images(Owners=["self"])["Images"]}


def test_throttled_for_good_in_the_canary(trial: Trial) -> None:
    trial.change()
    with for_good(trial, faults.of_steps(faults.throttled("elasticloadbalancing:ModifyRule"))):
        trial.refused(
            "was not promoted",
            "ModifyRule: Throttling: Rate exceeded",
            f"production traffic is as it was: {trial.live.color} 100 %",
            LATER,
        )
    trial.ends()


@contextmanager
def for_good(trial: Trial, fault: Fault) -> Iterator[Counter[str]]:
    """Updates in it meet the fault whenever they ask, and give up after a second try. What it struck."""
    met: Counter[str] = Counter()
    with (
        trial.stack.engine.with_environment(AWS_MAX_ATTEMPTS="2"),
        trial.stack.cloud.calls.failing(faults.counted(fault, met)),
    ):
        yield met
    assert met, "no call met the fault"


def each_for_good(trial: Trial, names: Collection[str], ends: Callable[[str], str], *, begins: str = "") -> None:
    """Updates of which each is refused the operations that none before it was, until all were met.

    What an update makes at one time is refused at one time, so it takes as many updates as things wait for others.
    The first is refused nothing before its call that `begins`.
    """
    left, begun = set(names), not begins

    def strikes(call: Call) -> Refusal | Substitute | None:
        nonlocal begun
        begun = begun or call.name == begins
        return faults.broken(*left)(call) if begun else None

    while left:
        with for_good(trial, strikes) as met:
            said = ends(FAILS)
        assert any(operation(name) in said for name in met)
        left -= met.keys()


def operation(name: str) -> str:
    return name.partition(":")[2]
