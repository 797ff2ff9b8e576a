"""The way back that outlives an update: AWS itself watches the group that was promoted, and takes production back.

A composite alarm of the group's alarms and the user's rings; a rule of EventBridge starts a document of Systems
Manager Automation, which sets the weights of before. No process and no code of ours need live for it. All is declared
before production moves, and does nothing until the step promote arms it (`steps.promote.way_back_guard`), since only
then is it known until when it is to watch. Sources: docs/evidence.md, "The guard".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components.replacement import freeze_inputs, group_options
from core import partitions
from core.guard import WAY_BACK
from core.listener_rules import forward_action
from plan.group_key import GroupKey
from plan.readers import orphan_guards
from plan.readers.live_state import Account

# A schedule must have a time; this one is none, and promote sets another.
NEVER = "at(2099-12-31T00:00:00)"
RESIZE = "autoscaling:updateAutoScalingGroup"


@dataclass(frozen=True, kw_only=True)
class GuardArgs:
    """What is watched, and what AWS goes back to.

    `rule`: the production rule (ARN); `target_group` that is watched, and `previous` that gets production back (ARNs);
    `previous_group`: the auto-scaling group of the latter; `alarms` (names) any of which takes production back;
    `kept_minimum`: MinSize of the kept group when the guard is over, for a group that stays then; None takes its
    servers away. `armed`: promote has armed it already. `permissions_boundary` of the roles; `topic` of SNS
    that hears of a way back (ARNs, or empty).
    """

    rule: pulumi.Input[str]
    target_group: pulumi.Input[str]
    previous: pulumi.Input[str]
    previous_group: pulumi.Input[str]
    alarms: Sequence[pulumi.Input[str]]
    kept_minimum: int | None
    armed: bool
    permissions_boundary: str = ""
    topic: str = ""


class TrafficGuard(pulumi.ComponentResource):
    """Alarm, rule, document and schedules of one promotion, with a role for each service that may do just its part.

    Inputs: `color` of the group that is watched; `args`; `tags`.

    Outputs: `rule_name` of EventBridge, and `schedules`: the names of both.
    """

    def __init__(
        self,
        name: str,
        *,
        color: GroupKey,
        account: Account,
        args: GuardArgs,
        tags: Mapping[str, pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            "phoenix:index:TrafficGuard", name, {"color": color.color, "generation": color.generation}, opts
        )
        self._prefix, self._color, self._account, self._args = f"{name}-guard", color, account, args
        self._tags = color.tags(**tags)
        self._partition = partitions.of(account.region)
        alarm = self._alarm()
        rule = self._rule(alarm)
        role, policy = self._ending_role(rule)
        ends = rule.name.apply(lambda known: json.dumps({"Name": known}))
        leaves = pulumi.Output.from_input(args.previous_group).apply(self._leaving)
        schedules = (
            self._schedule("end", "eventbridge:disableRule", ends, role, policy),
            self._schedule("servers", RESIZE, leaves, role, policy),
        )
        self._target(rule, self._document(alarm, schedules[1], role))
        self.rule_name = rule.name
        self.schedules: list[pulumi.Output[str]] = [schedule.name for schedule in schedules]
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

    def _ending_role(self, rule: aws.cloudwatch.EventRule) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
        """Scheduler's: it disables this rule, and resizes the kept group."""
        where = f"arn:{self._partition}:autoscaling:{self._account.region}:{self._account.id}:autoScalingGroup:*"
        group = pulumi.Output.format("{0}:autoScalingGroupName/{1}", where, self._args.previous_group)
        allowed = [_allow("events:DisableRule", rule.arn), _allow("autoscaling:UpdateAutoScalingGroup", group)]
        return self._role("end", "scheduler", allowed)

    def _leaving(self, name: str) -> str:
        """What becomes of the kept group a little after the guard's end."""
        least = self._args.kept_minimum
        servers = {"MinSize": 0, "DesiredCapacity": 0} if least is None else {"MinSize": least}
        return json.dumps({"AutoScalingGroupName": name, **servers})

    def _schedule(
        self, what: str, call: str, given: pulumi.Input[str], role: aws.iam.Role, policy: pulumi.Resource
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
            target={"arn": self._call(call), "role_arn": role.arn, "input": given},
            opts=options,
        )

    def _call(self, call: str) -> str:
        """A call of AWS's API as a target of Scheduler."""
        return f"arn:{self._partition}:scheduler:::aws-sdk:{call}"

    def _document(
        self, alarm: aws.cloudwatch.CompositeAlarm, servers: aws.scheduler.Schedule, ending: aws.iam.Role
    ) -> tuple[aws.ssm.Document, aws.iam.Role]:
        """The way back: production first, then its servers' schedule, then the note."""
        args = self._args
        role, policy = self._role(
            "back",
            "ssm",
            [
                _allow(["elasticloadbalancing:ModifyRule", "elasticloadbalancing:AddTags"], args.rule),
                _allow("scheduler:UpdateSchedule", servers.arn),
                _passing(ending.arn, "scheduler"),
                *([_allow("sns:Publish", args.topic)] if args.topic else []),
            ],
        )
        content = pulumi.Output.all(
            role=role.arn,
            rule=args.rule,
            ours=args.target_group,
            previous=args.previous,
            schedule=servers.name,
            group=args.previous_group,
            ending=ending.arn,
        ).apply(self._content)
        document = aws.ssm.Document(
            self._prefix,
            document_type="Automation",
            document_format="JSON",
            content=content,
            tags=self._tags,
            opts=self._options(depends_on=[policy, alarm]),
        )
        return document, role

    def _content(self, known: Mapping[str, str]) -> str:
        target = {
            "Arn": self._call(RESIZE),
            "RoleArn": known["ending"],
            "Input": self._leaving(known["group"]),
        }
        return json.dumps(
            _way_back(
                self._color.generation,
                role=known["role"],
                rule=known["rule"],
                weights={known["previous"]: 100, known["ours"]: 0},
                schedule={"Name": known["schedule"], "Target": target},
                topic=self._args.topic,
                who=f"{self._color.stack}: {self._color.color}",
            )
        )

    def _target(self, rule: aws.cloudwatch.EventRule, way: tuple[aws.ssm.Document, aws.iam.Role]) -> None:
        document, back = way
        where = f"arn:{self._partition}:ssm:{self._account.region}:{self._account.id}:automation-definition"
        definition = pulumi.Output.format("{0}/{1}:$DEFAULT", where, document.name)
        role, policy = self._role(
            "start", "events", [_allow("ssm:StartAutomationExecution", definition), _passing(back.arn, "ssm")]
        )
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


