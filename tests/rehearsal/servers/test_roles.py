"""What the local cloud lets a server's role do, as AWS would: with the very policy that the program gives it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from plan.config import live_target, stop_command
from rehearsal.cloud.cloud import Cloud
from tests.rehearsal.boto3_stack import bake, in_service, stack, until
from tests.rehearsal.servers.roles import profile
from tests.support import iam as iam_policies

WHERE = {"account": "123456789012", "region": "eu-west-1", "partition": "aws"}
NAMED = {"DB": "ssm:/shop/dev/db", "KEY": "secretsmanager:shop/dev/key", "OURS": "ssm:/shop/dev/ours"}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud(tmp_path_factory.mktemp("cloud"), boot_seconds=0.1, time_scale=0.1) as opened:
        ssm, secrets = opened.client("ssm"), opened.client("secretsmanager")
        key = opened.client("kms").create_key()["KeyMetadata"]["KeyId"]
        for name, given in (
            ("/shop/dev/db", {}),
            ("/shop/dev/ours", {"KeyId": key}),
            ("/other/team", {"KeyId": key}),
        ):
            ssm.put_parameter(Name=name, Value=f"of {name}", Type="SecureString", **given)
        secrets.create_secret(Name="shop/dev/key", SecretString="k", KmsKeyId=key)
        for name in ("shop/dev/key-2", "shop/dev-eu/key"):
            secrets.create_secret(Name=name, SecretString="k")
        yield opened


@pytest.fixture(scope="module")
def image(cloud: Cloud) -> str:
    return bake(cloud)


def launched(cloud: Cloud, image: str, **settings: Any) -> str:
    made = cloud.client("ec2").run_instances(ImageId=image, InstanceType="t3.small", MinCount=1, MaxCount=1, **settings)
    return str(made["Instances"][0]["InstanceId"])


@pytest.fixture(scope="module")
def session(cloud: Cloud, image: str) -> boto3.Session:
    """As whoever is on the server."""
    given = cloud.roles.credentials(launched(cloud, image, **profile(cloud, NAMED)))
    assert given is not None
    return boto3.Session(given.access_key, given.secret_key, given.token, region_name=cloud.region)


def client(cloud: Cloud, session: boto3.Session, service: str) -> Any:
    create: Any = session.client
    return create(service, endpoint_url=cloud.endpoint)


def test_a_server_reads_what_its_environment_names_under_a_key_of_the_account_too(
    cloud: Cloud, session: boto3.Session
) -> None:
    ssm = client(cloud, session, "ssm")
    for name in ("/shop/dev/db", "/shop/dev/ours"):
        assert ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] == f"of {name}"
    assert client(cloud, session, "secretsmanager").get_secret_value(SecretId="shop/dev/key")["SecretString"] == "k"


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("ssm", "get_parameter", {"Name": "/other/team"}),
        ("ssm", "get_parameters", {"Names": ["/shop/dev/db", "/other/team"]}),
        ("ssm", "get_parameters_by_path", {"Path": "/"}),
        ("ssm", "put_parameter", {"Name": "/shop/dev/db", "Value": "x", "Overwrite": True}),
        ("secretsmanager", "get_secret_value", {"SecretId": "shop/dev/key-2"}),
        ("secretsmanager", "list_secrets", {}),
        ("kms", "decrypt", {"CiphertextBlob": b"x"}),
    ],
)
def test_a_server_reads_nothing_else(
    cloud: Cloud, session: boto3.Session, service: str, operation: str, arguments: dict[str, Any]
) -> None:
    """AWS's AmazonSSMManagedInstanceCore would allow the first two."""
    with pytest.raises(ClientError, match=r"AccessDeniedException.*is not authorized to perform: "):
        getattr(client(cloud, session, service), operation)(**arguments)


def test_a_server_reads_nothing_else_with_aws_own_policy_attached(cloud: Cloud, image: str) -> None:
    """As whoever wants Systems Manager to work attaches it, and AWS's Quick Setup does."""
    given = profile(cloud, NAMED)
    core = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
    cloud.client("iam").attach_role_policy(
        RoleName=given["IamInstanceProfile"]["Arn"].rpartition("/")[2], PolicyArn=core
    )
    found = cloud.roles.credentials(launched(cloud, image, **given))
    assert found is not None
    ssm = client(cloud, boto3.Session(found.access_key, found.secret_key, found.token, region_name=cloud.region), "ssm")
    assert ssm.get_parameters(Names=["/shop/dev/db"])["Parameters"]
    with pytest.raises(ClientError, match=r"AccessDeniedException.*is not authorized to perform: "):
        ssm.get_parameter(Name="/other/team")


def test_a_key_is_not_for_who_may_call_the_service_alone(cloud: Cloud, image: str) -> None:
    """A role with the right to the parameter and none to the key that it is under."""
    iam = cloud.client("iam")
    given = profile(cloud, {})
    name = given["IamInstanceProfile"]["Arn"].rpartition("/")[2]
    iam.put_role_policy(
        RoleName=name,
        PolicyName="references",
        PolicyDocument=(
            '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}}'
        ),
    )
    found = cloud.roles.credentials(launched(cloud, image, **given))
    assert found is not None
    ssm = client(cloud, boto3.Session(found.access_key, found.secret_key, found.token, region_name=cloud.region), "ssm")
    assert ssm.get_parameter(Name="/shop/dev/db", WithDecryption=True)["Parameter"]["Value"] == "of /shop/dev/db"
    assert ssm.get_parameter(Name="/shop/dev/ours")["Parameter"]["Value"] != "of /shop/dev/ours", "still encrypted"
    with pytest.raises(ClientError, match="you are not allowed to access"):
        ssm.get_parameter(Name="/shop/dev/ours", WithDecryption=True)


