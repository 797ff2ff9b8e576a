"""The fingerprint follows git's files alone; the generation follows everything that makes a server."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it comes with pulumi

from plan.config.constraints import broken_constraints
from plan.config.user_data import LIMIT, size, user_data
from plan.server_spec import image_fingerprint, server_spec, spec_changes
from tests.support.factories import settings

SECRET = {"previewToken"}

FILES = {"phoenix.pkr.hcl": (False, b"source {}"), "provision/10-os.sh": (True, b"#!/bin/sh\n")}


@pytest.mark.parametrize(
    "files",
    [
        {**FILES, "provision/30-logs.sh": (True, b"#!/bin/sh\n")},
        {**FILES, "provision/10-os.sh": (True, b"#!/bin/sh\n# changed\n")},
        {**FILES, "provision/10-os.sh": (False, b"#!/bin/sh\n")},
        {"phoenix.pkr.hcl": FILES["phoenix.pkr.hcl"], "provision/11-os.sh": FILES["provision/10-os.sh"]},
    ],
    ids=["a file more", "other content", "not executable", "another name"],
)
def test_every_change_of_the_files_changes_the_fingerprint(files: dict[str, tuple[bool, bytes]]) -> None:
    assert image_fingerprint(files, settings()) != image_fingerprint(FILES, settings())


@pytest.mark.parametrize(
    "values",
    [{"base_image": "debian-12"}, {"instance_type": "t4g.small"}, {"packer_variables": {"log_collector": "fluentd"}}],
)
def test_what_a_bake_reads_of_the_settings_changes_the_fingerprint(values: dict[str, object]) -> None:
    assert image_fingerprint(FILES, settings(**values)) != image_fingerprint(FILES, settings())


def test_the_order_of_files_and_variables_does_not_matter() -> None:
    one = settings(packer_variables={"a": "1", "b": "2"})
    two = settings(packer_variables={"b": "2", "a": "1"})
    assert image_fingerprint(FILES, one) == image_fingerprint(dict(reversed(FILES.items())), two)


def test_a_list_among_the_variables_counts_with_its_order_and_texts_count_as_they_did() -> None:
    one, other, text = (
        image_fingerprint(FILES, settings(packer_variables={"repos": said}))
        for said in (("a", "b"), ("b", "a"), "[a, b]")
    )
    assert len({one, other, text}) == 3
    assert one == image_fingerprint(FILES, settings(packer_variables={"repos": ["a", "b"]}))
    assert image_fingerprint(FILES, settings(packer_variables={"a": "1"})) == (
        "c722c7569fce5ef88b90d8c50710d77068b4b1b57afb754b3e5b2f301b38aa81"
    )


def test_contents_do_not_run_into_each_other() -> None:
    assert image_fingerprint({"a": (False, b"x\0b"), "c": (False, b"")}, settings()) != image_fingerprint(
        {"a": (False, b"x"), "b\0c": (False, b"")}, settings()
    )


def test_an_instance_type_of_the_same_architecture_needs_no_new_image() -> None:
    assert image_fingerprint(FILES, settings(instance_type="m7i.large")) == image_fingerprint(FILES, settings())


@pytest.mark.parametrize(
    "values",
    [
        {"stack": "prod"},
        {"region": "us-east-1"},
        {"profile": "prod"},
        {"image_from": "111111111111"},
        {"image_kms_key": "none", "image_shared_with": ("222222222222",)},
        {"environment": {"DB": "ssm:/prod"}},
        {"vpc_id": "vpc-0a"},
        {"instance_type": "m7i.large"},
        {"min_size": 3},
    ],
)
def test_what_differs_between_dev_and_prod_leaves_the_fingerprint(values: dict[str, object]) -> None:
    assert image_fingerprint(FILES, settings(**values)) == image_fingerprint(FILES, settings())


@pytest.mark.parametrize(
    "values", [{"image_from": "111111111111"}, {"image_shared_with": ("222222222222",), "image_kms_key": "none"}]
)
def test_where_packer_builds_is_no_part_of_an_image_that_goes_to_another_account(values: dict[str, object]) -> None:
    where = {"subnet_id": "subnet-1", "instance_type": "m7i.large", "ssh_from": "10.0.0.0/8", "ssh_username": "admin"}
    there = image_fingerprint(FILES, settings(packer_variables=where, **values))
    assert there == image_fingerprint(FILES, settings(packer_variables={"ssh_username": "admin"}, **values))
    # In one account it always was, and an image that is there is still found.
    assert image_fingerprint(FILES, settings(packer_variables=where)) != there


@pytest.mark.parametrize(
    "values",
    [
        {"instance_type": "t3.large"},
        {"root_volume_gib": 20},
        {"app_port": 9090},
        {"health_check_path": "/ready"},
        {"environment": {"LEVEL": "debug"}},
        {"environment": {"DB": "ssm:/db"}},
        {"vpc_cidr": "10.30.0.0/16"},
        {"server_subnet_ids": ("subnet-1",)},
        {"service": "shop"},
        {"permissions_boundary": "arn:aws:iam::123456789012:policy/bounds"},
    ],
)
def test_what_makes_a_server_changes_the_generation(values: dict[str, object]) -> None:
    assert server_spec(settings(**values), "0" * 12).generation != server_spec(settings(), "0" * 12).generation


@pytest.mark.parametrize(
    "values",
    [
        {"active": "green"},
        {"traffic": 10},
        {"min_size": 4, "max_size": 8},
        {"soak_seconds": 9},
        {"hooks": {"beforeShift": "make check"}},
        {"drain_seconds": 9},
        {"target_cpu_percent": 70},
        {"requests_per_server": 70},
        {"image_keep": 9},
        {"health_check_interval_seconds": 20},
    ],
)
def test_what_does_not_make_a_server_leaves_the_generation(values: dict[str, object]) -> None:
    assert server_spec(settings(**values), "0" * 12).generation == server_spec(settings(), "0" * 12).generation


def test_every_digit_of_the_fingerprint_counts() -> None:
    one, other = "0" * 64, "0" * 63 + "1"
    assert server_spec(settings(), one).generation != server_spec(settings(), other).generation


def test_changes_say_what_was_and_what_is() -> None:
    before = server_spec(settings(), "0" * 12).tag
    now = server_spec(settings(instance_type="t3.large", root_volume_gib=20), "1" * 12)
    assert spec_changes(before, now) == [
        "image: 000000000000 -> 111111111111",
        "instanceType: t3.small -> t3.large",
        "rootVolumeGiB: 10 -> 20",
    ]
    assert spec_changes(now.tag, now) == []


@pytest.mark.parametrize("path", ["/health", "/" + "x" * 1023, "/health?full=1&x=[2]"])
def test_the_recipe_fits_into_a_tag(path: str) -> None:
    tag = server_spec(settings(health_check_path=path, instance_type="u-24tb1.112xlarge"), "0" * 64).tag
    assert len(tag) <= 256
    assert all(character.isalnum() or character in " +-=._:/@" for character in tag)


def test_user_data_is_cloud_config_that_writes_the_servers_variables() -> None:
    said = user_data(settings(environment={"GREETING": "hello # world $x"}), color="green", generation="0123456789ab")
    first, _, rest = said.partition("\n")
    [file] = json.loads(rest)["write_files"]
    assert first == "#cloud-config"
    assert file["path"] == "/etc/phoenix/server.env"
    assert file["content"].splitlines() == [
        'PHOENIX_SERVICE="phoenix"',
        'PHOENIX_STACK="dev"',
        'PHOENIX_COLOR="green"',
        'PHOENIX_GENERATION="0123456789ab"',
        'PHOENIX_PORT="8080"',
        'GREETING="hello # world $x"',
    ]


@pytest.mark.parametrize("text", ["gr\u00fc\u00dfe", "\U0001f600 and \u65e5\u672c", "a\u2028b\u0085c", "\ufeffx"])
def test_user_data_is_utf_8_that_yaml_reads_as_it_was_meant(text: str) -> None:
    """cloud-init reads it with PyYAML; JSON's own escapes of the second one are no text there."""
    said = user_data(settings(environment={"A": text}), color="green", generation="0123456789ab")
    [file] = yaml.safe_load(said.encode())["write_files"]
    assert file["content"].encode().decode().rpartition("\nA=")[2] == f'"{text}"\n'
    assert json.loads(said.partition("\n")[2])["write_files"] == [file]


