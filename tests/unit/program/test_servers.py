"""What servers are: their template, group, rights, ways out and disks."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import boto3
import pulumi
import pytest

from core import git
from plan.config import secret_references, systems_manager
from plan.readers.recorded_policies import attachment_name
from rehearsal.cloud import policies
from tests.support.factories import TOKEN
from tests.support.main_program import first_update, program
from tests.support.recorder import BAKED, Existing
from tests.unit.program.existing_group import live_group, network, stands

ANY_POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}
)


def test_servers_are_closed_encrypted_and_without_keys() -> None:
    template = first_update().one("aws:ec2/launchTemplate:LaunchTemplate").inputs
    assert template["imageId"] == "ami-0123456789abcdef0"
    assert template["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 1,
    }
    assert template["blockDeviceMappings"] == [
        {
            "deviceName": "/dev/xvda",
            "ebs": {"volumeSize": 10, "volumeType": "gp3", "encrypted": "true", "deleteOnTermination": "true"},
        }
    ]
    assert template["networkInterfaces"] == [
        {
            "deviceIndex": 0,
            "associatePublicIpAddress": "false",
            "deleteOnTermination": "true",
            "securityGroups": ["phoenix-dev-blue-servers-id"],
        }
    ]
    assert {"keyName", "vpcSecurityGroupIds", "name", "namePrefix", "updateDefaultVersion"}.isdisjoint(template)
    assert {spec["resourceType"] for spec in template["tagSpecifications"]} == {"instance", "volume"}
    assert TOKEN not in base64.b64decode(template["userData"]).decode()


def test_only_the_load_balancer_reaches_the_servers_and_only_on_the_applications_port() -> None:
    done = program(appPort=9090, allowedCidrs=["192.0.2.0/24", "198.51.100.0/24"])
    ways_in = {rule.name: rule.inputs for rule in done.all("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")}
    assert ways_in == {
        "phoenix-dev-80-from-192.0.2.0/24": {
            "securityGroupId": "phoenix-dev-alb-id",
            "ipProtocol": "tcp",
            "fromPort": 80,
            "toPort": 80,
            "cidrIpv4": "192.0.2.0/24",
        },
        "phoenix-dev-80-from-198.51.100.0/24": {
            "securityGroupId": "phoenix-dev-alb-id",
            "ipProtocol": "tcp",
            "fromPort": 80,
            "toPort": 80,
            "cidrIpv4": "198.51.100.0/24",
        },
        "phoenix-dev-blue-from-alb": {
            "securityGroupId": "phoenix-dev-blue-servers-id",
            "ipProtocol": "tcp",
            "fromPort": 9090,
            "toPort": 9090,
            "referencedSecurityGroupId": "phoenix-dev-alb-id",
        },
    }
    for group in done.all("aws:ec2/securityGroup:SecurityGroup"):
        assert {"ingress", "egress"}.isdisjoint(group.inputs)


def test_the_group_runs_a_pinned_version_and_leaves_waiting_to_the_gate() -> None:
    group = program(minSize=3, maxSize=6).one("aws:autoscaling/group:Group")
    assert group.inputs["launchTemplate"] == {"id": "phoenix-dev-blue-template-id", "version": "1"}
    assert group.inputs["waitForCapacityTimeout"] == "0"
    assert (group.inputs["minSize"], group.inputs["maxSize"]) == (3, 6)
    assert group.inputs["healthCheckType"] == "ELB"
    assert {"name", "desiredCapacity", "instanceRefresh", "minElbCapacity", "forceDelete"}.isdisjoint(group.inputs)
    tags = {tag["key"]: tag["value"] for tag in group.inputs["tags"] if tag["propagateAtLaunch"]}
    assert tags["phoenix:stack"] == "phoenix/dev"
    assert tags["phoenix:color"] == "blue"
    assert len(tags["phoenix:generation"]) == 12


def test_production_and_its_servers_say_from_which_commit_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "head", lambda folder: "c" * 40 if folder == Path.cwd() else "")
    done = program()
    assert done.one("aws:lb/listenerRule:ListenerRule", "production").inputs["tags"]["phoenix:commit"] == "c" * 40
    assert done.one("aws:lb/targetGroup:TargetGroup").inputs["tags"]["phoenix:launch-commit"] == "c" * 40
    assert "phoenix:commit" not in done.one("aws:lb/listenerRule:ListenerRule", "preview").inputs["tags"]


def test_servers_may_read_what_the_environment_names_and_nothing_else() -> None:
    """What the policies say in full is in tests/unit/plan/config/test_secret_references.py."""

    def policy(**environment: str) -> str:
        made = program(environment=environment)
        assert made.all("aws:iam/rolePolicyAttachment:RolePolicyAttachment") == []
        agent, reads = made.all("aws:iam/rolePolicy:RolePolicy")
        assert agent.inputs["policy"] == systems_manager.POLICY
        return str(reads.inputs["policy"])

    names = {"DB": "ssm:/dev/db", "KEY": "secretsmanager:dev/key", "USER": "secretsmanager:dev/key:user"}
    for given in (names, {}):
        assert policy(**given, PLAIN="x") == secret_references.reference_policy(
            tuple(given.values()), account="123456789012", region="eu-west-1", partition="aws"
        )


def test_the_servers_role_is_bounded_where_the_settings_name_bounds() -> None:
    role, boundary = "aws:iam/role:Role", "arn:aws:iam::123456789012:policy/phoenix-shop-dev-servers"
    assert program(permissionsBoundary=boundary).one(role).inputs["permissionsBoundary"] == boundary
    assert "permissionsBoundary" not in first_update().one(role).inputs


def test_servers_go_where_the_list_says_and_nowhere_else() -> None:
    def ways(**config: Any) -> dict[str, tuple[Any, ...]]:
        return {
            one.name: tuple(one.inputs.get(key) for key in ("cidrIpv4", "ipProtocol", "fromPort", "toPort"))
            for one in program(**config).all("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
            if "-out" in one.name
        }

    assert ways() == {"phoenix-dev-blue-out": ("0.0.0.0/0", "-1", None, None)}
    assert ways(allowedEgress=["0.0.0.0/0:443", "10.0.0.0/8:5432-5433", "10.0.0.5/32:514/udp", "10.1.0.0/16"]) == {
        "phoenix-dev-blue-out-0.0.0.0/0:443": ("0.0.0.0/0", "tcp", 443, 443),
        "phoenix-dev-blue-out-10.0.0.0/8:5432-5433": ("10.0.0.0/8", "tcp", 5432, 5433),
        "phoenix-dev-blue-out-10.0.0.5/32:514/udp": ("10.0.0.5/32", "udp", 514, 514),
        "phoenix-dev-blue-out-10.1.0.0/16": ("10.1.0.0/16", "-1", None, None),
    }
    assert ways(allowedEgress=[]) == {}


def test_a_kept_group_goes_where_it_went(existing: Existing) -> None:
    live_group(existing, "blue", "abcdefabcdef")
    for name in ("-out", "-out-10.0.0.0/8:5432"):
        stands(existing, f"phoenix-dev-blue{name}", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
    done = program(existing=existing, active="green", traffic=10, allowedEgress=["0.0.0.0/0:443"])
    rules = {one.name for one in done.all("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")}
    assert {name for name in rules if "-out" in name} == {
        "phoenix-dev-blue-out",
        "phoenix-dev-blue-out-10.0.0.0/8:5432",
        "phoenix-dev-green-out-0.0.0.0/0:443",
    }


def test_disks_have_the_key_that_is_named_if_auto_scaling_may_use_it() -> None:
    kms: Any = boto3.client("kms", "eu-west-1")
    role = "arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    allowed = {"Effect": "Allow", "Principal": {"AWS": role}, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    key, closed = (kms.create_key(**said)["KeyMetadata"]["Arn"] for said in ({"Policy": policy}, {}))
    template = program(volumeKmsKey=key).one("aws:ec2/launchTemplate:LaunchTemplate").inputs
    assert template["blockDeviceMappings"][0]["ebs"]["kmsKeyId"] == key
    assert (
        "kmsKeyId"
        not in first_update().one("aws:ec2/launchTemplate:LaunchTemplate").inputs["blockDeviceMappings"][0]["ebs"]
    )
    with pytest.raises(
        pulumi.RunError, match=r"its policy does not let .*AWSServiceRoleForAutoScaling do kms:CreateGrant"
    ):
        program(volumeKmsKey=closed)
    with pytest.raises(pulumi.RunError, match="must be a key under which Auto Scaling can launch servers"):
        program(volumeKmsKey=key[:-3] + "000")


def test_what_a_bake_says_of_packages_is_an_output_and_an_older_bakes_silence_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert first_update().outputs["live"]["packages"] == {}
    said = {"count": 3, "difference": "+ syslog-ng 3.38.1-5"}
    monkeypatch.setitem(BAKED, "packages", said)
    assert program().outputs["live"]["packages"] == said


def test_a_target_group_says_what_its_servers_were_made_from() -> None:
    tags = program().one("aws:lb/targetGroup:TargetGroup").inputs["tags"]
    assert {key: tags[f"phoenix:{key}"] for key in ("image", "commit", "tree", "base", "base-name", "base-date")} == {
        "image": "ami-0123456789abcdef0",
        "commit": "c0ffee",
        "tree": "clean",
        "base": "ami-0a",
        "base-name": "debian-12 -x86-",
        "base-date": "2026-11-20T00:00:00Z",
    }
    assert len(tags) <= 50


def test_a_bake_through_session_manager_has_its_way_to_the_internet_without_a_public_address() -> None:
    vpc, (front, other, back) = network("ab", "a")
    adopted: dict[str, Any] = {"vpcId": vpc, "albSubnetIds": [front, other], "serverSubnetIds": [back]}
    bake = program(**adopted).one("command:local:Command", "bake").inputs["environment"]
    assert bake["PHOENIX_SUBNET_ID"] == front
    inside = {"session_manager_profile": "builder"}
    bake = program(**adopted, packerVariables=inside).one("command:local:Command", "bake").inputs["environment"]
    assert bake["PHOENIX_SUBNET_ID"] == back


def test_one_type_on_demand_is_the_templates_own() -> None:
    group = program().one("aws:autoscaling/group:Group").inputs
    assert group["launchTemplate"]["version"]
    assert not {"mixedInstancesPolicy", "capacityRebalance"} & group.keys()


def test_several_types_and_spot_are_a_mixed_instances_policy_in_their_order() -> None:
    done = program(instanceType="t3.small, t3a.small", spotPercent=75, onDemandBase=2)
    group = done.one("aws:autoscaling/group:Group").inputs
    assert "launchTemplate" not in group, "AWS takes one of both"
    policy = group["mixedInstancesPolicy"]
    assert policy["launchTemplate"]["overrides"] == [{"instanceType": "t3.small"}, {"instanceType": "t3a.small"}]
    assert policy["launchTemplate"]["launchTemplateSpecification"].keys() == {"launchTemplateId", "version"}
    assert policy["instancesDistribution"] == {
        "onDemandAllocationStrategy": "prioritized",
        "onDemandBaseCapacity": 2,
        "onDemandPercentageAboveBaseCapacity": 25,
        "spotAllocationStrategy": "capacity-optimized-prioritized",
    }
    assert group["capacityRebalance"] is True, "a server that AWS is about to end is replaced before"
    assert done.one("aws:ec2/launchTemplate:LaunchTemplate").inputs["instanceType"] == "t3.small"


def test_several_types_on_demand_are_bought_on_demand_alone() -> None:
    group = program(instanceType="t3.small,t3a.small").one("aws:autoscaling/group:Group").inputs
    distribution = group["mixedInstancesPolicy"]["instancesDistribution"]
    assert distribution["onDemandPercentageAboveBaseCapacity"] == 100
    assert group["capacityRebalance"] is False


def test_servers_may_do_what_the_policies_and_statements_of_the_settings_say(existing: Existing) -> None:
    attachment = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    arn = boto3.client("iam").create_policy(PolicyName="queue", PolicyDocument=ANY_POLICY)["Policy"]["Arn"]
    said = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::shop/*"}
    done = program(existing=existing, policyArns=[arn], policyStatements=[said])
    attached = done.one(attachment)
    assert attached.inputs["policyArn"] == arn
    _, reads = done.all("aws:iam/rolePolicy:RolePolicy")
    assert json.loads(reads.inputs["policy"])["Statement"][-1] == said
    assert attached.name in done.one("aws:iam/instanceProfile:InstanceProfile").depends_on


def test_a_managed_policy_that_is_not_there_is_refused_before_anything_is_made() -> None:
    gone = "arn:aws:iam::123456789012:policy/nobodys"
    with pytest.raises(pulumi.RunError, match="must be a policy that is there") as refused:
        program(policyArns=[gone])
    assert f"policyArns = {gone!r}" in str(refused.value)


def test_a_group_that_stays_keeps_its_policies_whatever_the_settings_say(existing: Existing) -> None:
    attachment = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    iam = boto3.client("iam")
    old, new = (
        iam.create_policy(PolicyName=name, PolicyDocument=ANY_POLICY)["Policy"]["Arn"] for name in ("old", "new")
    )
    live_group(existing, "blue", "abcdefabcdef")
    stands(existing, f"phoenix-dev-blue{attachment_name(old)}", attachment, policyArn=old)
    done = program(existing=existing, active="green", traffic=0, policyArns=[new])
    assert sorted((one.name[:17], one.inputs["policyArn"]) for one in done.all(attachment)) == [
        ("phoenix-dev-blue-", old),
        ("phoenix-dev-green", new),
    ]


def test_a_server_that_leaves_runs_the_stop_command_and_the_group_waits_for_it_and_no_longer() -> None:
    done = program(stopCommand="sh /opt/shop/flush.sh", stopTimeoutSeconds=120, drainSeconds=60)
    group = done.one("aws:autoscaling/group:Group")
    [hook] = group.inputs["initialLifecycleHooks"]
    assert hook == {
        "name": "phoenix-stop",
        "lifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
        "heartbeatTimeout": 180,
        "defaultResult": "CONTINUE",
    }
    assert not done.all("aws:autoscaling/lifecycleHook:LifecycleHook"), "it would be deleted before the servers are"
    data = base64.b64decode(done.one("aws:ec2/launchTemplate:LaunchTemplate").inputs["userData"]).decode()
    [stop] = [one for one in json.loads(data.partition("\n")[2])["write_files"] if one["path"].endswith("stop.json")]
    assert json.loads(stop["content"]) == {
        "region": "eu-west-1",
        "hook": "phoenix-stop",
        "command": "sh /opt/shop/flush.sh",
        "seconds": 120,
    }
    _, rights = done.all("aws:iam/rolePolicy:RolePolicy")
    [own] = [
        one
        for one in json.loads(rights.inputs["policy"])["Statement"]
        if one["Action"] == "autoscaling:CompleteLifecycleAction"
    ]
    tags = {tag["key"]: tag["value"] for tag in group.inputs["tags"]}
    wanted = {key.removeprefix("aws:ResourceTag/"): value for key, value in own["Condition"]["StringEquals"].items()}
    assert wanted.keys() == {"phoenix:stack", "phoenix:color", "phoenix:generation"}
    assert wanted.items() <= tags.items(), "the group of these servers, and no other generation's"


def test_without_a_stop_command_nothing_waits_and_no_right_is_given() -> None:
    done = first_update()
    assert "initialLifecycleHooks" not in done.one("aws:autoscaling/group:Group").inputs
    assert not any("LifecycleAction" in one.inputs["policy"] for one in done.all("aws:iam/rolePolicy:RolePolicy"))


def test_servers_that_run_a_command_at_their_end_need_a_way_to_say_that_it_is_over() -> None:
    with pytest.raises(pulumi.RunError, match="they tell EC2 Auto Scaling there that stopCommand is done"):
        program(stopCommand="true", allowedEgress=["10.0.0.0/8:5432"])


def test_servers_of_a_live_target_know_the_table_and_write_nothing_in_it_but_their_own_item() -> None:
    done = program(liveTarget=True, liveStopSeconds=120)
    table = done.one("aws:dynamodb/table:Table")
    assert table.inputs["billingMode"] == "PAY_PER_REQUEST", "nothing is paid for where nobody asks"
    assert table.inputs["tags"]["phoenix:stack"] == "phoenix/dev"
    template = done.one("aws:ec2/launchTemplate:LaunchTemplate").inputs
    data = base64.b64decode(template["userData"]).decode()
    [live] = [one for one in json.loads(data.partition("\n")[2])["write_files"] if one["path"].endswith("live.json")]
    generation = template["tags"]["phoenix:generation"]
    assert json.loads(live["content"]) == {
        "region": "eu-west-1",
        "table": table.name,
        "generation": generation,
        "stop_seconds": 120,
    }
    _, rights = done.all("aws:iam/rolePolicy:RolePolicy")
    arn = f"arn:aws:dynamodb:eu-west-1:123456789012:table/{table.name}"
    said = [one for one in json.loads(rights.inputs["policy"])["Statement"] if one["Resource"] == arn]

    def may(action: str, *keys: str) -> bool:
        told = {"dynamodb:LeadingKeys": list(keys)} if keys else {}
        return policies.allowed(said, f"dynamodb:{action}", arn, told)

    assert may("Scan") and may("PutItem", "i-0a1b") and may("DeleteItem", "i-0a1b")
    assert not may("PutItem", "production") and not may("DeleteItem", "production")
    assert not may("UpdateItem", "i-0a1b") and not may("BatchWriteItem", "i-0a1b")
    promote = done.one("command:local:Command", "-promote").inputs["environment"]
    assert promote["PHOENIX_LIVE_TABLE"] == table.name
    assert "PHOENIX_LIVE_REQUIRED" not in promote


def test_without_a_live_target_there_is_no_table_and_no_right() -> None:
    done = first_update()
    assert done.all("aws:dynamodb/table:Table") == []
    assert not any("dynamodb" in one.inputs["policy"] for one in done.all("aws:iam/rolePolicy:RolePolicy"))
    assert "PHOENIX_LIVE_TABLE" not in done.one("command:local:Command", "-promote").inputs["environment"]
