"""The rollout plan of an update, decided before it declares anything.

Raises what `plan.user_errors` tells a user.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from core import engine_call
from core.engine_call import Call
from core.errors import UserError
from core.names import COLORS
from plan import listener_move, notices, situation
from plan.checks import (
    bake_tools,
    clear_text,
    engine_flags,
    exposure,
    freeze,
    hosted_zone,
    keep_alive,
    known_failures,
    ownership,
    way_back,
)
from plan.checks.engine_flags import Flags
from plan.checks.freeze import Freeze
from plan.checks.hosted_zone import ZonePlan
from plan.checks.known_failures import UpdateFacts
from plan.config.settings import Settings
from plan.image_source import ImageSource
from plan.lineage import Lineage
from plan.listener_move import ListenerMove
from plan.readers.existing_balancer import ExistingBalancer
from plan.readers.live_state import Account, LiveGroup, LiveState
from plan.readers.recorded_egress import recorded_egress
from plan.readers.recorded_policies import recorded_policies
from plan.readers.recorded_steps import RecordedSteps
from plan.report import changelog, package_diff, permanent_rows, rows, take_over_rows, vulnerability_diff
from plan.report.report import PlanReport
from plan.report.rows import Facts
from plan.rollout_plan import RolloutPlan
from plan.server_spec import ServerSpec
from plan.situation import Situation, Update

RULE = "aws:lb/listenerRule:ListenerRule"


@dataclass(frozen=True, kw_only=True)
class CheckedPlan:
    """All that one service's update is decided by.

    `recorded`: what the steps of earlier updates said. `kept_egress`, `kept_policies`: where the servers of a color
    that is kept may go, and the managed policies that their role has.
    `zone`: what the hosted zone has before the stack's own records. `orphans`: things that killed updates left, and no
    state knows. `network_ipv6`: whether the network that the program has made has IPv6 already.
    """

    settings: Settings
    account: Account
    image_source: ImageSource
    server_spec: ServerSpec
    live: LiveState
    recorded: RecordedSteps
    kept_egress: Mapping[str, tuple[str, ...]]
    kept_policies: Mapping[str, tuple[str, ...]]
    orphans: tuple[str, ...]
    existing_balancer: ExistingBalancer | None
    zone: ZonePlan
    rollout: RolloutPlan
    lineage: Lineage
    report: PlanReport
    listener_move: ListenerMove
    freeze: Freeze
    network_ipv6: bool = False


def make_plan(
    settings: Settings, folder: Path, *, now: datetime, owner: str = "", port: int = 0, alone: bool = False
) -> CheckedPlan:
    """The rollout plan of an update that may succeed.

    `folder` is the project's. `owner`: SERVICE/STACK of the tag on a load balancer that this program makes for several
    services, and `port` of its listener. `alone`: the program declares nothing but this service, so whatever its state
    holds is this service's. Of an update AWS is told, whether it is planned or refused.
    """
    update = Update(settings=settings, folder=folder, now=now, owner=owner, port=port or settings.port)
    # What is refused here is told to nobody: these may be another account's credentials.
    found = situation.read_situation(update, alone=alone)
    call = engine_call.read_engine_call()
    try:
        plan = _decide(update, found)
        given, frozen = _allow(update, found, plan, call)
    except UserError as error:
        notices.announce_refusal(found.reads.session, settings, notices.refused(settings, error, now=now), call)
        raise
    checked = CheckedPlan(
        settings=settings,
        account=found.account,
        image_source=found.source,
        server_spec=found.spec,
        live=found.live,
        recorded=found.made.recorded,
        kept_egress={color: recorded_egress(found.made, f"{settings.name}-{color}") for color in COLORS},
        kept_policies={color: recorded_policies(found.made, f"{settings.name}-{color}") for color in COLORS},
        orphans=found.orphans,
        existing_balancer=found.shared,
        zone=hosted_zone.zone_plan(
            found.limits.zone, found.before, balancer=(found.shared.dns if found.shared else "") or found.before.dns
        ),
        rollout=plan,
        lineage=found.ancestry,
        report=_report(update, found, plan, given, frozen),
        network_ipv6=found.before.vpc_ipv6,
        listener_move=listener_move.plan_listener_move(found.before, found.live, port=update.port),
        freeze=frozen,
    )
    event = notices.planned(settings, plan, found.live, found.source, frozen, now=now)
    notices.announce_plan(found.reads.session, settings, event, call)
    return checked


def _decide(update: Update, found: Situation) -> RolloutPlan:
    """Raises `UserError` when the update is known to fail, or would forget a group that exists."""
    plan = known_failures.checked_plan(
        UpdateFacts(
            settings=update.settings,
            spec=found.spec,
            live=found.live,
            limits=found.limits,
            source=found.source,
            now=update.now,
            shared=found.shared,
            before=found.before,
            port=update.port,
            front=not update.owner,
            ancestry=found.ancestry,
            image_changes=lambda group: _changed_files(update, group),
        )
    )
    if forgotten := list(ownership.forgotten_groups(found.live, found.made, stay=plan.existing_colors)):
        raise UserError(*forgotten, head="nothing was changed:")
    return plan


def _changed_files(update: Update, group: LiveGroup) -> Sequence[str]:
    """Of the image since the group's was baked, as git says it."""
    changes = changelog.group_changelog(group, update.settings, update.folder)
    return changes.files if changes else ()


