"""The threat model speaks of whom and what there is: each kind of right, each policy, the settings that bound it."""

from __future__ import annotations

import re

import pytest
import yaml  # type: ignore[import-untyped]  # it comes with pulumi

from rehearsal import PROJECT
from tests.support import iam

PAGE = (PROJECT / "docs" / "threat-model.md").read_text()
KEYS = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())["config"]


@pytest.mark.parametrize("right", ["push a branch", "merge to `main`", "approve", "tag", "bake", "preview", "revoke"])
def test_it_says_who_has_each_right(right: str) -> None:
    who = PAGE.partition("## Who may do what")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (.+?) \| .+? \| .+? \|$", who, re.MULTILINE)
    assert len(rows) >= 15, "each with what it may, what that reaches, and what holds it"
    assert any(right in f"{one} {may}".replace("*", "") for one, may in rows), right


def test_settings_and_policies_that_it_names_are_there() -> None:
    named = set(re.findall(r"`([a-z]+[A-Z]\w+)`", PAGE))
    assert named & set(KEYS) >= {
        "allowedCidrs",
        "allowedEgress",
        "certificateArn",
        "previewToken",
        "imageFrom",
        "imageSigningKey",
    }
    assert named - set(KEYS) == {"maxSize"} - set(KEYS), "a setting that there is not"
    assert set(re.findall(r"`(\w+:\w+)`", PAGE)) <= iam.actions(*POLICIES)


POLICIES = [file.stem for file in (PROJECT / "docs" / "iam").glob("*.json") if not file.stem.startswith("trust")]


def test_who_runs_commands_on_servers_is_who_it_says() -> None:
    """A policy that gives it to more would make the page wrong."""
    may = {one for one in POLICIES if "ssm:SendCommand" in iam.actions(one)}
    assert may == {"deploy"} and "`deploy` has it" in PAGE
    assert {one for one in POLICIES if "ssm:StartSession" in iam.actions(one)} == {"session"}, "of build machines"
