"""What an update finds before it decides anything: in AWS, in its stack's state and in git.

Raises what `plan.user_errors` tells a user.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from core import reachability
from core import session as sessions
from core.errors import UserError
from plan import image_origin, image_source, lineage, listener_move, server_spec
from plan.checks import ownership, permanent
from plan.checks.permanent import PermanentResources
from plan.config.settings import Settings
from plan.image_source import ImageSource
from plan.lineage import Lineage
from plan.readers import (
    account_limits,
    existing_balancer,
    findings,
    live_state,
    load_balancers,
    orphans,
    stack_state,
    unrecorded,
)
from plan.readers.account_limits import AccountLimits
from plan.readers.existing_balancer import ExistingBalancer
from plan.readers.live_state import Account, LiveState
from plan.readers.reads import Reads
from plan.readers.stack_state import StateInventory
from plan.server_spec import ServerSpec


@dataclass(frozen=True, kw_only=True)
class Update:
    """What is asked for: the arguments of `plan.planner.make_plan`."""

    settings: Settings
    folder: Path
    now: datetime
    owner: str
    port: int


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What an update finds. `before`: what outlives groups, as the state has it."""

    reads: Reads
    account: Account
    made: StateInventory
    source: ImageSource
    spec: ServerSpec
    shared: ExistingBalancer | None
    before: PermanentResources
    live: LiveState
    orphans: tuple[str, ...]
    limits: AccountLimits
    ancestry: Lineage


def read_situation(update: Update, *, alone: bool) -> Situation:
    """Reads AWS, state and git. Raises `UserError` when the stack is another's, or lives elsewhere.

    What needs no answer is asked before any is awaited; what is then awaited in an order is asked all the same.
    """
    settings = update.settings
    identity = {
        "region": settings.region,
        "profile": settings.profile,
        "credentials_file": settings.credentials_file,
        "config_file": settings.config_file,
    }
    reads = Reads(sessions.connect(**identity))
    reads.start(live_state.account_id)
    made = stack_state.read_state()
    before = permanent.read_permanent(made, owner=update.owner or settings.identity, identity=settings.identity)
    begun = _ask_ahead(update, reads, made, before)
    account = Account(reads.ask(live_state.account_id), **identity)
    _check_state(settings, account, made, alone=alone)
    wanted = reads.start(
        partial(
            image_origin.find_image_source, settings=settings, account=account, folder=update.folder, now=update.now
        )
    )
    try:
        shared = (
            existing_balancer.read_existing_balancer(reads, settings, account, owner=update.owner, made=made.ids)
            if update.owner or settings.listener_arn
            else None
        )
        live = _read_live(update, reads, made, shared, before)
        limits = _start_limits(update, reads, live, shared, begun)
        vulnerable = reads.start(partial(findings.with_findings, settings=settings, live=live))
        left = _check_owner(reads, settings, live, made, shared, owner=update.owner)
        found = _find_orphans(update, reads, made, live, shared)
    except UserError as error:
        raise _with_image(error, wanted) from None
    source = wanted.result()
    return Situation(
        reads=reads,
        account=account,
        made=made,
        source=source,
        spec=server_spec.server_spec(settings, source.fingerprint),
        shared=shared,
        before=before,
        live=replace(vulnerable.result(), attempted=live.attempted | found.attempted | made.attempted),
        orphans=(*listener_move.leftover_rules(before, live, made.ids), *found.things, *left),
        limits=limits.result(),
        ancestry=lineage.read_lineage(live, update.folder),
    )


def _check_state(settings: Settings, account: Account, made: StateInventory, *, alone: bool) -> None:
    """Raises `UserError` when the state is not this stack's, or lives elsewhere."""
    stack_state.check_account(account, made)
    if alone:
        ownership.check_identity(settings, made)
    stack_state.check_listener_unchanged(made, stack=settings.identity, listener=settings.listener_arn)


