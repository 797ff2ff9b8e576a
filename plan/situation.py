"""What an update finds before it decides anything: in AWS, in its stack's state and in git.

Raises what `plan.user_errors` tells a user.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import boto3

from core import session as sessions
from core.errors import UserError
from plan import image_origin, lineage, listener_move, server_spec
from plan.checks import ownership, permanent
from plan.checks.permanent import PermanentResources
from plan.config.settings import Settings
from plan.image_source import ImageSource
from plan.lineage import Lineage
from plan.readers import account_limits, existing_balancer, findings, live_state, orphans, stack_state, unrecorded
from plan.readers.account_limits import AccountLimits
from plan.readers.existing_balancer import ExistingBalancer
from plan.readers.live_state import Account, LiveState
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

    session: boto3.Session
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
    """Reads AWS, state and git. Raises `UserError` when the stack is another's, or lives elsewhere."""
    settings = update.settings
    identity = {
        "region": settings.region,
        "profile": settings.profile,
        "credentials_file": settings.credentials_file,
        "config_file": settings.config_file,
    }
    session = sessions.connect(**identity)
    account = live_state.read_account(session, **identity)
    made = stack_state.read_state(account)
    if alone:
        ownership.check_identity(settings, made)
    stack_state.check_listener_unchanged(made, stack=settings.identity, listener=settings.listener_arn)
    source = image_origin.find_image_source(session, settings, account, update.folder, now=update.now)
    shared = (
        existing_balancer.read_existing_balancer(session, settings, account, owner=update.owner, made=made.ids)
        if update.owner or settings.listener_arn
        else None
    )
    before = permanent.read_permanent(made, owner=update.owner or settings.identity, identity=settings.identity)
    live, left = _find_live(update, session, made, shared, before)
    return Situation(
        session=session,
        account=account,
        made=made,
        source=source,
        spec=server_spec.server_spec(settings, source.fingerprint),
        shared=shared,
        before=before,
        live=live,
        orphans=left,
        limits=account_limits.read_account_limits(session, settings, live, now=update.now, account=account.id),
        ancestry=lineage.read_lineage(live, update.folder),
    )


def _find_live(
    update: Update,
    session: boto3.Session,
    made: StateInventory,
    shared: ExistingBalancer | None,
    before: PermanentResources,
) -> tuple[LiveState, tuple[str, ...]]:
    """What is live, and what killed updates left."""
    settings = update.settings
    live = live_state.read_live_state(
        session,
        stack=settings.identity,
        shared=(shared.arn, shared.vpc_id) if shared else None,
        made=made.ids,
        main=before.ports[update.port].arn if update.port in before.ports else "",
        taken_over=settings.take_over_target_group,
    )
    left = _check_owner(session, settings, live, made, shared, owner=update.owner)
    found = orphans.find_orphans(
        session,
        live,
        stack=settings.identity,
        known=made.ids,
        beside=shared.security_groups if shared else (),
        ports=() if shared else permanent.wanted_ports(settings),
        guards=settings.guard_hours > 0,
    )
    if clash := list(ownership.namesakes(settings, found.namesakes)):
        raise UserError(*clash)
    stray = (*listener_move.leftover_rules(before, live, made.ids), *found.things, *left)
    live = replace(
        live,
        reported=made.recorded.production(f"{settings.name}-promote"),
        attempted=live.attempted | found.attempted | made.attempted,
    )
    return findings.with_findings(session, settings, live), stray


def _check_owner(
    session: boto3.Session,
    settings: Settings,
    live: LiveState,
    made: StateInventory,
    shared: ExistingBalancer | None,
    *,
    owner: str,
) -> tuple[str, ...]:
    """What killed updates of this state left of load balancers. Raises `UserError` for another state's stack."""
    balancers = session.client("elbv2")
    found = ownership.read_owners(balancers, live.other_balancers or (shared.others if shared else ()))
    wanted = [] if owner or settings.vpc_id else unrecorded.expected_network(settings.name)
    if not shared:
        wanted += unrecorded.expected_balancer(settings.name, ports=settings.ports, cidrs=settings.allowed_cidrs)
    unknown = [
        *unrecorded.find_unrecorded(session, made, wanted, owner=settings.identity),
        *ownership.unknown_listeners(balancers, live, made),
    ]
    if why := ownership.refusal(settings, live, made, found, unknown):
        raise UserError(*why)
    return ownership.left_by_killed(found, made)
