"""A stack that takes its image from elsewhere, and one that shares its own: what the program declares, and refuses."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pulumi
import pytest
from botocore.client import BaseClient

from core import images
from core.times import iso
from tests.support import main_program
from tests.support.recorder import Recorded

# Another region of the same account, where tags are seen: the sharing of accounts is the local cloud's to test.
FROM = "123456789012/us-east-1"
# An image says no later time than that at which EC2 made it.
NOW = datetime.now(UTC)


def program(**config: Any) -> Recorded:
    """moto's images have 15 GiB, and no disk may be smaller."""
    return main_program.program(rootVolumeGiB="15", **config)


def image(region: str, fingerprint: str, **more: str) -> str:
    ec2 = boto3.client("ec2", region)
    name = images.name("phoenix", fingerprint, NOW)
    made = ec2.register_image(Name=name, RootDeviceName="/dev/xvda")["ImageId"]
    tags = (
        images.tags(
            service="phoenix",
            stack="phoenix/dev",
            fingerprint=fingerprint,
            base="ami-0a",
            base_name="debian-12",
            commit="c0ffee",
            tree="clean",
            baked_at=iso(NOW),
        )
        | more
    )
    ec2.create_tags(Resources=[made], Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
    return str(made)


def refusal(**config: Any) -> str:
    with pytest.raises(pulumi.RunError) as error:
        program(imageFrom=FROM, **config)
    return str(error.value)


@cache
def wanted() -> str:
    """The fingerprint that git gives."""
    found: str = program().one("command:local:Command", "-bake").inputs["environment"]["PHOENIX_FINGERPRINT"]
    return found


def test_without_an_image_to_copy_nobody_is_born_and_nothing_is_baked() -> None:
    image("us-east-1", "0" * 64)
    said = refusal()
    first, second, *_ = said.splitlines()
    assert first == "1 thing is known to fail; nothing was changed:"
    assert second.startswith("  PHX-326: imageFrom = '123456789012/us-east-1'")
    assert f"there are 000000000000 (baked {NOW:%Y-%m-%d})" in said
    assert f"with the fingerprint {wanted()[:12]} for account" in said
    # Regions of one account need no sharing.
    assert "imageSharedWith" not in said


def test_the_bakes_place_is_a_copys() -> None:
    image("us-east-1", wanted())
    key = boto3.client("kms", "eu-west-1").create_key()["KeyMetadata"]["Arn"]
    done = program(imageFrom=FROM, imageKmsKey=key)
    step = done.one("command:local:Command", "-bake")
    assert step.inputs["create"] == "sh steps/run copy; exit $?"
    assert {
        name: value
        for name, value in step.inputs["environment"].items()
        if "SUBNET" in name or "BASE" in name or "PACKER" in name
    } == {}
    assert step.inputs["environment"]["PHOENIX_IMAGE_FROM"] == FROM
    assert step.inputs["environment"]["PHOENIX_KMS_KEY"] == key
    assert step.ignore == ("*",)


def test_a_fingerprint_is_copied_by_its_name_whatever_git_says() -> None:
    whole = "abcdef" * 10 + "0000"
    image("us-east-1", whole)
    done = program(imageFrom=FROM, image="abcdefabcdef")
    given = done.one("command:local:Command", "-bake").inputs["environment"]
    assert (given["PHOENIX_IMAGE"], given["PHOENIX_FINGERPRINT"]) == (whole, whole)
    assert done.all("aws:lb/targetGroup:TargetGroup")[0].inputs["tags"]["phoenix:fingerprint"] == whole
    assert "must lead to an image that can be copied" in refusal(image="111111111111")


def test_an_image_that_is_here_is_not_looked_for_elsewhere() -> None:
    image("eu-west-1", wanted())
    assert program(imageFrom="999999999999").one("command:local:Command", "-bake")


def test_images_are_shared_once_production_is_theirs() -> None:
    assert not [one for one in program().all("command:local:Command") if "share" in one.name]
    key = boto3.client("kms", "eu-west-1").create_key()["KeyMetadata"]["Arn"]
    done = program(imageSharedWith=["222222222222"], imageKmsKey=key)
    share = done.one("command:local:Command", "share")
    assert share.inputs["create"] == "sh steps/run share; exit $?"
    assert share.inputs["environment"]["PHOENIX_SHARED_WITH"] == '["222222222222"]'
    assert share.inputs["triggers"] == ["ami-0123456789abcdef0", '["222222222222"]']
    assert "phoenix-dev-production" in " ".join(share.depends_on)
    assert done.one("command:local:Command", "-bake").inputs["environment"]["PHOENIX_KMS_KEY"] == key


def test_the_own_account_needs_no_sharing() -> None:
    with pytest.raises(pulumi.RunError, match=r"must not name 123456789012.*\n.*rm --path 'imageSharedWith\[1\]'"):
        program(imageSharedWith=["222222222222", "123456789012"], imageKmsKey="none")


def test_a_key_that_was_emptied_takes_back_what_was_shared() -> None:
    image("eu-west-1", "0" * 64, **{"phoenix:shared-by": "phoenix/dev"})
    share = program().one("command:local:Command", "share")
    assert share.inputs["environment"]["PHOENIX_SHARED_WITH"] == "[]"


def test_what_another_stack_shares_is_its_own_affair() -> None:
    image("eu-west-1", "0" * 64, **{"phoenix:shared-by": "phoenix/prod"})
    assert not [one for one in program().all("command:local:Command") if "share" in one.name]


def test_who_sets_none_of_the_keys_asks_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    ask: Any = BaseClient._make_api_call  # type: ignore[attr-defined]

    def noted(client: Any, operation: str, given: Any) -> Any:
        asked.append(operation)
        return ask(client, operation, given)

    monkeypatch.setattr(BaseClient, "_make_api_call", noted)
    given = program().one("command:local:Command", "-bake").inputs["environment"]
    assert given["PHOENIX_KMS_KEY"] == "" and "PHOENIX_IMAGE_FROM" not in given
    assert asked.count("DescribeImages") == 1
    assert not {"DescribeKey", "GetEbsEncryptionByDefault", "DescribeSnapshots"} & set(asked)


def test_a_plan_says_what_images_are_trusted_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kms, plan, words = boto3.client("kms", "eu-west-1"), tmp_path / "plan.md", "images are trusted by their tags"
    key = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["Arn"]
    monkeypatch.setenv("PHOENIX_PLAN_MARKDOWN", str(plan))
    program()
    assert words in plan.read_text()
    done = program(imageSigningKey=key)
    assert words not in plan.read_text()
    assert done.one("command:local:Command", "-bake").inputs["environment"]["PHOENIX_SIGNING_KEY"] == key
    with pytest.raises(
        pulumi.RunError, match=r"imageSigningKey = 'arn:.*must be an enabled key of KMS for SIGN_VERIFY"
    ):
        program(imageSigningKey=kms.create_key()["KeyMetadata"]["Arn"])
