"""Hooks that are really asked: real processes and time, and an AWS whose answers the test gives."""

from __future__ import annotations

import io
from typing import Any, cast

import boto3
import pytest

from core.aws import Aws
from core.hooks import Hook
from core.progress import Progress, RealClock
from core.release_events import Release
from steps.hooks.asking import Hooks
from steps.runtime.command import Context
from steps.runtime.signals import Interrupts
from tests.unit.steps.cloud import GREEN, REGION, STACK, FakeClock


class Asked:
    """A gate with one hook. `stderr` has its lines."""

    def __init__(self, *, clock: Any = None) -> None:
        self.stderr = io.StringIO()
        self.clock = clock or RealClock()
        self.aws = Aws(boto3.Session("testing", "testing", region_name=REGION))
        self.environment = {"PATH": "/usr/bin:/bin", "PHOENIX_PREVIEW_TOKEN": "s3cret-token"}

    def hooks(self, **hook: Any) -> Hooks:
        context = Context(
            aws=self.aws,
            clock=self.clock,
            progress=Progress(self.clock, stream=self.stderr),
            interrupts=Interrupts(),
        )
        given = Hook(**{"name": "beforeShift", "kind": "command", "target": ":", "timeout_seconds": 20, **hook})
        return Hooks(
            hooks={given.name: given},
            context=context,
            release=Release(stack=STACK, color="green", generation=GREEN),
            environment=self.environment,
        )

    def said(self) -> str:
        return self.stderr.getvalue()


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def pretending() -> Asked:
    """With a clock that only pretends to wait."""
    return Asked(clock=cast(Any, FakeClock()))
