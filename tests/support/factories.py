"""Settings, recipes and groups for tests, with only what a test is about spelled out."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, TypeVar

from plan.config.settings import Settings
from plan.readers.live_state import LiveGroup, LiveState
from plan.readers.reads import Reads
from plan.server_spec import ServerSpec

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TOKEN = "a-token-of-24-characters"
T = TypeVar("T")


def settings(**values: Any) -> Settings:
    return Settings(**{"stack": "dev", "region": "eu-west-1", "preview_token": TOKEN, **values})


def recipe(image: str = "111111111111") -> ServerSpec:
    return ServerSpec(
        image=image,
        instance_type="t3.small",
        root_volume_gib=10,
        port=8080,
        health="/health",
        user_data="aaaaaaaaaaaa",
        role="bbbbbbbbbbbb",
        network="cccccccccccc",
    )


def group(color: str, image: str = "111111111111", weight: int = 100, *, days: float = 1, **values: Any) -> LiveGroup:
    """A verified group of two servers, born `days` ago from an image baked just before."""
    born = NOW - timedelta(days=days)
    made = recipe(image)
    known = LiveGroup(
        color=color,
        generation=made.generation,
        weight=weight,
        server_spec=made.tag,
        fingerprint=image,
        commit="c0ffee",
        target_group=f"arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/{color}/0123456789abcdef",
        image=f"ami-{image}",
        baked_at=born,
        name=f"phoenix-dev-{color}-1",
        verified=True,
        desired=2,
        created_at=born,
    )
    return replace(known, **values)


def live(*groups: LiveGroup) -> LiveState:
    balancing = "arn:aws:elasticloadbalancing:eu-west-1:123456789012"
    return LiveState(
        f"{balancing}:loadbalancer/app/phoenix-dev/1",
        "vpc-0a",
        groups,
        listeners=(f"{balancing}:listener/app/phoenix-dev/1/80",),
    )


class _InOrder(Reads):
    """Asks one after the other, as botocore's stubs expect it."""

    def start(self, question: Callable[..., T], *about: Hashable) -> Future[T]:
        answer = Future[T]()
        try:
            answer.set_result(self.ask(question, *about))
        except Exception as error:
            answer.set_exception(error)
        return answer


def reads(client: object) -> Reads:
    """What a plan asks, all of this one client, whatever its service is, in an order that does not change."""
    session: Any = SimpleNamespace(client=lambda *_, **__: client)
    return _InOrder(session)
