"""An update that is killed with -9, alone, with all that it had started, or with the machine it ran on."""

from __future__ import annotations

import signal
from datetime import UTC, datetime

import pytest
from moto.ec2.models import ec2_backends

from core.times import iso
from tests.faults.points import POINTS, reached
from tests.faults.processes import kill_everything
from tests.faults.trial import Trial

# Users meet the new servers: both ends must be possible.
some = {"canary 10": pytest.mark.representative, "deletes": pytest.mark.representative("forward")}


@pytest.mark.parametrize("point", [pytest.param(name, marks=some[name]) if name in some else name for name in POINTS])
def test_killed(trial: Trial, point: str) -> None:
    """The engine alone dies: what it ran notices, and puts production back."""
    with reached(trial, point) as (running, _held):
        trial.strike()
        running.kill()
        trial.ends_badly(running, at={trial.new: 100} if POINTS[point].is_promoted else None)
    trial.unlock()
    born = trial.born()
    trial.ends()
    if born and POINTS[point].share and trial.ending == "forward":
        now = trial.born()
        assert now and now.instances >= born.instances, "what was proven already was born again"


@pytest.mark.parametrize(
    "point",
    [pytest.param(name, marks=pytest.mark.representative("back")) if name == "soak" else name for name in POINTS],
)
def test_killed_with_its_step(trial: Trial, point: str) -> None:
    """Nobody is left who could put anything back: production stays where it is, and both groups serve."""
    # Packer is no step: it hears of the death of the one that ran it, and takes away what it made.
    die(trial, point, but="packer")
    trial.unlock()
    trial.ends()


@pytest.mark.parametrize("point", POINTS)
def test_machine_gone(trial: Trial, point: str) -> None:
    """Another machine runs the next update, from the same state and a fresh clone."""
    before = builders(trial)  # of a trial that went back
    die(trial, point)
    trial.stack.move()
    trial.unlock()
    # Of a bake its machine, key pair and security group are left: kept for a day, then a birth takes them away.
    left = age(builders(trial) - before, trial)
    assert {one.partition("-")[0] for one in left} == ({"i", "key", "sg"} if point == "bake" else set())
    trial.ends()
    assert builders(trial) - before == (left if trial.ending == "back" else set())


def builders(trial: Trial) -> set[str]:
    """Ids of what Packer builds with: instances, key pairs, security groups. Servers have no such tag."""
    ec2, tagged = trial.stack.cloud.client("ec2"), {"Name": "tag-key", "Values": ["phoenix:baked-at"]}
    found = ec2.describe_instances(
        Filters=[tagged, {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]
    )
    return {
        *(one["InstanceId"] for reservation in found["Reservations"] for one in reservation["Instances"]),
        *(one["KeyPairId"] for one in ec2.describe_key_pairs(Filters=[tagged])["KeyPairs"]),
        *(one["GroupId"] for one in ec2.describe_security_groups(Filters=[tagged])["SecurityGroups"]),
    }


def age(things: set[str], trial: Trial) -> set[str]:
    """More than a day passes for them: by their tag, and by AWS's own word. Returns them."""
    if things:
        old = datetime(2026, 1, 1, tzinfo=UTC)
        tag = {"Key": "phoenix:baked-at", "Value": iso(old)}
        trial.stack.cloud.client("ec2").create_tags(Resources=sorted(things), Tags=[tag])
        backend = ec2_backends[trial.stack.cloud.account][trial.stack.cloud.region]
        for instance in backend.all_instances():
            if instance.id in things:
                instance.launch_time = old
        for key in backend.key_pairs.values():
            if key.id in things:
                key.create_time = old
    return things


def die(trial: Trial, name: str, *, but: str = "") -> None:
    """kill -9 of the engine and all that it started, but for these command lines."""
    share = POINTS[name].share
    stays = {color: part for color, part in ((trial.live.color, 100 - share), (trial.new, share)) if part}
    with reached(trial, name) as (running, _held):
        trial.strike()
        kill_everything(running.pid, but=but)
        trial.ends_badly(running, at=stays)
        assert running.wait().returncode == -signal.SIGKILL
    served = trial.stack.answers(seconds=30, what=lambda seen: seen == set(stays))
    assert served == set(stays)
    assert trial.struck and trial.stack.moves(trial.struck)[-1:] == [trial.stack.weights()]
