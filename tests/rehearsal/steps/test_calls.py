"""What the steps ask of AWS does not grow with the servers."""

from __future__ import annotations

import importlib
import io
from collections import Counter
from pathlib import Path
from typing import Any

import boto3
import pytest

from bench.calls import STEPS, counted
from bench.fleet import STACK, fleet
from core.aws import Aws
from core.progress import Progress
from plan.readers import account_limits, live_state
from plan.readers.reads import Reads
from steps.registry import module_of
from steps.runtime import options
from steps.runtime.command import Context
from steps.runtime.signals import Interrupts
from tests.unit.steps.cloud import FakeClock

SOME, MANY = 2, 60


def asked(workdir: Path, monkeypatch: pytest.MonkeyPatch, *, servers: int) -> dict[str, Counter[str]]:
    """By step, run in this process on a clock that only pretends to wait; and what a preview reads of the groups."""
    with fleet(workdir, servers=servers) as there, monkeypatch.context() as patched:
        for key, value in there.cloud.environment.items():
            patched.setenv(key, value)
        session = boto3.Session(region_name=there.cloud.region)
        found: dict[str, Counter[str]] = {}
        for name, color in STEPS:
            before, clock = len(there.cloud.calls.seen), FakeClock()
            step: Any = importlib.import_module(module_of(name))
            given = options.read_options(
                step.Options, step=name, about="", arguments=[], environment=there.options(color)
            )
            getattr(step, name)(
                given,
                Context(
                    aws=Aws(session),
                    clock=clock,
                    progress=Progress(clock, stream=io.StringIO()),
                    interrupts=Interrupts(),
                ),
            )
            found[name] = counted(there.cloud, before)
        before = len(there.cloud.calls.seen)
        made = {one["LoadBalancerArn"] for one in session.client("elbv2").describe_load_balancers()["LoadBalancers"]}
        standing = live_state.read_live_state(Reads(session), stack=STACK, made=made)
        born = account_limits.read_launch_times(session.client("ec2"), standing.groups)
        assert len(born) == sum(len(group.instances) for group in standing.groups) == servers
        found["preview"] = counted(there.cloud, before)
        return found


def test_steps_ask_as_much_of_many_servers_as_of_a_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = asked(tmp_path / "few", monkeypatch, servers=SOME)
    many = asked(tmp_path / "many", monkeypatch, servers=MANY)
    assert few == many
    assert all(calls.total() for calls in few.values())
