"""A stack in which green is about to take over from blue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from steps.promote.promote import Options
from tests.unit.steps.cloud import ACCOUNT, BLUE, GREEN, REGION, STACK, World

MINUTE = timedelta(minutes=1)
# How long after its end CloudWatch shows a minute; the step's clock begins 20 s after a minute has begun.
LATE, BEGINS = timedelta(seconds=90), 20


class Flipping:
    """Blue is live with two servers (unless `live` says no), green is verified and has one.

    `moves`: the weights that were set, by color. `on_move` is called after each. CloudWatch counts a request to green
    in every minute from the first move on, unless it is `blind`, and shows a minute when it is over, and late.
    """

    def __init__(self, world: World, *, live: bool = True) -> None:
        self.world = world
        world.clock.began = world.clock.began.replace(second=BEGINS, microsecond=0)
        self.moves: list[dict[str, int]] = []
        self.sticks: list[bool] = []
        self.calls: list[str] = []
        self.blind = False
        self.on_move: Callable[[], object] = lambda: None
        self.green = world.color("green", GREEN, size=1, verified=GREEN)
        self.blue = world.color("blue", BLUE, size=2, verified=BLUE)
        world.preview(self.green.target_group)
        if live:
            world.production({self.blue.target_group: 1})
        elb: Any = world.aws.elbv2
        scaling: Any = world.aws.autoscaling
        self._modify, self._update = elb.modify_rule, scaling.update_auto_scaling_group
        elb.answers["modify_rule"] = self._moved
        scaling.answers["update_auto_scaling_group"] = self._sized

    def _moved(self, **asked: Any) -> Any:
        groups = asked["Actions"][0]["ForwardConfig"]["TargetGroups"]
        self.sticks.append(asked["Actions"][0]["ForwardConfig"]["TargetGroupStickinessConfig"]["Enabled"])
        answer = self._modify(**asked)
        names = {self.green.target_group: "green", self.blue.target_group: "blue"}
        self.moves.append({names[one["TargetGroupArn"]]: one["Weight"] for one in groups})
        self.calls.append("weights")
        if len(self.moves) == 1:
            for minutes in range(120):
                self._shown("RequestCount", 1, color="green", after=minutes * MINUTE, steady=True)
        self.on_move()
        return answer

    def _sized(self, **asked: Any) -> Any:
        if "MinSize" in asked:
            self.calls.append(f"size {asked['AutoScalingGroupName'].partition('-')[0]}")
        return self._update(**asked)

    def given(self, **more: object) -> Options:
        values: dict[str, Any] = {
            "traffic": 100,
            "min_size": 1,
            "canary_steps": (10, 50),
            "canary_pause_seconds": 60,
            "settle_seconds": 10,
            "soak_seconds": 30,
            "drain_seconds": 90,
            **more,
        }
        return Options(
            stack=STACK,
            account=ACCOUNT,
            region=REGION,
            color="green",
            generation=GREEN,
            group=self.green.group,
            listener=self.world.listener,
            preview_rule=self.world.preview_rule,
            **{"target_group": self.green.target_group, **values},
        )

    def put(self, weights: Mapping[str, int]) -> None:
        """Sets the production weights by color, as somebody else would."""
        groups = [
            {"TargetGroupArn": getattr(self, color).target_group, "Weight": weight} for color, weight in weights.items()
        ]
        actions = [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]
        self._modify(RuleArn=self.world.production_rule, Actions=actions)

    def minimum(self, color: str) -> int:
        return int(self.world.scaling(getattr(self, color).group)["MinSize"])

    def verified(self, generation: str) -> None:
        self.world.aws.autoscaling.create_or_update_tags(
            Tags=[
                {
                    "ResourceId": self.green.group,
                    "ResourceType": "auto-scaling-group",
                    "Key": "phoenix:verified",
                    "Value": generation,
                    "PropagateAtLaunch": False,
                }
            ]
        )

    def alarm(self, name: str, state: str = "OK", *, about: str = "") -> None:
        """Makes an alarm, or sets its state."""
        cloudwatch: Any = self.world.aws.cloudwatch
        dimensions = [{"Name": "TargetGroup", "Value": about.rpartition(":")[2]}] if about else []
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            MetricName="m",
            Namespace="n",
            Dimensions=dimensions,
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="the test says so")

    def measured(self, metric: str, value: float, *, color: str = "") -> None:
        """Has CloudWatch know what a metric of the load balancer, or of a color's target group, is in this minute."""
        self._shown(metric, value, color=color)

    def _shown(
        self, metric: str, value: float, *, color: str, after: timedelta = timedelta(), steady: bool = False
    ) -> None:
        clock = self.world.clock
        minute = (clock.utc() + after).replace(second=0, microsecond=0)
        shown = (minute + MINUTE + LATE - clock.began).total_seconds()

        def show() -> None:
            if not (self.blind and steady):
                self._put(metric, value, color=color, minute=minute)

        clock.at(shown, show)

    def _put(self, metric: str, value: float, *, color: str, minute: datetime) -> None:
        dimensions = [{"Name": "LoadBalancer", "Value": self.world.load_balancer.partition(":loadbalancer/")[2]}]
        if color:
            arn = getattr(self, color).target_group
            dimensions.append({"Name": "TargetGroup", "Value": arn.rpartition(":")[2]})
        datum: Any = {
            "MetricName": metric,
            "Dimensions": dimensions,
            "Timestamp": minute,
            "Value": value,
            "Unit": "Count",
        }
        self.world.aws.cloudwatch.put_metric_data(Namespace="AWS/ApplicationELB", MetricData=[datum])
