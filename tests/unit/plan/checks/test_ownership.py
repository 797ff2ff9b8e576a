"""AWS, state and configuration speak of one stack, or nothing is declared; and how to reconcile them is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.errors import UserError
from plan.checks import ownership
from plan.checks.ownership import (
    BALANCER,
    LISTENER,
    RULE,
    ForeignBalancer,
    check_identity,
    forgotten_groups,
    left_by_killed,
)
from plan.readers.live_state import LiveState
from plan.readers.load_balancers import Balancer
from plan.readers.stack_rules import StackRule
from plan.readers.stack_state import Resource, StateInventory
from plan.readers.unrecorded import Unknown
from tests.support.factories import group, live, settings

ELB = "arn:aws:elasticloadbalancing:eu-west-1:123456789012"
OURS, THEIRS = f"{ELB}:loadbalancer/app/ours/1", f"{ELB}:loadbalancer/app/theirs/2"
LISTENS, PRODUCTION = f"{ELB}:listener/app/ours/1/3", f"{ELB}:listener-rule/app/ours/1/3/4"
TAGGED = {"tags": {"phoenix:stack": "phoenix/dev"}}
PARENT = "urn:pulumi:dev::phoenix::phoenix:index:LoadBalancer::phoenix-dev"
BELOW = f"pulumi import --yes --protect=false --generate-code=false --parent parent={PARENT}"


def held(type: str, id: str, **outputs: Any) -> Resource:
    arn = {"arn": id} if id.startswith("arn:") else {}
    return Resource(f"urn:pulumi:dev::phoenix::{type}::{id}", type, {"id": id, **arn, **outputs})


COMPONENT = Resource(PARENT, "phoenix:index:LoadBalancer", {})
FIREWALL = held("aws:ec2/securityGroup:SecurityGroup", "sg-1", **TAGGED)
WHOLE = StateInventory(
    (COMPONENT, FIREWALL, held(BALANCER, OURS, **TAGGED), held(LISTENER, LISTENS), held(RULE, PRODUCTION, **TAGGED))
)
STANDS = LiveState(load_balancer=OURS, rules={"production": PRODUCTION}, listeners=(LISTENS,))
THEIR_STACK = ForeignBalancer(Balancer(THEIRS, "theirs.elb", "vpc-2", ("sg-2",)), rule="THEIR-RULE")


def without(made: StateInventory, *ids: str) -> StateInventory:
    return StateInventory(tuple(one for one in made.resources if one.id not in ids))


def refusal(*asked: Any) -> str:
    """As a person reads it."""
    return "\n".join(map(str, ownership.refusal(*asked)))


def test_a_state_that_made_all_of_it_may_update() -> None:
    assert refusal(settings(), STANDS, WHOLE, ()) == ""
    assert refusal(settings(), LiveState(), StateInventory(), ()) == ""


@pytest.mark.parametrize("made", [StateInventory(), WHOLE])
def test_production_of_another_state_stops_the_plan(made: StateInventory) -> None:
    said = refusal(settings(), LiveState(other_balancers=(THEIR_STACK.balancer,)), made, [THEIR_STACK])
    assert said.startswith(
        f"PHX-215: AWS holds the load balancer {THEIRS}, with production on it (THEIR-RULE) of phoenix/dev, and"
        " this state has not made it"
    )
    assert "pulumi login BACKEND && pulumi stack select STACK" in said
    assert "pulumi stack import --file state.json   (here)" in said
    assert "delete" not in said


def test_a_load_balancer_without_production_may_be_deleted_by_hand() -> None:
    said = refusal(
        settings(),
        LiveState(other_balancers=(THEIR_STACK.balancer,)),
        StateInventory(),
        [replace(THEIR_STACK, rule="")],
    )
    assert f"when nobody needs it: aws elbv2 delete-load-balancer --load-balancer-arn {THEIRS}" in said


def test_what_a_killed_update_of_this_state_left_stops_nobody_and_goes() -> None:
    """It stands in the state's own security group, and the state never heard of it."""
    left = ForeignBalancer(Balancer(THEIRS, "theirs.elb", "vpc-1", ("sg-1",)))
    made = StateInventory((FIREWALL,))
    assert refusal(settings(), LiveState(other_balancers=(left.balancer,)), made, [left]) == ""
    assert left_by_killed([left, THEIR_STACK, replace(THEIR_STACK, rule="")], made) == (THEIRS,)


def test_a_load_balancer_that_the_state_forgot_is_imported() -> None:
    forgotten = ForeignBalancer(Balancer(OURS, "ours.elb", "vpc-1", ("sg-1",)), rule=PRODUCTION)
    said = refusal(settings(), LiveState(other_balancers=(forgotten.balancer,)), without(WHOLE, OURS), [forgotten])
    assert f"  type: {BELOW} {BALANCER} phoenix-dev {OURS}\n" in said
    assert left_by_killed([forgotten], without(WHOLE, OURS)) == ()


