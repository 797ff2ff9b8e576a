"""What an update finds before it declares anything: what is live, what git says, what AWS allows; and its rollout plan.

Raises what `plan.user_errors` tells a user.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import boto3

from core import engine_call
from core import session as sessions
from core.errors import UserError
from core.names import COLORS
from plan import image_origin, lineage, listener_move, server_spec
from plan.checks import clear_text, engine_flags, exposure, freeze, keep_alive, known_failures, ownership, permanent
from plan.checks.freeze import Freeze
from plan.checks.permanent import PermanentResources
from plan.config.settings import Settings
from plan.image_source import ImageSource
from plan.lineage import Lineage
from plan.listener_move import ListenerMove
from plan.readers import account_limits, existing_balancer, findings, live_state, orphans, stack_state, unrecorded
from plan.readers.account_limits import AccountLimits
from plan.readers.existing_balancer import ExistingBalancer
from plan.readers.live_state import Account, LiveState
from plan.readers.recorded_egress import recorded_egress
from plan.readers.recorded_steps import RecordedSteps
from plan.readers.stack_state import StateInventory
from plan.report import changelog, package_diff, permanent_rows, report, vulnerability_diff
from plan.report.report import PlanReport
from plan.rollout_plan import RolloutPlan
from plan.server_spec import ServerSpec


@dataclass(frozen=True)
class CheckedPlan:
    """All that one service's update is decided by.

    `recorded`: what the steps of earlier updates said. `kept_egress`: where the servers of a color that is kept may go.
    `orphans`: things that killed updates left, and no state knows.
    """

    settings: Settings
    account: Account
    image_source: ImageSource
    server_spec: ServerSpec
    live: LiveState
    recorded: RecordedSteps
    kept_egress: Mapping[str, tuple[str, ...]]
    orphans: tuple[str, ...]
    existing_balancer: ExistingBalancer | None
    rollout: RolloutPlan
    lineage: Lineage
    report: PlanReport
    listener_move: ListenerMove
    freeze: Freeze


def make_plan(
    settings: Settings, folder: Path, *, now: datetime, owner: str = "", port: int = 0, alone: bool = False
) -> CheckedPlan:
    """The rollout plan of an update that may succeed.

    `folder` is the project's. `owner`: SERVICE/STACK of the tag on a load balancer that this program makes for several
    services, and `port` of its listener. `alone`: the program declares nothing but this service, so whatever its state
    holds is this service's.
    """
    port = port or settings.port
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
    source = image_origin.find_image_source(session, settings, account, folder, now=now)
    spec = server_spec.server_spec(settings, source.fingerprint)
    shared = (
        existing_balancer.read_existing_balancer(session, settings, account, owner=owner, made=made.ids)
        if owner or settings.listener_arn
        else None
    )
    before = permanent.read_permanent(made, owner=owner or settings.identity, identity=settings.identity)
    live = live_state.read_live_state(
        session,
        stack=settings.identity,
        shared=(shared.arn, shared.vpc_id) if shared else None,
        made=made.ids,
        main=before.ports[port].arn if port in before.ports else "",
    )
    left = _check_owner(session, settings, live, made, shared, owner=owner)
    found = orphans.find_orphans(
        session,
        live,
        stack=settings.identity,
        known=made.ids,
        beside=shared.security_groups if shared else (),
        ports=() if shared else permanent.wanted_ports(settings),
    )
    stray = (*listener_move.leftover_rules(before, live, made.ids), *found.things, *left)
    live = replace(
        live,
        reported=made.recorded.production(f"{settings.name}-promote"),
        attempted=live.attempted | found.attempted | made.attempted,
    )
    live = findings.with_findings(session, settings, live)
    limits = account_limits.read_account_limits(session, settings, live, now=now, account=account.id)
    ancestry = lineage.read_lineage(live, folder)
    plan = known_failures.checked_plan(
        settings,
        spec,
        live,
        limits,
        source,
        now=now,
        shared=shared,
        before=before,
        port=port,
        front=not owner,
        ancestry=ancestry,
    )
    if forgotten := list(ownership.forgotten_groups(live, made, stay=plan.existing_colors)):
        raise UserError(*forgotten, head="nothing was changed:")
    call = engine_call.read_engine_call()
    given = engine_flags.read_flags(call, os.environ)
    frozen = freeze.read_freeze(settings, plan, live, generation=spec.generation, now=now)
    refused = list(engine_flags.problems(given, plan, (one.urn for one in made.resources)))
    # A plan may be looked at any day.
    if not (call and call.operation == "preview"):
        refused += freeze.problems(frozen)
    if refused:
        raise UserError(*refused)
    changed = changelog.image_changelog(plan, settings, folder)
    differing = package_diff.package_lines(session, plan, source, service=settings.service)
    findable = vulnerability_diff.vulnerability_lines(session, plan, source, settings)
    brief = report.plan_report(
        settings,
        plan,
        spec,
        live,
        source,
        limits,
        changed,
        packages=differing,
        vulnerabilities=findable,
        now=now,
        ancestry=ancestry,
        permanent=permanent_rows.permanent_rows(before, settings, live, front=not owner),
    )
    mind = [
        *engine_flags.flag_notes(given, plan),
        *_listener_notes(settings, shared, before, limits, live, folder, port=port),
    ]
    rows = (
        *freeze.rows(settings, frozen),
        *brief.rows,
        *(("note", line) for line in mind),
        *report.open_rows(exposure.left_open(settings, limits, front=not shared)),
    )
    brief = replace(brief, rows=rows)
    return CheckedPlan(
        settings,
        account,
        source,
        spec,
        live,
        made.recorded,
        {color: recorded_egress(made, f"{settings.name}-{color}") for color in COLORS},
        stray,
        shared,
        plan,
        ancestry,
        brief,
        listener_move.plan_listener_move(before, live, port=port),
        frozen,
    )


def _listener_notes(
    settings: Settings,
    shared: ExistingBalancer | None,
    before: PermanentResources,
    limits: AccountLimits,
    live: LiveState,
    folder: Path,
    *,
    port: int,
) -> list[str]:
    """What does not stop an update, and whoever reads its plan must know of the way that requests come."""
    return [
        *exposure.warning(settings),
        *clear_text.warning(settings, clear_text.token_path(settings, shared, before, port=port)),
        *keep_alive.warning(
            keep_alive.keep_alive_seconds(folder / settings.image_dir),
            limits.idle_seconds,
            image_dir=settings.image_dir,
            load_balancer=live.load_balancer,
        ),
    ]


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
