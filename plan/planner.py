"""What an update finds before it declares anything: what is live, what git says, what AWS allows; and its flight plan.

Raises what `plan.config.pulumi_config.errors` tells a user.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import boto3

from core import engine_call
from core import session as sessions
from plan import image_origin, lineage, listener_move, server_spec
from plan.checks import clear_text, engine_flags, keep_alive, known_failures, ownership, permanent
from plan.checks.ownership import OwnershipError
from plan.checks.permanent import Before
from plan.config.settings import Settings
from plan.image_source import Source
from plan.lineage import Lineage
from plan.listener_move import Doors
from plan.readers import account_limits, existing_balancer, live_state, orphans, stack_state, unrecorded
from plan.readers.account_limits import Outlook
from plan.readers.existing_balancer import Shared
from plan.readers.live_state import Account, Live
from plan.readers.recorded_steps import Recorded
from plan.readers.stack_state import Made
from plan.report import changelog, package_diff, permanent_rows, report
from plan.report.report import Briefing
from plan.rollout_plan import Flight, FlightError
from plan.server_spec import Recipe


@dataclass(frozen=True)
class Preflight:
    """All that one service's update is decided by.

    `recorded`: what the steps of earlier updates said. `lost`: things that killed updates left, and no state knows.
    """

    settings: Settings
    account: Account
    source: Source
    recipe: Recipe
    standing: Live
    recorded: Recorded
    lost: tuple[str, ...]
    shared: Shared | None
    flight: Flight
    lineage: Lineage
    brief: Briefing
    doors: Doors


def read(
    settings: Settings, folder: Path, *, now: datetime, owner: str = "", port: int = 0, alone: bool = False
) -> Preflight:
    """The flight of an update that may succeed.

    `folder` is the project's. `owner`: SERVICE/STACK of the tag on a load balancer that this program makes for several
    services, and `port` of its listener. `alone`: the program declares nothing but this service, so whatever its state
    holds is this service's.
    """
    port = port or settings.port
    session = sessions.connect(
        region=settings.region,
        profile=settings.profile,
        credentials_file=settings.credentials_file,
        config_file=settings.config_file,
    )
    account = replace(
        live_state.account(session, region=settings.region, profile=settings.profile),
        credentials_file=settings.credentials_file,
        config_file=settings.config_file,
    )
    made = stack_state.check(account)
    if alone:
        ownership.check_identity(settings, made)
    stack_state.stays(made, stack=settings.identity, listener=settings.listener_arn)
    source = image_origin.source(session, settings, account, folder, now=now)
    recipe = server_spec.recipe(settings, source.fingerprint)
    shared = (
        existing_balancer.read(session, settings, account, owner=owner, made=made.ids)
        if owner or settings.listener_arn
        else None
    )
    before = permanent.read(made, owner=owner or settings.identity, identity=settings.identity)
    standing = live_state.read(
        session,
        stack=settings.identity,
        shared=(shared.arn, shared.vpc_id) if shared else None,
        made=made.ids,
        main=before.ports[port].arn if port in before.ports else "",
    )
    left = _checked_owner(session, settings, standing, made, shared, owner=owner)
    found = orphans.read(
        session,
        standing,
        stack=settings.identity,
        known=made.ids,
        beside=shared.security_groups if shared else (),
        ports=() if shared else permanent.wanted(settings),
    )
    stray = (*listener_move.lost(before, standing, made.ids), *found.things, *left)
    standing = replace(
        standing,
        reported=made.recorded.production(f"{settings.name}-promote"),
        tried=standing.tried | found.tried | made.tried,
    )
    ahead = account_limits.read(session, settings, standing, now=now)
    descent = lineage.read(standing, folder)
    flight = known_failures.cleared(
        settings,
        recipe,
        standing,
        ahead,
        source,
        now=now,
        shared=shared,
        before=before,
        port=port,
        front=not owner,
        descent=descent,
    )
    if forgotten := list(ownership.forgotten_groups(standing, made, stay=flight.standing_colors)):
        raise OwnershipError("\n".join(["nothing was changed:", *forgotten]))
    given = engine_flags.read(engine_call.read(), os.environ)
    if refused := list(engine_flags.problems(given, flight, (one.urn for one in made.resources))):
        raise FlightError("\n".join(refused))
    changed = changelog.of(flight, settings, folder)
    differing = package_diff.lines(session, flight, source, service=settings.service)
    brief = report.write(
        settings,
        flight,
        recipe,
        standing,
        source,
        ahead,
        changed,
        packages=differing,
        now=now,
        descent=descent,
        permanent=permanent_rows.rows(before, settings, standing, front=not owner),
    )
    mind = [
        *engine_flags.note(given, flight),
        *_of_the_listener(settings, shared, before, ahead, standing, folder, port=port),
    ]
    brief = replace(brief, rows=(*brief.rows, *(("mind", line) for line in mind)))
    return Preflight(
        settings,
        account,
        source,
        recipe,
        standing,
        made.recorded,
        stray,
        shared,
        flight,
        descent,
        brief,
        listener_move.doors(before, standing, port=port),
    )


def _of_the_listener(
    settings: Settings,
    shared: Shared | None,
    before: Before,
    ahead: Outlook,
    standing: Live,
    folder: Path,
    *,
    port: int,
) -> list[str]:
    """What does not stop an update, and whoever reads its plan must know of the way that requests come."""
    return [
        *clear_text.warning(settings, clear_text.way(settings, shared, before, port=port)),
        *keep_alive.warning(
            keep_alive.seconds(folder / settings.image_dir),
            ahead.idle_seconds,
            image_dir=settings.image_dir,
            load_balancer=standing.load_balancer,
        ),
    ]


def _checked_owner(
    session: boto3.Session, settings: Settings, standing: Live, made: Made, shared: Shared | None, *, owner: str
) -> tuple[str, ...]:
    """What killed updates of this state left of load balancers. Raises `OwnershipError` for another state's stack."""
    balancers = session.client("elbv2")
    found = ownership.read(balancers, standing.others or (shared.others if shared else ()))
    wanted = [] if owner or settings.vpc_id else unrecorded.network(settings.name)
    if not shared:
        wanted += unrecorded.front(settings.name, ports=settings.ports, cidrs=settings.allowed_cidrs)
    unknown = [
        *unrecorded.read(session, made, wanted, owner=settings.identity),
        *ownership.unknown_listeners(balancers, standing, made),
    ]
    if why := ownership.refusal(settings, standing, made, found, unknown):
        raise OwnershipError(why)
    return ownership.left_by_killed(found, made)
