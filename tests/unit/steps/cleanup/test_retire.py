"""retire: a group with production traffic does not die."""

from __future__ import annotations

from typing import Any

import pytest

from core import listener_rules
from core.errors import StepError
from core.listener_rules import Rule, equal_shares, shares
from steps.cleanup.retire import Options, retire
from tests.unit.steps.cloud import ACCOUNT, BLUE, GREEN, REGION, STACK, Color, World


def given(world: World, color: Color) -> Options:
    return Options(
        stack=STACK,
        account=ACCOUNT,
        region=REGION,
        color="blue",
        group=color.group,
        target_group=color.target_group,
        listener=world.listener,
    )


def test_a_group_without_traffic_may_go(world: World) -> None:
    blue, green = world.color("blue", BLUE), world.color("green", GREEN)
    world.production({green.target_group: 100, blue.target_group: 0})

    assert retire(given(world, blue), world.context()) == {"retired": blue.group}
    assert f"{blue.group} (blue) gets no production traffic: it may go" in world.said()


def test_a_group_whose_servers_are_held_at_their_end_says_for_how_long(world: World) -> None:
    blue, green = world.color("blue", BLUE), world.color("green", GREEN)
    world.production({green.target_group: 100, blue.target_group: 0})
    world.aws.autoscaling.put_lifecycle_hook(
        AutoScalingGroupName=blue.group,
        LifecycleHookName="phoenix-stop",
        LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING",
        HeartbeatTimeout=120,
    )
    retire(given(world, blue), world.context())
    assert "it may go; the lifecycle hook phoenix-stop holds each of its servers for up to 120 s" in world.said()


def test_a_group_that_goes_is_protected_no_longer_and_one_that_serves_stays_so(world: World) -> None:
    blue, green = world.color("blue", BLUE), world.color("green", GREEN)
    world.production({green.target_group: 100, blue.target_group: 0})
    calls = world.protected(blue.group, green.group)

    retire(given(world, blue), world.context())
    with pytest.raises(StepError, match="is live and was not deleted"):
        retire(given(world, green), world.context())

    assert calls == [(blue.group, "none")]
    retire(given(world, blue), world.context())
    assert calls == [(blue.group, "none")], "there was nothing left to take away"


def test_a_persons_protection_stays(world: World) -> None:
    blue = world.color("blue", BLUE)
    calls = world.protected(blue.group)
    world.aws.autoscaling.delete_tags(
        Tags=[{"ResourceId": blue.group, "ResourceType": "auto-scaling-group", "Key": "phoenix:protected"}]
    )
    with pytest.raises(StepError, match="is protected from deletion"):
        retire(given(world, blue), world.context())
    assert calls == []


def test_production_forgets_a_group_that_goes_and_nothing_else(world: World) -> None:
    blue, green = world.color("blue", BLUE), world.color("green", GREEN)
    rule = world.production({green.target_group: 100, blue.target_group: 0})

    retire(given(world, blue), world.context())

    assert listener_rules.read_rule(world.aws, rule).weights == {green.target_group: 100}
    # Now AWS lets it go.
    world.aws.elbv2.delete_target_group(TargetGroupArn=blue.target_group)


def test_production_that_has_passed_to_another_listener_forgets_it_too(world: World) -> None:
    blue, green = world.color("blue", BLUE), world.color("green", GREEN)
    rule = world.beside({green.target_group: 100, blue.target_group: 0})

    retire(given(world, blue), world.context())

    assert listener_rules.read_rule(world.aws, rule).weights == {green.target_group: 100}


@pytest.mark.parametrize("share", [100, 10])
def test_a_group_with_traffic_may_not_and_the_error_says_what_to_type(world: World, share: int) -> None:
    blue, green = world.color("blue", BLUE), world.color("green", GREEN)
    rule = world.production({blue.target_group: share, green.target_group: 100 - share})

    with pytest.raises(StepError) as error:
        retire(given(world, blue), world.context())

    assert str(error.value) == (
        f"PHX-801: {blue.group} (blue) is live and was not deleted: it gets {share} % of a rule's traffic\n"
        f"Why: rule {rule} (priority 100) gives its target group weight {share}\n"
        "Do:  to keep blue: pulumi config set active blue && pulumi up\n"
        "     to let it go: pulumi config set active green && pulumi up, which moves the traffic first"
    )


def test_the_preview_rule_keeps_nobody_alive(world: World) -> None:
    blue, green = world.color("blue", BLUE), world.color("green", GREEN)
    world.preview(blue.target_group)
    world.production({green.target_group: 100})

    assert retire(given(world, blue), world.context()) == {"retired": blue.group}


def test_any_other_rule_does(world: World) -> None:
    blue = world.color("blue", BLUE)
    actions: Any = [{"Type": "forward", "TargetGroupArn": blue.target_group}]
    world.aws.elbv2.modify_listener(ListenerArn=world.listener, DefaultActions=actions)

    with pytest.raises(StepError, match=r"it gets 100 % of a rule's traffic"):
        retire(given(world, blue), world.context())


def test_in_a_destroy_what_is_gone_already_is_no_obstacle(world: World) -> None:
    blue = world.color("blue", BLUE)
    world.production({blue.target_group: 100})
    world.aws.elbv2.delete_listener(ListenerArn=world.listener)

    assert retire(given(world, blue), world.context()) == {"retired": blue.group}

    world.aws.elbv2.delete_load_balancer(LoadBalancerArn=world.load_balancer)
    world.aws.elbv2.delete_target_group(TargetGroupArn=blue.target_group)

    assert retire(given(world, blue), world.context()) == {"retired": blue.group}


def test_more_rules_than_tags_can_be_asked_for_at_once_are_all_read(world: World) -> None:
    blue, green = world.color("blue", BLUE), world.color("green", GREEN)
    for number in range(200, 245):
        world._rule("other", number, path(f"/{number}/*"), {green.target_group: 1})
    world.production({blue.target_group: 1})

    with pytest.raises(StepError, match="weight 1"):
        retire(given(world, blue), world.context())


def path(pattern: str) -> dict[str, object]:
    return {"Field": "path-pattern", "PathPatternConfig": {"Values": [pattern]}}


def test_weights_are_compared_by_what_they_do() -> None:
    assert shares({"a": 1}) == {"a": 100}
    assert shares({"a": 1, "b": 3}) == {"a": 25, "b": 75}
    assert shares({"a": 0}) == {"a": 0}
    assert equal_shares({"a": 1}, {"a": 100, "b": 0})
    assert not equal_shares({"a": 1, "b": 1}, {"a": 100})
    assert Rule(arn="r", priority="1", weights={"a": 2}, tags={}, headers={}).shares() == {"a": 100}
