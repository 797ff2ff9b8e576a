"""The stand-in's AWS: what it makes, changes, reads and deletes, seen from the other side, against plain moto."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from rehearsal.engine import Engine, choose

SHOP = Path(__file__).parent / "programs" / "shop.py"
# A process of its own: other tests teach the moto of this process other things. It ends when its input does.
SERVER = """
import logging, sys
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
"""
GROUP = [
    "group",
    "policy",
    "launchTemplate",
    "targetGroup",
    "securityGroup",
    "role",
    "rolePolicy",
    "rolePolicyAttachment",
    "instanceProfile",
    "metricAlarm",
    "metricAlarm",
]


class Account:
    """An empty account: its environment and its clients."""

    def __init__(self, url: str) -> None:
        self.environment = {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self._session: Any = boto3.Session("x", "x", region_name="eu-west-1")
        self._url = url

    def client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=self._url)

    @property
    def image(self) -> str:
        return str(self.client("ec2").describe_images(Owners=["amazon"])["Images"][0]["ImageId"])


@pytest.fixture
def account() -> Iterator[Account]:
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "MOTO_IAM_LOAD_MANAGED_POLICIES": "true", "AWS_DEFAULT_REGION": "eu-west-1"},
    )
    assert server.stdin is not None
    assert server.stdout is not None
    with server:
        try:
            port = next(line for line in server.stdout if line.strip().isdigit()).strip()
            yield Account(f"http://127.0.0.1:{port}")
        finally:
            server.stdin.close()
            server.wait(30)


@pytest.fixture
def engine(account: Account, tmp_path: Path) -> Engine:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text(
        "name: shop\nruntime: python\nconfig:\n  generation: {type: string, default: one}\n"
        "  weight: {type: integer, default: 100}\n"
    )
    shutil.copy(SHOP, folder / "__main__.py")
    return choose(
        folder,
        "dev",
        tmp_path / "work",
        account.environment,
        {"aws:region": "eu-west-1", "image": account.image},
        stand_in=True,
    )


def kinds(items: Any) -> list[str]:
    """`targetGroup` of `aws:lb/targetGroup:TargetGroup`, for each."""
    return [item.type.split("/")[1].split(":")[0] for item in items if item.type.startswith("aws:")]


def test_what_is_made_is_what_the_program_says(engine: Engine, account: Account) -> None:
    result = engine.up()
    assert result.ok, result.text
    ec2, elbv2, scaling = (account.client(name) for name in ("ec2", "elbv2", "autoscaling"))
    outputs = engine.outputs()
    assert (outputs["account"], outputs["region"]) == ("123456789012", "eu-west-1")
    fleet = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[outputs["group"]])["AutoScalingGroups"][0]
    assert (fleet["MinSize"], fleet["MaxSize"], fleet["HealthCheckType"]) == (1, 3, "ELB")
    assert [(tag["Key"], tag["PropagateAtLaunch"]) for tag in fleet["Tags"]] == [("phoenix:stack", True)]
    target = elbv2.describe_target_groups(TargetGroupArns=fleet["TargetGroupARNs"])["TargetGroups"][0]
    assert (target["Port"], target["HealthCheckPath"], target["HealthCheckIntervalSeconds"]) == (8080, "/health", 5)
    attributes = elbv2.describe_target_group_attributes(TargetGroupArn=target["TargetGroupArn"])["Attributes"]
    assert {"Key": "deregistration_delay.timeout_seconds", "Value": "7"} in attributes
    template = ec2.describe_launch_template_versions(LaunchTemplateId=fleet["LaunchTemplate"]["LaunchTemplateId"])[
        "LaunchTemplateVersions"
    ][0]["LaunchTemplateData"]
    assert template["MetadataOptions"]["HttpTokens"] == "required"
    assert template["NetworkInterfaces"][0]["AssociatePublicIpAddress"] is False
    assert template["BlockDeviceMappings"][0]["Ebs"]["Encrypted"] is True
    door = ec2.describe_security_groups(Filters=[{"Name": "description", "Values": ["The door"]}])["SecurityGroups"][0]
    # Not everything that AWS lets out of a new group.
    assert [rule["FromPort"] for rule in door["IpPermissionsEgress"]] == [80]
    balancer = elbv2.describe_load_balancers()["LoadBalancers"][0]
    assert balancer["SecurityGroups"] == [door["GroupId"]]


def test_nothing_changes_without_a_change_and_a_weight_changes_in_place(engine: Engine, account: Account) -> None:
    engine.up()
    assert engine.up().operations == ()
    engine.config_set("weight", "40")
    result = engine.up()
    assert (kinds(result.operations), result.changes["update"]) == (["listenerRule"], 1)
    elbv2 = account.client("elbv2")
    listener = elbv2.describe_listeners(
        LoadBalancerArn=elbv2.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    )["Listeners"][0]
    rule = elbv2.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"][0]
    assert rule["Actions"][0]["ForwardConfig"]["TargetGroups"][0]["Weight"] == 40
    assert rule["Conditions"][0]["HttpHeaderConfig"] == {"HttpHeaderName": "X-Token", "Values": ["opensesame"]}


def test_a_new_generation_is_there_before_the_old_one_goes(engine: Engine, account: Account) -> None:
    engine.up()
    before = engine.outputs()["group"]
    engine.config_set("generation", "two")
    planned = engine.preview()
    result = engine.up()
    assert result.ok, result.text
    # The preview told what would be done, in full.
    assert planned.changes == result.changes == {"same": 14, "update": 2, "replace": 11}
    born = [item for item in result.operations if item.op == "create-replacement"]
    died = [item for item in result.operations if item.op == "delete-replaced"]
    assert sorted(kinds(born)) == sorted(kinds(died)) == sorted(GROUP)
    assert max(item.started for item in born) <= min(item.started for item in died)
    order = kinds(died)
    assert order.index("policy") < order.index("group") < order.index("launchTemplate")
    assert order.index("group") < order.index("targetGroup")
    names = [
        group["AutoScalingGroupName"]
        for group in account.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    ]
    assert names == [engine.outputs()["group"]]
    assert names != [before]


def test_destroy_leaves_nothing(engine: Engine, account: Account) -> None:
    def there() -> dict[str, int]:
        ec2, elbv2, iam = account.client("ec2"), account.client("elbv2"), account.client("iam")
        return {
            "vpcs": len(ec2.describe_vpcs()["Vpcs"]),
            "subnets": len(ec2.describe_subnets()["Subnets"]),
            "groups": len(ec2.describe_security_groups()["SecurityGroups"]),
            "addresses": len(ec2.describe_addresses()["Addresses"]),
            "templates": len(ec2.describe_launch_templates()["LaunchTemplates"]),
            "balancers": len(elbv2.describe_load_balancers()["LoadBalancers"]),
            "targets": len(elbv2.describe_target_groups()["TargetGroups"]),
            "fleets": len(account.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]),
            "alarms": len(account.client("cloudwatch").describe_alarms()["MetricAlarms"]),
            "roles": len(iam.list_roles()["Roles"]),
            "profiles": len(iam.list_instance_profiles()["InstanceProfiles"]),
        }

    empty = there()
    assert engine.up().ok
    assert all(count > empty[what] for what, count in there().items())
    result = engine.destroy()
    assert result.ok, result.text
    assert there() == empty
    assert engine.resources() == []


def test_a_refresh_forgets_what_somebody_deleted(engine: Engine, account: Account) -> None:
    engine.up()
    account.client("cloudwatch").delete_alarms(
        AlarmNames=[alarm["AlarmName"] for alarm in account.client("cloudwatch").describe_alarms()["MetricAlarms"]]
    )
    result = engine.refresh()
    assert result.ok, result.text
    assert result.changes["delete"] == 2
    again = engine.up()
    assert kinds(again.operations) == ["metricAlarm", "metricAlarm"]


def test_what_the_cloud_refuses_is_told_in_its_words(account: Account, tmp_path: Path) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: bad\nruntime: python\n")
    (folder / "__main__.py").write_text(
        "import pulumi_aws as aws\n"
        'aws.iam.RolePolicyAttachment("r", role="nobody", policy_arn="arn:aws:iam::aws:policy/None")\n'
    )
    result = choose(folder, "dev", tmp_path / "work", account.environment, stand_in=True).up()
    assert not result.ok
    assert "NoSuchEntity" in result.text
    assert [item.failed for item in result.named("r")] == [True]


def test_a_name_of_the_programs_own_asks_for_the_deletion_first(account: Account, tmp_path: Path) -> None:
    folder = tmp_path / "named"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: named\nruntime: python\nconfig:\n  port: {type: integer, default: 80}\n")
    (folder / "__main__.py").write_text(
        'import pulumi\nimport pulumi_aws as aws\naws.lb.TargetGroup("t", name="own", protocol="HTTP",'
        ' port=pulumi.Config().require_int("port"), target_type="instance",'
        ' vpc_id=aws.ec2.Vpc("v", cidr_block="10.0.0.0/16").id)\n'
    )
    engine = choose(folder, "dev", tmp_path / "work", account.environment, stand_in=True)
    assert engine.up().ok
    engine.config_set("port", "81")
    result = engine.up()
    assert result.ok, result.text
    assert [item.op for item in result.operations] == ["delete-replaced", "create-replacement"]
