"""The same AWS resources as those of a phoenix stack with one color, and nothing else: no component, step or look."""

import base64
import json

import pulumi
import pulumi_aws as aws

config = pulumi.Config()
tags = {"bench": "floor"}
zones = aws.get_availability_zones(state="available").names[:2]

vpc = aws.ec2.Vpc("floor", cidr_block="10.30.0.0/16", enable_dns_support=True, enable_dns_hostnames=True, tags=tags)
aws.ec2.DefaultSecurityGroup("floor", vpc_id=vpc.id)
internet = aws.ec2.InternetGateway("floor", vpc_id=vpc.id, tags=tags)
public, private = (
    [
        aws.ec2.Subnet(
            f"{kind}-{i}", vpc_id=vpc.id, cidr_block=f"10.30.{start + 64 * i}.0/18", availability_zone=zone, tags=tags
        )
        for i, zone in enumerate(zones)
    ]
    for kind, start in (("public", 0), ("private", 128))
)
address = aws.ec2.Eip("nat", domain="vpc", tags=tags, opts=pulumi.ResourceOptions(depends_on=[internet]))
nat = aws.ec2.NatGateway("nat", allocation_id=address.id, subnet_id=public[0].id, tags=tags)
out, inner = (aws.ec2.RouteTable(kind, vpc_id=vpc.id, tags=tags) for kind in ("public", "private"))
aws.ec2.Route("public", route_table_id=out.id, destination_cidr_block="0.0.0.0/0", gateway_id=internet.id)
aws.ec2.Route("private", route_table_id=inner.id, destination_cidr_block="0.0.0.0/0", nat_gateway_id=nat.id)
for kind, table, subnets in (("public", out, public), ("private", inner, private)):
    for i, subnet in enumerate(subnets):
        aws.ec2.RouteTableAssociation(f"{kind}-{i}", route_table_id=table.id, subnet_id=subnet.id)

at_balancer = aws.ec2.SecurityGroup("balancer", vpc_id=vpc.id, description="Load balancer", tags=tags)
at_servers = aws.ec2.SecurityGroup("servers", vpc_id=vpc.id, description="Servers", tags=tags)
port = config.require_int("listenerPort")
aws.vpc.SecurityGroupIngressRule(
    "users", security_group_id=at_balancer.id, ip_protocol="tcp", from_port=port, to_port=port, cidr_ipv4="0.0.0.0/0"
)
aws.vpc.SecurityGroupIngressRule(
    "in",
    security_group_id=at_servers.id,
    referenced_security_group_id=at_balancer.id,
    ip_protocol="tcp",
    from_port=8080,
    to_port=8080,
)
aws.vpc.SecurityGroupEgressRule(
    "to-servers",
    security_group_id=at_balancer.id,
    referenced_security_group_id=at_servers.id,
    ip_protocol="tcp",
    from_port=8080,
    to_port=8080,
)
aws.vpc.SecurityGroupEgressRule("out", security_group_id=at_servers.id, cidr_ipv4="0.0.0.0/0", ip_protocol="-1")

balancer = aws.lb.LoadBalancer(
    "floor",
    load_balancer_type="application",
    security_groups=[at_balancer.id],
    subnets=[subnet.id for subnet in public],
    drop_invalid_header_fields=True,
    tags=tags,
)
listener = aws.lb.Listener(
    "floor",
    load_balancer_arn=balancer.arn,
    port=port,
    protocol="HTTP",
    tags=tags,
    default_actions=[
        {"type": "fixed-response", "fixed_response": {"content_type": "text/plain", "status_code": "503"}}
    ],
)
targets = aws.lb.TargetGroup(
    "floor",
    vpc_id=vpc.id,
    port=8080,
    protocol="HTTP",
    target_type="instance",
    deregistration_delay=5,
    tags=tags,
    health_check={"path": "/health", "interval": 5, "timeout": 4, "healthy_threshold": 2, "unhealthy_threshold": 2},
)
forward: list[aws.lb.ListenerRuleActionArgsDict] = [
    {"type": "forward", "forward": {"target_groups": [{"arn": targets.arn, "weight": 100}]}}
]
preview = aws.lb.ListenerRule(
    "preview",
    listener_arn=listener.arn,
    priority=1,
    actions=forward,
    tags=tags,
    conditions=[{"http_header": {"http_header_name": "X-Preview", "values": [config.require_secret("token")]}}],
)
production = aws.lb.ListenerRule(
    "production",
    listener_arn=listener.arn,
    priority=100,
    actions=forward,
    tags=tags,
    conditions=[{"path_pattern": {"values": ["/*"]}}],
)

trust = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}],
}
role = aws.iam.Role("floor", assume_role_policy=json.dumps(trust), tags=tags)
agent = ["ec2messages:*", "ssm:UpdateInstanceInformation", "ssmmessages:*"]
aws.iam.RolePolicy(
    "ssm",
    role=role.id,
    policy=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": agent, "Resource": "*"}]}),
)
aws.iam.RolePolicy(
    "references",
    role=role.id,
    policy=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "ssm:GetParameter*", "Resource": "*"}]}
    ),
)
profile = aws.iam.InstanceProfile("floor", role=role.name, tags=tags)
template = aws.ec2.LaunchTemplate(
    "floor",
    image_id=config.require("image"),
    instance_type="t3.small",
    iam_instance_profile={"arn": profile.arn},
    metadata_options={"http_endpoint": "enabled", "http_tokens": "required"},
    tags=tags,
    network_interfaces=[{"device_index": 0, "security_groups": [at_servers.id]}],
    user_data=base64.b64encode(b"#cloud-config\n{}\n").decode(),
)
group = aws.autoscaling.Group(
    "floor",
    min_size=2,
    max_size=4,
    vpc_zone_identifiers=[subnet.id for subnet in private],
    launch_template={"id": template.id, "version": template.latest_version.apply(str)},
    target_group_arns=[targets.arn],
    health_check_type="ELB",
    health_check_grace_period=3600,
    wait_for_capacity_timeout="0",
    opts=pulumi.ResourceOptions(depends_on=[preview, production]),
)
aws.autoscaling.Policy(
    "floor",
    autoscaling_group_name=group.name,
    policy_type="TargetTrackingScaling",
    target_tracking_configuration={
        "predefined_metric_specification": {"predefined_metric_type": "ASGAverageCPUUtilization"},
        "target_value": 50,
    },
)

alarms = [
    aws.cloudwatch.MetricAlarm(
        metric.lower(),
        comparison_operator="GreaterThanThreshold",
        evaluation_periods=1,
        threshold=1,
        period=60,
        namespace="AWS/ApplicationELB",
        metric_name=metric,
        statistic="Sum",
        tags=tags,
        dimensions={"TargetGroup": targets.arn_suffix, "LoadBalancer": balancer.arn_suffix},
    )
    for metric in ("HTTPCode_Target_5XX_Count", "UnHealthyHostCount", "TargetResponseTime")
]
aws.cloudwatch.Dashboard(
    "floor",
    dashboard_name="floor",
    dashboard_body=pulumi.Output.all(*[alarm.arn for alarm in alarms]).apply(
        lambda arns: json.dumps({"widgets": [{"type": "alarm", "properties": {"title": "Alarms", "alarms": arns}}]})
    ),
)

pulumi.export("url", balancer.dns_name)
