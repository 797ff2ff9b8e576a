"""A program with every AWS resource type that the project uses, in the shapes in which it uses them."""

import json

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions as Options

config = pulumi.Config()
tags, generation = {"phoenix:stack": "shop/dev"}, config.require("generation")
born = Options(replacement_trigger=generation)

vpc = aws.ec2.Vpc("net", cidr_block="10.1.0.0/16", enable_dns_hostnames=True, tags=tags)
gateway = aws.ec2.InternetGateway("net", vpc_id=vpc.id, tags=tags)
zones = aws.get_availability_zones(
    state="available", filters=[{"name": "opt-in-status", "values": ["opt-in-not-required"]}]
).names[:2]
subnets = [
    aws.ec2.Subnet(
        f"net-{i}",
        vpc_id=vpc.id,
        cidr_block=f"10.1.{i}.0/24",
        availability_zone=zone,
        map_public_ip_on_launch=False,
        tags=tags,
        opts=Options(ignore_changes=["availabilityZone"]),
    )
    for i, zone in enumerate(zones)
]
address = aws.ec2.Eip("net", domain="vpc", tags=tags, opts=Options(depends_on=[gateway]))
nat = aws.ec2.NatGateway("net", allocation_id=address.id, subnet_id=subnets[0].id, tags=tags)
table = aws.ec2.RouteTable("net", vpc_id=vpc.id, tags=tags)
aws.ec2.Route("out", route_table_id=table.id, destination_cidr_block="0.0.0.0/0", nat_gateway_id=nat.id)
aws.ec2.RouteTableAssociation("net", route_table_id=table.id, subnet_id=subnets[0].id)

door = aws.ec2.SecurityGroup("door", vpc_id=vpc.id, description="The door", tags=tags)
servers = aws.ec2.SecurityGroup("servers", vpc_id=vpc.id, tags=tags, opts=born)
aws.vpc.SecurityGroupIngressRule(
    "in", security_group_id=door.id, ip_protocol="tcp", from_port=80, to_port=80, cidr_ipv4="0.0.0.0/0"
)
aws.vpc.SecurityGroupEgressRule(
    "on",
    security_group_id=door.id,
    ip_protocol="tcp",
    from_port=80,
    to_port=80,
    referenced_security_group_id=servers.id,
)
balancer = aws.lb.LoadBalancer(
    "shop",
    load_balancer_type="application",
    internal=False,
    security_groups=[door.id],
    subnets=[subnet.id for subnet in subnets],
    drop_invalid_header_fields=True,
    tags=tags,
)
listener = aws.lb.Listener(
    "shop",
    load_balancer_arn=balancer.arn,
    port=80,
    protocol="HTTP",
    tags=tags,
    default_actions=[
        {
            "type": "fixed-response",
            "fixed_response": {"content_type": "text/plain", "message_body": "no group is live", "status_code": "503"},
        }
    ],
)
group = aws.lb.TargetGroup(
    "shop-blue",
    vpc_id=vpc.id,
    port=8080,
    protocol="HTTP",
    target_type="instance",
    deregistration_delay=7,
    load_balancing_algorithm_type="round_robin",
    stickiness={"type": "lb_cookie", "enabled": False},
    health_check={
        "enabled": True,
        "protocol": "HTTP",
        "port": "traffic-port",
        "path": "/health",
        "matcher": "200",
        "interval": 5,
        "timeout": 4,
        "healthy_threshold": 2,
        "unhealthy_threshold": 2,
    },
    tags={**tags, "phoenix:generation": generation},
    opts=born,
)
rule = aws.lb.ListenerRule(
    "shop",
    listener_arn=listener.arn,
    priority=100,
    tags=tags,
    conditions=[{"http_header": {"http_header_name": "X-Token", "values": [pulumi.Output.secret("opensesame")]}}],
    actions=[
        {
            "type": "forward",
            "forward": {
                "target_groups": [{"arn": group.arn, "weight": config.require_int("weight")}],
                "stickiness": {"enabled": False, "duration": 3600},
            },
        }
    ],
)

