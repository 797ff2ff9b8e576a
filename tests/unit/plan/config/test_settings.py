"""Bad configuration is refused whole, in words that say what to type; good configuration is typed."""

from __future__ import annotations

import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it comes with pulumi

from plan.config.parsing import SettingsError, parse_settings
from plan.config.settings import Settings, camel

PROJECT = Path(__file__).parents[4]
GOOD = {"previewToken": "a-token-of-24-characters"}
AWS = {"region": "eu-west-1"}
SECRET = frozenset({"previewToken"})


def settings(**values: str) -> Settings:
    return parse_settings({**GOOD, **values}, stack="dev", aws=AWS, secret_keys=SECRET)


def problems(stack: str = "dev", aws: dict[str, str] | None = None, **values: str) -> list[str]:
    with pytest.raises(SettingsError) as error:
        parse_settings({**GOOD, **values}, stack=stack, aws=AWS if aws is None else aws, secret_keys=SECRET)
    return [str(one).removeprefix(f"{one.code}: ") for one in error.value.problems]


@pytest.mark.parametrize(
    ("key", "text", "rule"),
    [
        ("active", "red", "must be blue, green or auto"),
        ("traffic", "101", "a whole number from 0 to 100 percent"),
        ("traffic", "ten", "a whole number from 0 to 100 percent"),
        ("image", "latest", "empty, a fingerprint (its first 12 hex digits or more), or an ami- id"),
        ("keepPrevious", "yes", "true or false"),
        ("service", "Shop", "lower-case letters"),
        ("service", "internal", "not internal or sg"),
        ("service", "sg-shop", "not internal or sg"),
        ("service", "a-service-with-a-long-name", "at most 18 lower-case letters"),
        ("imageDir", "/etc", "the way from the project to a folder"),
        ("imageDir", "apps/../other", "the way from the project to a folder"),
        ("imageDir", ".", "the way from the project to a folder"),
        ("imageDir", "..", "the way from the project to a folder"),
        ("baseImage", "windows", "one of ubuntu-24.04, ubuntu-22.04, debian-12, debian-13, al2023"),
        ("packerVariables", '{"Log-Collector": "x"}', "each name is a Packer variable"),
        ("packerVariables", '{"root_gib": "8.5"}', "must be a whole number of GiB"),
        ("rootVolumeGiB and packerVariables", '{"root_gib": 20}', "at least packerVariables.root_gib (20 GiB)"),
        ("imageFrom", "dev", "ACCOUNT or ACCOUNT/REGION"),
        ("imageFrom", "12345678901", "ACCOUNT or ACCOUNT/REGION"),
        ("imageFrom", "123456789012/europe", "ACCOUNT or ACCOUNT/REGION"),
        ("imageSharedWith", '["prod"]', "each item is an account of 12 digits"),
        ("imageSharedWith", '["123456789012"]', "must be set with imageSharedWith"),
        ("imageKmsKey", "alias/mine", "the ARN of a KMS key of yours, or none"),
        ("imageKmsKey", "none", "must be a key, or empty"),
        ("imageKmsKey", "arn:aws:kms:eu-west-1:123456789012:alias/aws/ebs", "the ARN of a KMS key of yours"),
        ("imageKmsKey", "arn:aws:kms:us-east-1:123456789012:key/1", "must be a key of the stack's region (eu-west-1)"),
        ("imageSigningKey", "none", "the ARN of a KMS key of yours (no alias), or empty"),
        (
            "imageSigningKey",
            "arn:aws:kms:eu-west-1:123456789012:alias/signs",
            "the ARN of a KMS key of yours (no alias)",
        ),
        ("imageKeep", "0", "a whole number from 1 to 100"),
        ("maxAgeDays", "-1", "a whole number from 0 to 3650 days"),
        ("instanceType", "small", "an EC2 instance type"),
        ("rootVolumeGiB", "7", "a whole number from 8 to 16384 GiB"),
        ("volumeKmsKey", "alias/mine", "the ARN of a KMS key of yours"),
        ("volumeKmsKey", "arn:aws:kms:us-east-1:123456789012:key/1", "a key of the stack's region (eu-west-1)"),
        ("allowedEgress", '["443"]', "each item is an IPv4 network with a port behind it or none"),
        ("allowedEgress", '["10.0.0.1/8"]', "each item is an IPv4 network"),
        ("allowedEgress", '["10.0.0.0/8:0"]', "each item is an IPv4 network"),
        ("allowedEgress", '["10.0.0.0/8:90-80"]', "each item is an IPv4 network"),
        ("allowedEgress", '["10.0.0.0/8:80/icmp"]', "each item is an IPv4 network"),
        ("appPort", "0", "a whole number from 1 to 65535"),
        ("healthCheckPath", "health", "a path that begins with /"),
        ("healthCheckIntervalSeconds", "4", "a whole number from 5 to 300 seconds"),
        ("bootSeconds", "900", "must be below verifyTimeoutSeconds (900)"),
        ("environment", '{"PHOENIX_COLOR": "red"}', "does not begin with PHOENIX_"),
        ("environment", '{"A": "two\\nlines"}', "text on one line"),
        ("environment", '{"A": "' + "x" * 16200 + '"}', "at most 16384 bytes of user data"),
        ("minSize", "5", "must not be above maxSize (4)"),
        ("targetCpuPercent", "200", "a whole number from 0 to 100 percent"),
        ("vpcId", "vpc-0123456789abcdef0", "all three adopt a network, none makes one"),
        ("vpcCidr", "10.20.0.1/16", "an IPv4 network"),
        ("vpcCidr", "10.0.0.0/8", "its prefix from /16 to /24"),
        ("certificateArn", "cert", "the ARN of an ACM certificate"),
        ("tlsPolicy", "TLS1.2", "the name of a security policy"),
        ("logDays", "3651", "a whole number from -1 to 3650 days"),
        ("hstsSeconds", "-2", "a whole number from -1 to 63072000 seconds"),
        ("hstsSeconds", "300", "unless the listener is HTTPS on port 443 (it is HTTP on 80)"),
        ("webAclArn", "my-acl", "the ARN of a regional web ACL"),
        (
            "webAclArn",
            "arn:aws:wafv2:us-east-1:123456789012:global/webacl/edge/1a2b",
            "the ARN of a regional web ACL",
        ),
        (
            "webAclArn",
            "arn:aws:wafv2:us-east-1:123456789012:regional/webacl/edge/1a2b",
            "must be in the load balancer's region (eu-west-1)",
        ),
        ("approveAt", "[20]", "must be among canarySteps ([10, 50]): nothing is ever held at 20 %"),
        ("approveAt", '["ten"]', "a whole number from 1 to 99 percent"),
        ("hooks", '["make check"]', "must be an object of hooks: afterVerify, beforeShift, atShareN"),
        (
            "hooks",
            '{"atShare20": "make check"}',
            "there are afterVerify, beforeShift, atShare10, atShare50, afterPromote, onRollback",
        ),
        ("hooks", '{"beforeshift": "make check"}', "is no hook of this stack"),
        ("hooks", '{"beforeShift": {"command": "x", "timeoutSeconds": 90000}}', "a whole number from 1 to 86400"),
        ("hooks", '{"beforeShift": {"command": "x", "retries": 1}}', "and no 'retries'"),
        (
            "hooks",
            '{"beforeShift": {"lambda": "arn:aws:lambda:us-east-1:123456789012:function:check"}}',
            "must be in the stack's region (eu-west-1)",
        ),
        (
            "hooks",
            '{"beforeShift": {"document": "arn:aws-cn:ssm:eu-west-1:123456789012:document/Check"}}',
            "must be in the stack's region (eu-west-1)",
        ),
        ("approvalTimeoutMinutes", "0", "a whole number from 1 to 1440 minutes"),
        ("notifyTopicArn", "releases", "the ARN of a standard topic of SNS, or empty"),
        ("notifyTopicArn", "arn:aws:sns:eu-west-1:123456789012:releases.fifo", "the ARN of a standard topic of SNS"),
        ("notifyTopicArn", "arn:aws:sns:eu-west-2:123456789012:releases", "a topic of the stack's region (eu-west-1)"),
        ("notifyTopicArn", "arn:aws-cn:sns:eu-west-1:123456789012:releases", "a topic of the stack's region"),
        ("internal", "yes", "true or false"),
        ("internal", "true", "must come with vpcId"),
        ("listenerPort", "70000", "a whole number from 0 to 65535"),
        ("allowedCidrs", '["everyone"]', "each item is a network such as 10.20.0.0/16"),
        ("allowedCidrs", "[]", "must name who may reach the load balancer"),
        ("previewToken", "short", "20 to 128 letters"),
        ("previewToken", "with-a-wildcard-*-in-the-middle", "20 to 128 letters"),
        ("smokePath", "no-slash", "a path that begins with /"),
        ("verifyTimeoutSeconds", "5", "a whole number from 30 to 14400 seconds"),
        ("canarySteps", "[50, 10]", "must rise"),
        ("canarySteps", "[10, 100]", "each item is a whole number from 1 to 99 percent"),
        ("canarySteps", "[10, 10]", "at most 20 different items"),
        ("soakSeconds", "43201", "a whole number from 0 to 43200 seconds"),
        ("maxErrorPercent", "0", "a whole number from 1 to 100 percent"),
        ("maxResponseMilliseconds", "-1", "a whole number from 0 to 4000000 milliseconds (0: any)"),
        ("dashboard", "on", "true or false"),
        ("drainSeconds", "3601", "a whole number from 0 to 3600 seconds"),
        ("protect", "1", "true or false"),
        ("pricePerHour", "cheap", "a price like 0.0208 or 0.0208 USD"),
    ],
)
def test_a_broken_rule_names_key_value_rule_and_what_to_type(key: str, text: str, rule: str) -> None:
    said: Any = {key.rpartition(" and ")[2]: text}
    [problem] = problems(**said)
    assert problem.split(" = ")[0].strip() in key or key in problem
    assert rule in problem
    assert "\n    type: " in problem


