"""Who is born, kept and dies: tables over the flag, what git says, and what is live."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from core.errors import UserError
from plan import rollout_plan
from plan.readers.live_state import LiveGroup
from tests.support.factories import NOW, group, live, recipe, settings

OLD, NEW, NEXT = "111111111111", "222222222222", "333333333333"


@dataclass(frozen=True)
class Case:
    """What `decide` must say. `born`: the color that is born; `frozen`: colors kept as they are."""

    name: str
    said: dict[str, object]
    groups: tuple[LiveGroup, ...]
    image: str = NEW
    active: str = "blue"
    born: bool = False
    weights: tuple[tuple[str, int], ...] = (("blue", 100),)
    frozen: tuple[str, ...] = ()
    shift: bool = False
    proven: bool = True
    back: bool = False
    dies: str | None = None


CASES = [
    Case("the first birth", {}, (), born=True, shift=True, proven=False),
    Case(
        "the first birth of the other color",
        {"active": "green"},
        (),
        active="green",
        born=True,
        shift=True,
        proven=False,
        weights=(("green", 100),),
    ),
    Case("nothing to do", {}, (group("blue", NEW),)),
    Case(
        "the flip",
        {"active": "green"},
        (group("blue", OLD),),
        active="green",
        born=True,
        shift=True,
        proven=False,
        weights=(("green", 100),),
        dies="blue",
    ),
    Case(
        "born again without a change",
        {"active": "green"},
        (group("blue", NEW),),
        active="green",
        born=True,
        shift=True,
        proven=False,
        weights=(("green", 100),),
        dies="blue",
    ),
    Case(
        "pre-production",
        {"active": "green", "traffic": 0},
        (group("blue", OLD),),
        active="green",
        born=True,
        proven=False,
        weights=(("green", 0), ("blue", 100)),
        frozen=("blue",),
    ),
    Case(
        "pre-production that stands",
        {"active": "green", "traffic": 0},
        (group("blue", OLD), group("green", NEW, 0)),
        active="green",
        weights=(("green", 0), ("blue", 100)),
        frozen=("blue",),
    ),
    Case(
        "a held canary is raised",
        {"active": "green", "traffic": 10},
        (group("blue", OLD), group("green", NEW, 0)),
        active="green",
        shift=True,
        proven=False,
        weights=(("green", 10), ("blue", 90)),
        frozen=("blue",),
    ),
    Case(
        "the held canary becomes production",
        {"active": "green"},
        (group("blue", OLD, 90), group("green", NEW, 10)),
        active="green",
        shift=True,
        proven=False,
        weights=(("green", 100),),
        dies="blue",
    ),
    Case(
        "the canary is taken back",
        {},
        (group("blue", OLD, 90, days=9), group("green", NEW, 10)),
        shift=True,
        proven=False,
        back=True,
        frozen=("blue",),
        dies="green",
    ),
    Case(
        "the canary is taken back for a third generation",
        {},
        (group("blue", OLD, 90, days=9), group("green", NEW, 10)),
        image=NEXT,
        shift=True,
        proven=False,
        back=True,
        frozen=("blue",),
        dies="green",
    ),
    Case(
        "the previous group is kept",
        {"active": "green", "keep_previous": True},
        (group("blue", OLD),),
        active="green",
        born=True,
        shift=True,
        proven=False,
        weights=(("green", 100), ("blue", 0)),
        frozen=("blue",),
    ),
    Case(
        "the kept group stays",
        {"active": "green", "keep_previous": True},
        (group("blue", OLD, 0), group("green", NEW)),
        active="green",
        weights=(("green", 100), ("blue", 0)),
        frozen=("blue",),
    ),
    Case(
        "the kept group dies when the key is taken back",
        {"active": "green"},
        (group("blue", OLD, 0), group("green", NEW)),
        active="green",
        weights=(("green", 100),),
        dies="blue",
    ),
    Case(
        "going back to the kept group",
        {"keep_previous": True},
        (group("blue", OLD, 0, days=9), group("green", NEW)),
        shift=True,
        proven=False,
        back=True,
        weights=(("blue", 100), ("green", 0)),
        frozen=("blue", "green"),
    ),
    Case(
        "having gone back changes nothing more",
        {"keep_previous": True},
        (group("blue", OLD, 100, days=9), group("green", NEW, 0)),
        back=True,
        weights=(("blue", 100), ("green", 0)),
        frozen=("blue", "green"),
    ),
    Case(
        "going back with git reverted",
        {"keep_previous": True},
        (group("blue", OLD, 0, days=9), group("green", NEW)),
        image=OLD,
        shift=True,
        proven=False,
        back=True,
        weights=(("blue", 100), ("green", 0)),
        frozen=("green",),
    ),
    Case(
        "a third generation takes the kept group's color",
        {"keep_previous": True},
        (group("blue", OLD, 0, days=9), group("green", NEW)),
        image=NEXT,
        born=True,
        shift=True,
        proven=False,
        weights=(("blue", 100), ("green", 0)),
        frozen=("green",),
    ),
    Case(
        "weights changed by hand heal",
        {},
        (group("blue", NEW, 60), group("green", OLD, 40)),
        shift=True,
        proven=False,
        dies="green",
    ),
    Case("a group that was never verified is not proven", {}, (group("blue", NEW, verified=False),), proven=False),
    Case("auto: the first birth is blue", {"active": "auto"}, (), born=True, shift=True, proven=False),
    Case("auto: nothing to do", {"active": "auto"}, (group("green", NEW),), active="green", weights=(("green", 100),)),
    Case(
        "auto: a change flips",
        {"active": "auto"},
        (group("green", OLD),),
        born=True,
        shift=True,
        proven=False,
        dies="green",
    ),
    Case(
        "auto: age flips",
        {"active": "auto"},
        (group("green", NEW, days=31),),
        born=True,
        shift=True,
        proven=False,
        dies="green",
    ),
    Case(
        "auto: a pinned image is never too old",
        {"active": "auto", "image": NEW},
        (group("green", NEW, days=99),),
        active="green",
        weights=(("green", 100),),
    ),
    Case(
        "auto: no age limit",
        {"active": "auto", "max_age_days": 0},
        (group("green", NEW, days=99),),
        active="green",
        weights=(("green", 100),),
    ),
    Case(
        "auto: the held canary stays the active one",
        {"active": "auto", "traffic": 10},
        (group("blue", OLD, 90), group("green", NEW, 10)),
        active="green",
        weights=(("green", 10), ("blue", 90)),
        frozen=("blue",),
    ),
    Case(
        "auto: git reverted during the canary",
        {"active": "auto"},
        (group("blue", OLD, 90, days=9), group("green", NEW, 10)),
        image=OLD,
        shift=True,
        proven=False,
        back=True,
        dies="green",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_decisions(case: Case) -> None:
    found = rollout_plan.decide_rollout(settings(**case.said), recipe(case.image), live(*case.groups), now=NOW)
    assert found.active.color == case.active
    assert (found.existing is None) == case.born
    assert tuple(found.weights.items()) == case.weights
    assert tuple(color.color for color in found.groups if color.pinned) == tuple(
        sorted(case.frozen, key=lambda color: color != case.active)
    )
    assert (found.needs_traffic_shift, found.is_up_to_date, found.is_rollback) == (case.shift, case.proven, case.back)
    assert (found.to_delete.color if found.to_delete else None) == case.dies


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_group_that_stands_keeps_its_generation_and_a_live_one_is_never_reborn(case: Case) -> None:
    alive = live(*case.groups)
    found = rollout_plan.decide_rollout(settings(**case.said), recipe(case.image), alive, now=NOW)
    for color in found.groups:
        stood = alive.group(color.color)
        if stood and stood.weight:
            assert color.generation == stood.generation
        if color.pinned:
            assert stood is not None and color.generation == stood.generation


def test_a_promotion_that_was_killed_under_way_is_finished_although_the_weights_are_there() -> None:
    alive = replace(live(group("blue", NEW)), promotion_interrupted=True)
    found = rollout_plan.decide_rollout(settings(), recipe(NEW), alive, now=NOW)
    assert (found.needs_traffic_shift, found.is_up_to_date) == (True, False)


def refusal(image: str, *groups: LiveGroup, **said: object) -> str:
    with pytest.raises(UserError) as error:
        rollout_plan.decide_rollout(settings(**said), recipe(image), live(*groups), now=NOW)
    return str(error.value)


def test_an_image_is_no_cure_for_another_change() -> None:
    alive, larger = live(group("blue", OLD)), replace(recipe(OLD), instance_type="m7i.large")
    with pytest.raises(UserError) as error:
        rollout_plan.decide_rollout(settings(), larger, alive, now=NOW)
    assert "instanceType: t3.small -> m7i.large" in str(error.value)
    assert "or undo the change" in str(error.value)
    assert "config set image" not in str(error.value)


def test_a_new_generation_with_the_flag_on_the_live_color_says_what_changed_and_what_to_type() -> None:
    text = refusal(NEW, group("blue", OLD))
    assert f"image: {OLD} -> {NEW}" in text
    assert "type: pulumi config set active green" in text
    assert f"pulumi config set image {OLD}" in text


def test_the_files_that_make_another_image_are_named_and_asked_for_only_then() -> None:
    asked = []

    def changes(one: LiveGroup) -> list[str]:
        asked.append(one.color)
        return [" provision/20-tomcat.sh | 2 ++", " 1 file changed, 2 insertions(+)"]

    with pytest.raises(UserError) as error:
        rollout_plan.decide_rollout(settings(), recipe(NEW), live(group("blue", OLD)), now=NOW, image_changes=changes)
    assert f"    image: {OLD} -> {NEW}\n      provision/20-tomcat.sh | 2 ++\n" in str(error.value)
    larger = replace(recipe(OLD), instance_type="m7i.large")
    with pytest.raises(UserError) as error:
        rollout_plan.decide_rollout(settings(), larger, live(group("blue", OLD)), now=NOW, image_changes=changes)
    assert "provision/" not in str(error.value) and asked == ["blue"]


def test_a_change_under_a_canary_says_how_to_take_it_back() -> None:
    text = refusal(NEXT, group("blue", OLD, 90), group("green", NEW, 10), active="green", traffic=10)
    assert "green is a canary with 10 % of production" in text
    assert "pulumi config set active blue && pulumi up" in text
    assert "pulumi config set active green && pulumi up" in text


def test_a_share_of_traffic_needs_a_group_that_carries_the_rest() -> None:
    assert "type: pulumi config set traffic 100" in refusal(NEW, traffic=10)


def test_production_is_not_handed_to_a_kept_group_without_proving_it() -> None:
    text = refusal(NEW, group("blue", NEW), group("green", OLD, 0), traffic=50)
    assert "type: pulumi config set active green" in text


def test_a_living_load_balancer_does_not_move_to_another_network() -> None:
    assert "pulumi config set vpcId vpc-0a" in refusal(NEW, group("blue", NEW), vpc_id="vpc-0b")


def test_a_birth_goes_on_with_a_group_that_could_serve_and_with_no_other() -> None:
    said, standing = settings(active="green"), live(group("blue", OLD))
    old, new = recipe(OLD).generation, recipe(NEW).generation
    whole = replace(standing, attempts={("green", new): "before"})
    dying = replace(standing, attempts={("green", old): "before", ("blue", new): "before"})
    assert rollout_plan.decide_rollout(said, recipe(NEW), whole, now=NOW).active.attempt_id == "before"
    fresh = rollout_plan.decide_rollout(said, recipe(NEW), dying, now=NOW).active.attempt_id
    assert fresh == "1"
    tried = frozenset({("green", old, "3"), ("green", new, "7"), ("blue", old, "5"), ("green", old, "20261124T1200")})
    again = [
        rollout_plan.decide_rollout(
            said, recipe(OLD), replace(dying, attempts={}, attempted=tried), now=NOW
        ).active.attempt_id
        for _ in range(2)
    ]
    assert again == ["4", "4"], "what is there is told apart, and a preview says the same as its update"


def test_what_stands_keeps_its_birth() -> None:
    standing = live(replace(group("blue", OLD), attempt_id="one"), replace(group("green", NEW, 0), attempt_id="two"))
    plan = rollout_plan.decide_rollout(settings(active="green", traffic=10), recipe(NEW), standing, now=NOW)
    assert [color.attempt_id for color in plan.groups] == ["two", "one"]


def test_a_flag_on_a_group_that_somebody_deleted_says_so_and_what_to_type() -> None:
    for image in (OLD, NEW):
        text = refusal(image, group("blue", OLD, name="", verified=False))
        assert "blue has 100 % of production, but its auto-scaling group is gone: somebody deleted it" in text
        assert "type: pulumi config set active green && pulumi up" in text


def test_weights_that_aws_holds_are_told_as_the_shares_that_they_are() -> None:
    """AWS takes any number up to 999, and a hand sets 1 and 1 as readily as 50 and 50."""
    halves = group("blue", OLD, 1, days=9), group("green", NEW, 1)
    assert "green is a canary with 50 % of production" in refusal(NEXT, *halves, active="green")
    gone = group("blue", OLD, 300, name="", verified=False), group("green", NEW, 100)
    assert "blue has 75 % of production, but its auto-scaling group is gone" in refusal(OLD, *gone, active="blue")


def test_a_deleted_group_gets_no_share_of_production() -> None:
    canary = group("blue", OLD, 90, name="", verified=False), group("green", NEW, 10)
    text = refusal(NEW, *canary, active="green", traffic=10)
    assert "blue is to share production, but its auto-scaling group is gone: somebody deleted it" in text
    assert "type: pulumi config set traffic 100 && pulumi up" in text
    found = rollout_plan.decide_rollout(settings(active="green"), recipe(NEW), live(*canary), now=NOW)
    assert (found.weights, found.needs_traffic_shift, found.to_delete.color if found.to_delete else None) == (
        {"green": 100},
        True,
        "blue",
    )


def test_of_two_halves_set_by_hand_the_older_group_is_the_one_to_go_back_to() -> None:
    halves = group("blue", OLD, 50, days=9), group("green", NEW, 50)
    found = rollout_plan.decide_rollout(settings(), recipe(NEXT), live(*halves), now=NOW)
    assert (found.weights, found.to_delete.color if found.to_delete else None) == ({"blue": 100}, "green")
    assert "green is a canary with 50 % of production" in refusal(NEXT, *halves, active="green")


def test_a_group_that_somebody_gave_production_unverified_is_taken_back_whatever_it_has() -> None:
    exposed = group("blue", OLD, 30, days=9), group("green", NEW, 70, verified=False)
    assert "pulumi config set active blue && pulumi up   (takes the canary back)" in refusal(
        NEXT, *exposed, active="green"
    )
    found = rollout_plan.decide_rollout(settings(), recipe(NEXT), live(*exposed), now=NOW)
    assert found.weights == {"blue": 100}


@pytest.mark.parametrize(("standby", "days"), [(OLD, 50), (NEW, 50)], ids=["of an older commit", "as old"])
def test_auto_leaves_what_is_too_old_for_a_new_group_and_for_no_standby(standby: str, days: float) -> None:
    """It would go back to older packages, and forth again with the next update."""
    kept = group("green", standby, weight=0, days=days, attempt_id="1")
    serving = group("blue", NEW, days=40, attempt_id="1")
    there = replace(live(serving, kept), attempts={("blue", serving.generation): "1", ("green", kept.generation): "1"})
    there = replace(there, attempted=frozenset((*key, "1") for key in there.attempts))
    plan = rollout_plan.decide_rollout(
        settings(active="auto", keep_previous=True, max_age_days=30), recipe(NEW), there, now=NOW
    )
    assert (plan.active.color, plan.existing, plan.is_rollback) == ("green", None, False)
    assert plan.active.generation == serving.generation
    assert (plan.active.generation, plan.active.attempt_id) != (kept.generation, kept.attempt_id)
    assert plan.weights == {"green": 100, "blue": 0}


def test_auto_goes_to_a_standby_of_the_same_spec_that_is_younger() -> None:
    there = live(group("blue", NEW, days=40), group("green", NEW, weight=0, days=2))
    said = settings(active="auto", keep_previous=True, max_age_days=30)
    plan = rollout_plan.decide_rollout(said, recipe(NEW), there, now=NOW)
    assert plan.existing is not None and plan.existing.color == "green"
