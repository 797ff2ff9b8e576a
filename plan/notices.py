"""What the program itself tells AWS of a release: that it is planned, or refused, before any step runs.

Only of an update: a preview changes nothing, and whoever previews may only read. `pulumi up` runs the program twice,
and refuses in the first run already, which is a preview to the program.
"""

from __future__ import annotations

from datetime import datetime

import boto3

from core.engine_call import Call
from core.errors import UserError
from core.notifier import Notifier
from core.progress import write
from core.release_events import PLANNED, REFUSED, Release, ReleaseEvent
from core.release_record import OVERRIDE
from plan.checks.freeze import Freeze
from plan.config import pulumi_config
from plan.config.settings import Settings
from plan.image_source import ImageSource
from plan.readers.live_state import LiveState
from plan.rollout_plan import RolloutPlan


def planned(
    settings: Settings, plan: RolloutPlan, live: LiveState, source: ImageSource, frozen: Freeze, *, now: datetime
) -> ReleaseEvent | None:
    """The event of a plan; None when nothing comes of it. Pure."""
    if plan.is_up_to_date and not plan.to_delete:
        return None
    active = plan.active
    known = plan.existing.tags if plan.existing else {"fingerprint": source.fingerprint}
    tags = {**known, "color": active.color, "generation": active.generation}
    if frozen.reason:
        tags[OVERRIDE.removeprefix("phoenix:")] = frozen.reason
    release = Release(stack=settings.identity, color=active.color, generation=active.generation, tags=tags)
    return release.event(PLANNED, at=now, production=live.weights)


def refused(settings: Settings, why: UserError, *, now: datetime) -> ReleaseEvent:
    """The event of an update that ends before it begins. Pure."""
    reason = "\n".join(one.title for one in why.problems)
    return Release(stack=settings.identity).event(REFUSED, at=now, reason=reason)


def announce_plan(connected: boto3.Session, settings: Settings, event: ReleaseEvent | None, call: Call | None) -> None:
    """Tells of a plan that is about to be carried out, and goes on."""
    if event and not pulumi_config.is_preview() and (call is None or call.operation == "up"):
        send(connected, settings, event)


def announce_refusal(connected: boto3.Session, settings: Settings, event: ReleaseEvent, call: Call | None) -> None:
    """Tells that an update was refused, when it is one."""
    if (call.operation == "up") if call else not pulumi_config.is_preview():
        send(connected, settings, event)


def send(connected: boto3.Session, settings: Settings, event: ReleaseEvent) -> None:
    """Returns at once; the program ends once the event is sent, or can't be."""
    Notifier(connected, topic=settings.notify_topic_arn, tell=write).send(event)
