"""What AWS does by itself, in the local cloud: composite alarms, events, Automation documents, and schedules."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.composite_alarms import holds
from rehearsal.cloud.events.automation import AutomationFailedError, check_parameters

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "SERVICE"}}],
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud(tmp_path_factory.mktemp("events"), time_scale=0.02) as opened:
        yield opened


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ('ALARM("a") OR ALARM("b")', True),
        ('ALARM("a") AND ALARM("b")', False),
        ('ALARM(a) AND NOT (OK("b") AND FALSE)', True),
        ('OK("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:b") AND TRUE', True),
        ('ALARM("with \\"quotes\\"")', True),
        ("INSUFFICIENT_DATA(nobody)", False),
    ],
)
def test_a_rule_holds_by_the_states_of_its_alarms(rule: str, wanted: bool) -> None:
    assert holds(rule, {"a": "ALARM", "b": "OK", 'with "quotes"': "ALARM"}) is wanted


@pytest.mark.parametrize("rule", ["ALARM(a) ALARM(b)", "a OR b", "ALARM(a) OR", "__import__('os')", ""])
def test_what_is_no_rule_is_refused(rule: str) -> None:
    with pytest.raises(ValueError, match="no rule of a composite alarm"):
        holds(rule, {})


def test_a_composite_alarm_of_alarms_that_do_not_exist_is_refused(cloud: Cloud) -> None:
    with pytest.raises(ClientError, match=r"alarms \[nobody\] in the alarm rule do not exist"):
        cloud.client("cloudwatch").put_composite_alarm(AlarmName="of-nothing", AlarmRule='ALARM("nobody")')


def test_an_alarm_that_a_composite_alarm_is_about_is_not_deleted_before_it(cloud: Cloud) -> None:
    watch = cloud.client("cloudwatch")
    needed: Any = {"Namespace": "mine", "MetricName": "m", "Period": 60, "EvaluationPeriods": 1, "Statistic": "Sum"}
    watch.put_metric_alarm(AlarmName="part", Threshold=1, ComparisonOperator="GreaterThanThreshold", **needed)
    watch.put_composite_alarm(AlarmName="whole", AlarmRule='ALARM("part")')
    with pytest.raises(ClientError, match="Cannot delete part as there are composite alarm"):
        watch.delete_alarms(AlarmNames=["part"])
    watch.delete_alarms(AlarmNames=["whole"])
    watch.delete_alarms(AlarmNames=["part"])
    assert watch.describe_alarms(AlarmNames=["part"])["MetricAlarms"] == []


def test_an_alarm_that_rings_runs_the_document_that_its_rule_starts_with_its_role_alone(cloud: Cloud) -> None:
    """The topic that the role names is written to; with a role for another topic nothing is."""
    topic = cloud.client("sns").create_topic(Name="told")["TopicArn"]
    other = cloud.client("sns").create_topic(Name="other")["TopicArn"]
    for name, arn in (("mine", topic), ("foreign", other)):
        _arm(cloud, name, document=_document(topic, _role(cloud, f"{name}-ssm", "ssm", "sns:Publish", arn)))
    _ring(cloud, "ALARM")
    _until(lambda: len(_told(cloud)) == 2)
    assert sorted(text.partition(" ")[2].partition(":")[0] for text in _told(cloud)) == ["failed", "has run"]
    assert any("not authorized to perform: sns:Publish" in text for text in _told(cloud))
    before = len(_told(cloud))
    cloud.client("events").disable_rule(Name="mine")
    cloud.client("events").disable_rule(Name="foreign")
    for state in ("OK", "ALARM"):
        _ring(cloud, state)
        _until(lambda state=state: _state(cloud, "mine") == state)  # type: ignore[misc]
    assert len(_told(cloud)) == before, "rules that are disabled start nothing"


def test_an_automation_takes_its_parameters_and_no_others() -> None:
    document = {"parameters": {"At": {"type": "String", "allowedPattern": "^[0-9]+$"}}}
    assert check_parameters(document, {"At": ["12"]}) == {"At": "12"}
    for wrong in ({}, {"At": ["noon"]}, {"At": ["1"], "More": ["2"]}):
        with pytest.raises(AutomationFailedError, match="InvalidParameters"):
            check_parameters(document, wrong)


def test_a_schedule_calls_once_when_its_time_has_come_and_with_its_role_alone(cloud: Cloud) -> None:
    events = cloud.client("events")
    for name in ("ended", "kept"):
        events.put_rule(Name=name, EventPattern='{"source": ["none"]}')
    arn = events.describe_rule(Name="ended")["Arn"]
    role = _role(cloud, "scheduler", "scheduler", "events:DisableRule", arn)
    for name in ("ended", "kept"):
        _schedule(cloud, name, role, timedelta(hours=1))
    with cloud.later(hours=2):
        _until(lambda: sum(event.kind == "schedule" for event in cloud.events) == 2)
    assert [events.describe_rule(Name=name)["State"] for name in ("ended", "kept")] == ["DISABLED", "ENABLED"]
    events.enable_rule(Name="ended")
    with cloud.later(hours=2):
        time.sleep(1)
    assert events.describe_rule(Name="ended")["State"] == "ENABLED", "it was called a second time"


def test_a_schedule_starts_a_document_with_its_role_alone(cloud: Cloud) -> None:
    """What the document may do is its own role's."""
    topic = cloud.client("sns").create_topic(Name="timed")["TopicArn"]
    before = sum(event.kind == "schedule" for event in cloud.events)
    for name, allowed in (("timed", "timed"), ("barred", "another")):
        writes = _role(cloud, f"{name}-ssm", "ssm", "sns:Publish", topic)
        document = {**_document(topic, writes), "parameters": {}}
        document["mainSteps"][0]["inputs"]["Message"] = name
        cloud.client("ssm").create_document(
            Name=name, DocumentType="Automation", DocumentFormat="JSON", Content=json.dumps(document)
        )
        starts = _starter(cloud, f"{name}-scheduler", "scheduler", allowed)
        _allow(cloud, f"{name}-scheduler", "iam:PassRole", writes)
        _schedule(cloud, name, starts, timedelta(hours=1), call="ssm:startAutomationExecution", said="DocumentName")
    with cloud.later(hours=2):
        _until(lambda: sum(event.kind == "schedule" for event in cloud.events) == before + 2)
    told = [event.text for event in cloud.events if event.kind == "schedule"][before:]
    assert [text for text in told if "failed" not in text] == ['startAutomationExecution {"DocumentName": "timed"}']
    assert any("is not authorized to perform: ssm:StartAutomationExecution" in text for text in told)
    published = [call.body for call in cloud.calls.seen if call.operation == "Publish"]
    assert [("timed" in body, "barred" in body) for body in published[-1:]] == [(True, False)]


