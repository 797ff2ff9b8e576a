"""AWS does not yet know what it has made, or has made what nobody was told of."""

from __future__ import annotations

from collections import Counter

from rehearsal.cloud import faults
from tests.faults.test_aws_errors import MADE
from tests.faults.trial import LONGEST_UPDATE, Trial

# What the provider says where it asks once for what it has just made.
GIVES_UP = "couldn't find resource"
# Where a step, and where somebody else, asks for a new thing by its name.
STEPS = {"ec2:DescribeImages", "autoscaling:DescribeAutoScalingGroups", "elasticloadbalancing:DescribeTargetHealth"}
OTHERS = {
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeLaunchTemplates",
    "elasticloadbalancing:DescribeTargetGroups",
    "autoscaling:DescribeAutoScalingGroups",
    "iam:GetRole",
    "iam:GetInstanceProfile",
}


def test_what_was_just_made_is_not_found_at_first(trial: Trial) -> None:
    calls, steps, others = trial.stack.cloud.calls, Counter[str](), Counter[str]()
    unseen = faults.unseen(list(calls.seen), reads=2)
    trial.change()
    trial.strike()
    with (
        calls.failing(faults.counted(faults.of_steps(unseen), steps)),
        calls.failing(faults.counted(faults.but_of_steps(unseen), others)),
    ):
        done = trial.wait(trial.begin())
    if GIVES_UP in done.text and trial.stack.engine.name != "stand-in":
        # The real provider waits for most of what it makes, and not for all of it: then the next update goes on.
        trial.is_safe()
    else:
        assert done.ok, done.text
        assert trial.share() == 100
        assert steps.keys() >= STEPS
        assert others.keys() >= OTHERS
    trial.ends()


def test_the_answer_of_each_create_is_lost(trial: Trial) -> None:
    """AWS has done it, the caller hears of an error and asks again: what AWS then refuses nobody knows, and it goes.

    Going back begins after the first update that failed of it.
    """
    left = {*MADE, "ec2:RunInstances"}
    trial.change()
    trial.strike()
    while left:
        met: Counter[str] = Counter()
        lost = faults.first(faults.counted(faults.broken(*left, performed=True), met))
        with trial.stack.cloud.calls.failing(lost):
            done = trial.begin().wait(LONGEST_UPDATE)
        assert met, f"an update makes no such call any more: {left}\n{done.text}"
        left -= met.keys()
        if done.ok:
            break
        trial.is_safe()
        if trial.ending == "back":
            break
    assert trial.ending == "back" or not left
    trial.ends()
