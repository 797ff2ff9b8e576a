"""promote: traffic moves in watched steps, and what it leaves behind when all goes well."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from core.errors import StepError
from core.release_events import PROMOTED, REFUSED, SHIFTED
from steps.promote import compared, pause
from steps.promote.promote import promote
from tests.unit.steps.cloud import BLUE, GREEN, REGION, Balancer, World
from tests.unit.steps.promote.flipping import Flipping


def test_traffic_moves_step_by_step_and_each_is_watched(flipping: Flipping) -> None:
    result = promote(flipping.given(), flipping.world.context())

    assert flipping.moves == [
        {"green": 10, "blue": 90},
        {"green": 50, "blue": 50},
        {"green": 100, "blue": 0},
    ]
    assert flipping.world.weights() == {flipping.green.target_group: 100, flipping.blue.target_group: 0}
    assert {key: result[key] for key in ("color", "generation", "weights", "targets", "first")} == {
        "color": "green",
        "generation": GREEN,
        "weights": {"green": 100, "blue": 0},
        "targets": {flipping.green.target_group: 100, flipping.blue.target_group: 0},
        "first": False,
    }
    assert str(result["promotedAt"]).endswith("Z")
    said = flipping.world.said()
    # Two canaries of 120 to 240 s, whose 60 s are too short for CloudWatch, 10 s to settle, and a soak like a canary.
    assert "from blue 100 % in 3 steps and 370 to 730 s, by when CloudWatch shows each whole minute" in said
    assert 370 <= flipping.world.clock.passed <= 730
    assert "production traffic: green 10 %, blue 90 % (step 1 of 3)" in said
    assert "[20 s of 60 s] canary: green 10 %, blue 90 %: 2 of 2 servers healthy, probes answer" in said
    assert re.search(r"canary: green 10 %.*, 5xx 0 of 1 requests in 1 whole minute; then 50 %\n", said)
    assert "soak: green 100 %, blue 0 %" in said
    *shifts, promoted = flipping.world.events
    assert [(one.kind, one.production) for one in shifts] == [(SHIFTED, move) for move in flipping.moves]
    assert (promoted.kind, promoted.color, promoted.production) == (PROMOTED, "green", {"green": 100, "blue": 0})
    assert promoted.detail()["release"]["gates"]["promote"]["looks"] > 0
    assert len(promoted.detail()["release"]["weights"]) == 3


def test_who_gets_users_is_protected_from_deletion_first(flipping: Flipping) -> None:
    calls = flipping.world.protected()
    flipping.on_move = lambda: calls.append(("moved", ""))
    promote(flipping.given(), flipping.world.context())
    assert [call for call in calls if call != ("moved", "")] == [(flipping.green.group, "prevent-all-deletion")]
    assert calls[0] == (flipping.green.group, "prevent-all-deletion"), "before the first user"


def test_a_pre_production_group_may_be_deleted_by_hand(flipping: Flipping) -> None:
    calls = flipping.world.protected()
    promote(flipping.given(traffic=0), flipping.world.context())
    assert calls == []


def test_a_group_that_can_not_be_protected_gets_its_users_all_the_same(flipping: Flipping) -> None:
    scaling: Any = flipping.world.aws.autoscaling
    update = scaling.update_auto_scaling_group

    def refused(**asked: Any) -> Any:
        if "DeletionProtection" in asked:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "not here"}}, "UpdateAutoScalingGroup")
        return update(**asked)

    scaling.answers["update_auto_scaling_group"] = refused
    promote(flipping.given(), flipping.world.context())
    assert flipping.moves[-1] == {"green": 100, "blue": 0}
    assert (
        "could not be protected from deletion by hand (UpdateAutoScalingGroup: ValidationError: not here)"
        in flipping.world.said()
    )


def test_both_groups_keep_their_size_while_traffic_moves_and_get_their_own_back(flipping: Flipping) -> None:
    world, sizes = flipping.world, []
    world.aws.autoscaling.update_auto_scaling_group(AutoScalingGroupName=flipping.blue.group, MinSize=1)
    world.clock.at(90, lambda: sizes.append((flipping.minimum("green"), flipping.minimum("blue"))))

    promote(flipping.given(), world.context())

    assert sizes == [(2, 2)]
    assert (flipping.minimum("green"), flipping.minimum("blue")) == (1, 1)


def test_the_old_group_gets_the_time_to_end_what_it_began(flipping: Flipping) -> None:
    moved: list[float] = []
    flipping.on_move = lambda: moved.append(flipping.world.clock.passed)

    promote(
        flipping.given(canary_steps=(), settle_seconds=5, soak_seconds=10, drain_seconds=200), flipping.world.context()
    )

    assert flipping.world.clock.passed - moved[-1] >= 200


def test_users_keep_their_group_while_it_is_shared_and_are_free_in_the_call_that_ends_it(flipping: Flipping) -> None:
    promote(flipping.given(sticky=True), flipping.world.context())
    assert flipping.moves[-1] == {"green": 100, "blue": 0}
    assert flipping.sticks == [True, True, False]


def test_nobody_sticks_unless_it_is_asked_for(flipping: Flipping) -> None:
    promote(flipping.given(), flipping.world.context())
    assert flipping.sticks == [False, False, False]


def test_a_held_canary_is_watched_and_stays(flipping: Flipping) -> None:
    result = promote(flipping.given(traffic=10), flipping.world.context())

    assert flipping.moves == [{"green": 10, "blue": 90}]
    assert result["weights"] == {"green": 10, "blue": 90}


def test_a_pre_production_group_only_has_to_be_well(flipping: Flipping) -> None:
    result = promote(flipping.given(traffic=0), flipping.world.context())

    assert flipping.moves == []
    assert result["weights"] == {"blue": 100}
    assert "the traffic already is where it should be: blue 100 %" in flipping.world.said()


def test_where_traffic_already_is_nothing_moves_and_sizes_are_put_right(flipping: Flipping) -> None:
    flipping.put({"green": 100, "blue": 0})
    flipping.world.aws.autoscaling.update_auto_scaling_group(AutoScalingGroupName=flipping.green.group, MinSize=3)

    result = promote(flipping.given(), flipping.world.context())

    assert flipping.moves == []
    assert result["weights"] == {"green": 100, "blue": 0}
    assert flipping.minimum("green") == 1


def test_going_back_is_one_step(flipping: Flipping) -> None:
    flipping.put({"green": 0, "blue": 100})

    promote(flipping.given(canary_steps=()), flipping.world.context())

    assert flipping.moves == [{"green": 100, "blue": 0}]


def test_from_servers_that_answer_nothing_there_is_no_canary(flipping: Flipping) -> None:
    flipping.world.aws.autoscaling.delete_auto_scaling_group(AutoScalingGroupName=flipping.blue.group, ForceDelete=True)
    flipping.alarm("site", "ALARM")

    # CloudWatch knows of them late: they were the dead servers' users.
    def on_move() -> None:
        flipping.measured("HTTPCode_ELB_5XX_Count", 500)
        flipping.measured("RequestCount", 500)

    flipping.on_move = on_move
    promote(flipping.given(alarms=("site",)), flipping.world.context())
    assert flipping.moves == [{"green": 100, "blue": 0}]
    said = flipping.world.said()
    assert "no server that has production now is healthy: green takes over without a canary" in said
    assert "in ALARM already, and not counted until quiet: site" in said


def test_at_the_first_birth_there_is_nothing_to_move(alb: Balancer) -> None:
    with mock_aws():
        flipping = Flipping(World(boto3.Session("testing", "testing", region_name=REGION), alb.port), live=False)

        result = promote(flipping.given(), flipping.world.context())

    assert (result["first"], result["weights"]) == (True, {"green": 100})
    assert [(one.kind, one.production) for one in flipping.world.events] == [(PROMOTED, {"green": 100})]
    assert "there is no production rule yet: this is the first birth" in flipping.world.said()


def refused(flipping: Flipping, **more: Any) -> str:
    before = flipping.world.weights()
    with pytest.raises(StepError) as error:
        promote(flipping.given(**more), flipping.world.context())
    assert flipping.moves == []
    assert flipping.world.weights() == before
    assert [one.kind for one in flipping.world.events] == [REFUSED]
    assert flipping.world.events[0].reason.splitlines()[0] == str(error.value).splitlines()[0]
    return str(error.value)


def test_a_group_that_nobody_verified_gets_nothing(flipping: Flipping) -> None:
    flipping.verified(BLUE)

    text = refused(flipping)

    assert text == (
        f"PHX-703: green-{GREEN} was not verified as {GREEN}; production was not touched\n"
        f"Why: its tag phoenix:verified says {BLUE}\n"
        "Do:  run `pulumi up`: it verifies first"
    )


def test_the_target_group_of_other_servers_gets_nothing(flipping: Flipping) -> None:
    assert "its servers are not those of" in refused(flipping, target_group=flipping.blue.target_group)


def ending_credentials(flipping: Flipping, monkeypatch: pytest.MonkeyPatch, *, seconds: int) -> None:
    """Credentials that nobody renews, and that say when they end."""
    ends = flipping.world.clock.utc() + timedelta(seconds=seconds)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "testing")
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", ends.isoformat())
    flipping.world.aws.session = boto3.Session(region_name=REGION)


def test_doubt_takes_no_more_time_than_the_credentials_have_to_spare(
    flipping: Flipping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is rare, so no update is refused for it; and a way back that comes late must still be possible."""
    monkeypatch.setattr(compared, "doubt", lambda _: "a word of chance")
    ending_credentials(flipping, monkeypatch, seconds=730 + 300 + 60)
    promote(flipping.given(), flipping.world.context())
    quick = flipping.world.clock.passed
    assert quick <= 730 + 60
    assert "waiting for a word of chance" in flipping.world.said()


