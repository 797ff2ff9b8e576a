"""promote: when the new group does not do well, or the step is stopped, traffic goes back first."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from core.aws import RENEW
from core.errors import StepError
from core.release_events import ROLLED_BACK, SHIFTED
from core.session import CredentialsEndedError
from steps.promote.promote import promote
from steps.runtime.signals import Interrupted
from tests.unit.steps.cloud import BLUE, Balancer
from tests.unit.steps.promote.flipping import Flipping

BACK = "production traffic is back: blue 100 %"


def fails(flipping: Flipping, **more: Any) -> str:
    with pytest.raises(StepError) as error:
        promote(flipping.given(**more), flipping.world.context())
    return str(error.value)


def goes_back(flipping: Flipping, *, moves: list[dict[str, int]], **more: Any) -> str:
    """Promotes, and sees that it fails after `moves` with everything as it was before."""
    text = fails(flipping, **more)
    assert text.startswith("PHX-701: green aaaaaaaaaaaa was not promoted\nWhy: ")
    assert BACK in text
    assert flipping.moves == [*moves, {"blue": 100}]
    assert flipping.world.weights() == {flipping.blue.target_group: 100}
    assert (flipping.minimum("green"), flipping.minimum("blue")) == (1, 2)
    assert "phoenix:before" not in flipping.world.tags(flipping.world.production_rule)
    last_weights = len(flipping.calls) - flipping.calls[::-1].index("weights")
    assert flipping.calls[last_weights:] == ["size green"], "sizes come after the weights"
    return text


CANARY = [{"green": 10, "blue": 90}]


def test_an_alarm_that_rings_in_a_canary_sends_traffic_back(flipping: Flipping) -> None:
    flipping.alarm("site")
    flipping.world.clock.at(30, lambda: flipping.alarm("site", "ALARM"))

    text = goes_back(flipping, moves=CANARY, alarms=("site",))

    assert "it failed its checks under production traffic\n     in ALARM: site" in text
    assert text.endswith("Do:  repair it; `pulumi up` tries again")
    shifted, back = flipping.world.events
    assert (shifted.kind, shifted.production) == (SHIFTED, {"green": 10, "blue": 90})
    assert (back.kind, back.production) == (ROLLED_BACK, {"blue": 100})
    assert back.reason.startswith("PHX-701: green aaaaaaaaaaaa was not promoted\n")
    assert "in ALARM: site" in back.reason


def test_the_call_that_takes_traffic_back_frees_who_sticks_to_the_new_group(flipping: Flipping) -> None:
    flipping.alarm("site")
    flipping.world.clock.at(30, lambda: flipping.alarm("site", "ALARM"))
    goes_back(flipping, moves=CANARY, alarms=("site",), sticky=True)
    assert flipping.sticks == [True, False]


def test_an_alarm_that_rang_before_counts_once_it_was_quiet(flipping: Flipping) -> None:
    flipping.alarm("site", "ALARM")
    flipping.world.clock.at(20, lambda: flipping.alarm("site"))
    flipping.world.clock.at(40, lambda: flipping.alarm("site", "ALARM"))

    text = goes_back(flipping, moves=[{"green": 100, "blue": 0}], alarms=("site",), canary_steps=())

    assert "in ALARM: site" in text


def test_servers_that_fail_their_health_checks_send_traffic_back(flipping: Flipping) -> None:
    def sicken() -> None:
        flipping.world.health[flipping.green.target_group] = [("i-1", "unhealthy", "Target.Timeout", "")]

    flipping.world.clock.at(30, sicken)

    assert "only 0 of 2 servers are healthy" in goes_back(flipping, moves=CANARY)


def test_three_failed_probes_in_a_row_send_traffic_back(flipping: Flipping, alb: Balancer) -> None:
    flipping.world.clock.at(30, lambda: setattr(alb.preview, "status", 503))

    text = goes_back(flipping, moves=CANARY)

    assert "3 probes in a row failed: 127.0.0.1 answered 503" in text


def test_a_pause_without_one_good_probe_is_no_good_news(flipping: Flipping, alb: Balancer) -> None:
    flipping.on_move = lambda: setattr(alb.preview, "status", 503)

    text = goes_back(flipping, moves=CANARY, canary_pause_seconds=0)

    assert "nothing is known of how it does: not one probe was answered in the whole pause" in text


def test_metrics_that_never_come_are_no_good_news(flipping: Flipping) -> None:
    flipping.blind = True

    text = goes_back(flipping, moves=CANARY)

    assert "nothing is known of how it does: CloudWatch has shown no whole minute of the new servers" in text
    assert re.search(r"after 30\d s not one is counted", text)
    assert "its health is unknown" in text


def test_a_quick_way_back_waits_for_no_metrics(flipping: Flipping) -> None:
    flipping.blind = True

    promote(flipping.given(canary_steps=()), flipping.world.context())

    assert flipping.world.weights() == {flipping.green.target_group: 100, flipping.blue.target_group: 0}


def test_more_errors_than_the_others_have_send_traffic_back(flipping: Flipping) -> None:
    def err() -> None:
        for metric, value, color in (
            ("RequestCount", 100, "green"),
            ("HTTPCode_Target_5XX_Count", 7, "green"),
            ("RequestCount", 900, "blue"),
            ("HTTPCode_Target_5XX_Count", 9, "blue"),
        ):
            flipping.measured(metric, value, color=color)

    for seconds in (60, 120):
        flipping.world.clock.at(seconds, err)

    text = goes_back(flipping, moves=CANARY)

    assert (
        "14 of 202 requests to the new servers ended in a 5xx (6.93%), and 18 of 1800 to the others (1.00%) in the same"
        " 2 minutes: more than chance explains"
    ) in text


def test_one_unlucky_minute_holds_the_next_step_and_takes_nothing_back(flipping: Flipping) -> None:
    def err() -> None:
        for metric, value, color in (
            ("RequestCount", 100, "green"),
            ("HTTPCode_Target_5XX_Count", 12, "green"),
            ("RequestCount", 900, "blue"),
        ):
            flipping.measured(metric, value, color=color)

    times: list[float] = []
    flipping.on_move = lambda: times.append(flipping.world.clock.passed)
    flipping.world.clock.at(60, err)

    promote(flipping.given(canary_pause_seconds=180), flipping.world.context())

    assert times[1] - times[0] > 400
    assert "waiting for more minutes: 12 of 101 requests to the new servers ended in a 5xx" in flipping.world.said()


def test_a_long_pause_ends_early_once_it_is_known_to_do_as_well(flipping: Flipping) -> None:
    def well() -> None:
        flipping.measured("RequestCount", 999, color="green")
        flipping.measured("RequestCount", 9000, color="blue")

    times: list[float] = []
    flipping.on_move = lambda: times.append(flipping.world.clock.passed)
    for seconds in range(60, 900, 60):
        flipping.world.clock.at(seconds, well)

    promote(flipping.given(canary_steps=(10,), canary_pause_seconds=3600, soak_seconds=0), flipping.world.context())

    assert 240 <= times[1] - times[0] <= 360
    assert re.search(r"as good as the others, so this ends 3[23]\d\d s early", flipping.world.said())


def test_errors_of_the_load_balancer_itself_send_traffic_back(flipping: Flipping) -> None:
    flipping.world.clock.at(60, lambda: flipping.measured("HTTPCode_ELB_5XX_Count", 40))

    assert "the load balancer itself answered 5xx to 40 of 40 requests" in goes_back(flipping, moves=CANARY)


def test_an_address_that_does_not_follow_sends_traffic_back(flipping: Flipping, alb: Balancer) -> None:
    alb.production.generation = BLUE

    text = goes_back(flipping, moves=[{"green": 100, "blue": 0}], canary_steps=())

    assert "not every address of the load balancer follows the new weights" in text
    assert f"127.0.0.1 answered as generation {BLUE}, not aaaaaaaaaaaa" in text


def test_a_group_that_can_not_get_enough_servers_gets_no_traffic(flipping: Flipping) -> None:
    flipping.world.health[flipping.green.target_group] = [("i-1", "healthy", "", ""), ("i-2", "initial", "", "")]

    text = fails(flipping)

    assert "green has too few healthy servers to get traffic\n     1 of 2 servers of green healthy: i-2 initial" in text
    assert "production was not touched: blue 100 %" in text
    assert (flipping.moves, flipping.minimum("green")) == ([], 1)


def test_a_group_that_is_gone_gets_no_traffic_back(flipping: Flipping) -> None:
    flipping.put({"green": 100, "blue": 0})
    flipping.world.aws.autoscaling.delete_auto_scaling_group(AutoScalingGroupName=flipping.blue.group, ForceDelete=True)

    text = fails(flipping, traffic=10)

    assert "blue has too few healthy servers to get traffic\n     0 of 1 servers of blue healthy: the rest not" in text
    assert flipping.moves == []


def test_somebody_else_who_moves_the_traffic_is_left_in_peace(flipping: Flipping) -> None:
    flipping.world.clock.at(30, lambda: flipping.put({"green": 70, "blue": 30}))

    text = fails(flipping)

    assert "somebody else changed the weights of the production rule meanwhile" in text
    assert "set were green 10 %, blue 90 %; found are green 70 %, blue 30 %" in text
    assert "production traffic is left as it was found" in text
    assert flipping.moves == CANARY
    assert flipping.world.weights() == {flipping.green.target_group: 70, flipping.blue.target_group: 30}


def interrupt(flipping: Flipping) -> Callable[[], None]:
    def now() -> None:
        raise Interrupted("PHX-009", "it was interrupted (SIGTERM)")

    return now


def test_an_interrupt_puts_traffic_back_and_says_so(flipping: Flipping) -> None:
    flipping.world.clock.at(30, interrupt(flipping))

    text = fails(flipping)

    assert text == (
        "PHX-702: the promotion of green aaaaaaaaaaaa was stopped\n"
        f"Why: PHX-009: it was interrupted (SIGTERM)\n     {BACK}\n"
        "Do:  `pulumi up` tries again"
    )
    assert flipping.moves == [*CANARY, {"blue": 100}]


def test_an_interrupt_in_the_moment_of_the_change_puts_traffic_back(flipping: Flipping) -> None:
    def stop() -> None:
        flipping.on_move = lambda: None
        raise Interrupted("PHX-009", "it was interrupted (SIGTERM)")

    flipping.on_move = stop

    assert BACK in fails(flipping)
    assert flipping.moves == [*CANARY, {"blue": 100}]


def test_traffic_does_not_go_back_to_where_nobody_is_left(flipping: Flipping) -> None:
    def die() -> None:
        flipping.world.health[flipping.blue.target_group] = []
        flipping.alarm("site", "ALARM")

    flipping.alarm("site")
    flipping.world.clock.at(30, die)

    text = fails(flipping, alarms=("site",), canary_steps=())

    assert "production stays at green 100 %, blue 0 %: where it would go back to, no server is healthy" in text
    assert "When one is: aws elbv2 modify-rule --region eu-west-1 --rule-arn arn:aws:elasticloadbalancing" in text
    assert flipping.moves == [{"green": 100, "blue": 0}]


def broken(flipping: Flipping, code: str, *, until: float) -> None:
    """AWS answers changes of the rule with an error from the first move on, until a time."""
    working = flipping.world.aws.elbv2.answers["modify_rule"]  # type: ignore[attr-defined]

    def modify(**asked: Any) -> Any:
        if flipping.moves and flipping.world.clock.passed < until:
            raise ClientError({"Error": {"Code": code, "Message": "not now"}}, "ModifyRule")
        return working(**asked)

    flipping.world.aws.elbv2.answers["modify_rule"] = modify  # type: ignore[attr-defined]


def test_weights_that_can_not_be_put_back_are_tried_again_loudly(flipping: Flipping) -> None:
    broken(flipping, "ServiceUnavailable", until=120)
    flipping.world.clock.at(30, interrupt(flipping))

    assert BACK in fails(flipping)
    assert flipping.moves == [*CANARY, {"blue": 100}]
    said = flipping.world.said()
    assert "THE WEIGHTS ARE NOT BACK YET (ModifyRule: ServiceUnavailable: not now); trying again. By hand: aws" in said


@pytest.mark.parametrize(("code", "tried_for"), [("ServiceUnavailable", 300), ("RuleNotFound", 0), ("ExpiredToken", 0)])
def test_weights_that_stay_where_they_are_come_with_the_command_that_puts_them_back(
    flipping: Flipping, code: str, tried_for: int
) -> None:
    broken(flipping, code, until=1e9)
    flipping.world.clock.at(30, interrupt(flipping))

    text = fails(flipping)

    assert f"THE WEIGHTS ARE NOT BACK (ModifyRule: {code}: not now). Type:\n     aws elbv2 modify-rule" in text
    assert flipping.world.clock.passed >= 30 + tried_for
    assert flipping.minimum("green") == 1
    # The next promotion still has to know what to go back to.
    assert "phoenix:before" in flipping.world.tags(flipping.world.production_rule)


@pytest.mark.parametrize(("final", "tried_for"), [(True, 0), (False, 300)])
def test_credentials_that_end_on_the_way_come_with_the_command_too(
    flipping: Flipping, final: bool, tried_for: int
) -> None:
    """Where somebody can renew them meanwhile, the step tries for a while."""
    working = flipping.world.aws.elbv2.modify_rule

    def modify(**asked: Any) -> Any:
        if flipping.moves:
            raise CredentialsEndedError(why="AWS_CREDENTIAL_EXPIRATION is past", final=final)
        return working(**asked)

    flipping.world.aws.elbv2.answers["modify_rule"] = modify  # type: ignore[attr-defined]

    text = fails(flipping)

    assert (
        "PHX-717: THE WEIGHTS ARE NOT BACK (The credentials have expired (AWS_CREDENTIAL_EXPIRATION is past)). Type:\n"
        "     aws elbv2 modify-rule"
    ) in text
    assert text.endswith(f"Do:  {RENEW}")
    assert ("NOT BACK YET" in flipping.world.said()) == (not final)
    assert flipping.world.clock.passed >= tried_for


def test_weights_that_aws_never_let_move_are_no_alarm(flipping: Flipping) -> None:
    def refuse(**asked: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ModifyRule")

    flipping.world.aws.elbv2.answers["modify_rule"] = refuse  # type: ignore[attr-defined]

    text = fails(flipping)

    assert "ModifyRule: AccessDenied: no\n     production traffic is as it was: blue 100 %" in text
    assert "NOT BACK" not in text + flipping.world.said()
    assert "phoenix:before" not in flipping.world.tags(flipping.world.production_rule)


def test_a_fault_of_the_step_itself_puts_traffic_back_too(
    flipping: Flipping, capsys: pytest.CaptureFixture[str]
) -> None:
    def fault() -> None:
        raise ZeroDivisionError("a bug")

    flipping.world.clock.at(30, fault)

    text = goes_back(flipping, moves=CANARY)

    assert "this step has a fault\n     ZeroDivisionError('a bug')" in text
    assert "Traceback" in capsys.readouterr().err