INSIDE = '{"session_manager_profile": "builder"}'


@pytest.mark.parametrize("base", ["debian-12", "debian-13"])
def test_a_base_without_an_agent_is_not_built_through_session_manager(base: str) -> None:
    [problem] = problems(baseImage=base, packerVariables=INSIDE)
    assert f"packerVariables.session_manager_profile = 'builder': must be empty with baseImage {base}" in problem
    assert "pulumi config rm --path packerVariables.session_manager_profile" in problem


@pytest.mark.parametrize("base", ["ubuntu-24.04", "al2023", "ami-0123456789abcdef0"])
def test_a_base_with_an_agent_is(base: str) -> None:
    assert settings(baseImage=base, packerVariables=INSIDE).packer_variables == {"session_manager_profile": "builder"}


def test_all_errors_come_at_once() -> None:
    found = problems(traffic="200", minSize="0", canarySteps="[3, 2]", hostname="not a name", tarffic="10")
    assert [problem.split(" = ")[0].strip() for problem in found] == [
        "tarffic",
        "traffic",
        "minSize",
        "hostname",
        "canarySteps",
    ]
    with pytest.raises(SettingsError, match="has 5 errors; nothing was changed"):
        settings(traffic="200", minSize="0", canarySteps="[3, 2]", hostname="not a name", tarffic="10")


