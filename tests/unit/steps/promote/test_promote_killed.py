"""promote after a promotion that was killed with -9: it knows where that one began."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import StepError
from steps.promote.promote import promote
from tests.unit.steps.cloud import Balancer
from tests.unit.steps.promote.flipping import Flipping


class Killed(BaseException):
    """kill -9: nothing is put back, not even by the test."""


def kill(flipping: Flipping, seconds: float) -> None:
    """Runs a promotion that dies in its canary without a trace of its own."""

    def die() -> None:
        flipping.world.aws.elbv2.answers["modify_rule"] = dead  # type: ignore[attr-defined]
        flipping.world.aws.elbv2.answers["remove_tags"] = dead  # type: ignore[attr-defined]
        flipping.world.aws.autoscaling.answers["update_auto_scaling_group"] = dead  # type: ignore[attr-defined]
        raise Killed

    def dead(**_: Any) -> Any:
        raise Killed

    answers = flipping.world.aws.elbv2.answers  # type: ignore[attr-defined]
    scaling = flipping.world.aws.autoscaling.answers  # type: ignore[attr-defined]
    before, sizes = dict(answers), dict(scaling)
    flipping.world.clock.at(seconds, die)
    with pytest.raises(Killed):
        promote(flipping.given(), flipping.world.context())
    answers.clear()
    answers.update(before)
    scaling.clear()
    scaling.update(sizes)
    assert flipping.moves == [{"green": 10, "blue": 90}]
    flipping.moves.clear()


def test_after_a_promotion_was_killed_the_next_one_goes_on_from_there(flipping: Flipping) -> None:
    flipping.world.aws.autoscaling.update_auto_scaling_group(AutoScalingGroupName=flipping.blue.group, MinSize=1)
    kill(flipping, 30)
    assert flipping.minimum("blue") == 2

    result = promote(flipping.given(), flipping.world.context())

    assert flipping.moves == [{"green": 50, "blue": 50}, {"green": 100, "blue": 0}]
    assert result["weights"] == {"green": 100, "blue": 0}
    assert "a promotion that began at blue 100 % was killed on its way" in flipping.world.said()
    assert (flipping.minimum("green"), flipping.minimum("blue")) == (1, 1)
    assert "phoenix:before" not in flipping.world.tags(flipping.world.production_rule)


def test_after_a_promotion_was_killed_failure_goes_back_to_where_it_began(flipping: Flipping, alb: Balancer) -> None:
    kill(flipping, 30)
    alb.preview.status = 500

    with pytest.raises(StepError, match="production traffic is back: blue 100 %"):
        promote(flipping.given(), flipping.world.context())

    assert flipping.moves == [{"blue": 100}]
