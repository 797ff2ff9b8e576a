"""What is launched, kept and deleted in this update, and why: settings + server spec + live state -> rollout plan.

Pure. `plan.report.rows` says in words what is decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.errors import Problem, UserError
from core.names import COLORS, other_color, shown
from core.vulnerabilities import SAME_FOR
from plan.config.settings import Settings
from plan.group_key import GroupKey
from plan.readers.live_state import LiveGroup, LiveState
from plan.server_spec import ServerSpec, spec_changes


@dataclass(frozen=True)
class RolloutPlan:
    """The decisions of one update."""

    active: GroupKey  # gets `traffic` percent of production
    standby: GroupKey | None  # the other color, kept exactly as it is
    weights: Mapping[str, int]  # percent of production by color; a kept group may have 0
    existing: LiveGroup | None  # the active color's group, when it exists already; else it is launched
    is_rollback: bool  # the active color's group stood before the other one: no canary on the way to it
    needs_traffic_shift: (
        bool  # production's weights, or those last reported, are not the wanted ones; or an update died on the way
    )
    is_up_to_date: bool  # the active color's group exists, is verified, and has the weight it should have
    previous: LiveGroup | None  # the group that has most of production now
    to_delete: GroupKey | None  # the other color's group, which leaves the program
    guarded: bool = False  # AWS watches the active group after its promotion, and may go back to the standby

    @property
    def needs_verification(self) -> bool:
        """The active color's group should stand, but was deleted or scaled down, or nobody has verified it."""
        return self.existing is not None and not (self.existing.verified and self.existing.desired)

    @property
    def arms_guard(self) -> bool:
        """Whether promote hands production over to AWS's guard in this update."""
        return self.guarded and self.needs_traffic_shift

    @property
    def unverified_targets(self) -> frozenset[str]:
        """The colors whose groups pass no gate in this update."""
        return frozenset(
            color.color
            for color in self.groups
            if color is self.standby or (color is self.active and self.is_up_to_date)
        )

    @property
    def serving(self) -> str:
        """The color that has most of production in the end; of two halves, the active one."""
        return max(self.weights, key=lambda color: (self.weights[color], color == self.active.color))

    def predecessor(self, live: LiveState) -> LiveGroup | None:
        """The group that leaves because its color is launched again: it was kept, or taken back as a canary."""
        return live.group(self.active.color) if self.existing is None else None

    @property
    def groups(self) -> tuple[GroupKey, ...]:
        """The colors that the program declares, the active one first."""
        return (self.active, self.standby) if self.standby else (self.active,)

    @property
    def existing_colors(self) -> frozenset[str]:
        """The colors whose groups exist already and stay."""
        stay = (self.active if self.existing else None, self.standby)
        return frozenset(color.color for color in stay if color)

    @property
    def live_image(self) -> str:
        """The image of the servers that have most of production now; empty when nobody has any."""
        return self.previous.image if self.previous else ""


def nothing_known(_: LiveGroup) -> Sequence[str]:
    """Where nobody asks git."""
    return ()


def decide_rollout(
    settings: Settings,
    spec: ServerSpec,
    live: LiveState,
    *,
    now: datetime,
    image_changes: Callable[[LiveGroup], Sequence[str]] = nothing_known,
) -> RolloutPlan:
    """The plan of an update. Raises `UserError` when the flag and what is live do not go together.

    `image_changes`: which files of the image changed since a group's was baked, asked when a refusal has to name them.
    """
    _check_network(settings, live)
    color = _active_color(settings, spec, live, now)
    mine, beside = live.group(color), _beside(live, color)
    renewal = mine is not None and beside is not None and _is_renewal(settings, spec, mine, beside, now)
    existing = mine if mine and not renewal and _reuses_existing(settings, spec, mine, beside) else None
    _check_groups_exist(live, mine, beside if settings.traffic < 100 else None)
    if mine and mine.weight and not existing:
        raise UserError(_in_place_change_error(settings, spec, live, mine, beside, image_changes))
    guarded = _is_guarded(settings, live, existing, beside, now)
    weights = _wanted_weights(settings, color, mine, beside, keeps=settings.keep_previous or guarded)
    needs_shift = _needs_traffic_shift(live, weights)
    stays = beside is not None and len(weights) == 2
    leaves = live.group(other_color(color)) if not stays or beside == live.taken_over else None
    return RolloutPlan(
        active=_active_key(settings, color, spec, live, existing),
        standby=_key(settings, beside, pinned=True) if beside and stays and not beside.is_taken_over else None,
        weights=weights,
        existing=existing,
        is_rollback=_is_rollback(existing, beside),
        needs_traffic_shift=needs_shift,
        is_up_to_date=existing is not None and not needs_shift and _is_verified(existing),
        previous=live.majority_group,
        to_delete=GroupKey(settings.identity, leaves.color, leaves.generation) if leaves else None,
        guarded=guarded and stays,
    )