def test_a_schedule_with_a_role_that_scheduler_may_not_have_is_refused(cloud: Cloud) -> None:
    role = _role(cloud, "others", "ec2", "events:DisableRule", "*")
    with pytest.raises(ClientError, match="must allow AWS EventBridge Scheduler to assume the role"):
        _schedule(cloud, "refused", role, timedelta(hours=1))


def _schedule(
    cloud: Cloud,
    name: str,
    role: str,
    ahead: timedelta,
    *,
    call: str = "eventbridge:disableRule",
    said: str = "Name",
) -> None:
    cloud.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression=f"at({datetime.now(UTC) + ahead:%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": f"arn:aws:scheduler:::aws-sdk:{call}",
            "RoleArn": role,
            "Input": json.dumps({said: name}),
        },
    )


def _role(cloud: Cloud, name: str, service: str, action: str, resource: str | list[str]) -> str:
    iam = cloud.client("iam")
    trust = json.dumps(TRUST).replace("SERVICE", f"{service}.amazonaws.com")
    arn = str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"])
    _allow(cloud, name, action, resource)
    return arn


def _starter(cloud: Cloud, name: str, service: str, document: str) -> str:
    """A role that may start a document: AWS asks for an execution too."""
    where = f"arn:aws:ssm:{cloud.region}:{cloud.account}"
    resources = [f"{where}:document/{document}", f"{where}:automation-execution/*"]
    return _role(cloud, name, service, "ssm:StartAutomationExecution", resources)


def _allow(cloud: Cloud, role: str, action: str, resource: str | list[str]) -> None:
    said = [{"Effect": "Allow", "Action": action, "Resource": resource}]
    cloud.client("iam").put_role_policy(
        RoleName=role,
        PolicyName=action.replace(":", "-"),
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": said}),
    )


def _document(topic: str, role: str) -> dict[str, Any]:
    return {
        "schemaVersion": "0.3",
        "assumeRole": role,
        "parameters": {"Alarm": {"type": "String"}},
        "mainSteps": [
            {
                "name": "tell",
                "action": "aws:executeAwsApi",
                "inputs": {"Service": "sns", "Api": "Publish", "TopicArn": topic, "Message": "{{ Alarm }} rings"},
            }
        ],
    }


def _arm(cloud: Cloud, name: str, *, document: dict[str, Any]) -> None:
    """An alarm beside one of a user's, and the rule that starts a document when it rings."""
    cloudwatch, events = cloud.client("cloudwatch"), cloud.client("events")
    cloudwatch.put_metric_alarm(
        AlarmName="orders",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        Threshold=1,
        Namespace="Shop",
        MetricName="Lost",
        Statistic="Sum",
        Period=60,
        TreatMissingData="ignore",
    )
    cloudwatch.put_composite_alarm(AlarmName=name, AlarmRule='ALARM("orders")')
    cloud.client("ssm").create_document(
        Name=name, DocumentType="Automation", DocumentFormat="JSON", Content=json.dumps(document)
    )
    arn = f"arn:aws:ssm:{cloud.region}:{cloud.account}:automation-definition/{name}:$DEFAULT"
    starter = _starter(cloud, f"{name}-events", "events", name)
    _allow(cloud, f"{name}-events", "iam:PassRole", document["assumeRole"])
    pattern = {"source": ["aws.cloudwatch"], "detail": {"alarmName": [name], "state": {"value": ["ALARM"]}}}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(
        Rule=name,
        Targets=[
            {
                "Id": "document",
                "Arn": arn,
                "RoleArn": starter,
                "InputTransformer": {
                    "InputPathsMap": {"alarm": "$.detail.alarmName"},
                    "InputTemplate": '{"Alarm": [<alarm>]}',
                },
            }
        ],
    )
    _until(lambda: _state(cloud, name) == "OK")


def _ring(cloud: Cloud, state: str) -> None:
    cloud.client("cloudwatch").set_alarm_state(AlarmName="orders", StateValue=state, StateReason="a test")


def _state(cloud: Cloud, name: str) -> str:
    found = cloud.client("cloudwatch").describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"])
    return str(found["CompositeAlarms"][0]["StateValue"])


def _told(cloud: Cloud) -> list[str]:
    return [event.text for event in cloud.events if event.kind == "automation"]


def _until(question: Callable[[], bool]) -> None:
    limit = time.monotonic() + 20
    while not question():
        assert time.monotonic() < limit, "20 s have passed"
        time.sleep(0.05)