def _with_image(error: UserError, wanted: Future[ImageSource]) -> UserError:
    """The error, with why there is no image either, so that both are told at once."""
    why = wanted.exception()
    return UserError(*why.problems, *error.problems) if isinstance(why, UserError) else error


def _ask_ahead(
    update: Update, reads: Reads, made: StateInventory, before: PermanentResources
) -> account_limits.Answers:
    """Begins to ask what will be asked, whatever the first answers are.

    By its tag the rules of a load balancer are five questions in a row, by the state or the settings three. Those are
    usually right about it, and whoever needs the rules finds it by its tag all the same.
    """
    settings = update.settings
    # What is deepest comes first: clients are made one after the other, and EC2's takes longest.
    balancer = reachability.balancer_of(settings.listener_arn) or before.balancer
    if balancer:
        reads.start(load_balancers.rules_of, balancer)
    if update.owner or settings.listener_arn:
        existing_balancer.ask_ahead(reads, settings)
    if not settings.listener_arn:
        reads.start(load_balancers.read_tagged)
    reads.start(load_balancers.target_group_tags, live_state.name_prefix(settings.identity))
    reads.start(live_state.read_groups, settings.identity)
    reads.start(image_source.known_images, settings.service)
    orphans.ask_ahead(reads, stack=settings.identity, known=made.ids, guards=settings.guard_hours > 0)
    return account_limits.ask_ahead(reads, settings, now=update.now)


def _start_limits(
    update: Update, reads: Reads, live: LiveState, shared: ExistingBalancer | None, begun: account_limits.Answers
) -> Future[AccountLimits]:
    return reads.start(
        partial(
            account_limits.read_account_limits,
            settings=update.settings,
            live=live,
            now=update.now,
            shared=shared.arn if shared else "",
            begun=begun,
        )
    )


def _read_live(
    update: Update,
    reads: Reads,
    made: StateInventory,
    shared: ExistingBalancer | None,
    before: PermanentResources,
) -> LiveState:
    """What is live, and what the last promotion has reported."""
    live = live_state.read_live_state(
        reads,
        stack=update.settings.identity,
        shared=(shared.arn, shared.vpc_id) if shared else None,
        made=made.ids,
        main=before.ports[update.port].arn if update.port in before.ports else "",
        taken_over=update.settings.take_over_target_group,
    )
    return replace(live, reported=made.recorded.production(f"{update.settings.name}-promote"))


def _find_orphans(
    update: Update, reads: Reads, made: StateInventory, live: LiveState, shared: ExistingBalancer | None
) -> orphans.Orphans:
    """What killed updates left. Raises `UserError` for a stack whose names are the same."""
    settings = update.settings
    found = orphans.find_orphans(
        reads,
        live,
        stack=settings.identity,
        known=made.ids,
        beside=shared.security_groups if shared else (),
        ports=() if shared else permanent.wanted_ports(settings),
        guards=settings.guard_hours > 0,
    )
    if clash := list(ownership.namesakes(settings, found.namesakes)):
        raise UserError(*clash)
    return found


def _check_owner(
    reads: Reads,
    settings: Settings,
    live: LiveState,
    made: StateInventory,
    shared: ExistingBalancer | None,
    *,
    owner: str,
) -> tuple[str, ...]:
    """What killed updates of this state left of load balancers. Raises `UserError` for another state's stack."""
    found = ownership.read_owners(reads, live.other_balancers or (shared.others if shared else ()))
    wanted = [] if owner or settings.vpc_id else unrecorded.expected_network(settings.name)
    if not shared:
        wanted += unrecorded.expected_balancer(settings.name, ports=settings.ports, cidrs=settings.allowed_cidrs)
    unknown = [
        *unrecorded.find_unrecorded(reads, made, wanted, owner=settings.identity),
        *ownership.unknown_listeners(reads, live, made),
    ]
    if why := ownership.refusal(settings, live, made, found, unknown):
        raise UserError(*why)
    return ownership.left_by_killed(found, made)
