"""Who is born, who is kept and who dies in this update, and why: settings + recipe + what is live -> flight.

Pure. `plan.report.report` says in words what is decided here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from plan.config.settings import Settings
from plan.group_key import COLORS, Color, other
from plan.readers.live_state import Group, Live
from plan.server_spec import Recipe, changes


class FlightError(Exception):
    """The flag and what is live do not go together; the text says what to type."""


@dataclass(frozen=True)
class Flight:
    """The decisions of one update."""

    active: Color  # gets `traffic` percent of production
    kept: Color | None  # the other color, kept exactly as it is
    weights: Mapping[str, int]  # percent of production by color; a kept group may have 0
    standing: Group | None  # the active color's group, when it stands already; else it is born
    back: bool  # the active color's group stood before the other one: no canary on the way to it
    shift: bool  # production's weights, or those last reported, are not the wanted ones; or an update died on the way
    proven: bool  # the active color's group stands, is verified, and has the weight it should have
    previous: Group | None  # the group that has most of production now
    dies: Color | None  # the other color's group, which leaves the program

    @property
    def unproven(self) -> bool:
        """The active color's group should stand, but was deleted or scaled down, or nobody has verified it."""
        return self.standing is not None and not (self.standing.verified and self.standing.desired)

    @property
    def ungated(self) -> frozenset[str]:
        """The colors whose groups pass no gate in this update."""
        return frozenset(
            color.color for color in self.colors if color is self.kept or (color is self.active and self.proven)
        )

    @property
    def colors(self) -> tuple[Color, ...]:
        """The colors that the program declares, the active one first."""
        return (self.active, self.kept) if self.kept else (self.active,)

    @property
    def standing_colors(self) -> frozenset[str]:
        """The colors whose groups stand already and stay."""
        stay = (self.active if self.standing else None, self.kept)
        return frozenset(color.color for color in stay if color)

    @property
    def live_image(self) -> str:
        """The image of the servers that have most of production now; empty when nobody has any."""
        return self.previous.image if self.previous else ""


def decide(settings: Settings, recipe: Recipe, live: Live, *, now: datetime) -> Flight:
    """The flight of an update. Raises `FlightError` when the flag and what is live do not go together."""
    _same_network(settings, live)
    color = _active(settings, recipe, live, now)
    mine, beside = live.group(color), live.group(other(color))
    stands = mine if mine and _used_as_it_is(recipe, mine, beside) else None
    _somebody_serves(live, mine, beside if settings.traffic < 100 else None)
    if mine and mine.weight and not stands:
        raise FlightError(_reborn_in_place(recipe, live, mine, beside))
    frozen = stands is not None and stands.generation != recipe.generation
    generation = stands.generation if stands else recipe.generation
    birth = stands.birth if stands else live.births.get((color, generation), _next(live, color, generation))
    active = Color(settings.identity, color, generation, frozen, birth)
    weights = {color: settings.traffic}
    if settings.traffic < 100:
        if beside is None:
            raise FlightError(
                f"traffic is {settings.traffic}, but no {other(color)} group is live to carry the other"
                f" {100 - settings.traffic} percent of production.\n  type: pulumi config set traffic 100"
            )
        if mine and mine.weight and not beside.weight:
            raise FlightError(
                f"traffic is {settings.traffic}, but {color} has production already, and {other(color)} is only kept."
                f"\n  type: pulumi config set active {other(color)}   (to give {other(color)} a share, prove it first)"
            )
        weights[other(color)] = 100 - settings.traffic
    elif beside and beside.name and settings.keep_previous:
        weights[other(color)] = 0
    kept = (
        Color(settings.identity, other(color), beside.generation, True, beside.birth)
        if beside and len(weights) == 2
        else None
    )
    shares = {name: share for name, share in weights.items() if share}
    shift = live.unfinished or shares != live.weights or not _reported(live, shares)
    # A group without servers is lifted and proven again; where users are already, foresight refuses instead.
    proven = bool(stands and stands.verified and not shift and (stands.desired or stands.weight))
    return Flight(
        active=active,
        kept=kept,
        weights=weights,
        standing=stands,
        back=_back(stands, beside),
        shift=shift,
        proven=proven,
        previous=live.leader,
        dies=Color(settings.identity, other(color), beside.generation) if beside and not kept else None,
    )


def _next(live: Live, color: str, generation: str) -> str:
    """The number of the next attempt at a birth: one that nothing has that is in the state or in AWS.

    Not the time: an update does what its preview, and a plan that was saved of it, have said.
    """
    tried = [int(birth) for *of, birth in live.tried if of == [color, generation] and birth.isdecimal()]
    return str(max(tried, default=0) + 1)


