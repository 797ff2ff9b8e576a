"""What the plan says of the groups that stand: nobody takes a group without servers, or with ill ones, for healthy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core import obstacles
from plan.checks import existing_groups
from plan.checks.known_failures import KnownFailureError, UpdateFacts, checked_plan
from plan.image_source import ImageSource
from plan.readers.account_limits import AccountLimits
from plan.readers.live_state import LiveGroup
from plan.rollout_plan import RolloutPlan, decide_rollout
from tests.support.factories import NOW, group, live, recipe, settings

OLD, NEW = "111111111111", "222222222222"
SOURCE = ImageSource(NEW, "baked from scratch", needs_bake=True, image_ids=(f"ami-{OLD}", f"ami-{NEW}"))
NONE: dict[str, Any] = {"desired": 0, "in_service": 0, "sizes": (0, 4)}
SUSPENDED: dict[str, Any] = {"SuspendedProcesses": [{"ProcessName": "Launch"}, {"ProcessName": "Terminate"}]}


def health(*groups: LiveGroup, of: int) -> AccountLimits:
    return AccountLimits(healthy={one.target_group: of for one in groups})


def refusal(image: str, *groups: LiveGroup, limits: AccountLimits | None = None, **said: Any) -> str:
    with pytest.raises(KnownFailureError) as error:
        checked_plan(
            UpdateFacts(
                settings=settings(**said),
                spec=recipe(image),
                live=live(*groups),
                limits=limits or AccountLimits(),
                source=SOURCE,
                now=NOW,
            )
        )
    return str(error.value)


def flown(image: str, *groups: LiveGroup, limits: AccountLimits | None = None, **said: Any) -> RolloutPlan:
    return checked_plan(
        UpdateFacts(
            settings=settings(**said),
            spec=recipe(image),
            live=live(*groups),
            limits=limits or AccountLimits(),
            source=SOURCE,
            now=NOW,
        )
    )


def minded(image: str, *groups: LiveGroup, limits: AccountLimits | None = None, **said: Any) -> list[str]:
    given, alive = settings(**said), live(*groups)
    return list(
        existing_groups.warnings(
            given, decide_rollout(given, recipe(image), alive, now=NOW), alive, limits or AccountLimits()
        )
    )


def obstructed(color: str, about: dict[str, Any], *arguments: Any, **values: Any) -> LiveGroup:
    made = group(color, *arguments, **values)
    return replace(made, obstacles=obstacles.find_obstacles({"AutoScalingGroupName": made.name, **about}))


def test_a_live_group_without_servers_is_no_update_with_nothing_to_do() -> None:
    text = refusal(OLD, group("blue", OLD, **NONE), active="blue")
    assert "blue has 100 % of production, and somebody scaled it down to 0 servers, so that requests fail" in text
    assert (
        "aws autoscaling update-auto-scaling-group --region eu-west-1 --auto-scaling-group-name phoenix-dev-blue-1"
        " --min-size 2\n"
    ) in text
    assert "pulumi config set active green && pulumi up" in text
    assert "--min-size 2 --max-size 4" in refusal(OLD, group("blue", OLD, **{**NONE, "sizes": (0, 0)}), active="auto")


def test_a_live_group_whose_servers_are_all_ill_is_told() -> None:
    blue = group("blue", OLD)
    assert "none of its 2 servers is healthy" in refusal(OLD, blue, active="blue", limits=health(blue, of=0))
    assert flown(OLD, blue, active="blue", limits=health(blue, of=1)).is_up_to_date
    assert flown(OLD, blue, active="blue", limits=AccountLimits(healthy=None)).is_up_to_date, (
        "what is unknown refuses nothing"
    )


@pytest.mark.parametrize("image", [OLD, NEW])
def test_the_way_from_it_stays_open(image: str) -> None:
    blue = obstructed("blue", SUSPENDED, OLD, **NONE)
    plan = flown(image, blue, active="green")
    assert (plan.existing, plan.to_delete and plan.to_delete.color) == (None, "blue")
    said = minded(image, blue, active="green")
    assert said[0] == "blue serves nobody: it has no servers"
    assert any("the process Terminate of phoenix-dev-blue-1 is suspended: no server is ended" in line for line in said)


def test_a_group_without_servers_shares_no_production() -> None:
    blue, green = group("blue", OLD, 90, **NONE), group("green", NEW, 10)
    text = refusal(NEW, blue, green, active="green", traffic=10)
    assert "blue has 90 % of production, and somebody scaled it down" in text
    assert "pulumi config set traffic 100 && pulumi up" in text


def test_a_canary_whose_servers_are_all_ill_is_taken_back() -> None:
    blue, green = group("blue", OLD, 90, days=2), group("green", NEW, 10)
    ill = AccountLimits(healthy={blue.target_group: 2, green.target_group: 0})
    text = refusal(NEW, blue, green, active="green", traffic=10, limits=ill)
    assert "green has 10 % of production, and none of its 2 servers is healthy" in text
    assert "type: pulumi config set active blue && pulumi up   (takes the canary back)" in text
    assert flown(NEW, blue, green, active="blue", traffic=100, limits=ill).to_delete


def test_a_group_without_servers_in_pre_production_is_proven_again() -> None:
    blue, green = group("blue", OLD), group("green", NEW, 0)
    assert flown(NEW, blue, green, active="green", traffic=0).is_up_to_date
    plan = flown(NEW, blue, replace(green, **NONE), active="green", traffic=0)
    assert (plan.is_up_to_date, plan.needs_verification, plan.unverified_targets) == (False, True, frozenset({"blue"}))


def test_the_way_back_to_a_kept_group_without_servers_goes_through_the_gates() -> None:
    blue, green = group("blue", OLD, 0, days=2, **NONE), group("green", NEW, days=1, desired=3)
    plan = flown(OLD, blue, green, active="blue", keep_previous=True)
    assert (plan.is_rollback, plan.is_up_to_date, plan.needs_verification) == (True, False, True)
    text = refusal(OLD, replace(blue, sizes=(0, 0)), green, active="blue", keep_previous=True)
    assert "MaxSize of phoenix-dev-blue-1 is 0" in text
    assert "--auto-scaling-group-name phoenix-dev-blue-1 --max-size 4" in text
    stuck = obstructed("blue", SUSPENDED, OLD, 0, days=2, **NONE)
    text = refusal(OLD, stuck, green, active="blue", keep_previous=True)
    assert "blue needs more servers to take production over, and the process Launch of phoenix-dev-blue-1" in text
    assert "aws autoscaling resume-processes --auto-scaling-group-name phoenix-dev-blue-1" in text


def test_max_size_below_the_servers_that_serve() -> None:
    blue = group("blue", OLD, desired=4)
    text = refusal(OLD, blue, active="blue", max_size=2)
    assert "maxSize = 2: must not be below the 4 servers of blue that serve" in text
    assert "AWS would end 2 of them at once, under load" in text
    assert "pulumi config set maxSize 4" in text
    assert flown(OLD, blue, active="blue", max_size=4).is_up_to_date
    assert flown(OLD, blue, active="blue", min_size=1).is_up_to_date, "a lower minSize ends nobody"


def test_max_size_of_a_newborn_is_its_own() -> None:
    assert minded(NEW, group("blue", OLD, desired=9), active="green") == [
        "9 servers have production now, and maxSize lets green have 4"
    ]
    # A kept group keeps its own limit, whatever the settings say now.
    blue, green = group("blue", OLD, 0, days=2, sizes=(2, 4)), group("green", NEW, desired=6)
    assert minded(NEW, blue, green, active="blue", max_size=6) == [
        "6 servers have production now, and maxSize lets blue have 4"
    ]


def test_a_group_that_can_not_be_deleted_is_told_before_anything_is_born() -> None:
    blue = obstructed("blue", SUSPENDED, OLD)
    text = refusal(NEW, blue, active="green")
    assert "the process Terminate of phoenix-dev-blue-1 is suspended: no server is ended" in text
    assert "--scaling-processes Terminate" in text
    assert "Launch" not in text
    assert flown(NEW, blue, active="green", keep_previous=True).standby, "what is kept need not go"
    said = minded(OLD, blue, active="blue")
    assert [line.split(" is suspended")[0] for line in said] == [
        "the process Launch of phoenix-dev-blue-1",
        "the process Terminate of phoenix-dev-blue-1",
    ]


def test_the_plan_says_what_is_not_as_it_should_be() -> None:
    blue = group("blue", OLD, in_service=2, sizes=(2, 4))
    assert existing_groups.describe_group(blue, health(blue, of=2), wanted=(2, 4)) == "2 servers"
    ill = replace(blue, in_service=1, sizes=(0, 4))
    assert existing_groups.describe_group(ill, health(blue, of=0), wanted=(2, 4)) == (
        "2 servers (1 in service; 0 healthy; MinSize 0 and MaxSize 4, the settings say 2 and 4)"
    )
    assert existing_groups.describe_group(ill, AccountLimits()) == "2 servers (1 in service)"
