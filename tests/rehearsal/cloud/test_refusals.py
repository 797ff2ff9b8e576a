"""What AWS refuses and moto alone would let through."""

from __future__ import annotations

import base64
import ipaddress
import json
import re
import socket
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from components.log_bucket import bucket_policy
from plan.readers.live_state import Account
from rehearsal.cloud.cloud import Cloud
from rehearsal.scenario.local import free_port
from tests.rehearsal.boto3_stack import Stack, forward, listen, running, stack, until


@pytest.fixture(scope="module")
def s(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Cloud(tmp_path_factory.mktemp("cloud"), boot_seconds=5, time_scale=0.02) as cloud:
        yield stack(cloud)


def refused(call: Callable[..., Any], code: str, words: str, **arguments: Any) -> None:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == code
    assert re.search(words, caught.value.response["Error"]["Message"])


def paths(*values: str) -> list[dict[str, Any]]:
    return [{"Field": "path-pattern", "PathPatternConfig": {"Values": list(values)}}]


def test_target_group_that_a_rule_names_cannot_be_deleted(s: Stack) -> None:
    targets = s.target_group("named")
    rule = s.fresh().rule({targets: 1})
    delete = s.cloud.client("elbv2").delete_target_group
    refused(delete, "ResourceInUse", "currently in use by a listener or a rule", TargetGroupArn=targets)
    s.cloud.client("elbv2").delete_rule(RuleArn=rule)
    delete(TargetGroupArn=targets)


def test_a_disk_that_is_smaller_than_its_image_is_refused(s: Stack) -> None:
    ec2 = s.cloud.client("ec2")
    [base] = ec2.describe_images(ImageIds=[s.image])["Images"]
    assert base["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"] == 8

    def disk(gib: int) -> list[dict[str, Any]]:
        return [{"DeviceName": base["RootDeviceName"], "Ebs": {"VolumeSize": gib}}]

    run = {"ImageId": s.image, "MinCount": 1, "MaxCount": 1, "InstanceType": "t3.small"}
    refused(
        ec2.run_instances,
        "InvalidBlockDeviceMapping",
        r"Volume of size 7GB is smaller than snapshot 'snap-\w+', "
        "expect size >= 8GB",
        BlockDeviceMappings=disk(7),
        **run,
    )
    made = running(s.cloud, ec2.run_instances(BlockDeviceMappings=disk(9), **run)["Instances"][0]["InstanceId"])
    image = ec2.create_image(InstanceId=made, Name="larger")["ImageId"]
    [larger] = ec2.describe_images(ImageIds=[image])["Images"]
    assert larger["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"] == 9
    data = {"ImageId": image, "InstanceType": "t3.small", "BlockDeviceMappings": disk(8)}
    ec2.create_launch_template(LaunchTemplateName="small-disk", LaunchTemplateData=data)
    refused(
        s.cloud.client("autoscaling").create_auto_scaling_group,
        "ValidationError",
        "You must use a valid fully-formed launch template. .*Volume of size 8GB is smaller than snapshot",
        AutoScalingGroupName="small-disk",
        MinSize=1,
        MaxSize=1,
        VPCZoneIdentifier=s.subnets[0],
        LaunchTemplate={"LaunchTemplateName": "small-disk", "Version": "1"},
    )


def test_user_data_above_16_kib_is_refused(s: Stack) -> None:
    ec2 = s.cloud.client("ec2")

    def data(size: int) -> dict[str, Any]:
        return {"UserData": base64.b64encode(b"x" * size).decode()}

    ec2.create_launch_template(LaunchTemplateName="data", LaunchTemplateData=data(16384))
    refused(
        ec2.create_launch_template_version,
        "InvalidUserData.Malformed",
        "limited to 16384 bytes",
        LaunchTemplateName="data",
        LaunchTemplateData=data(16385),
    )
    refused(
        ec2.create_launch_template,
        "InvalidUserData.Malformed",
        "limited to 16384 bytes",
        LaunchTemplateName="more",
        LaunchTemplateData=data(16385),
    )


def test_target_group_serves_one_load_balancer_only(s: Stack) -> None:
    elbv2 = s.cloud.client("elbv2")
    targets = s.target_group("faithful")
    s.fresh().rule({targets: 1})
    other = elbv2.create_load_balancer(Name="other", Subnets=s.subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    refused(
        elbv2.create_rule, "TargetGroupAssociationLimit", "more than one load balancer",
        ListenerArn=listen(s.cloud, other, free_port()), Priority=1, Conditions=paths("/*"),
        Actions=[forward({targets: 1})],
    )  # fmt: skip


def test_rule_stays_within_elbs_limits(s: Stack) -> None:
    create = s.cloud.client("elbv2").create_rule
    groups = {s.target_group(f"many-{index}"): 1 for index in range(6)}
    ours = {"ListenerArn": s.listener, "Priority": 7, "Conditions": paths("/*"), "Actions": [forward({})]}
    fixed = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}]
    refused(create, "ValidationError", "can only have '5' target groups", **{**ours, "Actions": [forward(groups)]})
    heavy = forward({next(iter(groups)): 1000})
    refused(create, "ValidationError", "weight must be between '0' and '999'", **{**ours, "Actions": [heavy]})
    many = {**ours, "Actions": fixed, "Conditions": paths(*(f"/{index}" for index in range(6)))}
    refused(create, "ValidationError", "can only have '5' condition values", **many)
    wild = {**ours, "Actions": fixed, "Conditions": paths("/*/*/*/*/*/*/*")}
    refused(create, "ValidationError", "can only have '6' condition wildcards", **wild)
    late = {**ours, "Actions": fixed, "Priority": 50001}
    refused(create, "ValidationError", "priority must be between '1' and '50000'", **late)