def _beside(live: LiveState, color: str) -> LiveGroup | None:
    """The group that a color shares production with: of the other color, or of those whose production is taken over.

    Raises `UserError` when servers of the other color have begun to take it over: a rule is shared by two.
    """
    old, other = live.taken_over, live.group(other_color(color))
    if old and old.weight and other and other.weight and other.name:
        raise UserError(
            Problem(
                "PHX-229",
                f"active is {color}, but {other.color} shares production with {old.color}, from which it is being"
                " taken over; first one of the two must have all of it.",
                f"pulumi config set active {other.color}, and traffic 100 to go on, or traffic 0 to go back to"
                f" {old.color}",
            )
        )
    return old if old and old.weight else other or old


def _key(settings: Settings, group: LiveGroup, *, pinned: bool) -> GroupKey:
    """The key of a group that exists."""
    return GroupKey(settings.identity, group.color, group.generation, pinned, group.attempt_id)


def _active_key(
    settings: Settings, color: str, spec: ServerSpec, live: LiveState, existing: LiveGroup | None
) -> GroupKey:
    """The key of the active group: of the one that exists, else of one that is launched."""
    if existing:
        return _key(settings, existing, pinned=existing.generation != spec.generation)
    mine = live.group(color)
    # One of this generation that is not meant is too old: its number is taken.
    taken = mine is not None and mine.generation == spec.generation
    known = None if taken else live.attempts.get((color, spec.generation))
    attempt = _next_attempt(live, color, spec.generation) if known is None else known
    return GroupKey(settings.identity, color, spec.generation, attempt_id=attempt)


def _is_guarded(
    settings: Settings, live: LiveState, existing: LiveGroup | None, beside: LiveGroup | None, now: datetime
) -> bool:
    """Whether AWS watches the active group from this update on, or still does since an earlier one.

    On the way back nobody does: the group that would be gone back to is the one that was left. A guard ends at its
    time, and with the servers that it keeps.
    """
    if not settings.guard_hours or settings.traffic < 100 or not (beside and beside.name):
        return False
    if _is_rollback(existing, beside):
        return False
    if beside.weight or live.promotion_interrupted:
        return True
    if live.guard is None or existing is None or live.guard.generation != existing.generation:
        return False
    return now < live.guard.until and beside.desired > 0


def _wanted_weights(
    settings: Settings, color: str, mine: LiveGroup | None, beside: LiveGroup | None, *, keeps: bool
) -> dict[str, int]:
    """Percent of production by color in the end; 0 for a group that is kept. Raises `UserError`."""
    weights, other = {color: settings.traffic}, beside.color if beside else other_color(color)
    if settings.traffic == 100:
        stays = beside and (beside.is_taken_over or (beside.name and keeps))
        return {**weights, other: 0} if stays else weights
    if beside is None:
        raise UserError(
            Problem(
                "PHX-204",
                f"traffic is {settings.traffic}, but no {other} group is live to carry the other"
                f" {100 - settings.traffic} percent of production.",
                "pulumi config set traffic 100",
            )
        )
    if mine and mine.weight and not (beside.weight or beside.is_taken_over):
        raise UserError(
            Problem(
                "PHX-205",
                f"traffic is {settings.traffic}, but {color} has production already, and {other} is only kept.",
                f"pulumi config set active {other}   (to give {other} a share, prove it first)",
            )
        )
    return {**weights, other: 100 - settings.traffic}