def test_bounds_bind_what_the_role_may(cloud: Cloud, image: str) -> None:
    iam = cloud.client("iam")
    bounds = iam.create_policy(
        PolicyName="bounds",
        PolicyDocument=iam_policies.filled(
            (iam_policies.FOLDER / "servers.json").read_text(), service="shop", stack="dev"
        ),
    )
    given = profile(cloud, NAMED)
    name = given["IamInstanceProfile"]["Arn"].rpartition("/")[2]
    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=bounds["Policy"]["Arn"])
    iam.put_role_policy(
        RoleName=name,
        PolicyName="more",
        PolicyDocument=(
            '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
        ),
    )
    found = cloud.roles.credentials(launched(cloud, image, **given))
    assert found is not None
    mine = boto3.Session(found.access_key, found.secret_key, found.token, region_name=cloud.region)
    assert client(cloud, mine, "secretsmanager").get_secret_value(SecretId="shop/dev/key")["SecretString"] == "k"
    assert client(cloud, mine, "ssm").get_parameter(Name="/shop/dev/ours", WithDecryption=True)
    with pytest.raises(ClientError, match="AccessDenied"):
        client(cloud, mine, "secretsmanager").list_secrets()
    with pytest.raises(ClientError, match="AccessDenied"):
        client(cloud, mine, "secretsmanager").get_secret_value(SecretId="shop/dev-eu/key")


def test_a_server_without_a_role_has_no_credentials_and_whoever_has_the_runs_key_may_do_everything(
    cloud: Cloud, image: str
) -> None:
    assert cloud.roles.credentials(launched(cloud, image)) is None
    anybody = boto3.Session(cloud.access_key, "secret", region_name=cloud.region)
    assert client(cloud, anybody, "ssm").get_parameter(Name="/other/team")["Parameter"]["Name"] == "/other/team"


def test_a_server_ends_its_own_wait_once_it_is_held_and_nobody_elses(cloud: Cloud, image: str) -> None:
    made = stack(cloud, image=image)
    scaling = cloud.client("autoscaling")
    hook, servers = stop_command.HOOK, {}
    for color in ("blue", "green"):
        tags = stop_command.of_group("shop/dev", color, "0" * 12)
        role = profile(cloud, {}, more=stop_command.statements(tags, **WHERE))
        made.group(color, made.template(color, **role), Tags=[{"Key": key, "Value": tags[key]} for key in tags])
        scaling.put_lifecycle_hook(
            AutoScalingGroupName=color,
            LifecycleHookName=hook,
            LifecycleTransition=stop_command.TRANSITION,
            HeartbeatTimeout=7200,
        )
        [servers[color]] = in_service(made, color, 1)
    given = cloud.roles.credentials(servers["blue"])
    assert given is not None
    session = boto3.Session(given.access_key, given.secret_key, given.token, region_name=cloud.region)
    own = client(cloud, session, "autoscaling")
    [known] = own.describe_auto_scaling_instances(InstanceIds=[servers["blue"]])["AutoScalingInstances"]
    assert (known["AutoScalingGroupName"], known["LifecycleState"]) == ("blue", "InService")
    done = {"LifecycleHookName": hook, "LifecycleActionResult": "CONTINUE"}
    with pytest.raises(ClientError, match="No active Lifecycle Action found"):
        own.complete_lifecycle_action(AutoScalingGroupName="blue", InstanceId=servers["blue"], **done)
    for color in servers:
        scaling.update_auto_scaling_group(AutoScalingGroupName=color, MinSize=0, DesiredCapacity=0)
    until(lambda: all(made.members(one, "Terminating:Wait") for one in servers), what="both servers held")
    with pytest.raises(ClientError, match="not authorized to perform: autoscaling:CompleteLifecycleAction"):
        own.complete_lifecycle_action(AutoScalingGroupName="green", InstanceId=servers["green"], **done)
    own.complete_lifecycle_action(AutoScalingGroupName="blue", InstanceId=servers["blue"], **done)
    until(lambda: not (made.describe("blue") or {})["Instances"], what="the server gone")
    assert made.members("green", "Terminating:Wait") == [servers["green"]]


def test_a_server_reads_the_table_of_the_live_target_and_writes_its_own_item_alone(cloud: Cloud, image: str) -> None:
    name = "shop-dev-live-1234567"
    cloud.client("dynamodb").create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    server = launched(cloud, image, **profile(cloud, {}, more=live_target.statements(name, **WHERE)))
    given = cloud.roles.credentials(server)
    assert given is not None
    session = boto3.Session(given.access_key, given.secret_key, given.token, region_name=cloud.region)
    own = client(cloud, session, "dynamodb")
    own.put_item(TableName=name, Item={"id": {"S": server}, "number": {"N": "7"}})
    assert [one["id"]["S"] for one in own.scan(TableName=name, ConsistentRead=True)["Items"]] == [server]
    own.delete_item(
        TableName=name,
        Key={"id": {"S": server}},
        ConditionExpression="#number = :number",
        ExpressionAttributeNames={"#number": "number"},
        ExpressionAttributeValues={":number": {"N": "7"}},
    )
    assert own.scan(TableName=name, ConsistentRead=True)["Items"] == []
    denied: list[Callable[[], Any]] = [
        lambda: own.put_item(TableName=name, Item={"id": {"S": "production"}, "number": {"N": "9"}}),
        lambda: own.delete_item(TableName=name, Key={"id": {"S": "production"}}),
        lambda: own.update_item(TableName=name, Key={"id": {"S": server}}),
        lambda: own.scan(TableName="other-live-1234567"),
    ]
    for refused in denied:
        with pytest.raises(ClientError, match="is not authorized to perform"):
            refused()