def test_condition_that_the_balancer_does_not_know_is_refused(s: Stack) -> None:
    create = s.cloud.client("elbv2").create_rule
    networks = [{"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}}]
    fixed = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}]
    arguments = {"ListenerArn": s.listener, "Priority": 7, "Conditions": networks, "Actions": fixed}
    refused(create, "ValidationError", "knows no condition 'source-ip'", **arguments)


@pytest.mark.parametrize("name", ["a" * 33, "internal-x", "-x", "x_y"])
def test_load_balancers_name_is_checked(s: Stack, name: str) -> None:
    create = s.cloud.client("elbv2").create_load_balancer
    refused(create, "ValidationError", "load balancer name", Name=name, Subnets=s.subnets)


def test_protected_load_balancer_is_not_deleted(s: Stack) -> None:
    elbv2 = s.cloud.client("elbv2")
    arn = elbv2.create_load_balancer(Name="protected", Subnets=s.subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    protection = {"Key": "deletion_protection.enabled", "Value": "true"}
    elbv2.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[protection])
    refused(elbv2.delete_load_balancer, "OperationNotPermitted", "deletion protection", LoadBalancerArn=arn)


def test_listener_on_a_port_of_somebody_else_says_so(s: Stack) -> None:
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()
        refused(
            s.cloud.client("elbv2").create_listener, "InvalidConfigurationRequest", "Choose another listener port",
            LoadBalancerArn=s.balancer, Protocol="HTTP", Port=somebody.getsockname()[1],
            DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}],
        )  # fmt: skip


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("HealthCheckIntervalSeconds", 4, "interval '4' must be between '5' and '300'"),
        ("HealthCheckTimeoutSeconds", 1, "timeout '1' must be between '2' and '120'"),
        ("HealthyThresholdCount", 1, "'1' must be between '2' and '10'"),
    ],
)
def test_health_check_stays_within_elbs_ranges(s: Stack, setting: str, value: int, words: str) -> None:
    # boto3 checks these ranges itself; other clients leave it to AWS.
    client = boto3.client(
        "elbv2",
        endpoint_url=s.cloud.endpoint,
        region_name=s.cloud.region,
        aws_access_key_id=s.cloud.access_key,
        aws_secret_access_key="test",
        config=Config(parameter_validation=False),
    )
    group = {"Name": "hasty", "Protocol": "HTTP", "Port": 8080, "VpcId": s.vpc, setting: value}
    refused(client.create_target_group, "ValidationError", words, **group)
    client.close()


