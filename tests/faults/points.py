"""Where in an update a fault may strike, and how an update is brought exactly there.

Each point is a call of the update to AWS, which is held until the fault has struck: nothing is left to timing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rehearsal.cloud.calls import Call, HeldCall
from rehearsal.engine import Running
from tests.cycles.stack import until
from tests.faults.processes import kill_everything
from tests.faults.trial import Trial


@dataclass(frozen=True, kw_only=True)
class Point:
    """A call (service:Operation) of an update to a new generation.

    `says`: a pattern in what is sent. `after`: a call that must have been made before. `heard`: what the update must
    have printed before. `performed`: AWS has done it, and the caller does not know yet. `step`: a step makes it, not
    the engine. `share`: the new group's part of production then, and when nothing puts it back.
    """

    call: str
    says: str = ""
    after: str = ""
    heard: str = ""
    performed: bool = False
    step: bool = True
    share: int = 0

    @property
    def is_promoted(self) -> bool:
        """The step that moves production has done its work: nothing is left that would put it back."""
        return self.share == 100 and not self.step


MODIFY = "elasticloadbalancing:ModifyRule"
POINTS = {
    "bake": Point(call="ec2:StopInstances", performed=True),
    "birth": Point(call="autoscaling:CreateAutoScalingGroup", performed=True, step=False),
    # A plan looks at targets too, of the groups that are there.
    "verify": Point(call="elasticloadbalancing:DescribeTargetHealth", after="autoscaling:CreateAutoScalingGroup"),
    "canary 10": Point(call=MODIFY, says=r"Weight=10(?!\d)", performed=True, share=10),
    "canary 50": Point(call=MODIFY, says=r"Weight=50(?!\d)", performed=True, share=50),
    # The second look at what has all of production.
    "soak": Point(call="elasticloadbalancing:DescribeTargetHealth", heard="soak: ", share=100),
    # promote has taken its note away, which is the last that it does.
    "production rule": Point(
        call=MODIFY, after="elasticloadbalancing:RemoveTags", performed=True, step=False, share=100
    ),
    "deletes": Point(call="autoscaling:DeleteAutoScalingGroup", performed=True, step=False, share=100),
}
# Of a stack's very first update alone.
FIRST = {"load balancer": Point(call="elasticloadbalancing:CreateLoadBalancer", performed=True, step=False)}


@contextmanager
def reached(trial: Trial, name: str) -> Iterator[tuple[Running, HeldCall]]:
    """An update to a new generation, held at a point. It is let go on at the end, or by `released`."""
    point = {**POINTS, **FIRST}[name]
    trial.change(soakSeconds=10 if point.heard else 0)
    with trial.stack.cloud.calls.holding(_wanted(trial, point), performed=point.performed) as held:
        running = trial.begin()
        try:
            until(lambda: held.reached.is_set() or running.ended, what=f"the update is at: {name}")
            assert held.reached.is_set(), f"the update never came to: {name}\n{running.wait().text}"
            assert trial.share() == point.share
            yield running, held
        finally:
            held.released.set()
            running.kill()


def killed_at(trial: Trial, name: str) -> None:
    """An update to a new generation that is killed with -9 at a point, and all that it had started with it."""
    with reached(trial, name) as (running, _held):
        trial.strike()
        kill_everything(running.pid)
        running.wait()


def _wanted(trial: Trial, point: Point) -> Callable[[Call], bool]:
    met = not point.after

    def wanted(call: Call) -> bool:
        nonlocal met
        found = met and call.name == point.call and re.search(point.says, call.body) is not None
        met = met or call.name == point.after
        return found and (not point.heard or any(point.heard in line for line in trial.heard))

    return wanted
