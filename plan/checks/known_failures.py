"""Known problems, found before anything is created, from settings, rollout plan, live state and AWS. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.credentials import RESERVE_SECONDS
from core.errors import Problem, UserError, problem
from core.names import other_color
from core.times import iso
from plan import estimates, lineage
from plan.checks import (
    certificates,
    clear_text,
    disk,
    existing_balancer,
    existing_groups,
    exposure,
    hosted_zone,
    listener_move,
    permanent,
    revoked,
    subnets,
)
from plan.config.settings import Settings
from plan.image_source import ImageSource
from plan.lineage import UNKNOWN, Lineage
from plan.readers.account_limits import AccountLimits, InstanceType, quota_code
from plan.readers.existing_balancer import ExistingBalancer
from plan.readers.live_state import LiveGroup, LiveState
from plan.rollout_plan import RolloutPlan, decide_rollout, nothing_known
from plan.server_spec import ServerSpec, types_in_words

NOTHING = permanent.PermanentResources()


class KnownFailureError(UserError):
    """What an update would fail of, all of it, before it has begun."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        count = "1 thing is" if len(problems) == 1 else f"{len(problems)} things are"
        super().__init__(*problems, head=f"{count} known to fail; nothing was changed:")


@dataclass(frozen=True, kw_only=True)
class UpdateFacts:
    """What an update is checked by, as settings, AWS, state and git have it.

    `before`: the state's permanent things; `front`: the settings speak of them; `port`: of the main listener, the
    settings' own where none is given. `image_changes`: what git says of the image's files since a group's was baked.
    """

    settings: Settings
    spec: ServerSpec
    live: LiveState
    limits: AccountLimits
    source: ImageSource
    now: datetime
    shared: ExistingBalancer | None = None
    before: permanent.PermanentResources = NOTHING
    port: int = 0
    front: bool = True
    ancestry: Lineage = UNKNOWN
    image_changes: Callable[[LiveGroup], Sequence[str]] = nothing_known

    @property
    def balancer(self) -> str:
        """The DNS name of the load balancer; empty when it is not there yet."""
        return (self.shared.dns if self.shared else "") or self.before.dns

    @property
    def main_port(self) -> int:
        return self.port or self.settings.port


def checked_plan(facts: UpdateFacts) -> RolloutPlan:
    """The plan of an update that may succeed. Raises `KnownFailureError`, or `UserError` when that is all."""
    settings, live = facts.settings, facts.live
    problems = list(_before_a_plan(facts))
    if facts.front and (
        kept := [*listener_move.missing_listener_error(facts.before, live), *permanent.problems(facts.before, settings)]
    ):
        # Whatever else is wrong with where servers are, flipping is no way to mend it.
        raise KnownFailureError([*kept, *problems])
    try:
        plan = decide_rollout(settings, facts.spec, live, now=facts.now, image_changes=facts.image_changes)
    except UserError as error:
        older = list(lineage.problems(settings, None, facts.ancestry))
        if older or problems:
            raise KnownFailureError([*older, *error.problems, *problems]) from None
        raise
    problems = [*lineage.problems(settings, plan, facts.ancestry), *problems, *_of_the_plan(facts, plan)]
    if problems:
        raise KnownFailureError(problems)
    return plan


def _before_a_plan(facts: UpdateFacts) -> Iterator[Problem]:
    """What is wrong whatever the plan will be."""
    settings, limits = facts.settings, facts.limits
    yield from subnets.problems(settings, limits)
    yield from subnets.balancer_zone_problems(settings, facts.live, limits)
    yield from certificates.problems(settings, limits.certificates)
    yield from hosted_zone.problems(
        settings,
        limits.zone,
        facts.before,
        balancer=facts.balancer,
        certifies=settings.makes_certificate and not facts.shared,
    )
    clear = clear_text.token_path(settings, facts.shared, facts.before, port=facts.main_port)
    yield from clear_text.problems(settings, clear)
    yield from exposure.problems(settings, limits)


def _of_the_plan(facts: UpdateFacts, plan: RolloutPlan) -> Iterator[Problem]:
    """What the plan would fail of."""
    settings, live, limits = facts.settings, facts.live, facts.limits
    yield from _images(settings, plan, live, facts.source, limits)
    yield from revoked.problems(settings, plan, live, facts.source)
    if plan.existing is None:
        yield from _type(settings, limits)
        yield from disk.problems(settings, facts.source, limits)
        yield from disk.key_problems(settings, limits)
        yield from _policies(limits)
    yield from _quota(settings, plan, live, limits)
    yield from subnets.address_problems(settings, plan, live, limits)
    yield from _credentials(settings, plan, live, limits, facts.now)
    yield from existing_groups.problems(settings, plan, live, limits)
    yield from listener_move.combined_change_error(facts.before, live, settings, plan, port=facts.main_port)
    if facts.shared:
        yield from existing_balancer.problems(settings, plan, live, facts.shared)