def test_security_group_in_use_cannot_be_deleted(s: Stack) -> None:
    ec2 = s.cloud.client("ec2")
    group = ec2.create_security_group(GroupName="used", Description="used", VpcId=s.vpc)["GroupId"]
    inner = ec2.create_security_group(GroupName="inner", Description="inner", VpcId=s.vpc)["GroupId"]
    permission = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": group}]}
    ec2.authorize_security_group_ingress(GroupId=inner, IpPermissions=[permission])
    refused(ec2.delete_security_group, "DependencyViolation", "has a dependent object", GroupId=group)
    ec2.delete_security_group(GroupId=inner)

    s.group("holder", s.template("holder", SecurityGroupIds=[group]))
    until(lambda: s.members("holder"), what="in service")
    refused(ec2.delete_security_group, "DependencyViolation", "has a dependent object", GroupId=group)
    s.cloud.client("autoscaling").delete_auto_scaling_group(AutoScalingGroupName="holder", ForceDelete=True)
    until(lambda: s.describe("holder") is None, what="the group gone")
    ec2.delete_security_group(GroupId=group)


@pytest.mark.parametrize("way", ["ingress", "egress"])
def test_what_is_deleted_already_is_not_found_by_its_id(s: Stack, way: str) -> None:
    """Providers take these codes, and no others, for a delete that is done, and for what is not there yet."""
    ec2 = s.cloud.client("ec2")
    group = ec2.create_security_group(GroupName=f"ruled-{way}", Description="ruled", VpcId=s.vpc)["GroupId"]
    revoke = getattr(ec2, f"revoke_security_group_{way}")
    refused(
        revoke,
        "InvalidSecurityGroupRuleId.NotFound",
        "sgr-00000000000000000' does not exist",
        GroupId=group,
        SecurityGroupRuleIds=["sgr-00000000000000000"],
    )
    refused(
        ec2.delete_launch_template,
        "InvalidLaunchTemplateId.NotFound",
        "lt-00000000000000000",
        LaunchTemplateId="lt-00000000000000000",
    )
    refused(
        ec2.describe_launch_templates,
        "InvalidLaunchTemplateId.NotFound",
        "lt-00000000000000000",
        LaunchTemplateIds=["lt-00000000000000000"],
    )


def test_a_rule_carries_fifty_tags_and_no_more(s: Stack) -> None:
    elbv2 = s.cloud.client("elbv2")
    rule = s.fresh().rule({s.target_group("tagged"): 1})
    elbv2.add_tags(ResourceArns=[rule], Tags=[{"Key": f"key-{n}", "Value": "1"} for n in range(50)])
    refused(elbv2.add_tags, "TooManyTags", "", ResourceArns=[rule], Tags=[{"Key": "one more", "Value": "1"}])
    elbv2.add_tags(ResourceArns=[rule], Tags=[{"Key": "key-0", "Value": "2"}])


def test_subnet_of_a_load_balancer_cannot_be_deleted(s: Stack) -> None:
    refused(s.cloud.client("ec2").delete_subnet, "DependencyViolation", "dependencies", SubnetId=s.subnets[0])


def test_groups_template_must_be_launchable(s: Stack) -> None:
    gone = "ami-00000000000000000"
    prefix = "You must use a valid fully-formed launch template. "
    cases: list[tuple[dict[str, Any], str]] = [
        ({"image": gone}, rf"The image id '\[{gone}\]' does not exist"),
        ({"SecurityGroupIds": ["sg-00000000000000000"]}, "The security group 'sg-0+' does not exist"),
        ({"InstanceType": "t3.enormous"}, "Invalid value 't3.enormous' for InstanceType"),
        ({"InstanceType": "t4g.small"}, "The architecture 'arm64' of the specified instance type does not match"),
        ({"KeyName": "nobodys"}, "The key pair 'nobodys' does not exist"),
    ]
    for index, (settings, words) in enumerate(cases):
        template = s.template(f"broken-{index}", **settings)
        with pytest.raises(ClientError, match=prefix + words):
            s.group(f"broken-{index}", template)
        assert s.describe(f"broken-{index}") is None


