"""delete_images: what a destroyed stack left is told, and goes when it is asked for; what is needed stays."""

from __future__ import annotations

from typing import Any, cast

import pytest

from core import images
from core.errors import StepError
from steps.cleanup.delete_images import Options, delete_images
from tests.unit.steps.cleanup.images import ACCOUNT, REGION, SERVICE, STACK, Account


def asked(account: Account, *, delete: bool) -> dict[str, Any]:
    given = Options(stack=STACK, account=ACCOUNT, region=REGION, service=SERVICE, delete=delete)
    return cast(dict[str, Any], delete_images(given, account.context()))


def test_without_delete_they_are_told_with_what_to_type(account: Account) -> None:
    ami, _ = account.bake()
    assert asked(account, delete=False) == {"found": [ami], "deregistered": [], "snapshots": [], "lists": []}
    assert f"{ami} (fingerprint 555555555555, baked at 2026-01-01T00:00:00Z, 1 snapshot) would go" in (
        account.told.getvalue()
    )
    assert "nothing was deleted; do: make delete-images STACK=dev DELETE=true" in account.told.getvalue()
    assert ami in account.images()


def test_all_of_it_goes_however_young(account: Account) -> None:
    account.clock.passed = 0.0
    made = dict(account.bake() for _ in range(2))
    for ami in made:
        account.list_packages(ami)
    result = asked(account, delete=True)
    assert (set(result["deregistered"]), set(result["snapshots"])) == (set(made), set(made.values()))
    assert account.images() == set() and account.listed() == set()
    assert not account.snapshots() & set(made.values())


def test_what_somebody_needs_stays_and_says_why(account: Account) -> None:
    used, shared, revoked, others = (account.bake()[0] for _ in range(4))
    account.instance([], image=used)
    for ami, tag, value in (
        (shared, images.SHARED_BY, STACK),
        (revoked, images.REVOKED, "2026-11-24T05:00:00Z a key in a script"),
        (others, "phoenix:stack", "phoenix/dev-eu"),
    ):
        account.ec2.create_tags(Resources=[ami], Tags=[{"Key": tag, "Value": value}])
    assert asked(account, delete=True)["deregistered"] == []
    assert account.images() == {used, shared, revoked, others}
    told = account.told.getvalue()
    assert "stays: a launch template or an instance uses it" in told
    assert "stays: phoenix/dev shares it with other accounts" in told
    assert "stays: it is revoked (2026-11-24T05:00:00Z a key in a script)" in told
    assert others not in told


def test_a_stack_that_stands_is_refused(account: Account) -> None:
    ami, _ = account.bake()
    zone = account.ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
    template = account.ec2.create_launch_template(LaunchTemplateName="one", LaunchTemplateData={"ImageId": ami})
    account.aws.autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="phoenix-dev-blue-1",
        LaunchTemplate={"LaunchTemplateId": template["LaunchTemplate"]["LaunchTemplateId"]},
        MinSize=0,
        MaxSize=0,
        AvailabilityZones=[zone],
        Tags=[{"Key": "phoenix:stack", "Value": STACK, "PropagateAtLaunch": True}],
    )
    with pytest.raises(StepError) as error:
        asked(account, delete=True)
    assert str(error.value).splitlines() == [
        "PHX-808: the images of phoenix/dev were not deleted: it has servers",
        "Why: phoenix-dev-blue-1; while a stack stands, each update deletes its old images (imageKeep)",
        "Do:  to end the service first: make destroy STACK=dev",
    ]
    assert account.images() == {ami}
