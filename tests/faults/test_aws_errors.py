"""AWS does not answer as it should: each operation of an update meets it once, and is asked again.

Calls are named as `Cloud.calls` sees them: service:Operation.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from rehearsal import faults
from rehearsal.calls import Fault
from tests.faults.trial import Trial

# What the program asks before it declares anything, and the tables of the other rooms, in the order of an update.
ASKED = ("sts:GetCallerIdentity", "ec2:DescribeImages", "elasticloadbalancing:DescribeLoadBalancers",
         "elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeRules",
         "elasticloadbalancing:DescribeTags", "autoscaling:DescribeAutoScalingGroups")
MADE = ("iam:CreateRole", "iam:AttachRolePolicy", "iam:CreateInstanceProfile", "iam:AddRoleToInstanceProfile",
        "ec2:CreateSecurityGroup", "ec2:AuthorizeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupEgress",
        "ec2:CreateLaunchTemplate", "elasticloadbalancing:CreateTargetGroup",
        "elasticloadbalancing:ModifyTargetGroupAttributes", "elasticloadbalancing:ModifyRule",
        "monitoring:PutMetricAlarm", "autoscaling:CreateAutoScalingGroup", "autoscaling:PutScalingPolicy")
BAKED = ("sts:GetCallerIdentity", "ec2:DescribeImages")
PACKED = ("ec2:RunInstances", "ec2:StopInstances", "ec2:CreateImage")
VERIFIED = ("elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeTags",
            "elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeLoadBalancers",
            "autoscaling:DescribeAutoScalingGroups", "elasticloadbalancing:DescribeTargetHealth",
            "autoscaling:DescribeScalingActivities", "autoscaling:CreateOrUpdateTags")
PROMOTED = ("monitoring:DescribeAlarms", "elasticloadbalancing:AddTags", "elasticloadbalancing:ModifyRule",
            "monitoring:GetMetricData")
PRUNED = ("ec2:DescribeInstances", "ec2:DescribeLaunchTemplates", "ec2:DescribeLaunchTemplateVersions")
DELETED = ("autoscaling:DeletePolicy", "autoscaling:UpdateAutoScalingGroup", "autoscaling:DeleteAutoScalingGroup",
           "monitoring:DeleteAlarms", "ec2:DeleteLaunchTemplate", "iam:RemoveRoleFromInstanceProfile",
           "iam:DeleteInstanceProfile", "iam:DetachRolePolicy", "iam:DeleteRole", "ec2:RevokeSecurityGroupIngress",
           "ec2:RevokeSecurityGroupEgress", "elasticloadbalancing:DeleteTargetGroup", "ec2:DeleteSecurityGroup")


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


@pytest.mark.representative
def test_every_operation_answers_500_once(trial: Trial) -> None:
    each_first(trial, faults.broken())