allow = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
role = aws.iam.Role(
    "servers", assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [allow]}), tags=tags, opts=born
)
read = {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}
aws.iam.RolePolicy(
    "servers", role=role.id, policy=json.dumps({"Version": "2012-10-17", "Statement": [read]}), opts=born
)
partition = aws.get_partition().partition
aws.iam.RolePolicyAttachment(
    "servers", role=role.name, policy_arn=f"arn:{partition}:iam::aws:policy/AmazonSSMManagedInstanceCore", opts=born
)
profile = aws.iam.InstanceProfile("servers", role=role.name, tags=tags, opts=born)
template = aws.ec2.LaunchTemplate(
    "servers",
    image_id=config.require("image"),
    instance_type="t3.small",
    iam_instance_profile={"arn": profile.arn},
    metadata_options={"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1},
    block_device_mappings=[
        {
            "device_name": "/dev/xvda",
            "ebs": {"volume_size": 10, "volume_type": "gp3", "encrypted": "true", "delete_on_termination": "true"},
        }
    ],
    network_interfaces=[
        {"associate_public_ip_address": "false", "delete_on_termination": "true", "security_groups": [servers.id]}
    ],
    user_data="I2Nsb3VkLWNvbmZpZwo=",
    tag_specifications=[{"resource_type": "instance", "tags": tags}],
    tags=tags,
    opts=born,
)
fleet = aws.autoscaling.Group(
    "servers",
    min_size=1,
    max_size=3,
    vpc_zone_identifiers=[subnet.id for subnet in subnets],
    launch_template={"id": template.id, "version": template.latest_version.apply(str)},
    target_group_arns=[group.arn],
    health_check_type="ELB",
    health_check_grace_period=30,
    default_instance_warmup=30,
    wait_for_capacity_timeout="0",
    tags=[{"key": "phoenix:stack", "value": "shop/dev", "propagate_at_launch": True}],
    opts=Options(
        replacement_trigger=generation,
        depends_on=[rule],
        ignore_changes=["tags"],
        custom_timeouts=pulumi.CustomTimeouts(delete="2m"),
    ),
)
aws.autoscaling.Policy(
    "servers",
    autoscaling_group_name=fleet.name,
    policy_type="TargetTrackingScaling",
    target_tracking_configuration={
        "predefined_metric_specification": {"predefined_metric_type": "ASGAverageCPUUtilization"},
        "target_value": 50,
    },
    opts=born,
)
where = {"TargetGroup": group.arn_suffix, "LoadBalancer": balancer.arn_suffix}
aws.cloudwatch.MetricAlarm(
    "servers-5xx",
    comparison_operator="GreaterThanThreshold",
    threshold=5,
    evaluation_periods=1,
    treat_missing_data="notBreaching",
    tags=tags,
    opts=born,
    metric_queries=[
        {
            "id": "requests",
            "return_data": False,
            "metric": {
                "namespace": "AWS/ApplicationELB",
                "metric_name": "RequestCount",
                "period": 60,
                "stat": "Sum",
                "dimensions": where,
            },
        },
        {"id": "share", "label": "5xx, percent", "return_data": True, "expression": "100 * requests"},
    ],
)
aws.cloudwatch.MetricAlarm(
    "servers-sick",
    namespace="AWS/ApplicationELB",
    metric_name="UnHealthyHostCount",
    dimensions=where,
    statistic="Maximum",
    period=60,
    comparison_operator="GreaterThanThreshold",
    threshold=0,
    evaluation_periods=2,
    treat_missing_data="notBreaching",
    tags=tags,
    opts=born,
)

pulumi.export("group", fleet.name)
pulumi.export("account", aws.get_caller_identity().account_id)
pulumi.export("region", aws.get_region().region)
pulumi.export("url", balancer.dns_name)