def test_doubt_may_take_its_time_with_credentials_that_are_renewed(
    flipping: Flipping, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compared, "doubt", lambda _: "a word of chance")
    promote(flipping.given(), flipping.world.context())
    assert flipping.world.clock.passed > 3 * pause.DOUBT_SECONDS


def test_credentials_that_end_on_the_way_are_refused(flipping: Flipping, monkeypatch: pytest.MonkeyPatch) -> None:
    ending_credentials(flipping, monkeypatch, seconds=900)

    text = refused(flipping)

    assert "the credentials end before the traffic has moved; production was not touched" in text
    assert "canary and soak take 730 s" in text
    flipping.world.events.clear()
    assert "canary and soak take 2530 s" in refused(flipping, approve_at=(10,), approval_timeout_minutes=30)


def test_temporary_credentials_that_do_not_tell_their_end_are_mentioned(flipping: Flipping) -> None:
    flipping.world.aws.session = boto3.Session("testing", "testing", "token", region_name=REGION)

    promote(flipping.given(canary_steps=()), flipping.world.context())

    assert (
        "these credentials are temporary and don't say when they end; they are needed for 100 s"
        in flipping.world.said()
    )


def test_an_alarm_that_is_not_there_is_an_error_before_anything_moves(flipping: Flipping) -> None:
    flipping.alarm("latency")

    text = refused(flipping, alarms=("latency", "latencyy"))

    assert "there is no CloudWatch alarm named latencyy" in text
    assert "production was not touched: blue 100 %" in text