def test_group_with_instances_is_not_deleted_without_force(s: Stack) -> None:
    s.group("populated", s.template("populated"))
    until(lambda: s.members("populated"), what="in service")
    delete = s.cloud.client("autoscaling").delete_auto_scaling_group
    refused(delete, "ResourceInUse", "instances still in the group", AutoScalingGroupName="populated")


def test_groups_name_is_taken(s: Stack) -> None:
    s.group("taken", s.template("taken"), size=0)
    with pytest.raises(ClientError, match="A group with the name taken already exists"):
        s.group("taken", s.template("taken-2"), size=0)


def test_images_name_is_taken_and_names_the_holder(s: Stack) -> None:
    s.group("imaged", s.template("imaged"))
    (server,) = until(lambda: s.members("imaged"), what="in service")
    create = s.cloud.client("ec2").create_image
    image = create(InstanceId=server, Name="phoenix-1")["ImageId"]
    refused(create, "InvalidAMIName.Duplicate", image, InstanceId=server, Name="phoenix-1")


def test_deregistered_image_is_not_found(s: Stack) -> None:
    ec2 = s.cloud.client("ec2")
    s.group("fleeting", s.template("fleeting"))
    (server,) = until(lambda: s.members("fleeting"), what="in service")
    image = ec2.create_image(InstanceId=server, Name="fleeting")["ImageId"]
    ec2.deregister_image(ImageId=image)
    refused(ec2.describe_images, "InvalidAMIID.NotFound", image, ImageIds=[image])


VENDORS = {
    "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id": ("099720109477", "x86_64"),
    "/aws/service/canonical/ubuntu/server/22.04/stable/current/arm64/hvm/ebs-gp2/ami-id": ("099720109477", "arm64"),
    "/aws/service/debian/release/12/latest/amd64": ("136693071363", "x86_64"),
    "/aws/service/debian/release/13/latest/arm64": ("136693071363", "arm64"),
    "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64": ("137112412989", "x86_64"),
    "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64": ("137112412989", "arm64"),
}


@pytest.mark.parametrize("parameter", VENDORS)
def test_vendors_parameter_names_a_public_image_of_the_vendors_account(s: Stack, parameter: str) -> None:
    value = s.cloud.client("ssm").get_parameter(Name=parameter)["Parameter"]["Value"]
    image = s.cloud.client("ec2").describe_images(ImageIds=[value])["Images"][0]
    assert (image["OwnerId"], image["Architecture"]) == VENDORS[parameter]
    assert image["Public"] is True and image["State"] == "available"


def test_filter_names_at_most_200_values(s: Stack) -> None:
    ids = [f"i-{number:017x}" for number in range(201)]
    describe = s.cloud.client("ec2").describe_instances
    refused(describe, "FilterLimitExceeded", "a single call is 200", Filters=[{"Name": "instance-id", "Values": ids}])
    assert describe(Filters=[{"Name": "instance-id", "Values": ids[1:]}])["Reservations"] == []


def test_a_port_is_one_listeners(s: Stack) -> None:
    elbv2 = s.cloud.client("elbv2")
    balancer = elbv2.create_load_balancer(Name="ports", Subnets=s.subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    said: dict[str, Any] = {
        "LoadBalancerArn": balancer,
        "Protocol": "HTTP",
        "Port": free_port(),
        "DefaultActions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}],
        "Tags": [{"Key": "Name", "Value": "first"}, {"Key": "phoenix:stack", "Value": "shop/dev"}],
    }
    first = elbv2.create_listener(**said)["Listeners"][0]["ListenerArn"]
    # Whoever asks for the same once more has lost the answer.
    assert elbv2.create_listener(**{**said, "Tags": said["Tags"][::-1]})["Listeners"][0]["ListenerArn"] == first
    other = {**said, "DefaultActions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]}
    refused(elbv2.create_listener, "DuplicateListener", "already exists", **other)
    second = elbv2.create_listener(**{**said, "Port": free_port()})["Listeners"][0]["ListenerArn"]
    refused(elbv2.modify_listener, "DuplicateListener", "already exists", ListenerArn=second, Port=said["Port"])


def test_an_address_is_one_nat_gateways(s: Stack) -> None:
    ec2 = s.cloud.client("ec2")
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    first = ec2.create_nat_gateway(AllocationId=address, SubnetId=s.subnets[0])["NatGateway"]["NatGatewayId"]
    assert first
    refused(
        ec2.create_nat_gateway,
        "Resource.AlreadyAssociated",
        "already associated",
        AllocationId=address,
        SubnetId=s.subnets[1],
    )


def test_a_security_policy_that_aws_does_not_have_is_refused(s: Stack) -> None:
    elbv2 = s.cloud.client("elbv2")
    refused(elbv2.describe_ssl_policies, "SSLPolicyNotFound", "not found", Names=["ELBSecurityPolicy-Typo"])
    refused(
        elbv2.create_listener,
        "SSLPolicyNotFound",
        "not found",
        LoadBalancerArn=s.balancer,
        Protocol="HTTPS",
        Port=free_port(),
        SslPolicy="ELBSecurityPolicy-Typo",
        Certificates=[{"CertificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/1"}],
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}],
    )


