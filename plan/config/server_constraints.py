"""The rules that join keys about servers: their network, their disks and ways out, their environment."""

from __future__ import annotations

from core import partitions
from core.errors import problem
from plan.config import egress, live_target, secret_references, stop_command, user_data
from plan.config.constraint import BrokenConstraints, command
from plan.config.settings import Settings, architecture_of


def network_constraints(s: Settings) -> BrokenConstraints:
    """A network is adopted whole, or made."""
    keys = ("vpcId", "albSubnetIds", "serverSubnetIds")
    given = dict(zip(keys, (s.vpc_id, s.alb_subnet_ids, s.server_subnet_ids), strict=True))
    missing = [key for key, value in given.items() if not value]
    if 0 < len(missing) < len(keys):
        there = next(key for key in keys if given[key])
        yield (
            keys,
            problem(
                "PHX-123",
                " and ".join(missing),
                "",
                f"must be set together with {there}: all three adopt a network, none makes one",
                f"pulumi config set {missing[0]} ..., or pulumi config rm {there}",
            ),
        )
    if len(s.alb_subnet_ids) == 1:
        yield (
            ("albSubnetIds",),
            problem(
                "PHX-124",
                "albSubnetIds",
                list(s.alb_subnet_ids),
                "must name subnets of at least two availability zones",
                "pulumi config set --path 'albSubnetIds[1]' subnet-...",
            ),
        )


def server_constraints(s: Settings) -> BrokenConstraints:
    """Where servers may go, and whose key their disks have."""
    needs = []
    if s.references:
        needs.append(f"they read {s.references[0]} there before the application starts")
    if s.stop_command:
        needs.append("they tell EC2 Auto Scaling there that stopCommand is done")
    if s.live_target:
        needs.append("they ask DynamoDB there whether their generation has production")
    if needs and not egress.reaches_https(s.allowed_egress):
        yield (
            ("allowedEgress", "environment" if s.references else "stopCommand" if s.stop_command else "liveTarget"),
            problem(
                "PHX-166",
                "allowedEgress",
                list(s.allowed_egress),
                f"must let servers out to port {egress.HTTPS}: {', and '.join(needs)}",
                command("allowedEgress", '["0.0.0.0/0:443"]') + "   (or the network of your interface endpoints)",
            ),
        )
    if s.volume_kms_key and s.volume_kms_key.split(":")[3] != s.region:
        yield (
            ("volumeKmsKey",),
            problem(
                "PHX-167",
                "volumeKmsKey",
                s.volume_kms_key,
                f"must be a key of the stack's region ({s.region})",
                f"pulumi config set volumeKmsKey arn:{partitions.of(s.region)}:kms:{s.region}:...",
            ),
        )


def type_constraints(s: Settings) -> BrokenConstraints:
    """One image fits all types, and what is bought as Spot is not all bought on demand."""
    twice = sorted({one for one in s.instance_types if s.instance_types.count(one) > 1})
    if twice:
        yield (
            ("instanceType",),
            problem(
                "PHX-171",
                "instanceType",
                s.instance_type,
                f"must name each type once, as AWS asks ({', '.join(twice)} is there more often)",
                f"pulumi config set instanceType {','.join(dict.fromkeys(s.instance_types))}",
            ),
        )
    others = [one for one in s.instance_types if architecture_of(one) != s.architecture]
    if others:
        fitting = ",".join(dict.fromkeys(one for one in s.instance_types if one not in others))
        yield (
            ("instanceType",),
            problem(
                "PHX-172",
                "instanceType",
                s.instance_type,
                f"must be of one architecture, that of the image: {s.instance_types[0]} is {s.architecture},"
                f" {', '.join(others)} {'is' if len(others) == 1 else 'are'} not",
                f"pulumi config set instanceType {fitting}",
            ),
        )
    if s.spot_percent and s.on_demand_base >= s.max_size:
        yield (
            ("spotPercent", "onDemandBase", "maxSize"),
            problem(
                "PHX-173",
                "onDemandBase",
                s.on_demand_base,
                f"must be below maxSize ({s.max_size}) with spotPercent: else no server is ever Spot",
                "pulumi config set onDemandBase 0, or pulumi config set spotPercent 0",
            ),
        )


def notification_constraints(s: Settings) -> BrokenConstraints:
    """About who is told of a release."""
    expected = [partitions.of(s.region), "sns", s.region]
    if s.notify_topic_arn and s.notify_topic_arn.split(":")[1:4] != expected:
        yield (
            ("notifyTopicArn",),
            problem(
                "PHX-174",
                "notifyTopicArn",
                s.notify_topic_arn,
                f"must be a topic of the stack's region ({s.region}), where its alarms are",
                f"pulumi config set notifyTopicArn arn:{':'.join(expected)}:...",
            ),
        )


def environment_constraints(s: Settings) -> BrokenConstraints:
    """About what the application is told, and the secrets that it reads by name."""
    for name, value in s.environment.items():
        if secret_references.broken_reference(value):
            yield (
                ("environment",),
                problem(
                    "PHX-136",
                    f"environment.{name}",
                    value,
                    f"begins as a secret's name does, and must be one: {secret_references.RULE}",
                    f"pulumi config set --plaintext --path environment.{name} ssm:/{s.service}/{s.stack}/{name}",
                ),
            )
    own: tuple[str, ...] = ()
    if s.stop_command:
        group = stop_command.of_group(s.identity, "green", "0" * 12)
        own = stop_command.statements(group, account="0" * 12, region=s.region, partition="aws-us-gov")
    if s.live_target:
        own += live_target.statements("x" * 31, account="0" * 12, region=s.region, partition="aws-us-gov")
    more = [*own, *s.policy_statements]
    characters = secret_references.policy_size(s.references, region=s.region, more=more)
    if characters > secret_references.POLICY_LIMIT:
        statements = f" with {len(s.policy_statements)} policyStatements" if s.policy_statements else ""
        yield (
            ("environment", "policyStatements"),
            problem(
                "PHX-137",
                "environment",
                f"{len(s.references)} secrets{statements}",
                f"must name so few that the policies of the servers' role have at most"
                f" {secret_references.POLICY_LIMIT} characters, which is what a role may have (they have {characters})",
                "one secret of Secrets Manager holds many values: environment.NAME: secretsmanager:SECRET:KEY"
                + ("; a managed policy (policyArns) holds what statements say" if s.policy_statements else ""),
            ),
        )
    size = user_data.size(s)
    if size > user_data.LIMIT:
        longest = max(s.environment, key=lambda name: len(s.environment[name].encode()))
        yield (
            ("environment",),
            problem(
                "PHX-135",
                "environment",
                f"{len(s.environment)} variables",
                f"must make at most {user_data.LIMIT} bytes of user data,"
                f" which is what AWS takes (it makes {size}; the longest is {longest})",
                f"put it into an SSM parameter (aws ssm put-parameter --name /{longest} ...), and pulumi config set "
                f"--plaintext --path environment.{longest} ssm:/{s.service}/{s.stack}/{longest}",
            ),
        )