def _reported(live: Live, shares: Mapping[str, int]) -> bool:
    """Whether the last promotion said these shares of the groups that stand: the rule is declared with what it said."""
    if live.reported is None:
        return True
    wanted = {group.target_group: shares[group.color] for group in live.groups if group.color in shares}
    return {arn: share for arn, share in live.reported.items() if share} == wanted


def _active(settings: Settings, recipe: Recipe, live: Live, now: datetime) -> str:
    """The color that the flag names; `auto` flips by itself when what makes a server changed or grew too old."""
    if settings.active != "auto":
        return settings.active
    if live.leader is None:
        return COLORS[0]
    fresh = [
        group
        for group in sorted(live.groups, key=lambda group: -group.weight)
        if group.weight and group.name and group.generation == recipe.generation and not too_old(settings, group, now)
    ]
    return fresh[0].color if fresh else other(live.leader.color)


def too_old(settings: Settings, group: Group, now: datetime) -> bool:
    """Older than `maxAgeDays`, counted from the bake of its image; an image that the settings pin is never too old."""
    if settings.image or not settings.max_age_days or group.baked_at is None:
        return False
    return (now - group.baked_at).total_seconds() > settings.max_age_days * 86400


def _used_as_it_is(recipe: Recipe, mine: Group, beside: Group | None) -> bool:
    """Whether the flag means the group that stands in its color, not one to be born.

    It does when that group is of this recipe. It also does on a way back: when the recipe's group stands in the other
    color already, or when the other one is its canary, or gets traffic that somebody gave it before it was verified.
    """
    if mine.generation == recipe.generation:
        return True
    if not mine.verified or beside is None:
        return False
    return beside.generation == recipe.generation or _is_canary(beside, of=mine)


def _is_canary(one: Group, *, of: Group) -> bool:
    """Whether a group shares the traffic of the one that is relied on.

    That is the only one that is verified, else the one with more traffic, else (somebody set 50 and 50) the older.
    """
    if not one.weight or not of.weight:
        return False
    if one.verified != of.verified:
        return of.verified
    if one.weight != of.weight:
        return one.weight < of.weight
    return one.born_at is not None and of.born_at is not None and of.born_at < one.born_at


def _back(stands: Group | None, beside: Group | None) -> bool:
    """Going to a group that is older than the one beside it."""
    if stands is None or beside is None or stands.born_at is None or beside.born_at is None:
        return False
    return stands.born_at < beside.born_at


def _somebody_serves(live: Live, mine: Group | None, sharing: Group | None) -> None:
    """Raises `FlightError` when this update would leave production with a group that somebody deleted.

    A group born in its place would get production before anybody has verified it.
    """
    if mine and mine.weight and not mine.name:
        raise FlightError(
            f"{mine.color} has {live.weights[mine.color]} % of production, but its auto-scaling group is gone: somebody"
            f" deleted it, and users get errors.\n"
            f"  type: pulumi config set active {other(mine.color)} && pulumi up"
            f"   (a group is born, proven and takes over)"
        )
    if sharing and not sharing.name:
        raise FlightError(
            f"{sharing.color} is to share production, but its auto-scaling group is gone: somebody deleted it.\n"
            f"  type: pulumi config set traffic 100 && pulumi up"
        )


def _reborn_in_place(recipe: Recipe, live: Live, mine: Group, beside: Group | None) -> str:
    said = "".join(f"\n    {line}" for line in changes(mine.recipe, recipe))
    flip = other(mine.color)
    if beside and _is_canary(mine, of=beside):
        return (
            f"what makes a server changed, but {mine.color} is a canary with {live.weights[mine.color]} % of"
            f" production as generation {mine.generation}; a live server is never changed.{said}\n"
            f"  type: pulumi config set active {flip} && pulumi up   (takes the canary back)\n"
            f"  then: pulumi config set active {mine.color} && pulumi up   ({recipe.generation} is born)"
        )
    return (
        f"what makes a server changed, but active is {mine.color}, which serves production as generation"
        f" {mine.generation}; a live server is never changed.{said}\n"
        f"  type: pulumi config set active {flip}   (generation {recipe.generation} is born beside it)\n"
        f"  or undo the change; or keep the image that serves:"
        f" pulumi config set image {mine.fingerprint or mine.image}"
    )


def _same_network(settings: Settings, live: Live) -> None:
    if settings.vpc_id and live.vpc_id and settings.vpc_id != live.vpc_id:
        raise FlightError(
            f"vpcId is {settings.vpc_id}, but the load balancer of {settings.identity} stands in {live.vpc_id} and"
            f" can't move.\n  type: pulumi config set vpcId {live.vpc_id}, or pulumi stack init for the new network"
        )