def test_a_listener_has_the_attributes_of_its_kind_alone(s: Stack) -> None:
    change = s.cloud.client("elbv2").modify_listener_attributes
    for key, value in (("tcp.idle_timeout.seconds", "60"), ("routing.http.response.server.enabled", "no")):
        attributes = [{"Key": key, "Value": value}]
        refused(change, "InvalidConfigurationRequest", key, ListenerArn=s.listener, Attributes=attributes)


def test_a_group_that_is_protected_from_deletion_stays(s: Stack) -> None:
    scaling = s.cloud.client("autoscaling")
    group = "protected"
    s.group(group, s.template(group))
    change, delete = scaling.update_auto_scaling_group, scaling.delete_auto_scaling_group
    refused(change, "ValidationError", "must be one of", AutoScalingGroupName=group, DeletionProtection="yes")
    change(AutoScalingGroupName=group, DeletionProtection="prevent-all-deletion")
    [seen] = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
    assert seen["DeletionProtection"] == "prevent-all-deletion"
    for force in (False, True):
        refused(delete, "ValidationError", "can't be deleted", AutoScalingGroupName=group, ForceDelete=force)
    change(AutoScalingGroupName=group, DeletionProtection="none")


def test_access_logs_go_only_where_the_load_balancer_may_write(s: Stack) -> None:
    s3, change = s.cloud.client("s3"), s.cloud.client("elbv2").modify_load_balancer_attributes
    s3.create_bucket(Bucket="logs", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    attributes = [
        {"Key": "access_logs.s3.enabled", "Value": "true"},
        {"Key": "access_logs.s3.bucket", "Value": "logs"},
        {"Key": "access_logs.s3.prefix", "Value": "access"},
    ]

    def denied() -> None:
        refused(
            change,
            "InvalidConfigurationRequest",
            "Access Denied for bucket: logs",
            LoadBalancerArn=s.balancer,
            Attributes=attributes,
        )

    denied()
    policy = bucket_policy("arn:aws:s3:::logs", Account("123456789012", "eu-west-1"))
    s3.put_bucket_policy(Bucket="logs", Policy=json.dumps(policy))
    change(LoadBalancerArn=s.balancer, Attributes=attributes)
    change(LoadBalancerArn=s.balancer, Attributes=[{**attributes[0], "Value": "false"}])
    rules: Any = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
    s3.put_bucket_encryption(Bucket="logs", ServerSideEncryptionConfiguration={"Rules": rules})
    denied()


def test_a_role_takes_ten_managed_policies_and_so_many_characters(s: Stack) -> None:
    iam = s.cloud.client("iam")
    iam.create_role(RoleName="crowded", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17"}))
    said = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [said]})
    arns = [iam.create_policy(PolicyName=f"crowd-{n}", PolicyDocument=document)["Policy"]["Arn"] for n in range(11)]
    for arn in arns[:10]:
        iam.attach_role_policy(RoleName="crowded", PolicyArn=arn)
    iam.attach_role_policy(RoleName="crowded", PolicyArn=arns[0])
    refused(iam.attach_role_policy, "LimitExceeded", "PoliciesPerRole: 10", RoleName="crowded", PolicyArn=arns[10])
    long = json.dumps({"Version": "2012-10-17", "Statement": [{**said, "Resource": f"arn:aws:sqs:::{'x' * 9000}"}]})
    iam.put_role_policy(RoleName="crowded", PolicyName="one", PolicyDocument=long)
    iam.put_role_policy(RoleName="crowded", PolicyName="one", PolicyDocument=long)
    refused(iam.put_role_policy, "LimitExceeded", "10240", RoleName="crowded", PolicyName="two", PolicyDocument=long)


