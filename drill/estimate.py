"""How long a drill takes and what it costs, by the estimates of the plan itself. Estimates, and pure.

Prices are list prices of us-east-1 without tax, in USD, noted on 2026-11-27; other regions ask up to twice as much.
https://aws.amazon.com/ec2/pricing/on-demand/, https://aws.amazon.com/elasticloadbalancing/pricing/,
https://aws.amazon.com/vpc/pricing/, https://aws.amazon.com/ebs/pricing/
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from plan import estimates, server_spec
from plan.config.settings import Settings
from plan.readers.live_state import LiveGroup, LiveState
from plan.rollout_plan import RolloutPlan, decide_rollout
from plan.server_spec import ServerSpec

NOTED, REGION = "2026-11-27", "us-east-1"
# For an hour, or a part of one.
SERVERS = {
    "t3.micro": 0.0104,
    "t3.small": 0.0208,
    "t3.medium": 0.0416,
    "t4g.micro": 0.0084,
    "t4g.small": 0.0168,
    "t4g.medium": 0.0336,
}
LOAD_BALANCER, CAPACITY_UNIT, NAT_GATEWAY, ADDRESS = 0.0225, 0.008, 0.045, 0.005
# For a gigabyte: of a disk (gp3) or snapshot in a month, and through the NAT gateway.
DISK, SNAPSHOT, THROUGH = 0.08, 0.05, 0.045
HOURS_OF_MONTH = 730
GB_OF_A_MACHINE = 1.0
"""What a bake downloads, and more than a server does."""

# AWS's own times, which nothing here can know; `make drill` measures them (docs/evidence.md).
BAKE_SECONDS = 600
NETWORK_SECONDS = 300
DESTROY_SECONDS = 900
BAKES = 3


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of the drill: seconds that are usual, and the most that its limits allow."""

    name: str
    usual: int
    most: int


def parts(settings: Settings) -> list[Part]:
    """The drill in its order. Every limit is a setting's, or one of the steps'."""
    flip, live = _flip(settings)
    _, moving = estimates.promotion_seconds(settings, flip, live)
    _, back = estimates.promotion_seconds(settings, *_flip(settings, color="blue"))
    boot, limit = settings.boot_seconds, settings.verify_timeout_seconds
    together = estimates.overlap(settings, flip, live)
    ending = (together.most or 0) if together else 0
    bake = 3 * BAKE_SECONDS
    return [
        Part(
            name="birth of blue, with network and a bake",
            usual=NETWORK_SECONDS + BAKE_SECONDS + boot,
            most=2 * NETWORK_SECONDS + bake + limit,
        ),
        Part(
            name="flip to green, with a bake",
            usual=BAKE_SECONDS + boot + moving + settings.drain_seconds,
            most=bake + ending,
        ),
        Part(name="flip back, nothing baked", usual=boot + back + settings.drain_seconds, most=ending),
        # A crash loop is reported after about two grace periods (docs/performance.md).
        Part(
            name="a bad image, with a bake, and back",
            usual=BAKE_SECONDS + 2 * boot + settings.drain_seconds,
            most=bake + limit + estimates.deleting_seconds(settings),
        ),
        Part(name="everything destroyed", usual=DESTROY_SECONDS, most=3 * DESTROY_SECONDS),
    ]


def seconds(settings: Settings) -> tuple[int, int]:
    """Usual, and at most."""
    found = parts(settings)
    return sum(part.usual for part in found), sum(part.most for part in found)


def servers(settings: Settings) -> int:
    """The most servers at once, by the plan's own count: two groups side by side."""
    flip, live = _flip(settings)
    return estimates.server_count(settings, flip, live) + sum(group.desired for group in live.groups)


def cost(settings: Settings, taking: int) -> tuple[float, str]:
    """USD for a drill that takes so many seconds, and what is not in it (empty: nothing)."""
    hours = math.ceil(taking / 3600)
    given = estimates.price_per_hour(settings)
    hourly = given[0] if given else SERVERS.get(settings.instance_types[0])
    machines = servers(settings) + 1  # and Packer's
    total = hours * (LOAD_BALANCER + CAPACITY_UNIT + 2 * ADDRESS)
    if not settings.vpc_id:
        total += hours * (NAT_GATEWAY + ADDRESS) + THROUGH * GB_OF_A_MACHINE * (BAKES + 3 * settings.min_size)
    total += hours / HOURS_OF_MONTH * settings.root_volume_gib * (machines * DISK + BAKES * SNAPSHOT)
    total += hours * machines * (hourly or 0)
    lacks = "" if hourly else f"without the servers: the price of {settings.instance_type} is not known (pricePerHour)"
    if given and given[1] not in ("", "USD"):
        lacks = f"servers counted in {given[1]} as if it were USD"
    return total, lacks


def words(settings: Settings) -> list[str]:
    """For who is asked: the parts, the time, the money."""
    usual, most = seconds(settings)
    least_cost, lacks = cost(settings, usual)
    most_cost, _ = cost(settings, most)
    lines = [
        f"  {part.name:<42} about {estimates.format_duration(part.usual):>8},"
        f" at most {estimates.format_duration(part.most)}"
        for part in parts(settings)
    ]
    return [
        *lines,
        f"  {'all':<42} about {estimates.format_duration(usual):>8}, at most {estimates.format_duration(most)}",
        f"  cost: about {least_cost:.2f} USD, at most {most_cost:.2f} USD{f' ({lacks})' if lacks else ''}; list"
        f" prices of {REGION} noted on {NOTED}, other regions up to twice as much",
    ]


def _flip(settings: Settings, color: str = "green") -> tuple[RolloutPlan, LiveState]:
    """The plan's own decision about a flip, from a group of the other color that has all of production."""
    now = datetime.now(UTC)
    old = server_spec.server_spec(settings, "0" * 64)
    beside = _group(old, "blue" if color == "green" else "green", settings, now)
    live = LiveState("a load balancer", settings.vpc_id, (beside,))
    new: ServerSpec = replace(old, image="1" * 64)
    return decide_rollout(replace(settings, active=color), new, live, now=now), live


def _group(recipe: ServerSpec, color: str, settings: Settings, now: datetime) -> LiveGroup:
    return LiveGroup(
        color=color,
        generation=recipe.generation,
        weight=100,
        target_group=color,
        server_spec=recipe.tag,
        fingerprint=recipe.image,
        image="ami-0",
        commit="",
        baked_at=now,
        name=color,
        verified=True,
        desired=settings.min_size,
        created_at=now,
    )
