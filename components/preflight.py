"""What an update finds before it declares anything: what is live, what git says, what AWS allows; and its flight plan.

Raises what `components.config.errors` tells a user.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import boto3

from components import (
    briefing,
    changelog,
    foresight,
    generation,
    home,
    live,
    origin,
    outlook,
    packages,
    permanent,
    permanent_rows,
    sharing,
    strays,
)
from components.briefing import Briefing
from components.flight import Flight
from components.generation import Recipe
from components.images import Source
from components.live import Account, Live
from components.settings import Settings
from components.sharing import Shared


@dataclass(frozen=True)
class Preflight:
    """All that one service's update is decided by. `lost`: things that killed updates left, and no state knows."""

    settings: Settings
    account: Account
    source: Source
    recipe: Recipe
    standing: Live
    lost: tuple[str, ...]
    shared: Shared | None
    flight: Flight
    brief: Briefing


def read(settings: Settings, folder: Path, *, now: datetime, owner: str = "") -> Preflight:
    """The flight of an update that may succeed.

    `folder` is the project's. `owner`: SERVICE/STACK of the tag on a load balancer that this program makes for several
    services.
    """
    session = boto3.Session(region_name=settings.region, profile_name=settings.profile or None)
    account = live.account(session, region=settings.region, profile=settings.profile)
    made = home.check(account)
    home.stays(made, stack=settings.identity, listener=settings.listener_arn)
    source = origin.source(session, settings, account, folder, now=now)
    recipe = generation.recipe(settings, source.fingerprint)
    shared = sharing.read(session, settings, account, owner=owner) if owner or settings.listener_arn else None
    standing = live.read(
        session, stack=settings.identity, shared=(shared.arn, shared.vpc_id) if shared else None)
    lost = strays.read(session, standing, stack=settings.identity, known=made.ids,
                       beside=shared.security_groups if shared else ())
    ahead = outlook.read(session, settings, standing, now=now)
    before = permanent.read(made, owner=owner or settings.identity, identity=settings.identity)
    flight = foresight.cleared(
        settings, recipe, standing, ahead, source, now=now, shared=shared, before=None if owner else before)
    changed = changelog.of(flight, settings, folder)
    differing = packages.lines(session, flight, source, service=settings.service)
    brief = briefing.write(
        settings, flight, recipe, standing, source, ahead, changed, packages=differing, now=now,
        permanent=permanent_rows.rows(before, settings, standing, front=not owner))
    return Preflight(settings, account, source, recipe, standing, lost, shared, flight, brief)