def test_a_load_balancer_has_ipv6_where_its_subnets_have(s: Stack) -> None:
    ec2, elbv2 = s.cloud.client("ec2"), s.cloud.client("elbv2")
    change, words = elbv2.set_ip_address_type, "subnets with an associated IPv6 CIDR block"
    refused(change, "InvalidSubnet", words, LoadBalancerArn=s.balancer, IpAddressType="dualstack")
    asked = {"Name": "both", "Subnets": s.subnets, "IpAddressType": "dualstack"}
    refused(elbv2.create_load_balancer, "InvalidSubnet", words, **asked)
    found = ec2.associate_vpc_cidr_block(VpcId=s.vpc, AmazonProvidedIpv6CidrBlock=True)["Ipv6CidrBlockAssociation"]
    [vpc] = ec2.describe_vpcs(VpcIds=[s.vpc])["Vpcs"]
    block = next(one["Ipv6CidrBlock"] for one in vpc["Ipv6CidrBlockAssociationSet"])
    assert found["AssociationId"]
    for number, subnet in enumerate(s.subnets):
        part = str(list(ipaddress.ip_network(block).subnets(new_prefix=64))[number])
        ec2.associate_subnet_cidr_block(SubnetId=subnet, Ipv6CidrBlock=part)
    change(LoadBalancerArn=s.balancer, IpAddressType="dualstack")
    change(LoadBalancerArn=s.balancer, IpAddressType="ipv4")


def test_idle_timeout_and_slow_start_are_within_aws_limits(s: Stack) -> None:
    elbv2 = s.cloud.client("elbv2")

    def attribute(key: str, value: int | str) -> Any:
        return [{"Key": key, "Value": str(value)}]

    for seconds in (0, 4001):
        refused(
            elbv2.modify_load_balancer_attributes, "ValidationError", "1-4000", LoadBalancerArn=s.balancer,
            Attributes=attribute("idle_timeout.timeout_seconds", seconds),
        )  # fmt: skip
    group, slow = s.target_group("slow"), "slow_start.duration_seconds"
    change = elbv2.modify_target_group_attributes
    for seconds in (29, 901):
        refused(change, "ValidationError", "30-900", TargetGroupArn=group, Attributes=attribute(slow, seconds))
    change(TargetGroupArn=group, Attributes=attribute(slow, 30))
    way = attribute("load_balancing.algorithm.type", "least_outstanding_requests")
    refused(change, "ValidationError", "slow start", TargetGroupArn=group, Attributes=way)
    change(TargetGroupArn=group, Attributes=[*way, *attribute(slow, 0)])


def test_scaling_by_requests_names_a_target_group_of_the_group_behind_its_load_balancer(s: Stack) -> None:
    put = s.cloud.client("autoscaling").put_scaling_policy
    targets, alone = s.target_group("counted"), s.target_group("alone")
    s.rule({targets: 1})
    s.group("counted", s.template("counted"), targets=[targets, alone], size=0)
    balancer = s.balancer.split(":loadbalancer/")[1]

    def policy(label: str) -> dict[str, Any]:
        metric = {"PredefinedMetricType": "ALBRequestCountPerTarget", **({"ResourceLabel": label} if label else {})}
        return {
            "AutoScalingGroupName": "counted",
            "PolicyName": "requests",
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingConfiguration": {"PredefinedMetricSpecification": metric, "TargetValue": 100.0},
        }

    for wrong in ("", f"{balancer}/targetgroup/other/1", f"{balancer}/{alone.split(':')[5]}"):
        refused(put, "ValidationError", "ResourceLabel", **policy(wrong))
    put(**policy(f"{balancer}/{targets.split(':')[5]}"))
