"""CloudWatch: alarms and dashboards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal.engine.standin.aws import Aws, AwsType, pairs, without_none
from rehearsal.engine.standin.provider import Call
from rehearsal.engine.standin.values import Properties


class MetricAlarm(AwsType):
    """`aws:cloudwatch/metricAlarm:MetricAlarm`; its id is its name."""

    token = "aws:cloudwatch/metricAlarm:MetricAlarm"
    replaced_by = frozenset({"name"})
    name_input = "name"

    def make(self, call: Call, inputs: Properties) -> str:
        self._put(inputs)
        return str(inputs["name"])

    def look(self, ident: str, inputs: Properties) -> Properties | None:
        found = self.aws.cloudwatch.describe_alarms(AlarmNames=[ident])["MetricAlarms"]
        return {"arn": found[0]["AlarmArn"]} if found else None

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        self._put(inputs)

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.cloudwatch.delete_alarms(AlarmNames=[ident])

    def _put(self, inputs: Mapping[str, Any]) -> None:
        alarm: dict[str, Any] = without_none(
            inputs,
            (
                "alarmDescription",
                "comparisonOperator",
                "threshold",
                "evaluationPeriods",
                "datapointsToAlarm",
                "treatMissingData",
                "namespace",
                "metricName",
                "statistic",
                "extendedStatistic",
                "period",
                "unit",
                "actionsEnabled",
                "alarmActions",
            ),
        )
        alarm |= {"AlarmName": inputs["name"], "Dimensions": _dimensions(inputs.get("dimensions"))}
        if inputs.get("metricQueries"):
            alarm["Metrics"] = [_query(query) for query in inputs["metricQueries"]]
        self.aws.cloudwatch.put_metric_alarm(**alarm, Tags=pairs(inputs.get("tags")))


class CompositeAlarm(AwsType):
    """`aws:cloudwatch/compositeAlarm:CompositeAlarm`; its id is its name, which nobody makes up for it."""

    token = "aws:cloudwatch/compositeAlarm:CompositeAlarm"
    replaced_by = frozenset({"alarmName"})

    def make(self, call: Call, inputs: Properties) -> str:
        self._put(inputs)
        return str(inputs["alarmName"])

    def look(self, ident: str, inputs: Properties) -> Properties | None:
        found = self.aws.cloudwatch.describe_alarms(AlarmNames=[ident], AlarmTypes=["CompositeAlarm"])
        return {"arn": found["CompositeAlarms"][0]["AlarmArn"]} if found["CompositeAlarms"] else None

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        self._put(inputs)

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.cloudwatch.delete_alarms(AlarmNames=[ident])

    def _put(self, inputs: Mapping[str, Any]) -> None:
        alarm: Any = without_none(inputs, ("alarmName", "alarmRule", "alarmDescription", "actionsEnabled"))
        self.aws.cloudwatch.put_composite_alarm(**alarm, Tags=pairs(inputs.get("tags")))


class Dashboard(AwsType):
    """`aws:cloudwatch/dashboard:Dashboard`; its id is its name."""

    token = "aws:cloudwatch/dashboard:Dashboard"
    replaced_by = frozenset({"dashboardName"})

    def make(self, call: Call, inputs: Properties) -> str:
        self._put(inputs)
        return str(inputs["dashboardName"])

    def look(self, ident: str, inputs: Properties) -> Properties | None:
        try:
            return {"dashboardArn": self.aws.cloudwatch.get_dashboard(DashboardName=ident)["DashboardArn"]}
        except self.aws.cloudwatch.exceptions.DashboardNotFoundError:
            return None

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        self._put(inputs)

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.cloudwatch.delete_dashboards(DashboardNames=[ident])

    def _put(self, inputs: Properties) -> None:
        self.aws.cloudwatch.put_dashboard(DashboardName=inputs["dashboardName"], DashboardBody=inputs["dashboardBody"])


def _dimensions(wanted: Mapping[str, str] | None) -> list[Any]:
    return [{"Name": name, "Value": value} for name, value in (wanted or {}).items()]


def _query(query: Mapping[str, Any]) -> Any:
    made = without_none(query, ("id", "label", "expression", "returnData"))
    if metric := query.get("metric"):
        what = {
            **without_none(metric, ("namespace", "metricName")),
            "Dimensions": _dimensions(metric.get("dimensions")),
        }
        made["MetricStat"] = {"Metric": what, **without_none(metric, ("period", "stat", "unit"))}
    return made


def types(aws: Aws) -> list[AwsType]:
    """The types of this file."""
    return [MetricAlarm(aws), CompositeAlarm(aws), Dashboard(aws)]
