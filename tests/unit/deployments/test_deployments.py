"""What Pulumi Deployments is told about dev and prod. Names are the provider's own: its classes refuse any other."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml  # type: ignore[import-untyped]  # it comes with pulumi

from rehearsal import PROJECT
from tests.support.recorder import Recorded, record

CONFIG = {
    "repository": "acme/shop",
    "devRole": "arn:aws:iam::111111111111:role/dev",
    "prodRole": "arn:aws:iam::222222222222:role/prod",
}
SETTINGS, DRIFT, CLOCK = (
    f"pulumiservice:index:{kind}" for kind in ("DeploymentSettings", "DriftSchedule", "DeploymentSchedule")
)


def declared(tmp_path: Path, *, previews: str = "", **stacks: dict[str, Any]) -> Recorded:
    """What the program declares beside stacks' files with these keys, or the project's own."""
    config = {**CONFIG, **({"previews": previews} if previews else {})}
    shutil.copytree(PROJECT / "deployments", tmp_path / "deployments", ignore=shutil.ignore_patterns(".venv"))
    shutil.copy2(PROJECT / "Pulumi.yaml", tmp_path)
    for stack in ("dev", "prod"):
        text = yaml.safe_dump({"config": stacks[stack]}) if stack in stacks else None
        (tmp_path / f"Pulumi.{stack}.yaml").write_text(text or (PROJECT / f"Pulumi.{stack}.yaml").read_text())
    main = tmp_path / "deployments" / "__main__.py"
    return record(
        lambda: runpy.run_path(str(main), run_name="__main__"),
        project="phoenix-deployments",
        stack="settings",
        config={f"phoenix-deployments:{key}": value for key, value in config.items()},
    )


def test_dev_follows_main_on_every_push_and_prod_waits_for_somebody(tmp_path: Path) -> None:
    seen = declared(tmp_path)
    found = {stack: seen.one(SETTINGS, stack).inputs for stack in ("dev", "prod")}
    assert {stack: said["sourceContext"]["git"] for stack, said in found.items()} == {
        "dev": {"branch": "main", "repoDir": "."},
        "prod": {"branch": "production", "repoDir": "."},
    }
    assert {stack: said["vcs"]["deployCommits"] for stack, said in found.items()} == {"dev": True, "prod": False}
    for stack, said in found.items():
        assert (said["organization"], said["project"], said["stack"]) == ("acme", "phoenix", stack)
        assert (said["vcs"]["provider"], said["vcs"]["repository"]) == ("github", "acme/shop")
        assert said["vcs"]["pullRequestTemplate"] is False


@pytest.mark.parametrize(
    ("previews", "expected"),
    [("", {"dev"}), ("[]", set()), ('["dev"]', {"dev"}), ('["dev", "prod"]', {"dev", "prod"})],
)
def test_prods_code_is_nobodys_who_can_push_a_branch(previews: str, expected: set[str], tmp_path: Path) -> None:
    """A preview in Deployments runs a pull request's code with the role that updates."""
    seen = declared(tmp_path, previews=previews)
    assert {
        stack for stack in ("dev", "prod") if seen.one(SETTINGS, stack).inputs["vcs"]["previewPullRequests"]
    } == expected


@pytest.mark.parametrize("previews", ['["prd"]', '"dev"', '{"dev": true}'])
def test_previews_of_another_stack_are_an_error(previews: str, tmp_path: Path) -> None:
    with pytest.raises(pulumi.RunError, match="must be a list of stacks, of dev and prod"):
        declared(tmp_path, previews=previews)