def test_user_data_is_as_long_as_it_is_and_its_limit_is_aws_own() -> None:
    umlauts = settings(environment={"A": "\u00fc" * 6124})
    real = len(user_data(umlauts, color="green", generation="0" * 12).encode())
    assert size(umlauts) == real < 12248 + 500
    room = LIMIT - size(settings(environment={"A": ""}))
    assert [
        list(broken_constraints(settings(environment={"A": "x" * (room + more)}), SECRET, {})) == [] for more in (0, 1)
    ] == [
        True,
        False,
    ]
    long = settings(environment={"LONG": "\u00fc" * 9000, "B": "x"})
    [[_, problem]] = broken_constraints(long, SECRET, {})
    assert f"(it makes {size(long)}; the longest is LONG)" in problem.what


def test_what_was_born_with_plain_letters_keeps_its_generation() -> None:
    """A text of user data that changed would flip every stack."""
    said = user_data(settings(environment={"A": "b"}), color="", generation="")
    assert hashlib.sha256(said.encode()).hexdigest() == (
        "dc1e59ca226c5f8c64dca278bcb832228d2d226b157add4d9bf7ea9d342af6eb"
    )


def test_the_preview_token_is_never_in_user_data() -> None:
    assert settings().preview_token not in user_data(settings(), color="blue", generation="0")