def _allow(update: Update, found: Situation, plan: RolloutPlan, call: Call | None) -> tuple[Flags, Freeze]:
    """The engine's flags, and the freeze that there is. Raises `UserError` when one of them forbids the plan."""
    given = engine_flags.read_flags(call, os.environ)
    frozen = freeze.read_freeze(update.settings, plan, found.live, generation=found.spec.generation, now=update.now)
    refused = list(engine_flags.problems(given, plan, (one.urn for one in found.made.resources)))
    refused += bake_tools.problems(update.settings, plan, found.source, call)
    refused += way_back.problems(update.settings, plan, found.live)
    # A plan may be looked at any day.
    if not (call and call.operation == "preview"):
        refused += freeze.problems(frozen)
    if refused:
        raise UserError(*refused)
    return given, frozen


def _report(update: Update, found: Situation, plan: RolloutPlan, given: Flags, frozen: Freeze) -> PlanReport:
    """The plan in words, with what else whoever reads it must know."""
    settings, front, reads = update.settings, not update.owner, found.reads
    packages = reads.start(
        partial(package_diff.package_lines, plan=plan, source=found.source, service=settings.service)
    )
    vulnerabilities = reads.start(
        partial(vulnerability_diff.vulnerability_lines, plan=plan, source=found.source, settings=settings)
    )
    brief = rows.plan_report(
        Facts(
            settings=settings,
            plan=plan,
            spec=found.spec,
            live=found.live,
            source=found.source,
            limits=found.limits,
            now=update.now,
            changes=changelog.image_changelog(plan, settings, update.folder),
            packages=packages.result(),
            vulnerabilities=vulnerabilities.result(),
            permanent=permanent_rows.permanent_rows(found.before, settings, found.live, front=front),
            ancestry=found.ancestry,
        )
    )
    old = found.shared.old if found.shared else None
    mind = [*engine_flags.flag_notes(given, plan), *_listener_notes(update, found)]
    said = (
        *freeze.rows(settings, frozen),
        *way_back.rows(settings, found.live),
        *brief.rows,
        *(take_over_rows.rows(settings, plan, found.live, old) if old else ()),
        *take_over_rows.state_rows(plan, found.live, found.made.find(RULE, f"{settings.name}-production")),
        *(("note", line) for line in mind),
        *rows.open_rows(exposure.left_open(settings, found.limits, front=not found.shared)),
    )
    return replace(brief, rows=said)


def _listener_notes(update: Update, found: Situation) -> list[str]:
    """What does not stop an update, and whoever reads its plan must know of the way that requests come."""
    settings = update.settings
    token = clear_text.token_path(settings, found.shared, found.before, port=update.port)
    return [
        *exposure.warning(settings),
        *clear_text.warning(settings, token),
        *keep_alive.warning(
            keep_alive.keep_alive_seconds(update.folder / settings.image_dir),
            found.limits.idle_seconds if found.shared else settings.idle_timeout_seconds,
            image_dir=settings.image_dir,
            load_balancer=found.live.load_balancer if found.shared else "",
        ),
    ]
