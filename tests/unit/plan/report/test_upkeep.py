"""Whoever reads the plan knows who mends what the servers are made of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.fingerprint import Files
from plan import vendor_support
from plan.checks import warnings
from plan.image_source import ImageSource
from plan.readers.account_limits import AccountLimits
from plan.report import rows
from plan.report.rows import Facts
from plan.rollout_plan import decide_rollout
from tests.support.factories import NOW, group, live, recipe, settings

FILES: Files = {
    "provision/10-operating-system.sh": (True, b"apt-get update\n"),
    "app/provision.sh": (True, b"for candidate in tomcat10 tomcat9; do\n"),
}
OTHERS: Files = {"app/provision.sh": (True, b"apt-get install nginx\n"), "app/tomcat.conf": (False, b"tomcat10")}


@pytest.mark.parametrize(
    "base_image",
    [
        "ubuntu-24.04",
        "ubuntu-22.04",
        "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id",
    ],
)
def test_tomcat_on_ubuntu_is_said_to_be_mended_for_ubuntu_pro(base_image: str) -> None:
    [said] = vendor_support.notes(FILES, base_image)
    assert "universe" in said and "Ubuntu Pro alone (esm-apps)" in said and "debian-13" in said


@pytest.mark.parametrize(
    ("files", "base_image"),
    [
        (FILES, "debian-12"),
        (FILES, "debian-13"),
        (FILES, "ami-0123456789abcdef0"),
        (OTHERS, "ubuntu-24.04"),
    ],
)
def test_nothing_is_said_of_what_is_mended_for_everybody_or_is_not_installed(files: Files, base_image: str) -> None:
    assert vendor_support.notes(files, base_image) == ()


def test_scripts_that_call_apt_get_are_said_to_fail_on_amazon_linux() -> None:
    commented: Files = {"provision/10-system.sh": (True, b"# no apt-get here\ndnf install nginx\n")}
    for base_image in ("al2023", "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"):
        [said] = vendor_support.notes(FILES, base_image)
        assert said.startswith("provision/10-operating-system.sh calls apt-get, which Amazon Linux does not have")
        assert vendor_support.notes(commented, base_image) == ()


def test_the_plan_says_it_when_servers_are_born_and_not_again_with_each_look() -> None:
    source = ImageSource(
        "111111111111",
        "baked from scratch",
        needs_bake=True,
        image_ids=("ami-111111111111",),
        notes=vendor_support.notes(FILES, "ubuntu-24.04"),
    )
    said: Any = {}
    for name, alive in {"birth": live(), "idle": replace(live(group("blue")), has_preview_rule=True)}.items():
        given = settings(base_image="ubuntu-24.04")
        plan = decide_rollout(given, recipe("111111111111"), alive, now=NOW)
        said[name] = rows.plan_report(
            Facts(
                settings=given,
                plan=plan,
                spec=recipe("111111111111"),
                live=alive,
                source=source,
                limits=AccountLimits(),
                now=NOW,
            )
        ).text
        assert (vendor_support.TOMCAT in warnings.warnings(given, plan, alive, source, now=NOW)) == (name == "birth")
    assert f"  note        {vendor_support.TOMCAT}" in said["birth"]
    assert "universe" not in said["idle"]
