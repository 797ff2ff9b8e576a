"""The rows of a rollout plan: what an update will do with image, groups, production and money. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from core import live_target
from plan import estimates, lineage
from plan.checks import existing_groups
from plan.checks.warnings import warnings
from plan.config.settings import Settings
from plan.image_source import ImageSource
from plan.lineage import UNKNOWN, Lineage
from plan.readers.account_limits import AccountLimits
from plan.readers.live_state import LiveGroup, LiveState
from plan.report import birth_rows, capacity_row, gates, guard_rows, sight_row
from plan.report.changelog import Changelog
from plan.report.report import PlanReport
from plan.rollout_plan import RolloutPlan
from plan.server_spec import ServerSpec, spec_changes

Row = tuple[str, str]  # a word, and what is said of it


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that a plan's report is made of.

    `changes`: git's words about the image. `packages`, `vulnerabilities`: what differs, in lines. `permanent`: rows of
    what outlives groups.
    """

    settings: Settings
    plan: RolloutPlan
    spec: ServerSpec
    live: LiveState
    source: ImageSource
    limits: AccountLimits
    now: datetime
    changes: Changelog | None = None
    packages: Sequence[str] = ()
    vulnerabilities: Sequence[str] = ()
    permanent: Sequence[Row] = ()
    ancestry: Lineage = UNKNOWN


def plan_report(facts: Facts) -> PlanReport:
    """The plan of an update in words."""
    settings, plan, live, limits = facts.settings, facts.plan, facts.live, facts.limits
    rows = lineage.rows(settings, plan, facts.ancestry)
    rows += _existing_rows(facts, plan.existing) if plan.existing else _launched_rows(facts)
    if not plan.is_up_to_date:
        rows.append(("gates", gates.describe_gates(plan, settings, live)))
        rows += capacity_row.capacity_rows(settings, plan, live)
        rows += sight_row.sight_rows(settings, plan, live, limits.traffic)
    rows.append(("production", _production_row(plan, live)))
    rows += birth_rows.name_rows(settings, live)
    rows += [] if plan.existing else birth_rows.schedule_rows(settings)
    rows += facts.permanent
    rows += _other_group_rows(plan, live, limits)
    rows += guard_rows.guard_rows(settings, plan, live, facts.now)
    rows += _overlap_rows(settings, plan, live)
    rows += [("old", line) for line in _old_server_lines(settings, live, limits, facts.now)]
    rows += [("note", line) for line in warnings(settings, plan, live, facts.source, now=facts.now)]
    rows += [("note", line) for line in existing_groups.warnings(settings, plan, live, limits)]
    rows += [("unknown", line) for line in limits.unknown if not plan.is_up_to_date]
    headline = _headline(plan, live) + ("; permanent resources change" if facts.permanent else "")
    return PlanReport(settings.identity, settings.stack, headline, tuple(rows), facts.changes)


def _launched_rows(facts: Facts) -> list[Row]:
    """A group that is launched: its image, and what differs from the one before."""
    settings, plan = facts.settings, facts.plan
    size = estimates.servers_at(estimates.first_share(settings, plan), settings, plan, facts.live)
    rows = [
        ("image", facts.source.description),
        (
            "launched",
            f"{plan.active.color}, generation {plan.active.generation}, {size} servers{_machines(settings, size)}",
        ),
    ]
    if plan.previous and not plan.previous.is_taken_over:
        changed = spec_changes(plan.previous.server_spec, facts.spec) or ["nothing: launched again"]
        rows += [("changed", line) for line in changed]
    rows += [("packages", line) for line in facts.packages]
    rows += [("findings", line) for line in facts.vulnerabilities]
    if settings.policy_arns or settings.policy_statements:
        rows.append(("rights", _rights(settings)))
    if settings.stop_command:
        rows.append(
            ("end", f"each server runs stopCommand before it ends, for at most {settings.stop_timeout_seconds} s")
        )
    if settings.live_target:
        gap = live_target.longest_gap(settings.live_stop_seconds)
        rows.append(
            ("work", f"phoenix-live.target moves with all of production; nobody works for seconds, {gap} at most")
        )
    if settings.image_shared_with:
        rows.append(("shared", f"with {', '.join(settings.image_shared_with)}, once it has passed the gates"))
    return rows


def _rights(settings: Settings) -> str:
    """What servers may do beside reading their secrets."""
    names = [arn.rpartition("/")[2] for arn in settings.policy_arns]
    statements = len(settings.policy_statements)
    said = names + ([f"{statements} of policyStatements"] if statements else [])
    bounds = settings.permissions_boundary.rpartition("/")[2]
    return f"servers have {', '.join(said)}, " + (
        f"within {bounds}" if bounds else "without bounds: permissionsBoundary names none"
    )


def _machines(settings: Settings, size: int) -> str:
    """What servers are, where that is more than one type, or not all on demand."""
    first, *others = settings.instance_types
    spot = size - estimates.on_demand(settings, size)
    types = f", of {first}, else {', else '.join(others)}" if others else ""
    return types + (f"; {spot} of them Spot, which AWS may end" if settings.spot_percent else "")