def _needs_traffic_shift(live: LiveState, weights: Mapping[str, int]) -> bool:
    """Whether production is not where it should be, or a promotion was interrupted or did not report it so."""
    shares = {color: share for color, share in weights.items() if share}
    return live.promotion_interrupted or shares != live.weights or not _reported_weights(live, shares)


def _is_verified(group: LiveGroup) -> bool:
    """Whether a group may be relied on without looking again.

    One without servers is scaled up and verified again; where users are already, the checks refuse instead.
    """
    return bool(group.verified and (group.desired or group.weight))


def _next_attempt(live: LiveState, color: str, generation: str) -> str:
    """The number of the next attempt at a launch: one that nothing has that is in the state or in AWS.

    Not the time: an update does what its preview, and a plan that was saved of it, have said.
    """
    tried = [int(attempt) for *of, attempt in live.attempted if of == [color, generation] and attempt.isdecimal()]
    return str(max(tried, default=0) + 1)


def _reported_weights(live: LiveState, shares: Mapping[str, int]) -> bool:
    """Whether the last promotion said these shares of the groups that exist: the rule is declared with what it said."""
    if live.reported is None:
        return True
    wanted = {group.target_group: shares[group.color] for group in live.groups if group.color in shares}
    return {arn: share for arn, share in live.reported.items() if share} == wanted


def _active_color(settings: Settings, spec: ServerSpec, live: LiveState, now: datetime) -> str:
    """The color that the flag names; `auto` flips by itself when what makes a server changed or grew too old."""
    if settings.active != "auto":
        return settings.active
    if live.majority_group is None:
        return COLORS[0]
    if live.majority_group.is_taken_over:
        return next((group.color for group in live.groups if group.weight and not group.is_taken_over), COLORS[0])
    fresh = [
        group
        for group in sorted(live.groups, key=lambda group: -group.weight)
        if group.weight
        and group.name
        and group.generation == spec.generation
        and not _is_outdated(settings, group, now)
    ]
    return fresh[0].color if fresh else other_color(live.majority_group.color)


def exceeds_max_age(settings: Settings, group: LiveGroup, now: datetime) -> bool:
    """Older than `maxAgeDays`, counted from the bake of its image; an image that the settings pin is never too old."""
    if settings.image or not settings.max_age_days or group.baked_at is None:
        return False
    return (now - group.baked_at).total_seconds() > settings.max_age_days * 86400


def _is_outdated(settings: Settings, group: LiveGroup, now: datetime) -> bool:
    """Whether `auto` replaces a group though nothing changed: newer packages are to be had."""
    return exceeds_max_age(settings, group, now) or has_fixable_findings(settings, group, now)


def _is_renewal(settings: Settings, spec: ServerSpec, mine: LiveGroup, beside: LiveGroup, now: datetime) -> bool:
    """Whether `auto` leaves `beside` for its age alone: then no standby is meant that is of another spec or as old."""
    if settings.active != "auto" or mine.weight or beside.generation != spec.generation:
        return False
    stale = mine.generation != spec.generation or _is_outdated(settings, mine, now)
    return bool(beside.weight) and _is_outdated(settings, beside, now) and stale


def has_fixable_findings(settings: Settings, group: LiveGroup, now: datetime) -> bool:
    """Whether a bake may mend what the group's image would not be launched with any more.

    Not where the settings pin an image or copy it, nor on its first day: the same scripts would make the same image.
    """
    if settings.image or settings.image_from or group.baked_at is None:
        return False
    return bool(group.vulnerable) and now - group.baked_at > SAME_FOR


def _reuses_existing(settings: Settings, spec: ServerSpec, mine: LiveGroup, beside: LiveGroup | None) -> bool:
    """Whether the flag means the group that exists in its color, not one to be launched.

    It does when that group is of this spec. It also does on a way back: when the spec's group exists in the other color
    already, or when the other one is its canary, or gets traffic that somebody gave it before it was verified. And it
    does while production goes back to those whom it is taken over from.
    """
    if mine.generation == spec.generation:
        return True
    if beside and beside.is_taken_over:
        return bool(mine.weight) and not settings.traffic
    if not mine.verified or beside is None:
        return False
    return beside.generation == spec.generation or _is_canary(beside, of=mine)


