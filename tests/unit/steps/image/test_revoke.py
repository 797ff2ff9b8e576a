"""A revoked fingerprint: which images are marked, and who refuses to launch from them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from core import image_sharing, images, revocation
from core.aws import Aws
from core.errors import StepError
from core.image_sharing import AccountRegion
from core.image_trust import Trust
from core.images import Image, Revoked
from core.progress import Progress
from steps.cleanup import old_images
from steps.image import bake, reuse, revoke
from steps.runtime import options
from steps.runtime.command import Context
from steps.runtime.signals import Interrupts
from tests.support.account import moto_only
from tests.unit.core.test_images import ACCOUNT, FINGERPRINT, HOUR, NOW, REGION, decide, image, tags
from tests.unit.steps.cloud import FakeClock, Wrapped

BAD = "2026-11-24T05:00:00Z a key in a script"
OTHER = "0123456789ab" + "f" * 52
SHOWN = FINGERPRINT[:12]


def revoked(one: Image, why: str = BAD) -> Image:
    return replace(one, tags={**one.tags, images.REVOKED: why})


def test_no_image_of_a_revoked_fingerprint_is_reused_waited_for_or_baked() -> None:
    bad = revoked(image("ami-bad"))
    for beside in ([], [image("ami-good", age=HOUR)], [image("ami-new", state="pending", age=HOUR / 2)]):
        assert decide(bad, *beside) == Revoked(image=bad)
    assert decide(revoked(image(age=9999 * 24 * HOUR)), max_age_days=1) != images.Bake(why="it is old")
    assert not isinstance(decide(revoked(image(), "")), Revoked), "taken back"


def test_a_revoked_image_that_is_asked_for_by_name_is_refused_with_what_to_type() -> None:
    named = image("ami-named")
    with pytest.raises(StepError) as error:
        revocation.refuse([named, revoked(image("ami-bad"))], named, stack="phoenix/dev")
    assert str(error.value).splitlines() == [
        f"PHX-430: nobody is launched from a revoked image: fingerprint {SHOWN} was revoked at 2026-11-24T05:00:00Z:"
        " a key in a script",
        "Why: ami-bad says so in its tag phoenix:revoked",
        f"Do:  name another image; or take the revocation back: make revoke FINGERPRINT={SHOWN} STACK=dev UNDO=true",
    ]


def test_a_revoked_image_is_no_image_to_copy_in_whatever_account_it_is_seen() -> None:
    said = image_sharing.parse_description(image_sharing.description({**tags(), images.REVOKED: BAD}))
    assert said[images.REVOKED] == "2026-11-24T05:00:00Z"
    seen = replace(image("ami-bad"), tags={**tags(), **said})
    with pytest.raises(
        StepError, match="account 111111111111, region eu-west-1 has revoked the fingerprint 0123456789ab"
    ):
        image_sharing.select(
            [image("ami-good"), seen],
            AccountRegion(account="111111111111", region=REGION),
            service="phoenix",
            fingerprint=FINGERPRINT,
            account=ACCOUNT,
            max_age_days=0,
            now=NOW,
        )


def test_what_says_that_it_is_revoked_is_never_pruned_and_counts_for_nothing() -> None:
    ours = [revoked(image("ami-bad", age=timedelta(days=1))), *(image(f"ami-{n}", age=n * 48 * HOUR) for n in (1, 2))]
    verdict = old_images.select(ours, used=(), keep=1, now=NOW)
    assert [one.id for one in verdict.to_deregister] == ["ami-2"]
    assert ("ami-bad", f"it is revoked ({BAD})") in [(one.id, why) for one, why in verdict.kept]


@pytest.mark.parametrize("prefix", [SHOWN, FINGERPRINT])
def test_the_first_digits_name_every_image_of_a_fingerprint(prefix: str) -> None:
    ours = [image("ami-1"), image("ami-2", state="pending"), replace(image("ami-x"), tags=tags(fingerprint="f" * 64))]
    assert {one.id for one in revoke.select(ours, prefix, service="phoenix")} == {"ami-1", "ami-2"}


def test_digits_of_two_fingerprints_and_of_none_are_refused() -> None:
    two = [image("ami-1"), replace(image("ami-x"), tags=tags(fingerprint=OTHER))]
    with pytest.raises(StepError, match="2 fingerprints begin with 0123456789ab"):
        revoke.select(two, SHOWN, service="phoenix")
    with pytest.raises(StepError, match="has a fingerprint that begins with ffffffffffff") as error:
        revoke.select(two, "f" * 12, service="phoenix")
    assert SHOWN in error.value.why


# On AWS's own side.


@pytest.fixture
def ec2(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    moto_only(monkeypatch)
    with mock_aws():
        yield boto3.client("ec2", region_name=REGION)


def context() -> Context:
    clock = FakeClock()
    return Context(
        aws=Aws(boto3.Session(region_name=REGION)),
        clock=clock,
        progress=Progress(clock, stream=io.StringIO()),
        interrupts=Interrupts(),
    )


def made(ec2: Any, name: str, **more: str) -> str:
    carried = [{"Key": key, "Value": value} for key, value in {**tags(), **more}.items()]
    ami = str(ec2.register_image(Name=name, RootDeviceName="/dev/xvda")["ImageId"])
    ec2.create_tags(Resources=[ami], Tags=carried)
    return ami


def run(told: list[Any] | None = None, **said: str) -> dict[str, object]:
    """The step; `told` gets what was said of an image in its description, which moto does not keep."""
    given = {
        "stack": "phoenix/dev",
        "account": ACCOUNT,
        "region": REGION,
        "service": "phoenix",
        "fingerprint": SHOWN,
        **said,
    }
    read = options.read_options(
        revoke.Options,
        step="revoke",
        about="",
        arguments=[part for key, value in given.items() for part in (f"--{key}", value)],
        environment={},
    )
    used = context()
    used.aws.__dict__["ec2"] = Wrapped(used.aws.ec2, modify_image_attribute=lambda **call: (told or []).append(call))
    return revoke.revoke(read, used)


def test_each_image_is_marked_once_and_the_mark_is_taken_back(ec2: Any) -> None:
    both = sorted([made(ec2, "one"), made(ec2, "two", **{images.SHARED_BY: "phoenix/dev"})])
    other = made(ec2, "other", **{"phoenix:fingerprint": "f" * 64})
    told: list[Any] = [None]
    first = run(told, reason="a key in a script")
    assert first["images"] == both
    again = run(reason="another reason")
    marks = {one.id: one for one in images.find_images(ec2, {})}
    assert {marks[one].revoked for one in both} == {first["revoked"]} and again["images"] == both
    assert not marks[other].revoked
    shared = next(one for one in both if marks[one].shared_by)
    run(told, undo="true")
    assert [one["ImageId"] for one in told[1:]] == [shared, shared]
    revoked_at, taken_back = (one["Description"]["Value"] for one in told[1:])
    assert revoked_at.startswith(f"phoenix revoked={str(first['revoked'])[:20]} ")
    assert "revoked" not in taken_back
    assert not any(one.revoked for one in images.find_images(ec2, {}))


def test_a_bake_and_a_pinned_bake_of_it_are_refused(ec2: Any) -> None:
    made(ec2, "one")
    run()
    wanted = bake.Options(
        stack="phoenix/dev",
        account=ACCOUNT,
        region=REGION,
        service="phoenix",
        fingerprint=FINGERPRINT,
        base_image="debian-12",
    )
    with pytest.raises(StepError, match=f"fingerprint {SHOWN} was revoked"):
        reuse.find_existing(wanted, context(), otherwise="baked", seconds=60, trust=Trust(region=REGION))
    with pytest.raises(StepError, match=f"fingerprint {SHOWN} was revoked"):
        reuse.pinned(wanted, context(), FINGERPRINT, Trust(region=REGION))


@pytest.mark.parametrize("reason", ["x" * 201, "<script>", "two\nlines"])
def test_a_reason_that_no_tag_can_hold_is_refused(reason: str) -> None:
    with pytest.raises(ValueError, match="characters"):
        revocation.parse_reason(reason)