def _allow(actions: str | list[str], resource: pulumi.Input[str]) -> pulumi.Output[dict[str, Any]]:
    return pulumi.Output.from_input(resource).apply(lambda arn: {"Effect": "Allow", "Action": actions, "Resource": arn})


def _passing(role: pulumi.Input[str], service: str) -> pulumi.Output[dict[str, Any]]:
    """Whoever gives a service a role must be allowed to."""
    only = {"StringEquals": {"iam:PassedToService": f"{service}.amazonaws.com"}}
    return _allow("iam:PassRole", role).apply(lambda said: {**said, "Condition": only})


def _way_back(
    generation: str,
    *,
    role: str,
    rule: str,
    weights: Mapping[str, int],
    schedule: Mapping[str, Any],
    topic: str,
    who: str,
) -> dict[str, Any]:
    """The Automation document. Traffic moves first; the grace between both schedules leaves time for the second step,
    which keeps the servers that have production again.
    """
    never = {"State": "DISABLED", "ScheduleExpression": NEVER, "FlexibleTimeWindow": {"Mode": "OFF"}}
    told = f"{who} {generation} has lost production at {{{{ At }}}}: AWS took it back when {{{{ Alarm }}}} rang"
    note = {"Key": WAY_BACK, "Value": f"{generation} {{{{ At }}}} {{{{ Alarm }}}}"}
    return {
        "schemaVersion": "0.3",
        "description": f"Production goes back from generation {generation} to the group before it",
        "assumeRole": role,
        "parameters": {
            "At": {"type": "String", "description": "When the alarm rang", "allowedPattern": "^[0-9TZ:.-]+$"},
            "Alarm": {"type": "String", "description": "Its name", "allowedPattern": "^[A-Za-z0-9-]+$"},
        },
        "mainSteps": [
            _step("moveTraffic", "elbv2", "ModifyRule", {"RuleArn": rule, "Actions": forward_action(weights)}),
            _step("keepServers", "scheduler", "UpdateSchedule", {**schedule, **never}),
            _step("writeNote", "elbv2", "AddTags", {"ResourceArns": [rule], "Tags": [note]}),
            *([_step("tellTopic", "sns", "Publish", {"TopicArn": topic, "Message": told})] if topic else []),
        ],
    }


def _step(name: str, service: str, api: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """A step that is tried again, and whose failure does not stop those after it."""
    return {
        "name": name,
        "action": "aws:executeAwsApi",
        "maxAttempts": 5,
        "timeoutSeconds": 60,
        "onFailure": "Continue",
        "inputs": {"Service": service, "Api": api, **inputs},
    }