def test_a_run_has_packer_and_a_role_for_as_long_as_it_needs(tmp_path: Path) -> None:
    context = declared(tmp_path).one(SETTINGS, "prod").inputs["operationContext"]
    end, packer = context["preRunCommands"]
    assert packer == 'env -i "PATH=$PATH" "HOME=$HOME" sh tools/install_packer.sh'
    shown = subprocess.run(
        ["sh", "-c", packer.replace("sh tools/install_packer.sh", "env")],
        env={"PATH": os.environ["PATH"], "HOME": "/h", "AWS_SESSION_TOKEN": "x", "PULUMI_ACCESS_TOKEN": "x"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert {line.partition("=")[0] for line in shown.splitlines()} == {"PATH", "HOME"}
    written = tmp_path / "env"
    subprocess.run(["sh", "-c", end], check=True, env={"PULUMI_ENV": str(written), "PATH": os.environ["PATH"]})
    name, _, moment = written.read_text().strip().partition("=")
    left = datetime.fromisoformat(moment) - datetime.now(UTC)
    assert name == "AWS_CREDENTIAL_EXPIRATION"
    assert timedelta(hours=2, minutes=50) < left < timedelta(hours=3), "never later than they end"
    assert (PROJECT / "tools" / "install_packer.sh").is_file()
    assert context["oidc"]["aws"] == {"roleARN": CONFIG["prodRole"], "sessionName": "phoenix-prod", "duration": "3h"}
    assert context["options"] == {"skipIntermediateDeployments": True}


def test_what_makes_an_update_starts_one(tmp_path: Path) -> None:
    paths = declared(tmp_path).one(SETTINGS, "dev").inputs["vcs"]["paths"]
    for path in paths:
        # The applications of a team stand there, once it has some.
        assert path == "apps/**" or (PROJECT / path.removesuffix("/**")).exists(), path
    # Everything that the engine runs for the stack is among them.
    imported = set(re.findall(r"^from (\w+)", (PROJECT / "__main__.py").read_text(), re.MULTILINE))
    rooms = {f"{room}/**" for room in imported if (PROJECT / room).is_dir()}
    assert rooms | {"steps/**", "image/**", "apps/**", "Pulumi.dev.yaml"} <= set(paths)
    assert "Pulumi.prod.yaml" not in paths


@pytest.mark.parametrize(
    ("keys", "clock"),
    [
        ({"phoenix:active": "auto"}, True),
        ({"phoenix:active": "auto", "phoenix:maxAgeDays": 7}, True),
        ({"phoenix:active": "auto", "phoenix:maxAgeDays": "0"}, False),
        ({"active": "auto"}, True),
        ({"phoenix:active": "blue", "phoenix:maxAgeDays": 7}, False),
    ],
)
def test_servers_that_may_flip_by_themselves_have_a_clock(keys: dict[str, Any], clock: bool, tmp_path: Path) -> None:
    found = declared(tmp_path, dev=keys, prod={}).all(CLOCK)
    assert [one.name for one in found] == (["dev-rebirth"] if clock else [])
    for one in found:
        assert (one.inputs["pulumiOperation"], one.inputs["stack"]) == ("update", "dev")
        assert len(one.inputs["scheduleCron"].split()) == 5
        assert one.depends_on == {"dev"}


def test_drift_is_told_and_never_mended_past_the_gates(tmp_path: Path) -> None:
    seen = declared(tmp_path)
    found = {one.inputs["stack"]: one.inputs["autoRemediate"] for one in seen.all(DRIFT)}
    assert found == {"dev": False, "prod": False}


def test_its_requirements_are_those_that_the_project_pins() -> None:
    sdk, own = (
        [
            line
            for line in (PROJECT / folder / "requirements.txt").read_text().splitlines()
            if line.startswith("pulumi==")
        ]
        for folder in (".", "deployments")
    )
    assert sdk == own


def by_hand() -> dict[str, list[str]]:
    """The flags of the command that docs/teams.md types instead of the program."""
    text = (PROJECT / "docs" / "teams.md").read_text()
    line = text[text.index("pulumi deployment settings edit") :].split("\n```")[0].replace("\\\n", " ")
    words = shlex.split(line)[4:]
    found: dict[str, list[str]] = {}
    for word, following in zip(words, [*words[1:], "--"], strict=True):
        if word.startswith("--"):
            found.setdefault(word, []).append("" if following.startswith("--") else following)
    return found


def test_the_command_says_what_the_program_says(tmp_path: Path) -> None:
    flags, said = by_hand(), declared(tmp_path).one(SETTINGS, "dev").inputs
    assert flags["--path-filter"] == [",".join(said["vcs"]["paths"])]
    assert flags["--pre-run-command"] == said["operationContext"]["preRunCommands"]
    assert flags["--branch"] == [said["sourceContext"]["git"]["branch"]]
    assert flags["--folder"] == [said["sourceContext"]["git"]["repoDir"]]
    assert flags["--oidc-aws-duration"] == [said["operationContext"]["oidc"]["aws"]["duration"]]
    assert {"--preview-prs", "--push-to-deploy", "--skip-intermediate-deployments"} <= flags.keys()


@pytest.mark.skipif(shutil.which("pulumi") is None, reason="pulumi is not on PATH")
def test_the_cli_knows_each_flag() -> None:
    known = subprocess.run(
        ["pulumi", "deployment", "settings", "edit", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert {flag for flag in by_hand() if not re.search(rf"{flag}\b", known)} == set()