def _is_canary(one: LiveGroup, *, of: LiveGroup) -> bool:
    """Whether a group shares the traffic of the one that is relied on.

    That is the only one that is verified, else the one with more traffic, else (somebody set 50 and 50) the older.
    """
    if not one.weight or not of.weight:
        return False
    if one.is_taken_over or of.is_taken_over:
        return of.is_taken_over
    if one.verified != of.verified:
        return of.verified
    if one.weight != of.weight:
        return one.weight < of.weight
    return one.created_at is not None and of.created_at is not None and of.created_at < one.created_at


def _is_rollback(existing: LiveGroup | None, beside: LiveGroup | None) -> bool:
    """Going to a group that is older than the one beside it."""
    if existing is None or beside is None or existing.created_at is None or beside.created_at is None:
        return False
    return existing.created_at < beside.created_at


def _check_groups_exist(live: LiveState, mine: LiveGroup | None, sharing: LiveGroup | None) -> None:
    """Raises `UserError` when this update would leave production with a group that somebody deleted.

    A group launched in its place would get production before anybody has verified it.
    """
    if mine and mine.weight and not mine.name:
        raise UserError(
            Problem(
                "PHX-213",
                f"{mine.color} has {live.weights[mine.color]} % of production, but its auto-scaling group is gone:"
                " somebody deleted it, and users get errors.",
                f"pulumi config set active {other_color(mine.color)} && pulumi up"
                "   (a group is launched, verified and takes production over)",
            )
        )
    if sharing and not sharing.name and not sharing.is_taken_over:
        raise UserError(
            Problem(
                "PHX-214",
                f"{sharing.color} is to share production, but its auto-scaling group is gone: somebody deleted it.",
                "pulumi config set traffic 100 && pulumi up",
            )
        )


def _in_place_change_error(
    settings: Settings,
    spec: ServerSpec,
    live: LiveState,
    mine: LiveGroup,
    beside: LiveGroup | None,
    image_changes: Callable[[LiveGroup], Sequence[str]],
) -> Problem:
    changes = spec_changes(mine.server_spec, spec)
    said = "".join(f"\n    {line}" for line in changes)
    if any(line.startswith("image: ") for line in changes):
        said += "".join(f"\n      {line.strip()}" for line in image_changes(mine))
    # Pinning the image that serves helps when nothing else changed.
    image_only = all(line.startswith("image: ") for line in changes)
    pin = f"; or keep the image that serves: pulumi config set image {shown(mine.fingerprint) or mine.image}"
    flip = other_color(mine.color)
    if beside and _is_canary(mine, of=beside):
        back = "traffic 0" if beside.is_taken_over else f"active {flip}"
        again = f"traffic {settings.traffic or 100}" if beside.is_taken_over else f"active {mine.color}"
        return Problem(
            "PHX-203",
            f"what makes a server changed, but {mine.color} is a canary with {live.weights[mine.color]} % of"
            f" production as generation {mine.generation}; a live server is never changed.{said}",
            f"pulumi config set {back} && pulumi up   (takes the canary back)\n"
            f"then: pulumi config set {again} && pulumi up   ({spec.generation} is launched)",
        )
    return Problem(
        "PHX-202",
        f"what makes a server changed, but active is {mine.color}, which serves production as generation"
        f" {mine.generation}; a live server is never changed.{said}",
        f"pulumi config set active {flip}   (generation {spec.generation} is launched beside it)\n"
        "or undo the change" + (pin if image_only else ""),
    )


def _check_network(settings: Settings, live: LiveState) -> None:
    if settings.vpc_id and live.vpc_id and settings.vpc_id != live.vpc_id:
        raise UserError(
            Problem(
                "PHX-206",
                f"vpcId is {settings.vpc_id}, but the load balancer of {settings.identity} stands in {live.vpc_id} and"
                " can't move.",
                f"pulumi config set vpcId {live.vpc_id}, or pulumi stack init for the new network",
            )
        )