def test_an_alarm_that_rings_already_forbids_a_canary(flipping: Flipping) -> None:
    flipping.alarm("site", "ALARM")

    text = refused(flipping, alarms=("site",))

    assert "in ALARM before any traffic moved: site" in text
    assert "set canarySteps to [] to move at once" in text


def test_an_alarm_that_rings_already_does_not_stand_in_the_way_out(flipping: Flipping) -> None:
    flipping.alarm("site", "ALARM")

    promote(flipping.given(alarms=("site",), canary_steps=()), flipping.world.context())

    assert flipping.moves == [{"green": 100, "blue": 0}]
    assert "in ALARM already, and not counted until quiet: site" in flipping.world.said()


def test_an_alarm_of_the_new_servers_may_be_left_from_their_birth(flipping: Flipping) -> None:
    flipping.alarm("green-hosts", "ALARM", about=flipping.green.target_group)
    flipping.world.clock.at(60, lambda: flipping.alarm("green-hosts", about=flipping.green.target_group))

    promote(flipping.given(alarms=("green-hosts",)), flipping.world.context())

    assert "waiting for green-hosts to be quiet" in flipping.world.said()


def test_an_alarm_of_the_new_servers_that_stays_forbids_the_move(flipping: Flipping) -> None:
    flipping.alarm("green-hosts", "ALARM", about=flipping.green.target_group)

    assert "in ALARM about the new servers before they got any traffic" in refused(flipping, alarms=("green-hosts",))


def test_an_alarm_without_data_is_neither_good_nor_bad(flipping: Flipping) -> None:
    flipping.alarm("quiet-site", "INSUFFICIENT_DATA")

    promote(flipping.given(alarms=("quiet-site",)), flipping.world.context())

    assert len(flipping.moves) == 3


def test_an_application_that_does_not_tell_its_generation_settles_by_its_answers(
    flipping: Flipping, alb: Balancer
) -> None:
    alb.preview.generation = alb.production.generation = None

    promote(flipping.given(), flipping.world.context())

    assert flipping.world.said().count("which generation answers is not checked") == 1
