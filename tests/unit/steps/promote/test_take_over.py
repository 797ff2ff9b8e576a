"""promote: production is taken over from servers of nobody's stack, by the same canary and the same way back."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import StepError
from steps.promote.promote import promote
from tests.unit.steps.promote.flipping import Flipping


@pytest.fixture
def old(flipping: Flipping) -> str:
    """A target group of hand-made servers instead of blue: without tags, and without a group that launches them."""
    world = flipping.world
    world.aws.autoscaling.delete_auto_scaling_group(AutoScalingGroupName=flipping.blue.group, ForceDelete=True)
    arn = flipping.blue.target_group
    tags = world.aws.elbv2.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"]
    world.aws.elbv2.remove_tags(ResourceArns=[arn], TagKeys=[one["Key"] for one in tags])
    world.health[arn] = [(f"i-{number}", "healthy", "", "") for number in range(3)]
    flipping.put({"green": 0, "blue": 100})
    return arn


def test_all_of_production_is_taken_over_step_by_step(flipping: Flipping, old: str) -> None:
    said: Any = promote(flipping.given(), flipping.world.context())
    assert flipping.moves == [
        {"green": 10, "blue": 90},
        {"green": 50, "blue": 50},
        {"green": 100, "blue": 0},
    ]
    assert said["targets"] == {flipping.green.target_group: 100, old: 0}
    name = old.partition(":targetgroup/")[2]
    assert said["weights"] == {"green": 100, name: 0}
    assert f"from green 0 %, {name} 100 % in 3 steps" in flipping.world.stderr.getvalue()


def test_more_errors_than_the_old_servers_have_send_traffic_back_to_exactly_what_it_was(
    flipping: Flipping, old: str
) -> None:

    def answers() -> None:
        flipping.measured("RequestCount", 400, color="green")
        flipping.measured("HTTPCode_Target_5XX_Count", 200, color="green")
        flipping.measured("RequestCount", 4000, color="blue")

    flipping.on_move = answers
    with pytest.raises(StepError) as error:
        promote(flipping.given(), flipping.world.context())
    assert "to the new servers ended in a 5xx" in str(error.value)
    assert " and 0 of 8000 to the others" in str(error.value)
    assert (flipping.moves[0], flipping.moves[-1]) == ({"green": 10, "blue": 90}, {"green": 0, "blue": 100})
    assert flipping.world.weights() == {flipping.green.target_group: 0, old: 100}
    assert "phoenix:before" not in flipping.world.tags(flipping.world.production_rule)


def test_the_way_back_after_it_needs_healthy_old_servers(flipping: Flipping, old: str) -> None:
    flipping.put({"green": 100, "blue": 0})
    back = flipping.given(traffic=0, canary_steps=())
    flipping.world.health[old] = [("i-0", "unhealthy", "", "")]
    with pytest.raises(StepError, match="PHX-709"):
        promote(back, flipping.world.context())
    assert flipping.moves == []
    flipping.world.health[old] = [("i-0", "healthy", "", "")]
    said: Any = promote(back, flipping.world.context())
    assert said["targets"] == {flipping.green.target_group: 0, old: 100}
    assert flipping.moves == [{"green": 0, "blue": 100}]
