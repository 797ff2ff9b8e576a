"""A thread that samples the local cloud's own records while the scenario runs, and checks the invariants each time.

It is not the code under test: it reads what AWS would hold, and knows nothing of the program or its steps.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from moto.backends import get_backend

from rehearsal.scenario.load import Request
from rehearsal.state.cloud_state import ACCOUNT, open_state

SECONDS_BETWEEN_SAMPLES = 0.05


@dataclass(frozen=True, kw_only=True)
class GroupSample:
    """An auto-scaling group at one instant."""

    name: str
    color: str
    generation: str
    verified: bool
    is_deleting: bool
    in_service: int
    template: str  # launch template, version and image: what a live group must never change
    target_groups: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The cloud at one instant. `t` is seconds since the epoch; `weights` is the production rule's, by ARN."""

    t: float
    weights: Mapping[str, int]
    groups: tuple[GroupSample, ...]


@dataclass
class InvariantWatch:
    """A context manager; `samples` and `violations` grow while it is open. `stack` is SERVICE/STACK.

    `seconds`: between two samples. `others`: target groups (ARNs) that production is taken over from, of no stack.
    """

    region: str
    stack: str
    seconds: float = SECONDS_BETWEEN_SAMPLES
    others: frozenset[str] = frozenset()
    samples: list[Sample] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    _end: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> InvariantWatch:
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def take_sample(self) -> Sample | None:
        """The stack at this moment; None when nobody could tell."""
        return sample(self.region, self.stack)

    def _run(self) -> None:
        try:
            self._sample_until_end()
        except Exception as error:  # a watch that went blind must not look like one that saw nothing
            self.violations.append(f"the watch of the invariants ended early: {error!r}")

    def _sample_until_end(self) -> None:
        while not self._end.wait(self.seconds):
            now = self.take_sample()
            if now is None:
                continue
            last = self.samples[-1] if self.samples else None
            for text in find_violations(last, now, others=self.others):
                if text not in self.violations:
                    self.violations.append(text)
            self.samples.append(now)


def sample(region: str, stack: str) -> Sample:
    """What the local cloud holds of a stack right now."""
    balancers: Any = get_backend("elbv2")[ACCOUNT][region]
    scaling: Any = get_backend("autoscaling")[ACCOUNT][region]
    state = open_state()
    with state.lock if state else nullcontext():
        groups = tuple(
            _group(group)
            for group in scaling.autoscaling_groups.values()
            if _tags(group.tags).get("phoenix:stack") == stack
        )
        return Sample(t=time.time(), weights=_production(balancers, stack), groups=groups)


def find_violations(last: Sample | None, now: Sample, *, others: frozenset[str] = frozenset()) -> list[str]:
    """What of the invariants 1 to 3 an instant breaks, in words. `others`: target groups (ARNs) of no stack."""
    broken = []
    serving = {arn for arn, weight in now.weights.items() if weight and arn not in others}
    by_target = {arn: group for group in now.groups for arn in group.target_groups}
    before = {group.name: group for group in last.groups} if last else {}
    for arn in serving:
        group = by_target.get(arn)
        if group is None or group.is_deleting:
            broken.append(f"3: production traffic goes to {arn.split('/')[1]}, whose group is dead or dying")
            continue
        if not group.verified:
            broken.append(f"2: production traffic goes to {group.name}, which was not verified")
        known = before.get(group.name)
        if known and known.template != group.template:
            broken.append(f"1: the live group {group.name} was changed: {known.template} -> {group.template}")
    return broken


def find_unverified_answers(
    samples: Iterable[Sample], requests: Iterable[Request], *, seconds: float = SECONDS_BETWEEN_SAMPLES
) -> list[str]:
    """Invariant 2 as users saw it: generations that answered a production request before they were verified.

    `seconds`: between two samples; what happens in four of them can't be distinguished.
    """
    since: dict[str, float] = {}
    for instant in samples:
        for group in instant.groups:
            if group.verified:
                since.setdefault(group.generation, instant.t)
    slack = 4 * seconds
    early = {
        request.generation
        for request in requests
        if request.generation and request.t + request.ms / 1000 < since.get(request.generation, float("inf")) - slack
    }
    return [f"2: generation {generation} answered production before it was verified" for generation in sorted(early)]


def coexistence_seconds(samples: Sequence[Sample], *, begin: float, end: float) -> float:
    """Seconds between two times (of the epoch) in which servers of more than one group stood side by side."""
    seconds = 0.0
    for earlier, later in pairwise(samples):
        if begin <= earlier.t < end and sum(1 for group in earlier.groups if group.in_service) > 1:
            seconds += later.t - earlier.t
    return seconds


def _production(balancers: Any, stack: str) -> dict[str, int]:
    rules = [
        rule
        for balancer in balancers.load_balancers.values()
        for listener in balancer.listeners.values()
        for rule in listener.rules.values()
    ]
    for rule in rules:
        tags = balancers.tagging_service.get_tag_dict_for_resource(rule.arn)
        if tags.get("phoenix:rule") == "production" and tags.get("phoenix:stack") == stack:
            targets = rule.actions[-1].data.get("ForwardConfig", {}).get("TargetGroups", [])
            return {target["TargetGroupArn"]: int(target.get("Weight", 1)) for target in targets}
    return {}


def _group(group: Any) -> GroupSample:
    tags = _tags(group.tags)
    template = group.ec2_launch_template
    return GroupSample(
        name=group.name,
        color=tags.get("phoenix:color", ""),
        generation=tags.get("phoenix:generation", ""),
        verified=tags.get("phoenix:verified", "") == tags.get("phoenix:generation", "-"),
        is_deleting=group.max_size == 0,
        in_service=sum(1 for state in group.instance_states if state.lifecycle_state == "InService"),
        template=f"{template.id if template else ''}:{group.launch_template_version}",
        target_groups=tuple(group.target_group_arns),
    )


def _tags(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}