def test_an_image_is_shared_with_a_key_or_none_and_a_copy_may_be_shared_again() -> None:
    assert settings(imageSharedWith="[123456789012]", imageKmsKey="none").image_shared_with == ("123456789012",)
    key = "arn:aws:kms:eu-west-1:123456789012:alias/images"
    both = settings(imageFrom="111111111111", imageSharedWith='["123456789012"]', imageKmsKey=key)
    assert (both.image_from, both.image_kms_key) == ("111111111111", key)
    [problem] = problems(imageFrom="111111111111", imageSharedWith='["123456789012"]', imageKmsKey="none")
    assert "must be a key, or empty" in problem


def test_packers_variables_are_texts_and_lists_of_texts() -> None:
    said = '{"ssh_from": ["10.0.0.0/8", "192.168.0.0/16"], "root_gib": 9, "encrypted": false, "none": [], "ports": [1]}'
    assert settings(packerVariables=said).packer_variables == {
        "ssh_from": ("10.0.0.0/8", "192.168.0.0/16"),
        "root_gib": "9",
        "encrypted": "false",
        "none": (),
        "ports": ("1",),
    }


@pytest.mark.parametrize("value", ['{"a": 1}', '[["x"]]', '[{"a": 1}]', '["two\\nlines"]', '["a", "\\""]', '"\\\\"'])
def test_other_shapes_of_packers_variables_are_refused(value: str) -> None:
    [problem] = problems(packerVariables=f'{{"v": {value}}}')
    assert "or a list of these, on one line without quotes or backslashes (v's is not)" in problem


def test_a_list_is_no_environment_variable() -> None:
    [problem] = problems(environment='{"A": ["x"]}')
    assert "each value is text on one line" in problem


def test_one_key_of_an_image_is_said_once() -> None:
    [problem] = problems(
        imageKmsKey="arn:aws:kms:eu-west-1:123456789012:key/1", packerVariables='{"kms_key_id": "1", "packages": "vim"}'
    )
    assert "packerVariables = ['kms_key_id']: must not say what imageKmsKey says" in problem
    assert "pulumi config rm --path packerVariables.kms_key_id" in problem


