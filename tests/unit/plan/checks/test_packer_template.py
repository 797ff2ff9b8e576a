"""Packer's variables are held against what the template declares, before anything is created."""

from __future__ import annotations

from pathlib import Path

import pytest

from plan import image_origin
from plan.checks import packer_template
from tests.support.factories import settings

PROJECT = Path(__file__).parents[4]
DECLARED = {
    "ssh_from": "list(string)",
    "ports": "list(number)",
    "root_gib": "number",
    "encrypted": "bool",
    "log_target": "string",
    "told": "map(string)",
    "any": "",
}


def test_the_projects_own_template_is_read() -> None:
    found = packer_template.read_template(PROJECT / "image")
    assert found["ssh_from"] == "list(string)"
    assert (found["root_gib"], found["encrypted"], found["log_target"]) == ("number", "bool", "string")


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("ssh_from", "10.0.0.0/8", "must be a list, as the template in image says (type = list(string))"),
        ("ports", ("1", "x"), "must be a list in which each item is a number"),
        ("root_gib", "ten", "must be a number"),
        ("root_gib", ("8",), "must be no list"),
        ("encrypted", "yes", "must be true or false"),
        ("log_target", ("a",), "must be no list"),
        ("log_traget", "x", "must be a variable of the template in image (there are any, encrypted, log_target"),
    ],
)
def test_what_packer_would_refuse_is_refused(name: str, value: str | tuple[str, ...], rule: str) -> None:
    [problem] = packer_template.problems(settings(packer_variables={name: value}), DECLARED)
    assert f"packerVariables.{name} = " in str(problem)
    assert rule in str(problem)
    assert f"pulumi config rm --path packerVariables.{name}" in str(problem)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ssh_from", ("10.0.0.0/8",)),
        ("ssh_from", ()),
        ("ports", ("1", "2.5")),
        ("root_gib", "8"),
        ("encrypted", "false"),
        ("log_target", "1.10"),
        ("told", "x"),
        ("any", ("x",)),
        ("any", "x"),
    ],
)
def test_what_packer_takes_is_taken(name: str, value: str | tuple[str, ...]) -> None:
    assert list(packer_template.problems(settings(packer_variables={name: value}), DECLARED)) == []


def test_of_a_template_that_is_not_read_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "odd.pkr.hcl").write_bytes(b"\xff")
    assert packer_template.read_template(tmp_path) == packer_template.read_template(tmp_path / "nowhere") == {}
    assert list(packer_template.problems(settings(packer_variables={"x": "y"}), {})) == []


def test_secrets_whose_names_nothing_in_the_image_reads_are_told(tmp_path: Path) -> None:
    """An image of one's own would start the application without their values."""
    named = settings(environment={"A": "b", "DB": "ssm:/shop/db"})
    (tmp_path / "provision").mkdir()
    (tmp_path / "provision" / "10.sh").write_text("apt-get install nginx\n")
    [problem] = image_origin.unread_references(named, tmp_path)
    assert "environment.DB = 'ssm:/shop/db': must be read by something in image" in str(problem)
    assert list(image_origin.unread_references(settings(environment={"A": "b"}), tmp_path)) == []
    assert list(image_origin.unread_references(named, PROJECT / "image")) == []
