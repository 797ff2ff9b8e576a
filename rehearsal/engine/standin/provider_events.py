"""What AWS does by itself: EventBridge's rules and targets, documents of Systems Manager, schedules."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from rehearsal.engine.standin.aws import Aws, AwsType, pairs, pascal, without_none
from rehearsal.engine.standin.provider import Call
from rehearsal.engine.standin.values import Properties


class EventRule(AwsType):
    """`aws:cloudwatch/eventRule:EventRule`; its id is its name, on the default bus."""

    token = "aws:cloudwatch/eventRule:EventRule"
    replaced_by = frozenset({"name"})
    defaults = {"state": "ENABLED"}  # noqa: RUF012
    name_input, name_length = "name", 64
    gone = ("ResourceNotFoundException",)

    def make(self, call: Call, inputs: Properties) -> str:
        self.aws.events.put_rule(**_rule(inputs), Tags=pairs(inputs.get("tags")))
        return str(inputs["name"])

    def look(self, ident: str, inputs: Properties) -> Properties:
        found = self.aws.events.describe_rule(Name=ident)
        return {"arn": found["Arn"], "state": found["State"]}

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        self.aws.events.put_rule(**_rule(inputs))
        if "tags" in changed:
            arn = self.aws.events.describe_rule(Name=ident)["Arn"]
            self.aws.events.tag_resource(ResourceARN=arn, Tags=pairs(inputs.get("tags")))

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.events.delete_rule(Name=ident)


class EventTarget(AwsType):
    """`aws:cloudwatch/eventTarget:EventTarget`; its id is made of the rule's name and its own."""

    token = "aws:cloudwatch/eventTarget:EventTarget"
    replaced_by = frozenset({"rule", "targetId"})
    gone = ("ResourceNotFoundException",)

    def make(self, call: Call, inputs: Properties) -> str:
        ident = inputs.get("targetId") or f"terraform-{secrets.token_hex(8)}"
        self._put(ident, inputs)
        return f"{inputs['rule']}-{ident}"

    def look(self, ident: str, inputs: Properties) -> Properties | None:
        found = self.aws.events.list_targets_by_rule(Rule=inputs["rule"])["Targets"]
        name = ident.removeprefix(f"{inputs['rule']}-")
        return {"targetId": name} if any(one["Id"] == name for one in found) else None

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        self._put(ident.removeprefix(f"{inputs['rule']}-"), inputs)

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        rule = outputs["rule"]
        self.aws.events.remove_targets(Rule=rule, Ids=[ident.removeprefix(f"{rule}-")])

    def _put(self, ident: str, inputs: Properties) -> None:
        target: dict[str, Any] = {"Id": ident, **without_none(inputs, ("arn", "roleArn", "input"))}
        if said := inputs.get("inputTransformer"):
            target["InputTransformer"] = {
                "InputTemplate": said["inputTemplate"],
                "InputPathsMap": said.get("inputPaths") or {},
            }
        self.aws.events.put_targets(Rule=inputs["rule"], Targets=[target])


class Document(AwsType):
    """`aws:ssm/document:Document`; its id is its name. Changed content becomes the default version."""

    token = "aws:ssm/document:Document"
    replaced_by = frozenset({"name", "documentType"})
    defaults = {"documentFormat": "JSON"}  # noqa: RUF012
    name_input, name_length = "name", 128
    gone = ("InvalidDocument",)

    def make(self, call: Call, inputs: Properties) -> str:
        self.aws.ssm.create_document(
            Name=inputs["name"],
            Content=inputs["content"],
            DocumentType=inputs["documentType"],
            DocumentFormat=inputs["documentFormat"],
            Tags=pairs(inputs.get("tags")),
        )
        return str(inputs["name"])

    def look(self, ident: str, inputs: Properties) -> Properties:
        found = self.aws.ssm.describe_document(Name=ident)["Document"]
        return {
            "arn": f"arn:aws:ssm:{self.aws.region}:{found['Owner']}:document/{ident}",
            "defaultVersion": found["DefaultVersion"],
        }

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        if "content" in changed:
            made = self.aws.ssm.update_document(
                Name=ident,
                Content=inputs["content"],
                DocumentFormat=inputs["documentFormat"],
                DocumentVersion=self.aws.ssm.describe_document(Name=ident)["Document"]["DefaultVersion"],
            )["DocumentDescription"]
            self.aws.ssm.update_document_default_version(Name=ident, DocumentVersion=made["DocumentVersion"])
        if "tags" in changed:
            self.aws.ssm.add_tags_to_resource(ResourceType="Document", ResourceId=ident, Tags=pairs(inputs.get("tags")))

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.ssm.delete_document(Name=ident)


class Schedule(AwsType):
    """`aws:scheduler/schedule:Schedule`; its id is GROUP/NAME."""

    token = "aws:scheduler/schedule:Schedule"
    replaced_by = frozenset({"name", "groupName"})
    defaults = {"state": "ENABLED", "groupName": "default", "scheduleExpressionTimezone": "UTC"}  # noqa: RUF012
    name_input, name_length = "name", 64
    gone = ("ResourceNotFoundException",)

    def make(self, call: Call, inputs: Properties) -> str:
        self.aws.scheduler.create_schedule(**_schedule(inputs))
        return f"{inputs['groupName']}/{inputs['name']}"

    def look(self, ident: str, inputs: Properties) -> Properties:
        group, _, name = ident.partition("/")
        found = self.aws.scheduler.get_schedule(GroupName=group, Name=name)
        return {
            "arn": found["Arn"],
            "state": found["State"],
            "scheduleExpression": found["ScheduleExpression"],
        }

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        self.aws.scheduler.update_schedule(**_schedule(inputs))

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        group, _, name = ident.partition("/")
        self.aws.scheduler.delete_schedule(GroupName=group, Name=name)


def _rule(inputs: Mapping[str, Any]) -> Any:
    return without_none(inputs, ("name", "description", "eventPattern", "state"))


def _schedule(inputs: Mapping[str, Any]) -> Any:
    names = ("name", "groupName", "description", "scheduleExpression", "scheduleExpressionTimezone", "state")
    return {
        **without_none(inputs, names),
        "FlexibleTimeWindow": pascal(inputs["flexibleTimeWindow"]),
        "Target": without_none(inputs["target"], ("arn", "roleArn", "input")),
    }


def types(aws: Aws) -> list[AwsType]:
    """The types of this file."""
    return [EventRule(aws), EventTarget(aws), Document(aws), Schedule(aws)]