def test_an_unknown_key_names_its_nearest_real_one() -> None:
    [problem] = problems(minSzie="3")
    assert "the nearest is minSize" in problem
    assert "pulumi config rm minSzie" in problem


@pytest.mark.parametrize("key", ["environment.PASSWORD", "alarms[0]"])
def test_a_path_that_was_set_without_its_flag_says_which(key: str) -> None:
    said: Any = {key: "hunter2"}
    [problem] = problems(**said)
    assert f"a part of {key.split('.')[0].split('[')[0]} is set with --path" in problem
    assert f"pulumi config rm {shlex.quote(key)} && pulumi config set --path {shlex.quote(key)} VALUE" in problem
    assert "hunter2" not in problem


def test_the_preview_token_is_required_secret_and_never_shown() -> None:
    with pytest.raises(SettingsError, match="make preview-token STACK=dev"):
        parse_settings({}, stack="dev", aws=AWS)
    with pytest.raises(SettingsError, match="must be stored as a secret") as plain:
        parse_settings(GOOD, stack="dev", aws=AWS)
    assert GOOD["previewToken"] not in str(plain.value)
    [problem] = problems(previewToken="hunter2*")
    assert "hunter2" not in problem
    assert GOOD["previewToken"] not in repr(settings())


def test_a_secret_in_the_environment_is_refused_without_showing_it() -> None:
    with pytest.raises(SettingsError) as error:
        parse_settings(
            {**GOOD, "environment": '{"PASSWORD": "hunter2"}'},
            stack="dev",
            aws=AWS,
            secret_keys=SECRET | {"environment"},
        )
    assert "ssm put-parameter" in str(error.value)
    assert "hunter2" not in str(error.value)


def test_credentials_in_the_stack_are_refused_since_steps_could_not_use_them() -> None:
    [problem] = problems(aws={"region": "eu-west-1", "secretKey": "hunter2"})
    assert "aws:secretKey" in problem
    assert "hunter2" not in problem


def test_a_base_image_is_one_whose_vendor_is_known_in_the_regions_partition() -> None:
    [problem] = problems(aws={"region": "cn-north-1"}, baseImage="debian-12")
    assert "known in aws-cn, the partition of cn-north-1 (ubuntu-24.04, ubuntu-22.04, al2023)" in problem
    assert "type: pulumi config set baseImage ubuntu-24.04" in problem
    [problem] = problems(aws={"region": "us-iso-east-1"})
    assert "(none is)" in problem
    for image in ("ami-0123456789abcdef0", "/golden/image"):
        assert parse_settings(
            {**GOOD, "baseImage": image}, stack="dev", aws={"region": "us-gov-west-1"}, secret_keys=SECRET
        )


def test_arns_to_type_are_those_of_the_regions_partition() -> None:
    key = "arn:aws-us-gov:kms:us-gov-east-1:123456789012:key/1"
    [problem] = problems(aws={"region": "us-gov-west-1"}, imageKmsKey=key)
    assert "pulumi config set imageKmsKey arn:aws-us-gov:kms:us-gov-west-1:" in problem


def test_a_dashboard_needs_a_name_without_the_colors_words() -> None:
    [problem] = problems(service="blue-shop", dashboard="true")
    assert "can't tell the colors apart while the name 'blue-shop-dev' holds the word blue" in problem
    assert settings(service="blue-shop").service == "blue-shop"
    assert settings(service="bluebird", dashboard="true").dashboard is True


def test_a_region_is_required() -> None:
    assert "aws:region" in problems(aws={})[0]


@pytest.mark.parametrize("region", ["mars-1", "eu-west", "EU-WEST-1", "eu-west-1a"])
def test_what_is_no_regions_name_is_refused_before_anybody_asks_there(region: str) -> None:
    [said] = problems(aws={"region": region})
    assert f"aws:region = '{region}': must be the name of a region" in said


def test_a_certificate_needs_its_hostname_and_the_region_of_the_load_balancer() -> None:
    arn = "arn:aws:acm:us-east-1:123456789012:certificate/0123"
    found = problems(certificateArn=arn, listenerPort="80")
    assert [problem.split(" = ")[0].strip() for problem in found] == ["hostname", "certificateArn", "listenerPort"]
    good = settings(certificateArn=arn.replace("us-east-1", "eu-west-1"), hostname="shop.example.com")
    assert good.port == 443
    assert settings().port == 80


