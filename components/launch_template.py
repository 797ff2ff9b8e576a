"""What a server is made of: its launch template, and the role and the security group that the template names."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.replacement import group_options
from plan.config import live_target, secret_references, stop_command, systems_manager
from plan.config.egress import EVERYWHERE, parse_egress
from plan.group_key import GroupKey
from plan.readers.live_state import Account
from plan.readers.recorded_egress import egress_name
from plan.readers.recorded_policies import attachment_name

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}],
    }
)


@dataclass(frozen=True, kw_only=True)
class ServerArgs:
    """One server.

    `image_id` and its `root_device` name; `instance_type`; `root_volume_gib`; `user_data` (plain text, no secrets);
    `port` of the application; `egress`: where it may go (`plan.config.egress`); `volume_kms_key` of its disk (ARN, or
    empty for the account's own); `references` that the role may read (`ssm:NAME`, `secretsmanager:NAME[:KEY]`);
    `permissions_boundary` of the role (ARN of a policy, or empty); `policy_arns` that are attached to it, and
    `policy_statements` (JSON) that it has besides; `tells_its_end`: a lifecycle hook waits for it (`stop_command`);
    `live_table` that it reads (name, or empty: it has no live target).
    """

    image_id: pulumi.Input[str]
    root_device: pulumi.Input[str]
    instance_type: str
    root_volume_gib: int
    user_data: pulumi.Input[str]
    port: int
    egress: Sequence[str] = (EVERYWHERE,)
    volume_kms_key: str = ""
    references: Sequence[str] = ()
    permissions_boundary: str = ""
    policy_arns: Sequence[str] = ()
    policy_statements: Sequence[str] = ()
    tells_its_end: bool = False
    live_table: pulumi.Input[str] = ""


class LaunchTemplate(pulumi.ComponentResource):
    """The launch template of one color in one generation, with a role and a security group of its own.

    Servers have no SSH key, no public address, and no open port but the application's, for the load balancer alone.
    They carry an encrypted gp3 disk, IMDSv2 only, and a role that lets in Systems Manager's sessions, reads the
    server's `references` alone, and may do what its policies and statements say.

    Inputs: `color`; `server`; `vpc_id`; `load_balancer_security_group_id`, which is let in, and gets a way out; `tags`.

    Outputs: `id`, `version`; `rules` of the security group, without which a server is not reached; `ready`: the
    template and these rules.
    """

    def __init__(
        self,
        name: str,
        *,
        color: GroupKey,
        account: Account,
        server: ServerArgs,
        vpc_id: pulumi.Input[str],
        load_balancer_security_group_id: pulumi.Input[str],
        tags: Mapping[str, pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            "phoenix:index:LaunchTemplate", name, {"color": color.color, "generation": color.generation}, opts
        )
        self._prefix, self._color, self._tags = name, color, color.tags(**tags)
        security_group = self._security_group(vpc_id)
        self.rules = self._rules(security_group, server, load_balancer_security_group_id)
        template = self._template(server, self._instance_profile(account, server), security_group)
        self.ready: list[pulumi.Resource] = [template, *self.rules]
        self.id = template.id
        self.version: pulumi.Output[str] = template.latest_version.apply(str)
        self.register_outputs({"id": self.id, "version": self.version})

    def _template(
        self, server: ServerArgs, profile: aws.iam.InstanceProfile, security_group: aws.ec2.SecurityGroup
    ) -> aws.ec2.LaunchTemplate:
        disk: aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgsDict = {
            "volume_size": server.root_volume_gib,
            "volume_type": "gp3",
            "encrypted": "true",
            "delete_on_termination": "true",
        }
        if server.volume_kms_key:
            disk["kms_key_id"] = server.volume_kms_key
        return aws.ec2.LaunchTemplate(
            f"{self._prefix}-template",
            image_id=server.image_id,
            instance_type=server.instance_type,
            iam_instance_profile={"arn": profile.arn},
            # Scaling looks at CPU each minute; without this EC2 reports it every five.
            monitoring={"enabled": True},
            metadata_options={"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1},
            block_device_mappings=[{"device_name": server.root_device, "ebs": disk}],
            network_interfaces=[
                {
                    "device_index": 0,
                    "associate_public_ip_address": "false",
                    "delete_on_termination": "true",
                    "security_groups": [security_group.id],
                }
            ],
            user_data=_encoded(server.user_data),
            tag_specifications=[{"resource_type": kind, "tags": self._tags} for kind in ("instance", "volume")],
            tags=self._tags,
            opts=group_options(self._color, self),
        )

    def _instance_profile(self, account: Account, server: ServerArgs) -> aws.iam.InstanceProfile:
        """The servers' role. Its own for each generation: a right that a new one needs is not given to the live one."""
        options = group_options(self._color, self)
        partition = aws.get_partition().partition
        role = aws.iam.Role(
            f"{self._prefix}-role",
            assume_role_policy=TRUST,
            permissions_boundary=server.permissions_boundary or None,
            tags=self._tags,
            opts=options,
        )
        own: Sequence[str] = ()
        if server.tells_its_end:
            group = stop_command.of_group(self._color.stack, self._color.color, self._color.generation)
            own = stop_command.statements(group, account=account.id, region=account.region, partition=partition)
        ssm = aws.iam.RolePolicy(f"{self._prefix}-ssm", role=role.id, policy=systems_manager.POLICY, opts=options)
        reads = aws.iam.RolePolicy(
            f"{self._prefix}-references",
            role=role.id,
            policy=self._policy(server, own, account=account.id, region=account.region, partition=partition),
            opts=options,
        )
        attached = [
            aws.iam.RolePolicyAttachment(
                f"{self._prefix}{attachment_name(arn)}", role=role.name, policy_arn=arn, opts=options
            )
            for arn in server.policy_arns
        ]
        return aws.iam.InstanceProfile(
            f"{self._prefix}-profile",
            role=role.name,
            tags=self._tags,
            opts=group_options(self._color, self, depends_on=[ssm, reads, *attached]),
        )

    def _policy(self, server: ServerArgs, own: Sequence[str], **where: str) -> pulumi.Input[str]:
        """What the role may do beside letting sessions in."""

        def policy(table: str) -> str:
            live = live_target.statements(table, **where) if table else ()
            more = [*own, *live, *server.policy_statements]
            return secret_references.reference_policy(server.references, **where, more=more)

        if isinstance(server.live_table, str):
            return policy(server.live_table)
        return pulumi.Output.all(server.live_table).apply(lambda known: policy(known[0]))

    def _security_group(self, vpc_id: pulumi.Input[str]) -> aws.ec2.SecurityGroup:
        return aws.ec2.SecurityGroup(
            f"{self._prefix}-servers",
            vpc_id=vpc_id,
            description=f"Servers of {self._color.name}",
            tags=self._tags,
            opts=group_options(self._color, self),
        )

    def _rules(
        self, group: aws.ec2.SecurityGroup, server: ServerArgs, load_balancer: pulumi.Input[str]
    ) -> list[pulumi.Resource]:
        """The load balancer's way to the servers, at both ends, and the servers' ways out."""
        options, port = group_options(self._color, self), server.port
        from_balancer = aws.vpc.SecurityGroupIngressRule(
            f"{self._prefix}-from-alb",
            security_group_id=group.id,
            referenced_security_group_id=load_balancer,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            opts=options,
        )
        to_servers = aws.vpc.SecurityGroupEgressRule(
            f"{self._prefix}-from-alb",
            security_group_id=load_balancer,
            referenced_security_group_id=group.id,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            opts=options,
        )
        return [from_balancer, to_servers, *(self._way_out(group, way) for way in server.egress)]

    def _way_out(self, group: aws.ec2.SecurityGroup, way: str) -> pulumi.Resource:
        found = parse_egress(way)
        return aws.vpc.SecurityGroupEgressRule(
            f"{self._prefix}{egress_name(way)}",
            security_group_id=group.id,
            cidr_ipv4=found.cidr,
            ip_protocol=found.protocol,
            from_port=found.first,
            to_port=found.last,
            opts=group_options(self._color, self),
        )


def _encoded(user_data: pulumi.Input[str]) -> pulumi.Input[str]:
    if isinstance(user_data, str):
        return base64.b64encode(user_data.encode()).decode()
    return pulumi.Output.all(user_data).apply(lambda known: base64.b64encode(known[0].encode()).decode())
