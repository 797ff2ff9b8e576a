"""What is known to fail is an error before anything is created, all of it at once, with what to type."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core import shift_schedule
from core.credentials import RESERVE_SECONDS
from core.errors import UserError, problem
from core.hooks import held_seconds, parse_hook
from plan import estimates
from plan.checks.known_failures import KnownFailureError, UpdateFacts, checked_plan
from plan.image_source import ImageSource
from plan.readers.account_limits import AccountLimits, InstanceType, Quota, Subnet
from plan.readers.live_state import LiveGroup
from plan.rollout_plan import RolloutPlan, decide_rollout
from steps.promote.promote import approved
from tests.support.factories import NOW, group, live, recipe, settings

HOOKS = dict.fromkeys(("afterVerify", "beforeShift", "atShare10", "afterPromote", "onRollback"), "make check")
OLD, NEW = "111111111111", "222222222222"
KIND = InstanceType(2, ("x86_64",))
QUOTA = Quota("L-1216C47A", "Running On-Demand Standard instances", 20, None)
VPC: dict[str, Any] = {
    "vpc_id": "vpc-0a",
    "alb_subnet_ids": ("subnet-a", "subnet-b"),
    "server_subnet_ids": ("subnet-c", "subnet-d"),
}
SUBNETS = (
    Subnet("subnet-a", "eu-west-1a", "vpc-0a", 20),
    Subnet("subnet-b", "eu-west-1b", "vpc-0a", 20),
    Subnet("subnet-c", "eu-west-1a", "vpc-0a", 20),
    Subnet("subnet-d", "eu-west-1b", "vpc-0a", 20),
)


def fly(
    limits: AccountLimits,
    *groups: LiveGroup,
    image: str = NEW,
    known: tuple[str, ...] = (f"ami-{OLD}", f"ami-{NEW}"),
    **said: Any,
) -> RolloutPlan:
    source = ImageSource(image, "", needs_bake=True, image_ids=known)
    alive = live(*groups) if groups else replace(live(), load_balancer="")
    return checked_plan(
        UpdateFacts(settings=settings(**said), spec=recipe(image), live=alive, limits=limits, source=source, now=NOW)
    )


def doomed(limits: AccountLimits, *groups: LiveGroup, **said: Any) -> str:
    with pytest.raises(KnownFailureError) as error:
        fly(limits, *groups, **said)
    text = str(error.value)
    assert "nothing was changed" in text
    assert text.count("\n      type: ") >= 1
    return text


def test_what_is_unknown_fails_nothing() -> None:
    assert fly(AccountLimits(unknown=("everything: denied",))).existing is None


@pytest.mark.parametrize(
    ("limit", "used", "fits"),
    [
        (12, None, True),  # 3 servers live, 3 more
        (11, None, False),
        (20, 14.0, True),
        (20, 15.0, False),
        (20, 2.0, True),  # CloudWatch is late: the live servers count at least
    ],
)
def test_a_quota_too_small_for_two_groups(limit: float, used: float | None, fits: bool) -> None:
    limits = AccountLimits(instance_types={"t3.small": KIND}, quota=replace(QUOTA, limit=limit, used=used))
    blue = group("blue", OLD, desired=3)
    if fits:
        fly(limits, blue, active="green")
        return
    text = doomed(limits, blue, active="green")
    assert "instanceType = 't3.small'" in text
    assert "3 more servers of 2 vCPUs need 6" in text
    assert f"--quota-code L-1216C47A --desired-value {max(used or 0, 6) + 6:.0f}" in text


def test_spot_and_types_of_another_quota_need_none_of_this_one() -> None:
    types = {"t3.small": KIND, "t3.xlarge": InstanceType(4, ("x86_64",))}
    limits = AccountLimits(instance_types=types, quota=replace(QUOTA, limit=11))
    blue = group("blue", OLD, desired=3)
    several = {"instance_type": "t3.xlarge,t3.small"}
    assert "3 more servers of 2 vCPUs need 6" in doomed(
        replace(limits, quota=replace(QUOTA, limit=5)), blue, active="green", **several
    )
    fly(limits, blue, active="green", spot_percent=100, on_demand_base=1)
    fly(replace(limits, quota=replace(QUOTA, limit=1)), blue, active="green", instance_type="t3.small,g5.xlarge")


def test_an_update_that_gives_birth_to_nothing_needs_no_quota() -> None:
    fly(AccountLimits(instance_types={"t3.small": KIND}, quota=replace(QUOTA, limit=0)), group("blue", NEW))


@pytest.mark.parametrize(("free", "more", "fits"), [((1, 1), 2, True), ((1, 1), 3, False), ((0, 9), 3, True)])
def test_subnets_without_enough_free_addresses(free: tuple[int, int], more: int, fits: bool) -> None:
    places = (*SUBNETS[:2], *(replace(subnet, free=left) for subnet, left in zip(SUBNETS[2:], free, strict=True)))
    said: dict[str, Any] = {**VPC, "active": "green"}
    blue = group("blue", OLD, desired=more)
    if fits:
        fly(AccountLimits(subnets=places), blue, **said)
        return
    text = doomed(AccountLimits(subnets=places), blue, **said)
    assert f"must have free addresses for {more} more servers (there are {sum(free)})" in text


def test_the_subnets_of_a_network_that_was_made_count_too() -> None:
    blue = group("blue", OLD, subnets=("subnet-c",))
    assert "vpcCidr" in doomed(AccountLimits(subnets=(replace(SUBNETS[2], free=1),)), blue, active="green")


def test_a_new_load_balancer_needs_addresses_and_one_that_stands_does_not() -> None:
    places = (replace(SUBNETS[0], free=7), *SUBNETS[1:])
    assert "must have 8 free addresses for a load balancer (it has 7)" in doomed(AccountLimits(subnets=places), **VPC)
    fly(AccountLimits(subnets=places), group("blue", NEW), **VPC)


def test_targets_that_nobody_would_use_are_found_by_their_zone() -> None:
    places = (*SUBNETS[:3], replace(SUBNETS[3], zone="eu-west-1c"))
    text = doomed(AccountLimits(subnets=places), **VPC)
    assert "serverSubnetIds = 'subnet-d': must be in a zone of the load balancer (eu-west-1a, eu-west-1b)" in text


def test_subnets_that_are_gone_elsewhere_or_in_one_zone() -> None:
    places = (SUBNETS[0], replace(SUBNETS[1], zone="eu-west-1a"), replace(SUBNETS[2], vpc="vpc-0b"))
    text = doomed(AccountLimits(subnets=places), **VPC)
    assert "serverSubnetIds = 'subnet-d': must be a subnet of this account in eu-west-1" in text
    assert "serverSubnetIds = 'subnet-c': must be in vpc-0a (it is in vpc-0b)" in text
    assert "must be in two availability zones or more" in text
    assert text.startswith("3 things are known to fail")


def test_an_instance_type_that_is_none_or_of_another_architecture() -> None:
    assert "must be an instance type that AWS has in eu-west-1" in doomed(
        AccountLimits(instance_types={"t3.small": InstanceType(0)})
    )
    assert "must be of x86_64, as its name says (AWS says arm64)" in doomed(
        AccountLimits(instance_types={"t3.small": InstanceType(2, ("arm64",))})
    )


def test_a_base_image_that_is_gone() -> None:
    assert "baseImage = 'ami-0000000a'" in doomed(AccountLimits(base=0), base_image="ami-0000000a")
    fly(AccountLimits(base=0), group("blue", NEW), base_image="ami-0000000a")


def test_an_image_that_can_not_be_copied_is_known_beforehand_and_needed_by_newborns_only() -> None:
    source = ImageSource(
        NEW,
        "",
        problems=(problem("PHX-326", "imageFrom", "1", "must lead somewhere", "this"),),
        image_ids=(f"ami-{NEW}",),
    )
    with pytest.raises(KnownFailureError, match="must lead somewhere"):
        checked_plan(
            UpdateFacts(
                settings=settings(), spec=recipe(NEW), live=live(), limits=AccountLimits(), source=source, now=NOW
            )
        )
    assert checked_plan(
        UpdateFacts(
            settings=settings(),
            spec=recipe(NEW),
            live=live(group("blue", NEW)),
            limits=AccountLimits(),
            source=source,
            now=NOW,
        )
    ).existing


def test_a_group_that_must_grow_needs_its_image() -> None:
    said: dict[str, Any] = {"active": "green", "traffic": 100}
    blue, green = group("blue", OLD, 90, desired=4), group("green", NEW, 10)
    assert f"ami-{NEW}, its image, is gone" in doomed(AccountLimits(), blue, green, known=(), **said)
    fly(AccountLimits(), blue, replace(green, desired=4), known=(), **said)


def test_credentials_that_end_before_the_gates_do() -> None:
    blue = group("blue", OLD)
    needed = 2 * 10 + 240 + 240 + 10 + 240 + RESERVE_SECONDS
    fly(AccountLimits(credentials_end=NOW + timedelta(seconds=needed)), blue, active="green")
    text = doomed(AccountLimits(credentials_end=NOW + timedelta(seconds=needed - 1)), blue, active="green")
    assert "AWS_CREDENTIAL_EXPIRATION" in text
    fly(AccountLimits(credentials_end=NOW), group("blue", NEW))
    held = timedelta(seconds=needed + 300 + 300 + 300 + 300)
    fly(AccountLimits(credentials_end=NOW + held), blue, active="green", hooks=HOOKS)
    second = timedelta(seconds=1)
    doomed(AccountLimits(credentials_end=NOW + held - second), blue, active="green", hooks=HOOKS)


def test_what_the_flag_is_refused_for_comes_with_the_rest() -> None:
    text = doomed(AccountLimits(subnets=SUBNETS[:3]), group("blue", OLD), **VPC)
    assert "a live server is never changed" in text
    assert "subnet-d" in text
    with pytest.raises(UserError):
        fly(AccountLimits(subnets=SUBNETS), group("blue", OLD), **VPC)


@pytest.mark.parametrize(
    "said",
    [
        {"active": "green"},
        {"active": "green", "canary_steps": ()},
        {"active": "green", "traffic": 10},
        {"active": "green", "soak_seconds": 1, "drain_seconds": 99},
        {"active": "green", "traffic": 0},
        {"active": "green", "approve_at": (10, 50)},
        {"active": "green", "traffic": 10, "approve_at": (10,)},
        {"active": "green", "hooks": HOOKS},
        {"active": "green", "traffic": 10, "hooks": HOOKS},
        {"active": "green", "traffic": 0, "hooks": HOOKS},
    ],
)
def test_the_estimate_of_a_promotion_is_what_the_step_plans(said: dict[str, Any]) -> None:
    given, alive = settings(**said), live(group("blue", OLD))
    flown = decide_rollout(given, recipe(NEW), alive, now=NOW)
    way = shift_schedule.plan_shift(
        ours="green", observed={"blue": 100}, before={"blue": 100}, traffic=given.traffic, canaries=given.canary_steps
    )
    planned = shift_schedule.planned_seconds(
        steps=len(way.steps),
        full=given.traffic == 100,
        canary_pause=given.canary_pause_seconds,
        settle=given.settle_seconds,
        soak=given.soak_seconds,
        drain=given.drain_seconds,
        watched=bool(given.canary_steps),
        approvals=60 * given.approval_timeout_minutes * approved(way, given.approve_at),
        hooks=held_seconds(
            (parse_hook(name, said) for name, said in given.hooks.items()), [step["green"] for step in way.steps]
        ),
    )
    assert estimates.promotion_seconds(given, flown, alive) == (planned if flown.needs_traffic_shift else (0, 0))