def test_the_generation_is_a_hash_of_every_part_of_the_recipe() -> None:
    made = server_spec(settings(), "0" * 12)
    others: dict[str, Any] = {
        name: 1 if isinstance(value, int) else "/other-thing" for name, value in made.__dict__.items()
    }
    parts = {name: replace(made, **{name: other}) for name, other in others.items()}
    assert len({made.generation, *(part.generation for part in parts.values())}) == len(parts) + 1


def test_where_servers_go_and_whose_key_they_have_makes_them_others_and_the_defaults_do_not() -> None:
    """A stack that was made before there were these keys has the generation that it had."""
    plain = server_spec(settings(), "0" * 12)
    assert "allowedEgress" not in plain.tag
    assert "volumeKmsKey" not in plain.tag
    listed = server_spec(settings(allowed_egress=("0.0.0.0/0:443", "10.0.0.0/8")), "0" * 12)
    assert listed == server_spec(settings(allowed_egress=("10.0.0.0/8", "0.0.0.0/0:443")), "0" * 12)
    keyed = server_spec(settings(volume_kms_key="arn:aws:kms:eu-west-1:123456789012:key/1"), "0" * 12)
    assert len({plain.generation, listed.generation, keyed.generation}) == 3
    assert spec_changes(plain.tag, listed) == [f"allowedEgress: none -> {listed.egress[:8]}"]
    assert spec_changes(keyed.tag, plain) == [f"volumeKmsKey: {keyed.disk_key[:8]} -> none"]


def test_a_tag_holds_every_part() -> None:
    longest = settings(
        instance_type="u7inh-32tb.480xlarge",
        root_volume_gib=16384,
        app_port=65535,
        health_check_path="/" + "h" * 63,
        allowed_egress=("10.0.0.0/8",),
        volume_kms_key="arn:aws:kms:eu-west-1:123456789012:key/1",
        spot_percent=100,
        on_demand_base=999,
    )
    several = replace(longest, instance_type=", ".join(f"u7inh-32tb.{n}xlarge" for n in range(440, 480)))
    assert len(server_spec(several, "0" * 12).tag) <= 256
    assert len(server_spec(longest, "0" * 12).tag) <= 256


def test_several_types_and_spot_make_a_server_and_one_type_on_demand_is_what_it_was() -> None:
    plain = server_spec(settings(on_demand_base=3), "0" * 12)
    assert plain == server_spec(settings(), "0" * 12), "without Spot all are on demand"
    several = server_spec(settings(instance_type="t3.small, t3a.small"), "0" * 12)
    turned = server_spec(settings(instance_type="t3a.small,t3.small"), "0" * 12)
    spot = server_spec(settings(spot_percent=50), "0" * 12)
    assert len({plain.generation, several.generation, turned.generation, spot.generation}) == 4
    assert spec_changes(plain.tag, several) == ["instanceType: t3.small -> t3.small+t3a.small"]
    assert spec_changes(plain.tag, spot) == ["spotPercent: none -> 50/1"]
    assert spec_changes(spot.tag, plain) == ["spotPercent: 50/1 -> none"]
    many = ("m7i-flex.24xlarge", *(f"m7i.{n}xlarge" for n in range(2, 41)))
    every = server_spec(settings(instance_type=",".join(many)), "0" * 12)
    other = server_spec(settings(instance_type=",".join(many[:-1])), "0" * 12)
    assert every.tag != other.tag


def test_what_servers_may_do_makes_a_server_in_whatever_order_policies_are_named() -> None:
    one, two = "arn:aws:iam::aws:policy/One", "arn:aws:iam::aws:policy/Two"
    plain, both, turned, said = (
        server_spec(settings(**keys), "0" * 12).generation
        for keys in (
            {},
            {"policy_arns": (one, two)},
            {"policy_arns": (two, one)},
            {"policy_statements": ('{"Effect": "Deny"}',)},
        )
    )
    assert both == turned
    assert len({plain, both, said}) == 3
