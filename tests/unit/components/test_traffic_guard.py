"""What AWS is given to watch with: it does nothing before it is armed, and each role just its part."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import botocore.session
import pulumi
import pytest
from botocore.validate import ParamValidator

from components.traffic_guard import GuardArgs, TrafficGuard
from plan.group_key import GroupKey
from plan.readers.live_state import Account
from rehearsal import PROJECT
from tests.support import schemas
from tests.support.recorder import Recorded, record

RULE = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/app/phoenix-dev/1/2/3"
GREEN, BLUE = (f"arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/{c}/1" for c in ("green", "blue"))
COLOR = GroupKey("phoenix/dev", "green", "0123456789ab", attempt_id="1")
SCHEDULE, DOCUMENT = "aws:scheduler/schedule:Schedule", "aws:ssm/document:Document"


SCHEMA = json.loads((PROJECT / "docs" / "schemas" / "release-event.json").read_text())
TOPIC = "arn:aws:sns:eu-west-1:123456789012:releases"


def declared(*, kept_minimum: int | None = None, armed: bool = False, topic: str = "", table: str = "") -> Recorded:
    args = GuardArgs(
        rule=RULE,
        target_group=GREEN,
        previous=BLUE,
        previous_group="phoenix-dev-blue-1",
        alarms=["phoenix-dev-green-5xx", 'mine "quoted"'],
        kept_minimum=kept_minimum,
        armed=armed,
        previous_color="blue",
        record={"image": "ami-0123456789abcdef0", "launch_commit": "c0ffee"},
        topic=topic,
        previous_generation="fedcba987654",
    )
    account = Account("123456789012", "eu-west-1")

    def made() -> TrafficGuard:
        known = replace(args, live_table=pulumi.Output.from_input(table)) if table else args
        return TrafficGuard(COLOR.name, color=COLOR, account=account, args=known)

    return record(made)


def document(name: str = "guard-back", *, kept_minimum: int | None = None, topic: str = "") -> dict[str, Any]:
    made = json.loads(declared(kept_minimum=kept_minimum, topic=topic).one(DOCUMENT, name).inputs["content"])
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


@pytest.mark.parametrize("name", ["guard-back", "guard-end", "guard-servers"])
def test_each_call_of_a_document_is_one_that_aws_has_and_takes(name: str) -> None:
    said = document(name, topic=TOPIC)
    assert said["schemaVersion"] == "0.3"
    calls = [step for step in said["mainSteps"] if step["action"] == "aws:executeAwsApi"]
    assert calls
    for step in calls:
        inputs = dict(step["inputs"])
        valid(inputs.pop("Service"), inputs.pop("Api"), inputs)
        assert step["maxAttempts"] > 1


def test_production_goes_first_and_what_fails_keeps_no_later_step_from_its_turn() -> None:
    said = document()
    move, note, _ = (step["inputs"] for step in said["mainSteps"])
    [action] = move["Actions"]
    groups = {one["TargetGroupArn"]: one["Weight"] for one in action["ForwardConfig"]["TargetGroups"]}
    assert (move["RuleArn"], groups) == (RULE, {BLUE: 100, GREEN: 0})
    assert note["Tags"] == [{"Key": "phoenix:way-back", "Value": "0123456789ab {{ At }} {{ Alarm }}"}]
    assert {step["onFailure"] for step in said["mainSteps"]} == {"Continue"}


@pytest.mark.parametrize(
    ("name", "kind", "production"),
    [("guard-back", "Guard Rolled Back", {"blue": 100, "green": 0}), ("guard-end", "Guard Ended", {})],
)
def test_aws_tells_of_it_as_the_program_would(name: str, kind: str, production: dict[str, int]) -> None:
    """Last of all, with what is known of the release."""
    *_, send, tell = (step["inputs"] for step in document(name, topic=TOPIC)["mainSteps"])
    [entry] = send["Entries"]
    detail = json.loads(entry["Detail"])
    schemas.validate({"source": entry["Source"], "detail-type": entry["DetailType"], "detail": detail}, SCHEMA)
    assert (entry["DetailType"], detail["generation"], detail["production"]) == (kind, "0123456789ab", production)
    assert detail["release"]["image"] == "ami-0123456789abcdef0"
    assert tell["TopicArn"] == TOPIC
    assert json.loads(tell["Message"])["default"].startswith(f"phoenix/dev: {kind}: green 0123456789ab")
    assert [step["name"] for step in document(name)["mainSteps"]][-1] == "sendEvent", "there is no topic"


def test_the_end_of_a_guard_disables_the_rule_first() -> None:
    made = declared()
    stop = document("guard-end")["mainSteps"][0]["inputs"]
    assert (stop["Api"], stop["Name"]) == ("DisableRule", made.one("aws:cloudwatch/eventRule:EventRule").name)


@pytest.mark.parametrize(
    ("kept", "wanted"), [(None, {"MinSize": 0, "DesiredCapacity": 0}), (2, {"MinSize": 2})], ids=["goes", "stays"]
)
def test_the_kept_servers_go_only_while_their_group_has_no_production(kept: int | None, wanted: dict[str, int]) -> None:
    """Somebody may have moved it back by hand."""
    read, ask, resize, stay = document("guard-servers", kept_minimum=kept)["mainSteps"]
    assert (read["onFailure"], resize["isEnd"], stay["isEnd"]) == ("Abort", True, True)
    assert ask["inputs"]["Default"] == stay["name"]
    for number, choice in enumerate(ask["inputs"]["Choices"]):
        assert choice["NextStep"] == resize["name"]
        assert choice["And"] == [
            {"Variable": f"{{{{ readWeights.Group{number} }}}}", "StringEquals": BLUE},
            {"Variable": f"{{{{ readWeights.Weight{number} }}}}", "NumericEquals": 0},
        ]
    given = {key: value for key, value in resize["inputs"].items() if key not in ("Service", "Api")}
    assert given == {"AutoScalingGroupName": "phoenix-dev-blue-1", **wanted}


def test_the_schedules_start_both_documents_and_are_off() -> None:
    made = declared()
    for name in ("guard-end", "guard-servers"):
        schedule = made.one(SCHEDULE, name).inputs
        assert schedule["state"] == "DISABLED"
        assert schedule["description"] == "phoenix/dev green 0123456789ab 1", "it has no tags"
        assert schedule["target"]["arn"] == "arn:aws:scheduler:::aws-sdk:ssm:startAutomationExecution"
        given = json.loads(schedule["target"]["input"])
        assert given == {"DocumentName": made.one(DOCUMENT, name).name}
        valid("ssm", "StartAutomationExecution", given)


def test_schedules_that_are_armed_keep_all_that_they_have() -> None:
    """A change of one field would send the time and state that were declared."""
    for one in declared(armed=True).all(SCHEDULE):
        assert {"state", "scheduleExpression", "target", "flexibleTimeWindow"} <= set(one.ignore)
    for one in declared().all(SCHEDULE):
        assert set(one.ignore) == {"state", "scheduleExpression"}


def test_each_role_is_one_services_and_may_do_just_its_part() -> None:
    made = declared(topic=TOPIC)
    allowed = {
        one.name.rpartition("-")[2]: [
            (s["Action"], s["Resource"]) for s in json.loads(one.inputs["policy"])["Statement"]
        ]
        for one in made.all("aws:iam/rolePolicy:RolePolicy")
    }
    roles = {name: arn("iam/role", f"guard-{name}") for name in allowed}
    where = "arn:aws:ssm:eu-west-1:123456789012"

    def started(name: str) -> list[str]:
        """AWS asks for the document and an execution."""
        document = f"phoenix-dev-green-guard-{name}"
        definition = f"{where}:automation-definition/{document}:$DEFAULT"
        return [definition, f"{where}:document/{document}", f"{where}:automation-execution/*"]

    bus = "arn:aws:events:eu-west-1:123456789012:event-bus/default"
    assert allowed == {
        "back": [
            (["elasticloadbalancing:ModifyRule", "elasticloadbalancing:AddTags"], RULE),
            ("events:PutEvents", bus),
            ("sns:Publish", TOPIC),
        ],
        "start": [
            ("ssm:StartAutomationExecution", started("back")),
            ("iam:PassRole", roles["back"]),
        ],
        "time": [
            ("ssm:StartAutomationExecution", started("end")),
            ("ssm:StartAutomationExecution", started("servers")),
            ("iam:PassRole", roles["end"]),
        ],
        "end": [
            ("events:DisableRule", arn("cloudwatch/eventRule", "guard")),
            ("elasticloadbalancing:DescribeRules", "*"),
            (
                "autoscaling:UpdateAutoScalingGroup",
                "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:*:autoScalingGroupName/phoenix-dev-blue-1",
            ),
            ("events:PutEvents", bus),
            ("sns:Publish", TOPIC),
        ],
    }
    trusted = {
        one.name.rpartition("-")[2]: json.loads(one.inputs["assumeRolePolicy"])["Statement"][0]["Principal"]["Service"]
        for one in made.all("aws:iam/role:Role")
    }
    ssm = "ssm.amazonaws.com"
    assert trusted == {"back": ssm, "end": ssm, "start": "events.amazonaws.com", "time": "scheduler.amazonaws.com"}
    for one in made.all("aws:iam/role:Role"):
        [trust] = json.loads(one.inputs["assumeRolePolicy"])["Statement"]
        assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    [policy] = [one for one in made.all("aws:iam/rolePolicy:RolePolicy") if one.name.endswith("-back")]
    assert json.loads(policy.inputs["policy"])["Statement"][1]["Condition"] == {
        "StringEquals": {"events:source": "phoenix"}
    }


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


def test_work_of_the_live_target_goes_back_after_the_traffic_and_the_role_writes_nothing_else() -> None:
    made = declared(table="phoenix-dev-live-1234567")
    steps = json.loads(made.one(DOCUMENT, "guard-back").inputs["content"])["mainSteps"]
    assert [step["name"] for step in steps][:3] == ["moveTraffic", "handWorkBack", "writeNote"]
    inputs = dict(steps[1]["inputs"])
    valid(inputs.pop("Service"), inputs.pop("Api"), inputs)
    assert inputs["Key"] == {"id": {"S": "production"}}
    assert inputs["ExpressionAttributeValues"] == {":one": {"N": "1"}, ":previous": {"S": "fedcba987654"}}
    [right] = [
        said
        for one in made.all("aws:iam/rolePolicy:RolePolicy")
        for said in json.loads(one.inputs["policy"])["Statement"]
        if "dynamodb" in str(said["Action"])
    ]
    assert right == {
        "Effect": "Allow",
        "Action": "dynamodb:UpdateItem",
        "Resource": "arn:aws:dynamodb:eu-west-1:123456789012:table/phoenix-dev-live-1234567",
        "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["production"]}},
    }
    assert "handWorkBack" not in made.one(DOCUMENT, "guard-end").inputs["content"]
    assert "handWorkBack" not in str(document())