def _images(
    s: Settings, plan: RolloutPlan, live: LiveState, source: ImageSource, limits: AccountLimits
) -> Iterator[Problem]:
    if plan.existing is None:
        yield from source.problems
    if plan.existing is None and source.needs_bake and limits.base == 0:
        yield problem(
            "PHX-318",
            "baseImage",
            s.base_image,
            f"must be an image in {s.region} that this account may use, or a parameter that names one; there is none",
            "pulumi config set baseImage debian-12",
        )
    existing = plan.existing
    gone = existing and existing.image and existing.image not in source.image_ids
    if existing and gone and estimates.added_servers(s, plan, live):
        yield problem(
            "PHX-319",
            "active",
            s.active,
            f"must not mean a group that can't grow: {existing.color} needs more servers to"
            f" take production over, and {existing.image}, its image, is gone",
            f"pulumi config set active {other_color(existing.color)} && pulumi up"
            "   (launches a group from an image that is there)",
        )


def _type(s: Settings, limits: AccountLimits) -> Iterator[Problem]:
    for name, known in (limits.instance_types or {}).items():
        yield from _one_type(s, name, known)


def _policies(limits: AccountLimits) -> Iterator[Problem]:
    for arn in limits.missing_policies or ():
        yield problem(
            "PHX-361",
            "policyArns",
            arn,
            "must be a policy that is there: AWS's own, or one of this account",
            "aws iam list-policies --query 'Policies[].Arn', and put its ARN into policyArns in Pulumi.STACK.yaml",
        )


def _one_type(s: Settings, name: str, known: InstanceType) -> Iterator[Problem]:
    if not known.vcpus:
        yield problem(
            "PHX-349",
            "instanceType",
            name,
            f"must be an instance type that AWS has in {s.region}",
            f"aws ec2 describe-instance-type-offerings --region {s.region}, and pulumi config set instanceType OTHER",
        )
    elif s.architecture not in known.architectures:
        yield problem(
            "PHX-350",
            "instanceType",
            name,
            f"must be of {s.architecture}, as its name says (AWS says {', '.join(known.architectures)})",
            "pulumi config set instanceType OTHER",
        )


def _quota(s: Settings, plan: RolloutPlan, live: LiveState, limits: AccountLimits) -> Iterator[Problem]:
    # Spot has quotas of its own, and the smallest type is the last that would not fit.
    more = estimates.on_demand(s, estimates.added_servers(s, plan, live))
    elsewhere = any(quota_code(name) != quota_code(s.instance_types[0]) for name in s.instance_types)
    if not more or elsewhere or not limits.instance_types or not limits.quota:
        return
    quota, vcpus = limits.quota, min(known.vcpus for known in limits.instance_types.values())
    same = f"instanceType={types_in_words(s.instance_types)} "
    ours = sum(estimates.on_demand(s, group.desired) for group in live.groups if same in group.server_spec)
    used, needed = max(quota.used or 0, ours * vcpus), more * vcpus
    if used + needed > quota.limit:
        yield problem(
            "PHX-351",
            "instanceType",
            s.instance_type,
            f"must fit into the quota {quota.name!r} of {quota.limit:.0f} vCPUs: {used:.0f} are used, and {more} more"
            f" servers of {vcpus} vCPUs need {needed} while two groups stand side by side",
            f"aws service-quotas request-service-quota-increase --region {s.region} --service-code ec2 --quota-code"
            f" {quota.code} --desired-value {used + needed:.0f}",
        )


def _credentials(
    s: Settings, plan: RolloutPlan, live: LiveState, limits: AccountLimits, now: datetime
) -> Iterator[Problem]:
    """Credentials that end before the gates can: promote would refuse, after a launch for nothing."""
    _, needed = estimates.promotion_seconds(s, plan, live)
    if not needed or limits.credentials_end is None:
        return
    needed += estimates.verify_hook_seconds(s, plan)
    # The launch before it takes longer than two health checks, how long nobody knows.
    launch_seconds = 2 * s.health_check_interval_seconds if plan.existing is None else 0
    left = (limits.credentials_end - now).total_seconds()
    if left < launch_seconds + needed + RESERVE_SECONDS:
        yield problem(
            "PHX-352",
            "AWS_CREDENTIAL_EXPIRATION",
            iso(limits.credentials_end),
            f"must be at least {estimates.format_duration(launch_seconds + needed + RESERVE_SECONDS)} away (it is"
            f" {estimates.format_duration(max(0, round(left)))}): canary, settle, soak, hooks and a way back"
            " take that long",
            "renew the credentials (for example aws sso login), or lower canaryPauseSeconds and soakSeconds",
        )
