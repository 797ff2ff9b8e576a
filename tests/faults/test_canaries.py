"""Canaries that go wrong: with a share of production, after it, and with nobody to go back to."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rehearsal.scenario.load import Load
from tests.cycles.stack import Group, until
from tests.faults import hands
from tests.faults.trial import Trial

ALARM = "shop-orders"
BACK = "production traffic is back"


@pytest.mark.representative("forward")
def test_errors_that_come_only_with_half_of_the_traffic(trial: Trial) -> None:
    """Of 20 requests a second each of two servers gets 1 at 10 %, 5 at 50 %; more than 3 are too many."""
    trial.ill("errors-above=3", canaryPauseSeconds=1)
    trial.hurts(lambda request: request.color == trial.new)
    trial.refused("was not promoted", "it failed its checks under production traffic", BACK, "repair it; `pulumi up`")
    shares = [weights.get(trial.new, 0) for weights in trial.stack.moves()]
    assert max(shares) == 50
    assert 10 in shares
    trial.ends()


def test_an_alarm_that_fires_in_soak(trial: Trial) -> None:
    with alarm(trial):
        trial.change(alarms=[ALARM], soakSeconds=600)
        running = trial.begin()
        until(lambda: trial.share() == 100, what="the flip")
        ring(trial)
        trial.ends_badly(running, "was not promoted", f"in ALARM: {ALARM}", BACK, "repair it; `pulumi up`")
    trial.ends()


def test_no_metric_data_at_all(trial: Trial) -> None:
    trial.change(canaryPauseSeconds=1)
    with trial.stack.cloud.without_metrics():
        trial.refused(
            "was not promoted",
            "CloudWatch has shown no whole minute of the new servers",
            BACK,
            "its health is unknown",
        )
    assert {trial.new: 50, trial.live.color: 50} not in trial.stack.moves()
    trial.ends()


@pytest.mark.parametrize("what", ["a scale-out", "a replacement"])
def test_servers_that_come_and_go_while_production_moves(trial: Trial, what: str) -> None:
    """In a canary and in the soak; the new ones boot slowly, and the load balancer calls them unhealthy meanwhile."""
    trial.change(bootSeconds=180, canaryPauseSeconds=25, soakSeconds=25)
    running = trial.begin()
    for share, size in ((10, 3), (100, 4)):
        until(lambda share=share: trial.share() == share, what=f"{share} %")  # type: ignore[misc]
        born = trial.born()
        assert born is not None
        with trial.machines("slow-boot=14"):
            if what == "a scale-out":
                hands.scale(trial.stack, born, DesiredCapacity=size)
            else:
                hands.replace(trial.stack, born)
            [young] = arrived(trial, born)
            until(lambda young=young: ill(trial, young), what="the new one unhealthy")  # type: ignore[misc]
        assert trial.share() == share, "it was still watched"
    done = trial.wait(running)
    assert done.ok, done.text
    assert BACK not in done.text
    assert [weights.get(trial.new, 0) for weights in trial.stack.moves()][:4] == [0, 10, 50, 100]
    hands.scale(trial.stack, trial.stack.groups()[trial.new], DesiredCapacity=2)
    trial.ends()


def test_users_who_keep_cookies_change_version_once(trial: Trial, tmp_path: Path) -> None:
    """Whoever is with the new group stays there; the others follow in the call that gives it everything."""
    trial.change(stickyCanary=True, canaryPauseSeconds=5)
    url = f"http://127.0.0.1:{trial.stack.port}/"
    # Not in step with the stack's other load, which has its turns of the balancer's too.
    with Load(url=url, rate=17, out=tmp_path / "users.jsonl", clients=40) as users:
        done = trial.wait(trial.begin())
        assert done.ok, done.text
        until(lambda: {one.color for one in users.requests()[-40:]} == {trial.new}, what="everybody with the new group")
    asked = sorted(users.requests(), key=lambda one: one.t)
    assert not [one for one in asked if one.failed]
    moved = []
    for client in range(40):
        mine = [one for one in asked if one.client == client]
        changed = [after.t for before, after in itertools.pairwise(mine) if after.color != before.color]
        assert len(changed) == 1, f"client {client} changed {len(changed)} times"
        moved += changed
    assert max(moved) - min(moved) > 5, "some came with the canary, others with the flip"
    trial.ends()


def arrived(trial: Trial, before: Group) -> frozenset[str]:
    """The servers that the new group has got since."""

    def young() -> frozenset[str]:
        now = trial.born()
        return now.instances - before.instances if now else frozenset()

    until(lambda: bool(young()), what="another server")
    return young()


def ill(trial: Trial, server: str) -> bool:
    """Whether the load balancer has found a server unhealthy."""
    return any(
        event.kind == "health" and event.subject == server and event.text.startswith("unhealthy")
        for event in trial.stack.cloud.events
    )


def test_the_old_group_is_ill_when_the_weights_must_go_back(trial: Trial) -> None:
    """Then they stay: a new group that answers is better than an old one that does not."""
    with alarm(trial):
        trial.change(alarms=[ALARM], soakSeconds=600)
        running = trial.begin()
        until(lambda: trial.share() == 100, what="the flip")
        with old_servers_ill(trial):
            ring(trial)
            trial.stays(
                running,
                f"in ALARM: {ALARM}",
                f"production stays at {trial.new} 100 %",
                "where it would go back to, no server is healthy",
                "aws elbv2 modify-rule",
            )
        until(lambda: trial.stack.healthy(trial.live.target_group) >= 2, what="the old group well again")
    trial.ends()


@contextmanager
def alarm(trial: Trial) -> Iterator[None]:
    """The user's own alarm, about a metric of the user's own. Calm again at the end, and left: settings name it.

    Each trial has a metric of its own: the last one's calm would keep this one's alarm from ringing in the same minute.
    """
    trial.stack.cloud.client("cloudwatch").put_metric_alarm(
        AlarmName=ALARM,
        Namespace="Shop",
        MetricName=f"LostOrders{time.time_ns()}",
        Statistic="Minimum",
        Period=60,
        EvaluationPeriods=1,
        ComparisonOperator="GreaterThanThreshold",
        Threshold=0,
        TreatMissingData="notBreaching",
    )
    until(lambda: described(trial)["StateValue"] == "OK", what="the alarm OK")
    yield
    measure(trial, 0)
    until(lambda: described(trial)["StateValue"] == "OK", what="the alarm OK again")


def ring(trial: Trial) -> None:
    trial.strike()
    measure(trial, 3)


def measure(trial: Trial, value: float) -> None:
    trial.stack.cloud.client("cloudwatch").put_metric_data(
        Namespace="Shop", MetricData=[{"MetricName": described(trial)["MetricName"], "Value": value}]
    )


def described(trial: Trial) -> Any:
    [found] = trial.stack.cloud.client("cloudwatch").describe_alarms(AlarmNames=[ALARM])["MetricAlarms"]
    return found


@contextmanager
def old_servers_ill(trial: Trial) -> Iterator[None]:
    """The old group's servers crash, and those that replace them never answer, until the end."""
    young = trial.born()
    assert young is not None
    with trial.machines("never-answers", but=lambda instance: instance in young.instances) as machines:
        for instance in trial.stack.groups()[trial.live.color].instances:
            machines.kill(instance_id=instance)
        until(lambda: trial.stack.healthy(trial.live.target_group) == 0, what="the old group ill")
        yield
