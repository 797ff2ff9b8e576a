"""What an update will take, from its settings alone: servers, seconds side by side, money. Estimates, and pure."""

from __future__ import annotations

from dataclasses import dataclass

from core import timing
from core.hooks import held_seconds
from core.server_groups import servers_for_share
from core.shift_schedule import planned_seconds
from plan import asked_hooks
from plan.config import stop_command
from plan.config.settings import Settings
from plan.readers.live_state import LiveState
from plan.rollout_plan import RolloutPlan

# What promote allows beyond the settings before it gives up: it waits for alarms that ring since the launch, for
# servers, for answers through the preview rule, and for every address to follow.
WAITING_SECONDS = round(
    timing.ALARM_CLEARS_SECONDS + timing.HEALTHY_SECONDS + timing.PROVE_SECONDS + timing.FOLLOW_SECONDS
)
# What the engine allows for the deletion of a group, beyond what its servers may take to drain.
DELETING_SECONDS = 900


@dataclass(frozen=True)
class Overlap:
    """How long two groups exist side by side, in seconds. `most` is None when it ends with a later update."""

    least: int
    most: int | None


def server_count(settings: Settings, plan: RolloutPlan, live: LiveState) -> int:
    """How many servers the active group has when it is proven: as many as it takes over from, within its limits."""
    beside = max(
        (group.desired for group in live.groups if group.weight and group.color != plan.active.color), default=0
    )
    return min(max(settings.min_size, beside, 1), settings.most_servers)


def on_demand(settings: Settings, servers: int) -> int:
    """How many of a group's servers are no Spot; AWS rounds what is above the base up for them.

    EC2 Auto Scaling user guide, "Mixed instances group configuration overview".
    """
    above = max(0, servers - settings.on_demand_base)
    return servers - above * settings.spot_percent // 100 if settings.spot_percent else servers


def added_servers(settings: Settings, plan: RolloutPlan, live: LiveState) -> int:
    """How many servers there will be that do not run now."""
    if plan.is_up_to_date:
        return 0
    there = plan.existing.desired if plan.existing else 0
    return max(0, server_count(settings, plan, live) - there)


def promotion_seconds(settings: Settings, plan: RolloutPlan, live: LiveState) -> tuple[int, int]:
    """Seconds that the step promote takes at least and at most when all goes well, once the group is verified."""
    if not plan.needs_traffic_shift or plan.previous is None:
        return 0, 0
    return planned_seconds(
        steps=len(canary_count(settings, plan, live)) + 1 if settings.traffic else 0,
        full=settings.traffic == 100,
        canary_pause=settings.canary_pause_seconds,
        settle=settings.settle_seconds,
        soak=settings.soak_seconds,
        drain=settings.drain_seconds,
        watched=is_watched(settings, plan),
        approvals=60 * settings.approval_timeout_minutes * len(approvals(settings, plan, live)),
        hooks=held_seconds(
            asked_hooks.promote_hooks(settings, plan, live).values(),
            [*canary_count(settings, plan, live), settings.traffic],
        ),
        growing=replacement_seconds(settings) if is_proportional(settings, plan) else 0,
    )


def verify_hook_seconds(settings: Settings, plan: RolloutPlan) -> int:
    """How long hooks may hold verify, beyond its own time limit."""
    return sum(hook.timeout_seconds for hook in asked_hooks.verify_hooks(settings, plan).values())


def approvals(settings: Settings, plan: RolloutPlan, live: LiveState) -> list[int]:
    """The shares at which the update waits for a person."""
    return [share for share in canary_count(settings, plan, live) if share in settings.approve_at]


def is_proportional(settings: Settings, plan: RolloutPlan) -> bool:
    """Whether the active group gets its servers step by step: with canary steps, and not on the way back."""
    return settings.canary_capacity == "proportional" and is_watched(settings, plan) and plan.previous is not None


def first_share(settings: Settings, plan: RolloutPlan) -> int:
    """The percentage of production whose servers the active group has before any traffic moves."""
    if not is_proportional(settings, plan):
        return 100
    return min(share for share in (*settings.canary_steps, settings.traffic) if share <= settings.traffic)


def servers_at(share: int, settings: Settings, plan: RolloutPlan, live: LiveState) -> int:
    """How many servers the active group has for a share of production; for all of it, as many as `server_count`."""
    full = server_count(settings, plan, live)
    if not is_proportional(settings, plan):
        return full
    beside = max((group.desired for group in live.groups if group.color != plan.active.color), default=0)
    return min(full, max(settings.min_size, servers_for_share(beside, share), 1))


def is_watched(settings: Settings, plan: RolloutPlan) -> bool:
    """Whether promote waits for CloudWatch's metrics: with canary steps, and not on the way back."""
    return bool(settings.canary_steps) and not plan.is_rollback


def replacement_seconds(settings: Settings) -> int:
    """Seconds from a server's failure until another one is healthy in its place, generously.

    Two checks find it unhealthy, EC2 Auto Scaling launches another within two minutes, it boots, and two checks find it
    healthy.
    """
    return 4 * settings.health_check_interval_seconds + 120 + settings.boot_seconds


def canary_count(settings: Settings, plan: RolloutPlan, live: LiveState) -> list[int]:
    """The shares of production on the way from what the active group has now, in percent."""
    if plan.is_rollback or plan.previous is None or not plan.needs_traffic_shift:
        return []
    now = live.weights.get(plan.active.color, 0) if plan.existing else 0
    return sorted({share for share in settings.canary_steps if now < share < settings.traffic})


def overlap(settings: Settings, plan: RolloutPlan, live: LiveState) -> Overlap | None:
    """How long two groups exist side by side from now on; None when only one does."""
    if plan.standby:
        return Overlap(0, None)
    if plan.to_delete is None:
        return None
    soonest, latest = promotion_seconds(settings, plan, live)
    # In each pause CloudWatch's metrics may come later than usual, and a server may have to be replaced.
    pauses = len(canary_count(settings, plan, live)) + 1
    late = round(timing.MISSING_METRICS_SECONDS) - timing.LATEST_METRICS_SECONDS if is_watched(settings, plan) else 0
    ending = WAITING_SECONDS + pauses * (late + replacement_seconds(settings)) + deleting_seconds(settings)
    if plan.existing:
        return Overlap(soonest, latest + ending)
    # Two good health checks in a row make a server healthy.
    least = 2 * settings.health_check_interval_seconds + soonest
    return Overlap(least, settings.verify_timeout_seconds + verify_hook_seconds(settings, plan) + latest + ending)


def deleting_seconds(settings: Settings) -> int:
    """How long the deletion of a group may take: its servers drain, run their command, and end."""
    stopping = stop_command.held_seconds(settings.stop_command, settings.stop_timeout_seconds)
    return DELETING_SECONDS + settings.drain_seconds + stopping


def price_per_hour(settings: Settings) -> tuple[float, str] | None:
    """Price of a server for an hour, and its currency (perhaps empty); None when no key gives it."""
    if not settings.price_per_hour:
        return None
    amount, _, currency = settings.price_per_hour.partition(" ")
    return float(amount), currency


def format_duration(seconds: int) -> str:
    """Seconds for a reader: `45 s`, `6 min`, `2.5 h`."""
    if seconds < 90:
        return f"{seconds} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
