"""Ordinary mistakes with the size and health of groups: somebody turns a knob of AWS's, and the next update says so."""

from __future__ import annotations

import time

import pytest

from tests.cycles import until
from tests.faults import hands
from tests.faults.trial import Trial


@pytest.mark.representative
def test_the_live_group_scaled_down_for_the_night(trial: Trial) -> None:
    """Users notice, by the hand that did it. A flip heals, and so does the command that the refusal names."""
    stack, live = trial.stack, trial.live
    hands.scale(stack, live, MinSize=0, DesiredCapacity=0)
    until(lambda: not stack.groups()[live.color].instances, what="the live group is empty")
    trial.strike()
    said = stack.refused()
    assert f"{live.color} has 100 % of production, and somebody scaled it down to 0 servers, so that requests" in said
    assert (f"type: aws autoscaling update-auto-scaling-group --region {stack.cloud.region} --auto-scaling-group-name"
            f" {live.name} --min-size 2") in said
    assert f"pulumi config set active {trial.new} && pulumi up" in said
    trial.noticed()
    if trial.ending == "forward":
        stack.change()
        stack.set(active=trial.new)
        done = trial.up()
        assert f"{live.color} serves nobody: it has no servers" in done.text
        assert f"no server that has production now is healthy: {trial.new} takes over without a canary" in done.text
        [serves] = stack.groups().values()
        assert (serves.color, serves.in_service) == (trial.new, 2)
    else:
        hands.scale(stack, live, MinSize=2)
        until(lambda: stack.healthy(live.target_group) == 2, what="two servers serve again")
        serves = stack.groups()[live.color]
    assert stack.ask() == serves.generation
    stack.pardon()
    healed = time.time()
    trial.hurts(lambda request: request.t < healed)
    stack.idle()
    trial.ended = True


def test_max_size_below_the_servers_that_serve(trial: Trial) -> None:
    """Without the refusal two servers would end at once, under load."""
    stack, live = trial.stack, trial.live
    hands.scale(stack, live, DesiredCapacity=4)
    until(lambda: stack.healthy(live.target_group) == 4, what="four servers serve")
    stack.set(maxSize=2)
    said = trial.refused(
        f"maxSize = 2: must not be below the 4 servers of {live.color} that serve", "pulumi config set maxSize 4",
        f"aws autoscaling set-desired-capacity --region {stack.cloud.region} --auto-scaling-group-name {live.name}"
        " --desired-capacity 2")
    assert "AWS would end 2 of them at once" in said
    assert stack.groups()[live.color].in_service == 4
    stack.set(maxSize=4)
    if trial.ending == "forward":
        trial.change()
        trial.up()
        assert stack.groups()[trial.new].in_service == 4, "who takes over is as large"
    trial.ends()


def test_a_kept_group_scaled_down_takes_over_again(trial: Trial) -> None:
    """It is lifted and proven before users come to it."""
    stack, live = trial.stack, trial.live
    trial.change(keepPrevious=True)
    trial.up()
    hands.scale(stack, live, MinSize=0, DesiredCapacity=0)
    until(lambda: not stack.groups()[live.color].instances, what="the kept group is empty")
    trial.strike()
    if trial.ending == "back":
        stack.set(active=live.color)
        trial.up()
        assert stack.weights() == {live.color: 100, trial.new: 0}
        assert stack.groups()[live.color].in_service >= 2
    trial.live = stack.groups()[live.color]
    trial.ends()