def test_a_rule_that_the_state_forgot_is_imported() -> None:
    said = refusal(settings(), STANDS, without(WHOLE, PRODUCTION), ())
    assert said == (
        f"PHX-216: the state has forgotten {PRODUCTION}, which AWS holds for phoenix/dev; nothing was changed\n"
        f"    type: {BELOW} {RULE} phoenix-dev-production {PRODUCTION}\n    then: pulumi up"
    )


def test_a_second_rule_of_a_kind_is_what_a_killed_change_of_the_listener_left() -> None:
    """The state knows the first one, and AWS has it still."""
    doors = (StackRule(PRODUCTION, LISTENS, 100, "production"), StackRule("SECOND", "OTHER", 100, "production"))
    two = replace(STANDS, rules={"production": "SECOND"}, listener_rules=doors)
    assert refusal(settings(), two, WHOLE, ()) == ""
    assert "the state has forgotten SECOND" in refusal(settings(), replace(two, listener_rules=doors[1:]), WHOLE, ())


def test_rules_on_an_adopted_listener_are_another_states_when_this_one_holds_nothing() -> None:
    stands = replace(STANDS, rules={"preview": "P", "production": PRODUCTION})
    said = refusal(settings(), stands, StateInventory(), ())
    assert "AWS holds the preview rule P of phoenix/dev" in said
    assert f"AWS holds the production rule {PRODUCTION} of phoenix/dev" in said


def test_a_listener_that_the_state_forgot_is_imported() -> None:
    said = refusal(settings(), STANDS, WHOLE, (), [Unknown(LISTENER, "phoenix-dev-listener", "L")])
    assert f"  type: {BELOW} {LISTENER} phoenix-dev-listener L\n" in said


def test_groups_without_a_load_balancer_are_another_states() -> None:
    stray = LiveState(unused_groups=("phoenix-dev-blue-1",))
    assert "AWS holds auto-scaling groups (phoenix-dev-blue-1) of phoenix/dev" in refusal(
        settings(), stray, StateInventory(), ()
    )
    known = StateInventory(
        (
            held(
                "aws:autoscaling/group:Group",
                "phoenix-dev-blue-1",
                tags=[{"key": "phoenix:stack", "value": "phoenix/dev", "propagateAtLaunch": True}],
            ),
        )
    )
    assert known.resources[0].owner == "phoenix/dev"
    assert refusal(settings(), stray, known, ()) == ""
    # Beside its own load balancer a state sweeps what its killed updates left.
    assert refusal(settings(), replace(STANDS, unused_groups=("phoenix-dev-blue-1",)), WHOLE, ()) == ""


@pytest.mark.parametrize(
    ("config", "stack", "typed"),
    [
        ({"service": "shop"}, "dev", "pulumi config set service phoenix"),
        ({}, "prod", "pulumi stack rename dev"),
        ({"service": "shop"}, "prod", "pulumi config set service phoenix && pulumi stack rename dev"),
    ],
)
def test_another_service_or_stack_name_is_refused(config: dict[str, str], stack: str, typed: str) -> None:
    with pytest.raises(UserError) as error:
        check_identity(replace(settings(**config), stack=stack), WHOLE)
    assert f"\n    type: {typed}\n" in str(error.value)
    assert "this state has made phoenix/dev, which would be deleted with all that serves" in str(error.value)


def test_the_same_names_or_a_state_without_a_load_balancer_are_no_matter() -> None:
    check_identity(settings(), WHOLE)
    check_identity(settings(service="shop"), StateInventory((FIREWALL,)))


def test_a_group_with_production_that_the_state_forgot_may_only_be_left() -> None:
    standing = live(group("blue", weight=90), group("green", weight=10))
    blue, green = standing.groups
    made = StateInventory(
        (
            held("aws:autoscaling/group:Group", green.name),
            *(held("aws:lb/targetGroup:TargetGroup", one.target_group) for one in standing.groups),
        )
    )
    [said] = forgotten_groups(standing, made, stay={"blue", "green"})
    assert f"the state has forgotten {blue.name} of blue" in said.what
    assert "pulumi config set active green && pulumi config set traffic 100 && pulumi up" in said.fix
    assert list(forgotten_groups(standing, made, stay={"green"})) == []


def test_two_stacks_with_the_same_names_in_aws_are_refused() -> None:
    asked = settings(service="shop-api", stack="dev")
    assert list(ownership.namesakes(asked, ())) == []
    (found,) = ownership.namesakes(asked, ["shop/api-dev"])
    said = str(found)
    assert "service" in said and "'shop-api'" in said and "shop-api/dev" in said and "shop/api-dev" in said
    assert "pulumi config set service NAME" in said