def _existing_rows(facts: Facts, existing: LiveGroup) -> list[Row]:
    """A group that exists and stays."""
    settings, active = facts.settings, facts.plan.active
    # With a schedule they are those of its last time.
    wanted = None if active.pinned or settings.schedule else (settings.min_size, settings.max_size)
    described = existing_groups.describe_group(existing, facts.limits, wanted=wanted)
    rows = [("image", facts.source.description)] if settings.image else []
    return [*rows, ("exists", f"{active.color}, generation {active.generation}, {described}")]


def open_rows(lines: Iterable[str]) -> tuple[Row, ...]:
    """One row of all that is left open; none when nothing is."""
    said = "; ".join(lines)
    return (("open", said),) if said else ()


def _headline(plan: RolloutPlan, live: LiveState) -> str:
    mine, share = plan.active.color, plan.weights[plan.active.color]
    if plan.is_up_to_date and not plan.to_delete:
        return "nothing is launched, nothing is deleted"
    begins = [] if plan.existing else [f"{mine} is launched"]
    if plan.needs_traffic_shift and plan.previous:
        back = "goes back to" if plan.is_rollback else "moves to"
        begins.append(f"all of production {back} {mine}" if share == 100 else f"{mine} gets {share} % of production")
    elif plan.existing is None and plan.previous:
        begins.append("only the preview token leads to it")
    elif plan.existing is None:
        begins.append("production begins")
    elif not plan.is_up_to_date:
        begins.append(f"{mine} passes the gates again")
    deleted = [plan.to_delete.color] if plan.to_delete else []
    if before := plan.predecessor(live):
        deleted.append(f"the {before.color} of before")
    return ", ".join(
        begins + ([f"{' and '.join(deleted)} {'is' if len(deleted) == 1 else 'are'} deleted"] if deleted else [])
    )


def _production_row(plan: RolloutPlan, live: LiveState) -> str:
    shares = _shares(plan.weights)
    if not plan.needs_traffic_shift:
        return f"stays {shares}"
    return f"-> {shares} (now {_shares(live.weights)})" if live.weights else f"-> {shares}"


def _shares(weights: Mapping[str, int]) -> str:
    return ", ".join(f"{color} {share} %" for color, share in weights.items())


def _other_group_rows(plan: RolloutPlan, live: LiveState, limits: AccountLimits) -> list[Row]:
    rows = []
    for key, color, end in (("standby", plan.standby, "exactly as it is"), ("deleted", plan.to_delete, "last of all")):
        group = live.group(color.color) if color else None
        if color and group:
            said = (
                f"{color.color}, generation {color.generation}, {existing_groups.describe_group(group, limits)}, {end}"
            )
            rows.append((key, said))
    if before := plan.predecessor(live):
        rows.append(
            (
                "deleted",
                f"{before.color}, generation {before.generation}, {existing_groups.describe_group(before, limits)},"
                " kept until now, last of all",
            )
        )
    return rows


def _overlap_rows(settings: Settings, plan: RolloutPlan, live: LiveState) -> list[Row]:
    """How long two groups run side by side, and what the second one costs."""
    found = estimates.overlap(settings, plan, live)
    if found is None:
        return []
    size = estimates.server_count(settings, plan, live)
    if plan.standby:
        kept = live.group(plan.standby.color)
        size = kept.desired if kept else size
    # A canary that is held ends when traffic is 100; a kept group, when its color is launched again.
    end = "traffic is 100" if settings.traffic < 100 else f"keepPrevious is false or {settings.active} flips again"
    if plan.guarded and not settings.keep_previous:
        end = "the first update after the guard"
    span = (
        f"until {end}"
        if found.most is None
        else f"at least {estimates.format_duration(found.least)}, at most {estimates.format_duration(found.most)}"
        " (estimated from the settings; the bake before it not counted)"
    )
    before = plan.predecessor(live)
    rows = [("together", f"{'three' if before else 'two'} groups, {span}")]
    size += before.desired if before else 0
    priced = estimates.price_per_hour(settings)
    if priced:
        amount, currency = priced
        hourly = size * amount
        what = (
            f"{_money(hourly * 24, currency)} a day"
            if found.most is None
            else f"{_money(hourly * found.least / 3600, currency)} to {_money(hourly * found.most / 3600, currency)}"
        )
        rows.append(
            (
                "cost",
                f"{what} for the {size} servers of the {'other groups' if before else 'second group'} (pricePerHour"
                f" {settings.price_per_hour}; servers only)",
            )
        )
    return rows


def _money(amount: float, currency: str) -> str:
    return f"{amount:.{2 if amount >= 1 else 3}f} {currency}".strip()


def _old_server_lines(settings: Settings, live: LiveState, limits: AccountLimits, now: datetime) -> list[str]:
    """The servers that have run longer than an image may be old."""
    if not settings.max_age_days or not limits.launched_at:
        return []
    days: Sequence[float] = [(now - moment).total_seconds() / 86400 for moment in limits.launched_at]
    old = [age for age in days if age > settings.max_age_days]
    return (
        [
            f"{len(old)} of {len(days)} live servers have run for more than {settings.max_age_days} days (maxAgeDays),"
            f" the oldest for {max(old):.0f}"
        ]
        if old
        else []
    )
