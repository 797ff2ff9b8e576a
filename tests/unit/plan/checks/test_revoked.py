"""A stack whose image was revoked: a launch is refused, what serves goes on, and no production goes to it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core import images
from core.image_trust import Trust
from plan import image_source
from plan.checks import warnings
from plan.checks.known_failures import KnownFailureError, UpdateFacts, checked_plan
from plan.image_source import ImageSource, pinned_source
from plan.readers.account_limits import AccountLimits
from plan.rollout_plan import RolloutPlan
from tests.support.factories import NOW, group, live, reads, recipe, settings
from tests.unit.plan.test_image_source import KNOWN

OLD, NEW = (one.fingerprint for one in reversed(KNOWN))
SHOWN = OLD[:12]

WHY = f"fingerprint {SHOWN} was revoked at 2026-11-24T05:00:00Z: a key in a script"
BY_TAG = Trust(region="eu-west-1")
REVOKED = replace(KNOWN[1], tags={**KNOWN[1].tags, images.REVOKED: "2026-11-24T05:00:00Z a key in a script"})
SOURCE = ImageSource(NEW, "", image=f"ami-{NEW}", image_ids=(f"ami-{OLD}", f"ami-{NEW}"), revoked={f"ami-{OLD}": WHY})


def planned(*, source: ImageSource, image: str, active: str = "blue", standby: bool = False) -> RolloutPlan:
    there = [group("blue", OLD, weight=0 if standby else 100)] + ([group("green", NEW)] if standby else [])
    said = settings(active=active, keep_previous=True)
    return checked_plan(
        UpdateFacts(
            settings=said, spec=recipe(image), live=live(*there), limits=AccountLimits(), source=source, now=NOW
        )
    )


def test_a_launch_from_it_is_refused_with_what_to_type() -> None:
    source = pinned_source([REVOKED], settings(image=OLD), BY_TAG)
    with pytest.raises(KnownFailureError) as error:
        planned(source=source, image=OLD, active="green")
    assert f"image = '{OLD}': must lead to an image that is not revoked: {WHY}" in str(error.value)
    assert f"type: name another image; or take the revocation back: make revoke FINGERPRINT={SHOWN}" in str(error.value)


def test_what_git_says_is_no_way_around_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_source, "_files", lambda *_: {})
    monkeypatch.setattr(image_source, "image_fingerprint", lambda *_: OLD)
    monkeypatch.setattr(images, "list_available", lambda *_, **__: [REVOKED])
    found = image_source.select_source(reads(None), settings(), None, trust=BY_TAG, now=NOW)  # type: ignore[arg-type]
    assert (
        not found.needs_bake
        and "imageDir = 'image': must lead to an image that is not revoked" in found.problems[0].what
    )
    assert found.revoked == {REVOKED.id: WHY}


def test_what_serves_goes_on_and_the_plan_says_so() -> None:
    source = replace(SOURCE, problems=pinned_source([REVOKED], settings(image=OLD), BY_TAG).problems)
    plan = planned(source=source, image=OLD)
    assert plan.existing is not None
    alive = replace(live(group("blue", OLD)), has_preview_rule=True)
    assert warnings.warnings(settings(), plan, alive, source, now=NOW) == [
        f"blue was launched from ami-{OLD}, and {WHY} (a flip to another image takes it away)"
    ]


def test_no_production_goes_to_a_group_that_was_kept() -> None:
    with pytest.raises(KnownFailureError, match="must not mean a group whose image is revoked") as error:
        planned(source=SOURCE, image=NEW, active="blue", standby=True)
    assert "type: pulumi config set active green" in str(error.value)
    assert planned(source=SOURCE, image=NEW, active="green", standby=True).existing is not None
