"""What the pinned Packer asks of AWS, as recorded, against docs/iam/packer.json and the rehearsal's stand-in for it.

tools/record_packer.py writes the record.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rehearsal import PROJECT
from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.policies import holds, listed
from steps.image import packer
from tests.rehearsal.steps.baking import ended_well, image, run
from tests.support import iam
from tools import record_packer

RECORD: dict[str, Any] = json.loads(record_packer.RECORD.read_text())
BAKES = [name for name in RECORD if name not in ("packer", "plugin")]
TAGS = {"service": "phoenix", "stack": "phoenix/local"}
# Made where the action says so, and tagged from the first moment. Sources: "Tagging your resources during creation" and
# ec2:CreateAction in Amazon EC2's user guide.
MAKES = {"RunInstances", "CreateImage", "CreateKeyPair", "CreateSecurityGroup"}
OF_AWS = ("image", "snapshot")
"""Types of resources whose ARNs have no account."""


def arn(kind: str) -> str:
    account = "" if kind in OF_AWS else "123456789012"
    return f"arn:aws:ec2:eu-west-1:{account}:{kind}/x-0123456789abcdef0"


def allowed(action: str, kind: str, *, made_by: str = "") -> bool:
    """Whether a deployer may do it to what a bake made: by the conditions on tags, and by what makes the resource."""
    values = {f"aws:RequestTag/phoenix:{key}": value for key, value in TAGS.items()}
    # What does not exist yet has no tags.
    own = {} if made_by else {f"aws:ResourceTag/phoenix:{key}": value for key, value in TAGS.items()}
    said = {**values, **own, **({"ec2:CreateAction": made_by} if made_by else {})}
    return any(
        action in one.actions
        and (one.resources == ("*",) or iam.covers(one, arn(kind)))
        and all(
            holds(operator, [iam.filled(value) for value in listed(wanted)], said.get(key))
            for operator, keys in one.condition.items()
            for key, wanted in keys.items()
        )
        for one in iam.statements("read", "packer")
    )


def test_the_record_is_of_the_pinned_packer_and_plugin() -> None:
    text = (PROJECT / "image" / "plugins.pkr.hcl").read_text()
    again = "it is another one: record its calls again (tools/record_packer.py)"
    assert packer.dotted(packer.pinned(text) or ()) == RECORD["packer"], again
    assert re.findall(r'^ +version = "(.+)"$', text, re.MULTILINE) == [RECORD["plugin"]], again


@pytest.mark.parametrize("bake", BAKES)
def test_every_recorded_call_is_allowed(bake: str) -> None:
    granted = iam.actions("read", "packer")
    assert set(RECORD[bake]) <= granted


@pytest.mark.parametrize("bake", BAKES)
def test_whatever_it_tags_may_be_tagged(bake: str) -> None:
    refused = [
        f"{action} tags {kind}"
        for action, call in RECORD[bake].items()
        for kind in call.get("tags", [])
        if not allowed(
            "ec2:CreateTags", kind, made_by=action.removeprefix("ec2:") if action.removeprefix("ec2:") in MAKES else ""
        )
    ]
    assert refused == []
    assert {"instance", "network-interface", "volume"} <= set(RECORD[bake]["ec2:RunInstances"]["tags"])


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("ec2:ModifyImageAttribute", "image"),
        ("ec2:StopInstances", "instance"),
        ("ec2:TerminateInstances", "instance"),
        ("ec2:DeleteKeyPair", "key-pair"),
        ("ec2:DeleteSecurityGroup", "security-group"),
        ("ec2:AuthorizeSecurityGroupIngress", "security-group"),
        ("ec2:CreateImage", "instance"),
    ],
)
def test_what_it_changes_and_ends_is_the_services_own(action: str, kind: str) -> None:
    assert any(action in RECORD[bake] for bake in BAKES), f"Packer does not call {action} any more"
    assert allowed(action, kind)


def test_a_build_instance_of_a_burstable_type_has_all_of_its_core() -> None:
    assert "CreditSpecification" in RECORD["to the end"]["ec2:RunInstances"]["parameters"]


# It looks for a subnet where none is named, and for volumes that have stayed; the stand-in has neither.
ONLY_THE_REAL_ONE = {
    "ec2:DescribeInstanceTypeOfferings",
    "ec2:DescribeSubnets",
    "ec2:DescribeVolumes",
    "ec2:DescribeVpcs",
}


def test_the_stand_in_asks_what_the_real_one_asks(cloud: Cloud, tmp_path: Path) -> None:
    before = len(cloud.calls.seen)
    bare = record_packer.bare(tmp_path / "image", fails=False)
    ended_well(run(cloud, "bake", image("", folder=bare)))
    calls = record_packer.summary(record_packer.of_packer(cloud.calls.seen[before:]))
    real = RECORD["to the end"]
    assert set(real) - set(calls) == ONLY_THE_REAL_ONE
    assert set(calls) <= set(real)
    for action, call in calls.items():
        assert call.get("tags", []) == real[action].get("tags", []), action
