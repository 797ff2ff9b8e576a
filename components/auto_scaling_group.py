"""One color of servers, born and deleted as one."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from components.alarms import Limits, alarms
from components.replacement import group_options
from components.step_command import step_command
from plan.config import secret_references as named
from plan.estimates import DELETING_SECONDS
from plan.group_key import GroupKey
from plan.readers.live_state import Account

SSM_CORE = "policy/AmazonSSMManagedInstanceCore"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}],
    }
)


class AutoScalingGroup(pulumi.ComponentResource):
    """Servers of one color in one generation: role, security group, launch template, auto-scaling group, alarms.

    Servers have no SSH key, no public address, and no open port but `port`, for the load balancer alone. They carry an
    encrypted gp3 disk, IMDSv2 only, and a role with Systems Manager's core and the right to read `references` alone.

    Inputs: `color`; `image_id` and its `root_device` name; `instance_type`; `root_volume_gib`; `user_data` (plain
    text, no secrets); `references` (`ssm:NAME`, `secretsmanager:NAME[:KEY]`); `permissions_boundary` (ARN of a policy,
    or empty); `port`; `vpc_id`, `subnet_ids`; `target_group` and the `announced_by` rule that names it, since only then
    its targets' health is checked; `load_balancer_security_group_id`, `load_balancer_arn_suffix`, `listener_arn`;
    `min_size`, `max_size`; `target_cpu_percent` (0: no scaling policy); `boot_seconds` from launch to healthy;
    `drain_seconds`; the alarms' `limits`.

    Outputs: `group_name`, `alarm_names`, `alarm_arns`, `retire` (whoever moves traffic here must come after it).
    """

    def __init__(
        self,
        name: str,
        *,
        color: GroupKey,
        account: Account,
        image_id: pulumi.Input[str],
        root_device: pulumi.Input[str],
        instance_type: str,
        root_volume_gib: int,
        user_data: str,
        references: Sequence[str] = (),
        permissions_boundary: str = "",
        port: int,
        vpc_id: pulumi.Input[str],
        subnet_ids: Sequence[pulumi.Input[str]],
        target_group: aws.lb.TargetGroup,
        announced_by: Sequence[pulumi.Resource] = (),
        load_balancer_security_group_id: pulumi.Input[str],
        load_balancer_arn_suffix: pulumi.Input[str],
        listener_arn: pulumi.Input[str],
        min_size: int,
        max_size: int,
        target_cpu_percent: int = 0,
        boot_seconds: int,
        drain_seconds: int,
        limits: Limits,
        tags: Mapping[str, pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            "phoenix:index:AutoScalingGroup", name, {"color": color.color, "generation": color.generation}, opts
        )
        self._prefix, self._color, self._tags = name, color, color.tags(**tags)
        security_group, rules = self._firewall(vpc_id, port, load_balancer_security_group_id)
        template = aws.ec2.LaunchTemplate(
            f"{name}-template",
            image_id=image_id,
            instance_type=instance_type,
            iam_instance_profile={"arn": self._profile(account, references, permissions_boundary).arn},
            # Scaling looks at CPU each minute; without this EC2 tells it every five.
            monitoring={"enabled": True},
            metadata_options={"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1},
            block_device_mappings=[
                {
                    "device_name": root_device,
                    "ebs": {
                        "volume_size": root_volume_gib,
                        "volume_type": "gp3",
                        "encrypted": "true",
                        "delete_on_termination": "true",
                    },
                }
            ],
            network_interfaces=[
                {
                    "device_index": 0,
                    "associate_public_ip_address": "false",
                    "delete_on_termination": "true",
                    "security_groups": [security_group.id],
                }
            ],
            user_data=base64.b64encode(user_data.encode()).decode(),
            tag_specifications=[{"resource_type": kind, "tags": self._tags} for kind in ("instance", "volume")],
            tags=self._tags,
            opts=group_options(color, self),
        )
        clear = step_command(
            f"{name}-clear",
            run="clear",
            on_delete=True,
            account=account,
            environment={
                "stack": color.stack,
                "color": color.color,
                "target_group": target_group.arn,
                "listener": listener_arn,
            },
            triggers=[target_group.arn],
            # Made before the group, so deleted after it, and before what servers need to stand: of a birth that was
            # killed the state may know all but the group.
            opts=group_options(color, self, depends_on=[template, *rules]),
        )
        group = aws.autoscaling.Group(
            f"{name}-group",
            min_size=min_size,
            max_size=max_size,
            vpc_zone_identifiers=list(subnet_ids),
            launch_template={"id": template.id, "version": template.latest_version.apply(str)},
            target_group_arns=[target_group.arn],
            health_check_type="ELB",
            health_check_grace_period=boot_seconds,
            default_instance_warmup=boot_seconds,
            # Waiting is the step verify's, which sees more and gives up earlier.
            wait_for_capacity_timeout="0",
            tags=[{"key": key, "value": value, "propagate_at_launch": True} for key, value in self._tags.items()],
            # A server may need its way in and its rights from the first second.
            opts=group_options(
                color,
                self,
                depends_on=[*announced_by, *rules, clear],
                delete_minutes=(DELETING_SECONDS + drain_seconds) / 60,
                # Verify adds a tag to it, which a refresh must not make the next update take away.
                ignore_changes=["tags"],
            ),
        )
        after = [self._scaling(group, target_cpu_percent)] if target_cpu_percent else []
        watched = alarms(
            self,
            name,
            color=color,
            target_group=target_group,
            load_balancer_arn_suffix=load_balancer_arn_suffix,
            limits=limits,
            tags=self._tags,
        )
        self.retire = step_command(
            f"{name}-retire",
            run="retire",
            on_delete=True,
            account=account,
            environment={
                "stack": color.stack,
                "color": color.color,
                "group": group.name,
                "target_group": target_group.arn,
                "listener": listener_arn,
            },
            triggers=[group.name],
            # Deleted before the group and its policy: it refuses while production traffic goes to them.
            opts=group_options(color, self, depends_on=[group, *after]),
        )
        self.group_name = group.name
        self.alarm_names: list[pulumi.Output[str]] = [alarm.name for alarm in watched]
        self.alarm_arns: list[pulumi.Output[str]] = [alarm.arn for alarm in watched]
        self.register_outputs({"groupName": self.group_name, "alarmNames": self.alarm_names})

    def _profile(self, account: Account, references: Sequence[str], boundary: str) -> aws.iam.InstanceProfile:
        """The servers' role. Its own for each generation: a right that a new one needs is not given to the live one."""
        options = group_options(self._color, self)
        partition = aws.get_partition().partition
        role = aws.iam.Role(
            f"{self._prefix}-role",
            assume_role_policy=TRUST,
            permissions_boundary=boundary or None,
            tags=self._tags,
            opts=options,
        )
        ssm = aws.iam.RolePolicyAttachment(
            f"{self._prefix}-ssm", role=role.name, policy_arn=f"arn:{partition}:iam::aws:{SSM_CORE}", opts=options
        )
        reads = aws.iam.RolePolicy(
            f"{self._prefix}-references",
            role=role.id,
            policy=named.reference_policy(references, account=account.id, region=account.region, partition=partition),
            opts=options,
        )
        return aws.iam.InstanceProfile(
            f"{self._prefix}-profile",
            role=role.name,
            tags=self._tags,
            opts=group_options(self._color, self, depends_on=[ssm, reads]),
        )

    def _firewall(
        self, vpc_id: pulumi.Input[str], port: int, balancer: pulumi.Input[str]
    ) -> tuple[aws.ec2.SecurityGroup, list[pulumi.Resource]]:
        """The servers' security group, the load balancer's way into it and the servers' way out."""
        options = group_options(self._color, self)
        group = aws.ec2.SecurityGroup(
            f"{self._prefix}-servers",
            vpc_id=vpc_id,
            description=f"Servers of {self._color.name}",
            tags=self._tags,
            opts=options,
        )
        from_balancer = aws.vpc.SecurityGroupIngressRule(
            f"{self._prefix}-from-alb",
            security_group_id=group.id,
            referenced_security_group_id=balancer,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            opts=options,
        )
        to_servers = aws.vpc.SecurityGroupEgressRule(
            f"{self._prefix}-from-alb",
            security_group_id=balancer,
            referenced_security_group_id=group.id,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            opts=options,
        )
        out = aws.vpc.SecurityGroupEgressRule(
            f"{self._prefix}-out", security_group_id=group.id, cidr_ipv4="0.0.0.0/0", ip_protocol="-1", opts=options
        )
        return group, [from_balancer, to_servers, out]

    def _scaling(self, group: aws.autoscaling.Group, percent: int) -> aws.autoscaling.Policy:
        return aws.autoscaling.Policy(
            f"{self._prefix}-cpu",
            autoscaling_group_name=group.name,
            policy_type="TargetTrackingScaling",
            target_tracking_configuration={
                "predefined_metric_specification": {"predefined_metric_type": "ASGAverageCPUUtilization"},
                "target_value": percent,
            },
            opts=group_options(self._color, self),
        )
