"""What the workflows promise: approvals, one update at a time, no stored keys, pinned actions. `make lint` has zizmor
look at them too."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it comes with pulumi

from core import credentials, session
from plan.report.report import refusal_markdown
from rehearsal import PROJECT

FOLDER = PROJECT / ".github"
FILES = sorted([*FOLDER.glob("workflows/*.yml"), *FOLDER.glob("actions/*/action.yml")])


def read(name: str) -> Any:
    # YAML 1.1 takes the key `on` for a truth.
    said = yaml.safe_load((FOLDER / "workflows" / f"{name}.yml").read_text())
    return {("on" if key is True else key): value for key, value in said.items()}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name + "/" + file.name)
def test_actions_are_pinned_and_no_key_is_stored(file: Path) -> None:
    text = file.read_text()
    for used in re.findall(r"uses: (\S+.*)", text):
        assert used.startswith("./") or re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", used), used
    assert "secrets." not in text


def test_a_pull_request_is_tested_and_previewed() -> None:
    assert "pull_request" in read("check")["on"]
    for job, command in (("test", "make test"), ("faults", "make faults")):
        assert command in [step.get("run") for step in read("check")["jobs"][job]["steps"]]
    plan = read("preview")["jobs"]["plan"]
    assert plan["strategy"]["matrix"]["stack"] == ["dev", "prod"]
    assert "head.repo.full_name == github.repository" in plan["if"]


def test_each_python_that_the_project_says_it_runs_on_is_tried() -> None:
    unit = read("check")["jobs"]["unit"]
    pythons = unit["strategy"]["matrix"]["python"]
    assert f'requires-python = ">={pythons[0]}"' in (PROJECT / "pyproject.toml").read_text()
    assert pythons == [f"3.{minor}" for minor in range(11, 15)]
    steps = {step.get("run", ""): step.get("if") for step in unit["steps"]}
    assert steps["make lint"] is None and steps["make coverage"] is None
    shown = '.venv/bin/coverage report --format=markdown >>"$GITHUB_STEP_SUMMARY"'
    assert steps[shown] == steps["make docs"] == f"${{{{ !cancelled() && matrix.python == '{pythons[-1]}' }}}}"


def test_a_pull_request_runs_on_pulumis_own_program_and_plugin() -> None:
    steps = read("check")["jobs"]["engine"]["steps"]
    said = [step.get("run", "") for step in steps]
    [installed] = [number for number, text in enumerate(said) if "tools/install_pulumi.py" in text]
    [cycles] = [number for number, text in enumerate(said) if "-k pulumi tests/cycles" in text]
    [rehearsed] = [number for number, text in enumerate(said) if text.startswith("make rehearsal")]
    assert installed < cycles < rehearsed < len(said) - 1
    assert ".pulumi/bin" in said[installed] and "GITHUB_PATH" in said[installed]
    assert "-k pulumi" in said[cycles]
    assert any("--faults all tests/rehearsal/test_drill.py" in text for text in said[cycles:rehearsed])
    # The stand-in, or a plugin of somebody's, would be an error and not a quiet success.
    assert "--real-engine" in said[rehearsed]
    assert "record.json" in said[-1] and "GITHUB_STEP_SUMMARY" in said[-1]


def test_the_comment_begins_as_a_rollout_plan_does() -> None:
    preview, comment = read("preview")["jobs"]["plan"]["steps"][-2:]
    written = preview["env"]["PHOENIX_PLAN_MARKDOWN"]
    assert comment["run"].startswith(f"sh tools/comment.sh {written} ")
    # A refused update is told too: the comment comes after a preview that failed.
    assert comment["if"] == "${{ !cancelled() }}"
    assert refusal_markdown("dev", "why").splitlines()[0] == "<!-- phoenix rollout plan of dev -->"


def test_a_push_updates_dev_and_then_prod() -> None:
    deploy = read("deploy")
    assert deploy["on"]["push"] == {"branches": ["main"]}
    jobs = deploy["jobs"]
    assert (jobs["dev"]["needs"], jobs["prod"]["needs"]) == ("check", "dev")
    assert {name: job["with"]["stack"] for name, job in jobs.items() if "with" in job} == {"dev": "dev", "prod": "prod"}


def test_an_update_waits_for_its_approval_and_for_the_one_that_runs() -> None:
    jobs = read("update")["jobs"]
    assert jobs["approve"]["environment"] == "${{ inputs.stack }}-approval"
    up = jobs["up"]
    assert (up["needs"], up["environment"]) == ("approve", "${{ inputs.stack }}")
    assert up["concurrency"] == {"group": "update-${{ inputs.stack }}", "cancel-in-progress": False}


def test_a_tag_is_published_once_it_is_on_main_told_and_tested() -> None:
    release = read("release")
    assert release["on"] == {"push": {"tags": ["v*"]}}
    jobs = release["jobs"]
    assert (jobs["check"]["needs"], jobs["publish"]["needs"]) == ("fit", "check")
    checkout, on_main, agree = jobs["fit"]["steps"]
    assert checkout["with"]["fetch-depth"] == 0 and on_main["run"].startswith("git merge-base --is-ancestor ")
    assert agree["run"] == 'python3 tools/release.py "$GITHUB_REF_NAME"'
    notes, publish = jobs["publish"]["steps"][-1]["run"].splitlines()
    assert notes.startswith(agree["run"]) and publish.startswith('gh release create "$GITHUB_REF_NAME" --verify-tag ')
    assert notes.split(">")[1] == publish.split("--notes-file ")[1]


@pytest.mark.parametrize("name", ["check", "preview", "deploy", "release", "update"])
def test_what_waits_for_a_person_holds_up_no_other(name: str) -> None:
    said = read(name)
    waiting = [job for job in said["jobs"].values() if "approval" in str(job.get("environment"))]
    assert [job for job in waiting if "concurrency" in job] == []
    assert not waiting or "concurrency" not in said, "the group of a whole run is held by each of its jobs"
    text = (PROJECT / "docs" / "teams.md").read_text()
    assert "`prod-approval` with *Required reviewers*" in text
    assert "`prod` itself has no reviewers" in text


def test_a_cancelled_update_has_time() -> None:
    *_, up, after = read("update")["jobs"]["up"]["steps"]
    # The step's own process is the one that GitHub interrupts.
    assert up["run"].startswith("exec python tools/patiently.py run sh tools/stack.sh up ")
    assert (after["if"], after["run"]) == ("cancelled()", "python tools/patiently.py wait")


def test_an_update_knows_when_the_credentials_of_actions_end() -> None:
    """The action tells it in an output alone, as JSON (aws-actions/configure-aws-credentials, src/helpers.ts).

    A preview is not told: its own credentials see the end of nothing but the preview.
    """
    action = yaml.safe_load((FOLDER / "actions" / "pulumi" / "action.yml").read_text())
    assumes = next(step for step in action["runs"]["steps"] if "configure-aws-credentials" in step.get("uses", ""))
    assert assumes["with"]["output-credentials"] is True
    assert action["outputs"]["expiration"]["value"] == (
        f"${{{{ fromJSON(steps.{assumes['id']}.outputs.aws-expiration) }}}}"
    )
    assert "AWS_CREDENTIAL_EXPIRATION" not in (FOLDER / "workflows" / "preview.yml").read_text()
    steps = read("update")["jobs"]["up"]["steps"]
    cloud = next(step for step in steps if step.get("uses") == "./.github/actions/pulumi")
    runs = next(step for step in steps if "tools/stack.sh" in step.get("run", ""))
    assert runs["env"]["AWS_CREDENTIAL_EXPIRATION"] == f"${{{{ steps.{cloud['id']}.outputs.expiration }}}}"


def test_that_end_is_understood_as_actions_writes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [variable for variable in os.environ if variable.startswith("AWS_")]:
        monkeypatch.delenv(variable)
    for variable, value in (
        ("ACCESS_KEY_ID", "AKIA"),
        ("SECRET_ACCESS_KEY", "x"),
        ("SESSION_TOKEN", "x"),
        ("CREDENTIAL_EXPIRATION", json.loads('"2126-11-27T18:00:00.000Z"')),
    ):
        monkeypatch.setenv(f"AWS_{variable}", value)
    found = credentials.credential_lifetime(session.connect(region="eu-west-1").get_credentials())
    assert (found.ends, found.temporary) == (datetime(2126, 11, 27, 18, tzinfo=UTC), True)


def test_only_jobs_that_need_it_are_let_into_the_cloud() -> None:
    into = {"contents": "read", "id-token": "write"}
    allowed = {
        (name, job): said.get("permissions", read(name)["permissions"])
        for name in ("check", "preview", "deploy", "release", "update")
        for job, said in read(name)["jobs"].items()
    }
    assert allowed == {
        **{
            key: {"contents": "read"}
            for key in [
                ("check", "unit"),
                ("check", "test"),
                ("check", "faults"),
                ("check", "engine"),
                ("deploy", "check"),
                ("release", "fit"),
                ("release", "check"),
            ]
        },
        ("release", "publish"): {"contents": "write"},
        ("preview", "plan"): {**into, "pull-requests": "write"},
        ("deploy", "dev"): into,
        ("deploy", "prod"): into,
        ("update", "up"): into,
        ("update", "approve"): {},
    }
