"""The way back that outlives an update: AWS itself watches the group that was promoted, and takes production back.

A composite alarm of the group's alarms and the user's rings; a rule of EventBridge starts a document of Systems
Manager Automation, which sets the weights of before. No process and no code of ours need live for it. All is declared
before production moves, and does nothing until the step promote arms it (`steps.promote.way_back_guard`), since only
then is it known until when it is to watch. Sources: docs/evidence.md, "The guard".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws

from components import guard_documents
from components.guard_documents import Watched
from components.replacement import freeze_inputs, group_options
from core import partitions
from core.live_target import PRODUCTION
from core.release_events import SOURCE, Release
from plan.group_key import GroupKey
from plan.readers import orphan_guards
from plan.readers.live_state import Account

# A schedule must have a time; this one is none, and promote sets another.
NEVER = "at(2099-12-31T00:00:00)"


@dataclass(frozen=True, kw_only=True)
class GuardArgs:
    """What is watched, and what AWS goes back to.

    `rule`: the production rule (ARN); `target_group` that is watched, and `previous` that gets production back (ARNs);
    `previous_group`: the auto-scaling group of the latter; `alarms` (names) any of which takes production back;
    `kept_minimum`: MinSize of the kept group when the guard is over, for a group that stays then; None takes its
    servers away. `armed`: promote has armed it already. `record`: what is known of the release record, for events.
    `permissions_boundary` of the roles; `topic` of SNS that hears what AWS does (ARNs, or empty). `live_table` by which
    servers know that the `previous_generation` has production again (name; empty: there is no live target).
    """

    rule: pulumi.Input[str]
    target_group: pulumi.Input[str]
    previous: pulumi.Input[str]
    previous_group: pulumi.Input[str]
    alarms: Sequence[pulumi.Input[str]]
    kept_minimum: int | None
    armed: bool
    previous_color: str
    record: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    permissions_boundary: str = ""
    topic: str = ""
    live_table: pulumi.Input[str] = ""
    previous_generation: str = ""


class TrafficGuard(pulumi.ComponentResource):
    """Alarm, rule, document and schedules of one promotion, with a role for each service that may do just its part.

    Inputs: `color` of the group that is watched; `args`.

    Outputs: `rule_name` of EventBridge, and `schedules`: the names of both.
    """

    def __init__(
        self,
        name: str,
        *,
        color: GroupKey,
        account: Account,
        args: GuardArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            "phoenix:index:TrafficGuard", name, {"color": color.color, "generation": color.generation}, opts
        )
        self._prefix, self._color, self._account, self._args = f"{name}-guard", color, account, args
        self._tags = color.tags()
        self._partition = partitions.of(account.region)
        self._ssm = f"arn:{self._partition}:ssm:{account.region}:{account.id}"
        alarm = self._alarm()
        rule = self._rule(alarm)
        self._watched = self._describe()
        back, back_role = self._way_back(alarm)
        self._target(rule, back, back_role)
        self.schedules: list[pulumi.Output[str]] = [one.name for one in self._schedules(*self._endings(rule))]
        self.rule_name = rule.name
        self.register_outputs({"ruleName": self.rule_name, "schedules": self.schedules})

    def _alarm(self) -> aws.cloudwatch.CompositeAlarm:
        rule = pulumi.Output.all(*self._args.alarms).apply(
            lambda names: " OR ".join(f'ALARM("{_quoted(name)}")' for name in names)
        )
        # The provider makes no name up for this one; each launch has one of its own.
        attempt = self._color.trigger.replace(" ", "-")
        return aws.cloudwatch.CompositeAlarm(
            self._prefix,
            alarm_name=f"{self._color.name}-guard-{attempt}",
            alarm_description=f"Takes production back from {self._color.color} {self._color.generation}",
            alarm_rule=rule,
            tags=self._tags,
            opts=self._options(),
        )

    def _rule(self, alarm: aws.cloudwatch.CompositeAlarm) -> aws.cloudwatch.EventRule:
        pattern = {
            "source": ["aws.cloudwatch"],
            "detail-type": ["CloudWatch Alarm State Change"],
            "detail": {"state": {"value": ["ALARM"]}},
        }
        return aws.cloudwatch.EventRule(
            self._prefix,
            description=f"{self._color.name} {self._color.generation} rings: production goes back",
            event_pattern=alarm.arn.apply(lambda arn: json.dumps({**pattern, "resources": [arn]})),
            state="DISABLED",
            tags=self._tags,
            opts=self._options("state"),
        )

    def _describe(self) -> pulumi.Output[Watched]:
        """What the documents are about, once AWS has made it."""
        args, color = self._args, self._color

        def watched(known: Mapping[str, Any]) -> Watched:
            release = Release(stack=color.stack, color=color.color, generation=color.generation)
            return Watched(
                rule=known["rule"],
                ours=known["ours"],
                previous=known["previous"],
                previous_group=known["group"],
                previous_color=args.previous_color,
                release=release.knowing(color.tags(**known["record"])),
                topic=args.topic,
                live_table=known["table"],
                previous_generation=args.previous_generation,
            )

        return pulumi.Output.all(
            table=args.live_table,
            rule=args.rule,
            ours=args.target_group,
            previous=args.previous,
            group=args.previous_group,
            record=dict(args.record),
        ).apply(watched)

    def _way_back(self, alarm: aws.cloudwatch.CompositeAlarm) -> tuple[aws.ssm.Document, aws.iam.Role]:
        moves = _allow(["elasticloadbalancing:ModifyRule", "elasticloadbalancing:AddTags"], self._args.rule)
        role, policy = self._role("back", "ssm", [moves, *self._handing_over(), *self._telling()])
        content = pulumi.Output.all(self._watched, role.arn).apply(
            lambda known: json.dumps(guard_documents.way_back(known[0], role=known[1]))
        )
        return self._document("back", content, [policy, alarm]), role

    def _endings(self, rule: aws.cloudwatch.EventRule) -> tuple[aws.ssm.Document, aws.ssm.Document, aws.iam.Role]:
        """What ends the guard, and what lets the kept servers go; with the role that both have."""
        where = f"arn:{self._partition}:autoscaling:{self._account.region}:{self._account.id}:autoScalingGroup:*"
        group = pulumi.Output.format("{0}:autoScalingGroupName/{1}", where, self._args.previous_group)
        role, policy = self._role(
            "end",
            "ssm",
            [
                _allow("events:DisableRule", rule.arn),
                _allow("elasticloadbalancing:DescribeRules", "*"),  # AWS knows no resource of it
                _allow("autoscaling:UpdateAutoScalingGroup", group),
                *self._telling(),
            ],
        )
        ends = pulumi.Output.all(self._watched, role.arn, rule.name).apply(
            lambda known: json.dumps(guard_documents.ending(known[0], role=known[1], event_rule=known[2]))
        )
        leaves = pulumi.Output.all(self._watched, role.arn).apply(
            lambda known: json.dumps(
                guard_documents.leaving(known[0], role=known[1], kept_minimum=self._args.kept_minimum)
            )
        )
        return self._document("end", ends, [policy]), self._document("servers", leaves, [policy]), role

    def _document(self, what: str, content: pulumi.Input[str], depends_on: list[pulumi.Resource]) -> aws.ssm.Document:
        return aws.ssm.Document(
            f"{self._prefix}-{what}",
            document_type="Automation",
            document_format="JSON",
            content=content,
            tags=self._tags,
            opts=self._options(depends_on=depends_on),
        )

    def _handing_over(self) -> list[pulumi.Output[dict[str, Any]]]:
        """The right to say in the stack's table, where it has one, whose production is."""
        if isinstance(self._args.live_table, str):
            return []
        tables = f"arn:{self._partition}:dynamodb:{self._account.region}:{self._account.id}:table/"
        only = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [PRODUCTION]}}
        return [_allow("dynamodb:UpdateItem", pulumi.Output.concat(tables, self._args.live_table), only)]

    def _telling(self) -> list[pulumi.Output[dict[str, Any]]]:
        """Rights of a document that tells of itself."""
        bus = f"arn:{self._partition}:events:{self._account.region}:{self._account.id}:event-bus/default"
        told = _allow("events:PutEvents", bus, {"StringEquals": {"events:source": SOURCE}})
        return [told, *([_allow("sns:Publish", self._args.topic)] if self._args.topic else [])]

    def _schedules(
        self, ends: aws.ssm.Document, leaves: aws.ssm.Document, runs: aws.iam.Role
    ) -> list[aws.scheduler.Schedule]:
        """When each of these documents is started: never, until promote says so."""
        role, policy = self._role(
            "time",
            "scheduler",
            [*(self._starting(document) for document in (ends, leaves)), _passing(runs.arn, "ssm")],
        )
        return [self._schedule(what, document, role, policy) for what, document in (("end", ends), ("servers", leaves))]

    def _schedule(
        self, what: str, document: aws.ssm.Document, role: aws.iam.Role, policy: pulumi.Resource
    ) -> aws.scheduler.Schedule:
        options = self._options("state", "scheduleExpression", depends_on=[policy])
        if self._args.armed:
            # A change of anything else would send the state and the time that were declared, and disarm it.
            options = pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(transformations=[freeze_inputs]))
        return aws.scheduler.Schedule(
            f"{self._prefix}-{what}",
            # It can have no tags, and whoever finds it without an owner must know whose it is.
            description=orphan_guards.describe(self._color.tags()),
            state="DISABLED",
            schedule_expression=NEVER,
            flexible_time_window={"mode": "OFF"},
            target={
                "arn": f"arn:{self._partition}:scheduler:::aws-sdk:ssm:startAutomationExecution",
                "role_arn": role.arn,
                "input": document.name.apply(lambda name: json.dumps({"DocumentName": name})),
            },
            opts=options,
        )

    def _definition(self, document: aws.ssm.Document) -> pulumi.Output[str]:
        """A document as something that is started (ARN)."""
        return pulumi.Output.format("{0}:automation-definition/{1}:$DEFAULT", self._ssm, document.name)

    def _starting(self, document: aws.ssm.Document) -> pulumi.Output[dict[str, Any]]:
        """AWS asks for the document and for an execution; of the definition it asked before."""
        return _allow(
            "ssm:StartAutomationExecution",
            pulumi.Output.all(
                self._definition(document),
                pulumi.Output.format("{0}:document/{1}", self._ssm, document.name),
                f"{self._ssm}:automation-execution/*",
            ),
        )

    def _target(self, rule: aws.cloudwatch.EventRule, document: aws.ssm.Document, back: aws.iam.Role) -> None:
        definition = self._definition(document)
        role, policy = self._role("start", "events", [self._starting(document), _passing(back.arn, "ssm")])
        aws.cloudwatch.EventTarget(
            self._prefix,
            rule=rule.name,
            target_id="way-back",
            arn=definition,
            role_arn=role.arn,
            input_transformer={
                "input_paths": {"at": "$.time", "alarm": "$.detail.alarmName"},
                "input_template": '{"At": [<at>], "Alarm": [<alarm>]}',
            },
            opts=self._options(depends_on=[policy]),
        )

    def _role(
        self, what: str, service: str, allowed: Sequence[pulumi.Output[dict[str, Any]]]
    ) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
        """A role that this one service of AWS may have, for this account alone, with its policy."""
        trust = {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": f"{service}.amazonaws.com"},
            "Condition": {"StringEquals": {"aws:SourceAccount": self._account.id}},
        }
        role = aws.iam.Role(
            f"{self._prefix}-{what}",
            assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
            permissions_boundary=self._args.permissions_boundary or None,
            tags=self._tags,
            opts=self._options(),
        )
        policy = aws.iam.RolePolicy(
            f"{self._prefix}-{what}",
            role=role.id,
            policy=pulumi.Output.all(*allowed).apply(
                lambda statements: json.dumps({"Version": "2012-10-17", "Statement": statements})
            ),
            opts=self._options(),
        )
        return role, policy

    def _options(self, *ignored: str, depends_on: list[pulumi.Resource] | None = None) -> pulumi.ResourceOptions:
        """`ignored`: inputs that the step promote sets, and AWS."""
        return group_options(self._color, self, depends_on=depends_on, ignore_changes=list(ignored) or None)


def _quoted(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')


def _allow(
    actions: str | list[str], resource: pulumi.Input[Any], condition: Mapping[str, Any] | None = None
) -> pulumi.Output[dict[str, Any]]:
    only = {"Condition": condition} if condition else {}
    return pulumi.Output.from_input(resource).apply(
        lambda arn: {"Effect": "Allow", "Action": actions, "Resource": arn, **only}
    )


def _passing(role: pulumi.Input[str], service: str) -> pulumi.Output[dict[str, Any]]:
    """Whoever gives a service a role must be allowed to."""
    return _allow("iam:PassRole", role, {"StringEquals": {"iam:PassedToService": f"{service}.amazonaws.com"}})
