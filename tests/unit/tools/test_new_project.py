"""`pulumi new` with this repository as its template: a project of another name, whose stacks work as they come."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it comes with pulumi

from plan.config.parsing import parse_without_token
from plan.config.settings import default_values
from rehearsal import PROJECT
from tools.bake import read_settings

TEMPLATE: dict[str, Any] = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())["template"]


def tracked() -> list[Path]:
    """What a clone of this commit would have, as it is here now."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [Path(name) for name in names if name and (PROJECT / name).is_file()]


def test_nothing_in_it_stops_the_copy_or_is_changed_by_it() -> None:
    """It reads each entry as a file or a folder, a link to a folder as a file; and replaces these words everywhere
    (pulumi/pulumi, sdk/go/common/workspace/templates.go: walkFiles, transform)."""
    listed = ["git", "ls-files", "--stage"]
    stages = subprocess.run(listed, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.splitlines()
    links = [PROJECT / line.split("\t")[1] for line in stages if line.startswith("120000")]
    assert [link for link in links if link.is_dir()] == []
    words = re.compile(rb"\$\{(PROJECT|DESCRIPTION)" + rb"\}")
    assert [path for path in tracked() if words.search((PROJECT / path).read_bytes())] == []


def test_each_question_is_about_a_key_and_its_default_is_taken() -> None:
    known = {*default_values(), "aws:region"}
    assert TEMPLATE["config"].keys() <= known
    answers = {key: said["default"] for key, said in TEMPLATE["config"].items() if "default" in said}
    region = answers.pop("aws:region")
    assert parse_without_token(answers, stack="dev", aws={"region": region}).identity == "shop/dev"


def test_what_it_says_at_the_end_can_be_typed() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    for target in re.findall(r"^ +make ([\w-]+)", TEMPLATE["quickstart"], re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for page in re.findall(r"docs/[\w-]+\.md", TEMPLATE["quickstart"]):
        assert (PROJECT / page).is_file()


@pytest.mark.skipif(not shutil.which("pulumi"), reason="pulumi is not on PATH")
def test_a_project_of_another_name_has_every_file_and_stacks_that_it_understands(tmp_path: Path) -> None:
    template, made = tmp_path / "template", tmp_path / "store"
    for path in tracked():
        (template / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(PROJECT / path, template / path)
    made.mkdir()
    (tmp_path / "state").mkdir()
    environment = {
        **os.environ,
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": (tmp_path / "state").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "x",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }

    def pulumi(*words: str) -> str:
        done = subprocess.run(
            ["pulumi", *words, "--non-interactive"],
            cwd=made,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    pulumi("new", str(template), "--generate-only", "--yes", "--name", "store", "--description", "Our store")
    said = yaml.safe_load((made / "Pulumi.yaml").read_text())
    assert (said["name"], "template" in said) == ("store", False)
    for path in tracked():
        if path != Path("Pulumi.yaml"):
            assert (made / path).read_bytes() == (PROJECT / path).read_bytes(), path
            assert os.access(made / path, os.X_OK) == os.access(PROJECT / path, os.X_OK), path
    asked = [sys.executable, "-c", "from tools.stack_identity import project_name; print(project_name())"]
    said_by_tools = subprocess.run(asked, cwd=made, capture_output=True, text=True, check=True).stdout
    assert said_by_tools == "store\n", "make status and its like read the stack's keys under this name"
    for stack in ("dev", "prod"):
        pulumi("stack", "init", stack)
        pulumi("config", "set", "active", "green", "--stack", stack)
        settings = read_settings(stack, json.loads(pulumi("config", "--json", "--stack", stack)), project="store")
        assert (settings.active, settings.min_size) == ("green", {"dev": 2, "prod": 3}[stack])
        assert settings.protect is (stack == "prod")
