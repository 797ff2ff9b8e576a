"""Drift: somebody changes by hand what the program made. The next update says so, or heals it, through its gates."""

from __future__ import annotations

import time
from urllib.parse import unquote

from tests.cycles.stack import Group, until
from tests.faults import hands
from tests.faults.trial import Trial


def pre_production(trial: Trial) -> Group:
    """A new group stands and is proven, and has nothing of production."""
    trial.change(traffic=0)
    trial.up()
    born = trial.born()
    assert born is not None
    return born


def test_weights_set_to_50_and_50_in_pre_production(trial: Trial) -> None:
    born = pre_production(trial)
    hands.set_weights(trial.stack, {trial.live.target_group: 50, born.target_group: 50})
    trial.strike()
    trial.up()
    trial.is_safe()
    assert trial.stack.weights() == {trial.live.color: 100, trial.new: 0}
    assert trial.born() == born
    trial.ends()


def test_weights_taken_from_a_held_canary(trial: Trial) -> None:
    trial.change(traffic=10)
    trial.up()
    born = trial.born()
    assert born is not None
    hands.set_weights(trial.stack, {trial.live.target_group: 100, born.target_group: 0})
    trial.up()
    assert trial.stack.weights() == {trial.live.color: 90, trial.new: 10}
    assert trial.born() == born
    trial.ends()


def test_weights_moved_during_the_canary(trial: Trial) -> None:
    trial.change(canaryPauseSeconds=600)
    running = trial.begin()
    until(lambda: trial.share() == 10, what="a canary")
    born = trial.born()
    assert born is not None
    hands.set_weights(trial.stack, {trial.live.target_group: 100, born.target_group: 0})
    trial.ends_badly(
        running,
        "somebody else changed the weights of the production rule meanwhile",
        f"set were {trial.new} 10 %, {trial.live.color} 90 %",
        f"found are {trial.live.color} 100 %, {trial.new} 0 %",
        "production traffic is left as it was found",
        "find out who moves traffic of this stack",
    )
    trial.ends()


def test_the_load_balancer_of_another_team_is_deleted_while_ours_is_looked_for(trial: Trial) -> None:
    """Between the list of all there are and the question whose they are."""
    elbv2 = trial.stack.cloud.client("elbv2")
    [ours] = elbv2.describe_load_balancers()["LoadBalancers"]
    subnets = [zone["SubnetId"] for zone in ours["AvailabilityZones"]]
    theirs = elbv2.create_load_balancer(Name="theirs", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    trial.change()
    trial.strike()
    with trial.stack.cloud.calls.holding(
        lambda call: call.operation == "DescribeTags" and theirs in unquote(call.body)
    ) as held:
        running = trial.begin()
        until(lambda: held.reached.is_set() or running.ended, what="the update asks whose it is")
        elbv2.delete_load_balancer(LoadBalancerArn=theirs)
        held.released.set()
        done = trial.wait(running)
    assert done.ok, done.text
    trial.ends()


def test_the_new_group_deleted_in_pre_production(trial: Trial) -> None:
    born = pre_production(trial)
    hands.delete_group(trial.stack, born)
    trial.refused(f"the group {born.name} is not there", "run `pulumi refresh`, then `pulumi up`")
    if trial.ending == "forward":
        assert trial.stack.engine.refresh().ok
        trial.up()
        again = trial.born()
        assert again is not None
        assert (again.generation, again.name != born.name) == (born.generation, True)
    trial.ends()


def test_the_live_group_deleted(trial: Trial) -> None:
    """Users notice, by the hand that did it; an update says what happened, and gives birth through the gates."""
    stack, live = trial.stack, trial.live
    hands.delete_group(stack, live)
    trial.strike()
    said = stack.refused()
    assert f"{live.color} has 100 % of production, but its auto-scaling group is gone: somebody deleted it" in said
    assert f"type: pulumi config set active {trial.new} && pulumi up" in said
    trial.noticed()
    if trial.ending == "forward":
        stack.change()
    stack.set(active=trial.new)
    done = trial.up()
    assert f"{live.color}'s auto-scaling group was deleted by hand while 100 % of production was its" in done.text
    assert f"no server that has production now is healthy: {trial.new} takes over without a canary" in done.text
    stack.pardon()
    healed = time.time()
    trial.hurts(lambda request: request.t < healed)
    [born] = stack.groups().values()
    assert (born.color, born.generation == live.generation) == (trial.new, trial.ending == "back")
    assert stack.weights() == {trial.new: 100}
    assert stack.ask() == born.generation
    stack.idle()
    trial.ended = True


def test_the_image_of_the_live_group_deregistered(trial: Trial) -> None:
    image = hands.deregister_image(trial.stack, trial.live)
    trial.strike()
    done = trial.up()
    assert f"{trial.live.color} was launched from {image}, which is gone: it can't get another server" in done.text
    trial.is_safe()
    assert list(trial.stack.groups().values()) == [trial.live]
    trial.stack.set(active=trial.new)
    if trial.ending == "forward":
        trial.stack.change()
    trial.up()
    [born] = trial.stack.groups().values()
    assert (born.color, born.generation == trial.live.generation) == (trial.new, trial.ending == "back")
    assert image not in trial.stack.images()
    trial.stack.idle()
    trial.ended = True


def test_the_image_of_the_next_group_deregistered_in_pre_production(trial: Trial) -> None:
    born = pre_production(trial)
    image = hands.deregister_image(trial.stack, born)
    trial.strike()
    done = trial.up()
    assert f"{trial.new} was launched from {image}, which is gone: it can't get another server" in done.text
    trial.is_safe()
    trial.stack.change()
    trial.ends()


def test_a_target_of_the_live_group_deregistered(trial: Trial) -> None:
    server = hands.deregister_target(trial.stack, trial.live)
    trial.strike()
    trial.up()
    trial.is_safe()
    assert server in trial.stack.groups()[trial.live.color].instances
    if trial.ending == "forward":
        trial.change()
    trial.ends()
