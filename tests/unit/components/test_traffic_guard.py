"""What AWS is given to watch with: it does nothing before it is armed, and each role just its part."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from components.traffic_guard import GuardArgs, TrafficGuard
from plan.group_key import GroupKey
from plan.readers.live_state import Account
from tests.support.recorder import Recorded, record

RULE = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/app/phoenix-dev/1/2/3"
GREEN, BLUE = (f"arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/{c}/1" for c in ("green", "blue"))
COLOR = GroupKey("phoenix/dev", "green", "0123456789ab", attempt_id="1")
SCHEDULE, DOCUMENT = "aws:scheduler/schedule:Schedule", "aws:ssm/document:Document"


TOPIC = "arn:aws:sns:eu-west-1:123456789012:releases"


def declared(*, kept_minimum: int | None = None, armed: bool = False, topic: str = "") -> Recorded:
    args = GuardArgs(
        rule=RULE,
        target_group=GREEN,
        previous=BLUE,
        previous_group="phoenix-dev-blue-1",
        alarms=["phoenix-dev-green-5xx", 'mine "quoted"'],
        kept_minimum=kept_minimum,
        armed=armed,
        topic=topic,
    )
    account = Account("123456789012", "eu-west-1")
    return record(lambda: TrafficGuard(COLOR.name, color=COLOR, account=account, args=args, tags={}))


def document(*, topic: str = "") -> dict[str, Any]:
    made = json.loads(declared(topic=topic).one(DOCUMENT).inputs["content"])
    assert isinstance(made, dict)
    return made


def test_it_rings_for_each_alarm_and_starts_the_document_when_it_is_armed() -> None:
    made = declared()
    alarm = made.one("aws:cloudwatch/compositeAlarm:CompositeAlarm").inputs
    assert alarm["alarmRule"] == 'ALARM("phoenix-dev-green-5xx") OR ALARM("mine \\"quoted\\"")'
    assert alarm["alarmName"] == "phoenix-dev-green-guard-0123456789ab-1", "a launch has a name of its own"
    assert "alarmActions" not in alarm
    rule = made.one("aws:cloudwatch/eventRule:EventRule")
    assert rule.inputs["state"] == "DISABLED"
    assert "state" in rule.ignore, "promote arms it"
    pattern = json.loads(rule.inputs["eventPattern"])
    assert pattern["resources"] == [arn("cloudwatch/compositeAlarm", "guard")]
    assert pattern["detail"] == {"state": {"value": ["ALARM"]}}
    target = made.one("aws:cloudwatch/eventTarget:EventTarget").inputs
    assert target["arn"].startswith("arn:aws:ssm:eu-west-1:123456789012:automation-definition/")
    assert target["arn"].endswith(":$DEFAULT")


def test_each_step_of_the_way_back_is_a_call_that_aws_has_and_takes() -> None:
    said = document(topic=TOPIC)
    assert said["schemaVersion"] == "0.3"
    assert {step["action"] for step in said["mainSteps"]} == {"aws:executeAwsApi"}
    for step in said["mainSteps"]:
        inputs = dict(step["inputs"])
        valid(inputs.pop("Service"), inputs.pop("Api"), inputs)


def test_production_goes_first_and_the_servers_that_get_it_stay() -> None:
    move, keep, note = (step["inputs"] for step in document()["mainSteps"])
    [action] = move["Actions"]
    groups = {one["TargetGroupArn"]: one["Weight"] for one in action["ForwardConfig"]["TargetGroups"]}
    assert (move["RuleArn"], groups) == (RULE, {BLUE: 100, GREEN: 0})
    assert (keep["Name"], keep["State"]) == ("phoenix-dev-green-guard-servers", "DISABLED")
    assert note["Tags"] == [{"Key": "phoenix:way-back", "Value": "0123456789ab {{ At }} {{ Alarm }}"}]


def test_the_topic_hears_of_it_last_and_only_where_there_is_one() -> None:
    *_, note, tell = (step["inputs"] for step in document(topic=TOPIC)["mainSteps"])
    assert note["Api"] == "AddTags"
    assert tell["TopicArn"] == TOPIC
    assert tell["Message"].startswith("phoenix/dev: green 0123456789ab has lost production at {{ At }}")
    policies = [one.inputs["policy"] for one in declared(topic=TOPIC).all("aws:iam/rolePolicy:RolePolicy")]
    allowed = [s for text in policies for s in json.loads(text)["Statement"] if s["Action"] == "sns:Publish"]
    assert [one["Resource"] for one in allowed] == [TOPIC]


def test_what_fails_in_a_step_does_not_keep_the_next_one_from_its_turn() -> None:
    assert {step["onFailure"] for step in document()["mainSteps"]} == {"Continue"}
    assert all(step["maxAttempts"] > 1 for step in document()["mainSteps"])


@pytest.mark.parametrize(
    ("kept", "wanted"), [(None, {"MinSize": 0, "DesiredCapacity": 0}), (2, {"MinSize": 2})], ids=["goes", "stays"]
)
def test_the_schedules_end_the_guard_and_then_let_the_kept_servers_go(kept: int | None, wanted: dict[str, int]) -> None:
    made = declared(kept_minimum=kept)
    end, servers = (made.one(SCHEDULE, name).inputs for name in ("guard-end", "guard-servers"))
    assert end["target"]["arn"] == "arn:aws:scheduler:::aws-sdk:eventbridge:disableRule"
    valid("events", "DisableRule", json.loads(end["target"]["input"]))
    assert servers["target"]["arn"] == "arn:aws:scheduler:::aws-sdk:autoscaling:updateAutoScalingGroup"
    given = json.loads(servers["target"]["input"])
    assert given == {"AutoScalingGroupName": "phoenix-dev-blue-1", **wanted}
    valid("autoscaling", "UpdateAutoScalingGroup", given)
    assert [one["state"] for one in (end, servers)] == ["DISABLED", "DISABLED"]


def test_schedules_that_are_armed_keep_all_that_they_have() -> None:
    """A change of one field would send the time and state that were declared."""
    for one in declared(armed=True).all(SCHEDULE):
        assert {"state", "scheduleExpression", "target", "flexibleTimeWindow"} <= set(one.ignore)
    for one in declared().all(SCHEDULE):
        assert set(one.ignore) == {"state", "scheduleExpression"}


def test_each_role_is_one_services_and_may_do_just_its_part() -> None:
    made = declared()
    allowed = {
        one.name.rpartition("-")[2]: [
            (s["Action"], s["Resource"]) for s in json.loads(one.inputs["policy"])["Statement"]
        ]
        for one in made.all("aws:iam/rolePolicy:RolePolicy")
    }
    roles = {name: arn("iam/role", f"guard-{name}") for name in allowed}
    where = "arn:aws:ssm:eu-west-1:123456789012:automation-definition"
    assert allowed == {
        "back": [
            (["elasticloadbalancing:ModifyRule", "elasticloadbalancing:AddTags"], RULE),
            ("scheduler:UpdateSchedule", arn("scheduler/schedule", "guard-servers")),
            ("iam:PassRole", roles["end"]),
        ],
        "start": [
            ("ssm:StartAutomationExecution", f"{where}/phoenix-dev-green-guard:$DEFAULT"),
            ("iam:PassRole", roles["back"]),
        ],
        "end": [
            ("events:DisableRule", arn("cloudwatch/eventRule", "guard")),
            (
                "autoscaling:UpdateAutoScalingGroup",
                "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:*:autoScalingGroupName/phoenix-dev-blue-1",
            ),
        ],
    }
    trusted = {
        one.name.rpartition("-")[2]: json.loads(one.inputs["assumeRolePolicy"])["Statement"][0]["Principal"]["Service"]
        for one in made.all("aws:iam/role:Role")
    }
    assert trusted == {"back": "ssm.amazonaws.com", "start": "events.amazonaws.com", "end": "scheduler.amazonaws.com"}


def test_all_of_it_goes_with_the_launch_that_it_watches() -> None:
    made = [one for one in declared().resources if one.type.startswith("aws:")]
    assert {one.trigger for one in made} == {"0123456789ab 1"}


def arn(kind: str, name: str) -> str:
    """As the recorder makes them up."""
    return f"arn:aws:{kind}:eu-west-1:123456789012:phoenix-dev-green-{name}"


def valid(service: str, api: str, inputs: dict[str, Any]) -> None:
    """Whether AWS's API has this call, with these fields of these types (botocore's model of it)."""
    shape = botocore.session.get_session().get_service_model(service).operation_model(api).input_shape
    assert shape is not None
    assert ParamValidator().validate(inputs, shape).generate_report() == ""