@pytest.mark.parametrize(
    ("instance_type", "architecture"),
    [
        ("t3.small", "x86_64"),
        ("t4g.small", "arm64"),
        ("m7g.large", "arm64"),
        ("c6gn.large", "arm64"),
        ("a1.medium", "arm64"),
        ("g4dn.xlarge", "x86_64"),
        ("g5g.xlarge", "arm64"),
        ("im4gn.large", "arm64"),
        ("m7i-flex.large", "x86_64"),
        ("x2iedn.xlarge", "x86_64"),
        ("u-6tb1.56xlarge", "x86_64"),
        ("hpc7g.4xlarge", "arm64"),
    ],
)
def test_the_architecture_follows_the_instance_type(instance_type: str, architecture: str) -> None:
    assert settings(instanceType=instance_type).architecture == architecture


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"instanceType": "t3.small,t3a.small,t3.small"}, "must name each type once, as AWS asks (t3.small is there"),
        (
            {"instanceType": "t3.small, t4g.small, m7g.large"},
            "must be of one architecture, that of the image: t3.small is x86_64, t4g.small, m7g.large are not",
        ),
        ({"instanceType": "t3.small,"}, "an EC2 instance type, or up to 40 with commas between"),
        ({"instanceType": ",".join(f"m{n}.large" for n in range(41))}, "up to 40 with commas between"),
        ({"spotPercent": "50", "onDemandBase": "4"}, "onDemandBase = 4: must be below maxSize (4) with spotPercent"),
    ],
)
def test_what_aws_would_not_launch_of_several_types_or_as_spot(keys: dict[str, Any], said: str) -> None:
    [found] = problems(**keys)
    assert said in found


def test_several_types_are_read_in_their_order() -> None:
    good = settings(instanceType="m7g.large, m6g.large,t4g.large", spotPercent="100", onDemandBase="0")
    assert good.instance_types == ("m7g.large", "m6g.large", "t4g.large")
    assert good.architecture == "arm64"


def test_only_whole_references_become_rights_to_read() -> None:
    given = (
        '{"DB": "ssm:/dev/db", "KEY": "secretsmanager:dev/key", "NOTE": "see ssm: it is there", "AGAIN": "ssm:/dev/db"}'
    )
    assert settings(environment=given).references == ("secretsmanager:dev/key", "ssm:/dev/db")


def test_the_schema_and_the_settings_are_the_same_list() -> None:
    schema = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())["config"]
    defaults = Settings(stack="dev", region="eu-west-1")
    kinds = {bool: "boolean", int: "integer", str: "string", tuple: "array", dict: "object"}
    mine = {}
    for field in fields(Settings):
        if field.metadata:
            value = getattr(defaults, field.name)
            mine[camel(field.name)] = (kinds[type(value)], list(value) if isinstance(value, tuple) else value)
    assert {key: (said["type"], said["default"]) for key, said in schema.items()} == mine
    assert all(said["description"] and "\n" not in said["description"] for said in schema.values())


@pytest.mark.parametrize("stack", ["dev", "prod", "local"])
def test_stack_files_are_written_as_pulumi_writes_them(stack: str) -> None:
    """Else the first `pulumi config set` rewrites every line with a number (pulumi/pulumi, sdk/go/common/workspace)."""
    config = yaml.safe_load((PROJECT / f"Pulumi.{stack}.yaml").read_text())["config"]
    assert not [key for key, value in config.items() if not isinstance(value, str | list | dict)]


@pytest.mark.parametrize("stack", ["dev", "prod", "local"])
def test_the_stacks_that_come_along_lack_nothing_but_the_token(stack: str) -> None:
    config = yaml.safe_load((PROJECT / f"Pulumi.{stack}.yaml").read_text())["config"]
    texts = {
        key: value if isinstance(value, str) else str(value).lower() for key, value in config.items() if ":" not in key
    }
    aws = {key.split(":")[1]: str(value) for key, value in config.items() if key.startswith("aws:")}
    assert parse_settings({**GOOD, **texts}, stack=stack, aws=aws, secret_keys=SECRET).identity == f"phoenix/{stack}"


@pytest.mark.parametrize("seconds", ["29", "901", "-1", "x", "030"])
def test_a_slow_start_is_of_30_to_900_seconds_or_none(seconds: str) -> None:
    [said] = problems(slowStartSeconds=seconds)
    assert "must be a number from 30 to 900 (seconds), or 0" in said
    assert [settings(slowStartSeconds=good).slow_start_seconds for good in ("0", "30", "900")] == [0, 30, 900]
