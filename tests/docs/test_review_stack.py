"""The example of a stack for a pull request: its settings are taken, and no stack ends but those that are over."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it comes with pulumi

from plan.config.parsing import parse_settings
from rehearsal import PROJECT
from tests.support.factories import TOKEN

FOLDER = PROJECT / "examples" / "review-stack"
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
expired = runpy.run_path(str(FOLDER / "expired.py"))["expired"]


def stack(name: str, *, hours: float = 1, **more: Any) -> dict[str, Any]:
    return {"name": name, "lastUpdate": f"{NOW - timedelta(hours=hours):%Y-%m-%dT%H:%M:%S.000Z}", **more}


@pytest.mark.parametrize(
    ("known", "over"),
    [
        (stack("pr-1"), []),
        (stack("acme/pr-1"), []),
        (stack("acme/phoenix/pr-2"), [2]),
        (stack("pr-1", hours=73), [1]),
        (stack("pr-2", updateInProgress=True), []),
        ({"name": "pr-2"}, [2]),
        ({"name": "pr-1"}, []),
        (stack("dev", hours=1000), []),
        (stack("prod-pr-2"), []),
        (stack("pr-02"), []),
        (stack("pr-2x"), []),
    ],
)
def test_what_is_closed_or_old_is_over_and_no_other_stack(known: dict[str, Any], over: list[int]) -> None:
    assert expired([known], {1}, now=NOW, hours=72) == over


def tried(tmp_path: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], list[str], str]:
    """review.sh with a `pulumi` that writes down what it is asked for; the stack's file as it was then."""
    project = tmp_path / "project"
    for name in ("examples/review-stack", "tools"):
        (project / name).mkdir(parents=True)
        for file in (PROJECT / name).iterdir():
            if file.is_file():
                (project / name / file.name).write_bytes(file.read_bytes())
    shim = tmp_path / "bin" / "pulumi"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\necho "pulumi $*" >>{tmp_path}/calls\ncase "$*" in *"get "*) echo false ;; esac\n')
    python = tmp_path / "bin" / "python"
    python.write_text(
        f'#!/bin/sh\ncase "$*" in -c*) exec {sys.executable} "$@" ;;'
        f'*tools.interruptible*) shift 2; exec "$@" ;; esac\n'
        f'echo "python $*" >>{tmp_path}/calls\n'
    )
    for one in (shim, python):
        one.chmod(0o755)
    done = subprocess.run(
        ["sh", "examples/review-stack/review.sh", *arguments],
        cwd=project,
        env={
            "PATH": f"{shim.parent}:{os.environ['PATH']}",
            "PYTHON": str(python),
            "ORGANIZATION": "acme",
            "DOMAIN": "review.example.com",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    calls = (tmp_path / "calls").read_text().splitlines() if (tmp_path / "calls").exists() else []
    file = project / "Pulumi.pr-42.yaml"
    return done, calls, file.read_text() if file.exists() else ""


def test_it_is_made_with_settings_that_a_plan_takes(tmp_path: Path) -> None:
    done, calls, text = tried(tmp_path, "up", "42")
    assert done.returncode == 0, done.stderr
    assert calls[0] == "pulumi stack select --create acme/pr-42" and calls[-1].startswith(
        "pulumi up --stack acme/pr-42 "
    )
    typed = {
        match[1]: match[2]
        for line in calls
        if (match := re.fullmatch(r"pulumi config set --stack acme/pr-42 (\w+) (\S+)", line))
    }
    assert typed == {"hostname": "pr-42.review.example.com", "rulePriority": "10084"}
    assert "pulumi config set --stack acme/pr-42 --secret previewToken" in calls
    said = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in yaml.safe_load(text)["config"].items()
    }
    region = said.pop("aws:region")
    settings = parse_settings(
        {**said, **typed, "previewToken": TOKEN},
        stack="pr-42",
        aws={"region": region},
        secret_keys={"previewToken"},
    )
    assert (settings.min_size, settings.max_size, settings.listener_arn != "") == (1, 1, True)
    assert not settings.protect


def test_numbers_of_rules_are_no_others_and_such_as_aws_has() -> None:
    text = (FOLDER / "review.sh").read_text()
    [formula] = re.findall(r"rulePriority \$\(\((.+)\)\)", text)
    numbers = [*range(1, 200), 18999, 19001, 99999]
    script = "".join(f"number={number}; echo $(({formula}))\n" for number in numbers)
    said = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout.split()
    priorities = [int(one) for one in said]
    assert all(10000 <= one < 50000 and one % 2 == 0 for one in priorities)
    assert len(set(priorities[:200])) == 200


def test_it_goes_with_its_images_and_leaves_no_stack(tmp_path: Path) -> None:
    done, calls, _ = tried(tmp_path, "down", "42")
    assert done.returncode == 0, done.stderr
    acts = [line for line in calls if "config" not in line]
    assert acts[0].startswith("pulumi destroy --stack acme/pr-42 --yes")
    assert acts[1] == "python -m tools.stack_step delete_images acme/pr-42 --delete true"
    assert acts[2] == "pulumi stack rm acme/pr-42 --yes --non-interactive"


@pytest.mark.parametrize("words", [("up", "dev"), ("up", "../x"), ("up", ""), ("up", "042"), ("destroy", "42")])
def test_nothing_is_done_for_what_is_no_pull_request(tmp_path: Path, words: tuple[str, str]) -> None:
    done, calls, _ = tried(tmp_path, *words)
    assert done.returncode == 1 and calls == []


def test_the_workflow_lets_a_pull_requests_code_into_nothing_without_an_approval() -> None:
    """What ends stacks runs what is on main."""
    said = yaml.safe_load((FOLDER / "review.yml").read_text())
    up, down = said["jobs"]["up"], said["jobs"]["down"]
    assert (up["environment"]["name"], down["environment"]) == ("review", "review-end")
    assert "head.repo.full_name == github.repository" in up["if"]
    assert down["if"] == "github.event_name != 'pull_request'" and said[True]["push"] == {"branches": ["main"]}
    pinned = yaml.safe_load((PROJECT / ".github" / "workflows" / "preview.yml").read_text())["jobs"]["plan"]["steps"][0]
    for job in (up, down):
        assert job["steps"][0]["uses"] == pinned["uses"], "as the other workflows have it"
        assert job["permissions"].get("pull-requests") in (None, "read")
    zizmor = Path(sys.executable).parent / "zizmor"
    checked = subprocess.run(
        [str(zizmor), "--quiet", "--offline", str(FOLDER / "review.yml")], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
