"""Ordinary mistakes with the size and health of groups: somebody turns a knob of AWS's, and the next update says so."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from tests.cycles.stack import until
from tests.faults import hands
from tests.faults.trial import Trial


@pytest.mark.representative("back")
def test_the_live_group_scaled_down_for_the_night(trial: Trial) -> None:
    """Users notice, by the hand that did it. A flip heals, and so does the command that the refusal names."""
    stack, live = trial.stack, trial.live
    hands.scale(stack, live, MinSize=0, DesiredCapacity=0)
    until(lambda: not stack.groups()[live.color].instances, what="the live group is empty", seconds=400)
    trial.strike()
    said = stack.refused()
    assert f"{live.color} has 100 % of production, and somebody scaled it down to 0 servers, so that requests" in said
    assert (
        f"type: aws autoscaling update-auto-scaling-group --region {stack.cloud.region} --auto-scaling-group-name"
        f" {live.name} --min-size 2"
    ) in said
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
        f"maxSize = 2: must not be below the 4 servers of {live.color} that serve",
        "pulumi config set maxSize 4",
        f"aws autoscaling set-desired-capacity --region {stack.cloud.region} --auto-scaling-group-name {live.name}"
        " --desired-capacity 2",
    )
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


def test_launches_suspended_on_the_new_group(trial: Trial) -> None:
    """It is named at once, and not after the whole of verify's time."""
    stack = trial.stack
    with stack.cloud.booting(seconds=600):  # the servers that come before the hand are none yet
        trial.change()
        running = trial.begin()
        until(lambda: trial.born() is not None, what="the new group", seconds=400)
        born = trial.born()
        assert born is not None
        hands.suspend(stack, born, "Launch")
        for server in stack.groups()[trial.new].instances:
            stack.cloud.client("ec2").terminate_instances(InstanceIds=[server])
        trial.ends_badly(
            running,
            "the group can't get its servers: the process Launch of",
            "is suspended: no server is launched",
            f"aws autoscaling resume-processes --auto-scaling-group-name {born.name} --scaling-processes Launch",
        )
    hands.resume(stack, born, "Launch")
    trial.ends()


def test_a_process_suspended_on_the_group_that_is_to_be_deleted(trial: Trial) -> None:
    """The plan says so, and nothing is born before the command of the refusal was typed."""
    stack, live = trial.stack, trial.live
    hands.suspend(stack, live, "Terminate")
    trial.change()
    trial.refused(
        "must not send a group away that can't be deleted",
        f"the process Terminate of {live.name} is suspended",
        f"aws autoscaling resume-processes --auto-scaling-group-name {live.name} --scaling-processes Terminate",
    )
    assert trial.born() is None
    hands.resume(stack, live, "Terminate")
    trial.ends()


def test_a_server_put_aside_while_production_moves(trial: Trial) -> None:
    """The plan could not know: the group that is left says so, instead of a wait without a word; nobody meets it."""
    stack, live = trial.stack, trial.live
    trial.change(canaryPauseSeconds=5)
    running = trial.begin()
    until(lambda: trial.share() == 10, what="a canary", seconds=400)
    server = hands.put_aside(stack, live)
    said = trial.fails(
        running,
        f"{live.name} ({live.color}) gets no production traffic, and can't be deleted",
        f"{server} of {live.name} in Standby",
        f"aws autoscaling exit-standby --auto-scaling-group-name {live.name} --instance-ids {server}",
    )
    assert "then run `pulumi up` again" in said
    assert stack.weights().get(trial.new) == 100
    trial.live = replace(live, instances=frozenset())  # they may go now
    if trial.ending == "back":
        hands.bring_back(stack, live, server)
    trial.ends()


def test_servers_protected_from_scale_in(trial: Trial) -> None:
    """The engine lifts that when their group goes: it does not wait for them in vain."""
    hands.protect(trial.stack, trial.live)
    trial.strike()
    if trial.ending == "forward":
        trial.change()
    trial.ends()


def test_a_hook_that_holds_the_new_servers(trial: Trial) -> None:
    """The wait names them and the hook; once they are let go, it goes on."""
    stack = trial.stack
    trial.change(**({} if trial.ending == "forward" else {"verifyTimeoutSeconds": 61}))
    with stack.cloud.booting(seconds=60):
        running = trial.begin()
        until(lambda: trial.born() is not None, what="the new group", seconds=400)
        born = trial.born()
        assert born is not None
        hands.hook(stack, born, "org-agent")
        until(
            lambda: any("in Pending:Wait, held by org-agent" in line for line in trial.heard),
            what="they are named",
            seconds=400,
        )
        if trial.ending == "back":
            trial.ends_badly(
                running,
                "servers were still held after 61 s",
                "aws autoscaling complete-lifecycle-action"
                f" --auto-scaling-group-name {born.name} --lifecycle-hook-name org-agent --instance-id",
            )
        else:
            trial.strike()
            for server in stack.groups()[trial.new].instances:
                hands.complete(stack, born, "org-agent", server)
            assert trial.wait(running).ok
    if trial.ending == "forward":
        assert stack.weights() == {trial.new: 100}
    trial.ends()
