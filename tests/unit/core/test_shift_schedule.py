"""Which weights come one after another, when traffic may go back, and what a killed promotion leaves written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from botocore.credentials import Credentials, RefreshableCredentials

from core import credentials, listener_rules, shift_schedule
from core.credentials import CredentialLifetime
from core.shift_schedule import RollbackPoint, Weights
from steps.promote.alarms import Alarm, other_alarms, own_alarms

G, B, X = (f"arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/{n}/0123456789abcdef" for n in "gbx")
NAMES = {G: "green", B: "blue"}


@pytest.mark.parametrize(
    ("weights", "shares"),
    [
        ({B: 1}, {B: 100}),
        ({B: 1, G: 1}, {B: 50, G: 50}),
        ({B: 450, G: 50}, {B: 90, G: 10}),
        ({B: 0}, {B: 0}),
        # Somebody is there: a promotion has yet to move him, and his group is none without users.
        ({B: 999, G: 1}, {B: 99, G: 1}),
    ],
)
def test_a_weight_is_no_percentage(weights: Weights, shares: Weights) -> None:
    assert listener_rules.shares(weights) == shares
    assert listener_rules.equal_shares(weights, shares)


def test_a_small_share_is_a_share() -> None:
    assert not listener_rules.equal_shares({B: 999, G: 1}, {B: 100, G: 0})


@pytest.mark.parametrize(
    ("observed", "wanted", "canaries", "steps"),
    [
        ({B: 100}, 100, (50, 10), [{G: 10, B: 90}, {G: 50, B: 50}, {G: 100, B: 0}]),
        ({B: 100}, 100, (), [{G: 100, B: 0}]),
        ({B: 100}, 50, (10, 50, 80), [{G: 10, B: 90}, {G: 50, B: 50}]),
        # Died at 10: goes on from there.
        ({B: 90, G: 10}, 100, (10, 50), [{G: 50, B: 50}, {G: 100, B: 0}]),
        ({B: 0, G: 100}, 100, (10,), []),
        ({G: 100}, 100, (10,), []),
        ({B: 100}, 0, (10,), []),
        # Less than it has: at once.
        ({B: 50, G: 50}, 10, (20, 30), [{G: 10, B: 90}]),
        ({B: 0, G: 100}, 0, (10,), [{G: 0, B: 100}]),
        # A leftover that got some gets none from the first step on.
        ({B: 90, X: 10}, 100, (10,), [{G: 10, B: 90}, {G: 100, B: 0}]),
        ({G: 90, X: 10}, 100, (), [{G: 100, X: 0}]),
        # Nobody to share with.
        ({G: 100}, 30, (10,), []),
    ],
)
def test_the_way_to_the_wanted_weights(
    observed: Weights, wanted: int, canaries: Sequence[int], steps: list[Weights]
) -> None:
    way = shift_schedule.plan_shift(ours=G, observed=observed, before=observed, traffic=wanted, canaries=canaries)

    assert [dict(step) for step in way.steps] == steps
    assert way.last == (steps[-1] if steps else observed)


@pytest.mark.parametrize(
    ("before", "now", "healthy", "may"),
    [
        ({B: 100}, {G: 10, B: 90}, {G: 1, B: 1}, True),
        ({B: 100}, {G: 100, B: 0}, {G: 2, B: 0}, False),
        ({B: 100}, {G: 100, B: 0}, {G: 0, B: 0}, True),
        ({B: 100}, {G: 100, B: 0}, {G: 0, B: 2}, True),
        ({B: 100}, {G: 100, B: 0}, {}, True),
        ({B: 100}, {G: 100, B: 0}, {G: 2}, True),
    ],
)
def test_traffic_goes_back_unless_nobody_is_left_there(
    before: Weights, now: Weights, healthy: dict[str, int], may: bool
) -> None:
    assert shift_schedule.may_go_back(before=before, now=now, healthy=healthy) is may


def test_a_note_is_read_back_as_it_was_written_and_fits_into_a_tag() -> None:
    long = [arn.replace("targetgroup/", "targetgroup/" + "n" * 31) for arn in (G, B, X)]
    note = RollbackPoint(to=shift_schedule.short_name(long[0]), weights={long[1]: 90, long[2]: 10}, minimum=12)

    assert shift_schedule.parse_rollback_point(note.text(), long) == note
    assert len(note.text()) <= 256
    text = RollbackPoint(to="g/0123456789abcdef", weights={G: 0, B: 100}, minimum=None).text()
    assert text == "to=g/0123456789abcdef b/0123456789abcdef=100"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "to=g/0123456789abcdef",
        "to=g/0123456789abcdef min=2",
        "to=g/0123456789abcdef b/0123456789abcdef=x",
        "to=g/0123456789abcdef b/0123456789abcdef=100 min=x",
        "to=g/0123456789abcdef gone/0123456789abcdef=100",
        "b/0123456789abcdef=100",
    ],
)
def test_a_note_that_says_nothing_usable_is_ignored(text: str) -> None:
    assert shift_schedule.parse_rollback_point(text, [G, B]) is None


@pytest.mark.parametrize(
    ("ours", "observed", "counts"),
    [
        (G, {B: 90, G: 10}, True),
        (G, {B: 0, G: 100}, True),
        # It died between two sides: neither half is a place to stay.
        (X, {B: 90, G: 10}, True),
        (B, {B: 90, G: 10}, True),
        # It died when all was moved, and that was kept: the way back begins there.
        (B, {B: 0, G: 100}, False),
        (X, {G: 100}, False),
    ],
)
def test_a_note_counts_until_its_traffic_has_ended_up_on_one_side(ours: str, observed: Weights, counts: bool) -> None:
    note = RollbackPoint(to=shift_schedule.short_name(G), weights={B: 100}, minimum=None)

    assert note.counts(ours=ours, observed=observed) is counts


# CloudWatch shows the first whole minute 120 to 240 s after the weights were set.
@pytest.mark.parametrize(
    ("steps", "full", "watched", "seconds"),
    [
        (0, True, True, (0, 0)),
        (3, True, False, (2 * 60 + 10 + 90, 2 * 60 + 10 + 90)),
        (3, True, True, (2 * 120 + 10 + 120, 2 * 240 + 10 + 240)),
        (1, False, False, (60, 60)),
        (1, False, True, (120, 240)),
        (2, False, True, (240, 480)),
    ],
)
def test_the_way_takes_as_long_as_its_pauses(steps: int, full: bool, watched: bool, seconds: tuple[int, int]) -> None:
    planned = shift_schedule.planned_seconds(
        steps=steps, full=full, canary_pause=60, settle=10, soak=30, drain=90, watched=watched
    )
    assert planned == seconds


@pytest.mark.parametrize(
    ("asked", "metrics_too", "seconds"),
    [
        (180, True, (180, 240)),
        (600, True, (600, 600)),
        (5, True, (120, 240)),
        (5, False, (5, 5)),
        (0, True, (0, 0)),
    ],
)
def test_a_pause_ends_when_cloudwatch_has_shown_it_unless_it_is_none(
    asked: int, metrics_too: bool, seconds: tuple[int, int]
) -> None:
    assert shift_schedule.watched_seconds(asked, metrics_too=metrics_too) == seconds


def test_weights_are_told_by_color_and_set_by_hand_with_one_command() -> None:
    assert (
        shift_schedule.describe_weights({G: 10, B: 90, X: 0}, NAMES) == "green 10 %, blue 90 %, x/0123456789abcdef 0 %"
    )
    command = shift_schedule.modify_rule_command("eu-west-1", "arn:rule", {B: 100})
    assert command.startswith("aws elbv2 modify-rule --region eu-west-1 --rule-arn arn:rule --actions '[{")
    assert f'"TargetGroups":[{{"TargetGroupArn":"{B}","Weight":100}}]' in command


NOW = datetime(2026, 11, 24, 5, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("life", "refused"),
    [
        (CredentialLifetime(ends=None, temporary=False), False),
        (CredentialLifetime(ends=None, temporary=True), False),
        (CredentialLifetime(ends=NOW + timedelta(seconds=900), temporary=True), False),
        (CredentialLifetime(ends=NOW + timedelta(seconds=899), temporary=True), True),
        (CredentialLifetime(ends=NOW - timedelta(seconds=5), temporary=True), True),
    ],
)
def test_credentials_must_outlive_the_way_and_the_way_back(life: CredentialLifetime, refused: bool) -> None:
    error = credentials.refusal(life, now=NOW, seconds=600)

    assert (error is not None) is refused
    if error:
        assert "canary and soak take 600 s, and going back if they fail 300 s more" in str(error)
        assert "aws sso login" in str(error)


def test_only_credentials_that_nobody_renews_have_an_end() -> None:
    def renewable(method: str) -> RefreshableCredentials:
        return RefreshableCredentials("key", "secret", "token", NOW, dict, method)

    assert credentials.credential_lifetime(renewable("env")) == CredentialLifetime(ends=NOW, temporary=True)
    assert credentials.credential_lifetime(renewable("assume-role")) == CredentialLifetime(ends=None, temporary=False)
    assert credentials.credential_lifetime(Credentials("key", "secret", "token")) == CredentialLifetime(
        ends=None, temporary=True
    )
    assert credentials.credential_lifetime(Credentials("key", "secret")) == CredentialLifetime(
        ends=None, temporary=False
    )


def test_an_alarm_about_our_own_servers_is_told_from_others() -> None:
    mine = Alarm(name="mine", in_alarm=True, about=frozenset({"targetgroup/g/0123456789abcdef"}))
    site = Alarm(name="site", in_alarm=True)
    quiet = Alarm(name="quiet", in_alarm=False, about=mine.about)

    assert own_alarms([mine, site, quiet], G) == ["mine"]
    assert other_alarms([mine, site, quiet], G) == ["site"]
