"""What the workflows promise: approvals, one update at a time, no stored keys, pinned actions. `make lint` has zizmor
look at them too."""

from __future__ import annotations

import json
import os
import re
import subprocess
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


def test_the_page_says_what_a_deploy_runs_and_names_each_workflow() -> None:
    page = (PROJECT / "docs" / "teams.md").read_text()
    section = page[page.index("## GitHub Actions") : page.index("1. In the AWS account")]
    runs = [Path(job["uses"]).stem for job in read("deploy")["jobs"].values()]
    told = re.findall(r"`(\w+)`", section[section.index("`deploy`, which runs") :])
    assert told == ["deploy", *runs]
    release = {"release"}  # of Phoenix itself: CONTRIBUTING.md
    assert {file.stem for file in FOLDER.glob("workflows/*.yml")} - release <= set(re.findall(r"`(\w+)`", section))


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


def test_what_writes_the_comment_runs_nothing_of_the_pull_requests() -> None:
    """It gets one file of text of it, and the script is what was merged before."""
    jobs = read("preview")["jobs"]
    checkout, download, comment = jobs["comment"]["steps"]
    assert checkout["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"
    assert checkout["with"]["persist-credentials"] is False
    *_, preview, upload = jobs["plan"]["steps"]
    assert upload["with"]["path"] == preview["env"]["PHOENIX_PLAN_MARKDOWN"] == "plan.md"
    assert download["with"]["name"] == upload["with"]["name"] == "plan-${{ matrix.stack }}"
    assert comment["run"] == 'sh tools/comment.sh "$PLAN" "$PULL_REQUEST" "$STACK"'
    assert comment["env"]["PLAN"] == download["with"]["path"] + "/plan.md"
    assert jobs["comment"]["needs"] == "plan" and "uses" not in comment
    # A refused update is told too, and a fork's preview, which never ran, is not.
    assert upload["if"] == "${{ !cancelled() }}"
    assert jobs["comment"]["if"] == "${{ !cancelled() && needs.plan.result != 'skipped' }}"
    assert jobs["comment"]["strategy"]["matrix"] == jobs["plan"]["strategy"]["matrix"]
    assert refusal_markdown("dev", "why").splitlines()[0] == "<!-- phoenix rollout plan of dev -->"


def steps(name: str, job: str) -> list[dict[str, Any]]:
    """A job's steps, those of the project's own action in its place."""
    own = yaml.safe_load((FOLDER / "actions" / "pulumi" / "action.yml").read_text())["runs"]["steps"]
    found: list[dict[str, Any]] = []
    for step in read(name)["jobs"][job]["steps"]:
        found += own if step.get("uses") == "./.github/actions/pulumi" else [step]
    return found


CLOUD = [("preview", "plan"), ("update", "up"), ("bake", "bake")]


@pytest.mark.parametrize(("name", "job"), CLOUD)
def test_everything_is_downloaded_before_there_are_credentials(name: str, job: str) -> None:
    said = steps(name, job)
    let_in = [
        number
        for number, step in enumerate(said)
        if re.match("pulumi/auth-|aws-actions/configure-", step.get("uses", ""))
    ]
    assert len(let_in) == 2
    loads = re.compile(r"\b(pip install|install_pulumi|install_packer|packer init|apt-get|curl|npm)\b")
    installs = [number for number, step in enumerate(said) if loads.search(step.get("run", ""))]
    assert installs and max(installs) < min(let_in)
    after = [step for step in said[min(let_in) :] if "uses" in step]
    assert [step["uses"].split("@")[0] for step in after] in (
        ["pulumi/auth-actions", "aws-actions/configure-aws-credentials", "actions/upload-artifact"],
        ["pulumi/auth-actions", "aws-actions/configure-aws-credentials"],
    )


@pytest.mark.parametrize(("name", "job"), CLOUD)
def test_a_bucket_takes_the_place_of_pulumi_cloud(name: str, job: str) -> None:
    """Either there is a token of Pulumi's, or Pulumi is led to the state, with the AWS role that opens it."""
    [action] = [step for step in read(name)["jobs"][job]["steps"] if step.get("uses") == "./.github/actions/pulumi"]
    assert action["with"]["backend"] == "${{ vars.PULUMI_BACKEND }}"
    own = [step for step in steps(name, job) if step.get("if", "").replace("!", "") == "${{ inputs.backend }}"]
    *cloud, bucket = own
    assert [step["if"] for step in own] == ["${{ !inputs.backend }}"] * 2 + ["${{ inputs.backend }}"]
    assert cloud[0]["id"] == "token" and cloud[1]["uses"].startswith("pulumi/auth-actions@")
    assert bucket["run"].endswith('pulumi login --non-interactive "$BACKEND"')
    order = [step.get("uses", "").split("@")[0] for step in steps(name, job)]
    assert steps(name, job).index(bucket) > order.index("aws-actions/configure-aws-credentials")


def test_nothing_that_an_update_prints_is_a_command_to_the_runner() -> None:
    shown = [
        step["run"]
        for name, job in CLOUD
        for step in steps(name, job)
        if re.search(r"tools/(stack\.sh|patiently\.py)", step.get("run", ""))
    ]
    assert len(shown) == 4
    for run in shown:
        first, last = run.splitlines()
        assert first == 'echo "::stop-commands::$(openssl rand -hex 16)"'
        # The step's own process is the one that GitHub interrupts.
        assert last.startswith("exec ")


@pytest.mark.parametrize(
    ("scope", "kind"),
    [
        ("team:previews", "team"),
        ("user:reader", "personal"),
        ("organization", "organization"),
        ("", None),
        ("team:", None),
        ("reader", None),
    ],
)
def test_a_preview_says_whose_token_it_takes(scope: str, kind: str | None, tmp_path: Path) -> None:
    """The whole organization's is nobody's default: a preview runs a pull request's code."""
    first, *rest = yaml.safe_load((FOLDER / "actions" / "pulumi" / "action.yml").read_text())["runs"]["steps"]
    out = tmp_path / "out"
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", first["run"]],
        env={"SCOPE": scope, "GITHUB_OUTPUT": str(out), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    if kind is None:
        assert done.returncode == 1 and "PULUMI_PREVIEW_SCOPE" in done.stderr
    else:
        assert out.read_text() == f"kind={kind}\n", done.stderr
    assert first["env"] == {"SCOPE": "${{ inputs.scope }}"}
    given = next(step for step in rest if "auth-actions" in step.get("uses", ""))["with"]
    assert given["requested-token-type"].endswith(":access_token:${{ steps.token.outputs.kind }}")
    assert given["scope"] == "${{ inputs.scope != 'organization' && inputs.scope || '' }}"
    asked = {
        name: step["with"]["scope"]
        for name, job in CLOUD
        for step in read(name)["jobs"][job]["steps"]
        if step.get("uses") == "./.github/actions/pulumi"
    }
    assert asked == {
        "bake": "${{ vars.PULUMI_PREVIEW_SCOPE }}",
        "preview": "${{ vars.PULUMI_PREVIEW_SCOPE }}",
        "update": "${{ vars.PULUMI_UPDATE_SCOPE || 'organization' }}",
    }


def test_nobody_bakes_a_pull_request_without_an_approval_of_its_run() -> None:
    """The file is the pull request's own: what holds is the environment, which the role's trust names."""
    job = read("bake")["jobs"]["bake"]
    assert read("bake")["on"] == {"pull_request": {"types": ["labeled"]}}, "with the label, and once"
    assert "head.repo.full_name == github.repository" in job["if"]
    labels = json.loads(re.findall(r"fromJSON\('(.+?)'\)", job["if"])[0])
    for text in (job["environment"], job["steps"][-1]["env"]["STACK"]):
        assert set(re.findall(r"(?<=')bake-\w+", text)) < set(labels)
    assert job["environment"] == "${{ github.event.label.name == 'bake-prod' && 'prod-bake' || 'dev-bake' }}"
    # The merge of the branch with main as it is: its files are those of the commit to come.
    assert "ref" not in job["steps"][0]["with"]
    page = (PROJECT / "docs" / "teams.md").read_text()
    assert "`dev-bake` and `prod-bake`, both with *Required reviewers*" in page


def test_a_push_updates_dev_and_then_prod() -> None:
    deploy = read("deploy")
    assert deploy["on"]["push"] == {"branches": ["main"]}
    jobs = deploy["jobs"]
    assert (jobs["dev"]["needs"], jobs["prod"]["needs"]) == ("apps", "dev")
    assert {name: job["with"]["stack"] for name, job in jobs.items() if "with" in job} == {"dev": "dev", "prod": "prod"}


def test_a_deploy_looks_at_the_stacks_own_and_not_at_what_phoenix_is_tested_with() -> None:
    """Otherwise whoever changes an application waits two hours for the fault matrix, or never deploys it."""
    assert read("deploy")["jobs"]["apps"]["uses"] == "./.github/workflows/apps.yml"
    assert [step["run"] for step in read("apps")["jobs"]["apps"]["steps"] if "run" in step] == ["make check-apps"]
    assert "pull_request" in read("apps")["on"]
    left_out = read("check")["on"]["pull_request"]["paths-ignore"]
    assert left_out == ["apps/**", "Pulumi.dev.yaml", "Pulumi.prod.yaml"], "an application's own"


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


@pytest.mark.parametrize("name", ["apps", "bake", "check", "preview", "deploy", "release", "update"])
def test_what_waits_for_a_person_holds_up_no_other(name: str) -> None:
    said = read(name)
    waiting = [job for job in said["jobs"].values() if re.search("approval|-bake", str(job.get("environment")))]
    assert [job for job in waiting if "concurrency" in job] == []
    assert not waiting or "concurrency" not in said, "the group of a whole run is held by each of its jobs"
    text = (PROJECT / "docs" / "teams.md").read_text()
    assert "`prod-approval` with *Required reviewers*" in text
    assert "`prod` itself has no reviewers" in text


def test_a_cancelled_update_has_time() -> None:
    *_, up, after = read("update")["jobs"]["up"]["steps"]
    assert up["run"].splitlines()[-1].startswith("exec python tools/patiently.py run sh tools/stack.sh up ")
    assert after["if"] == "cancelled()"
    assert after["run"].splitlines()[-1] == "exec python tools/patiently.py wait"


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
    said = read("update")["jobs"]["up"]["steps"]
    cloud = next(step for step in said if step.get("uses") == "./.github/actions/pulumi")
    runs = next(step for step in said if "tools/stack.sh" in step.get("run", ""))
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
        for name in ("apps", "bake", "check", "preview", "deploy", "release", "update")
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
                ("apps", "apps"),
                ("deploy", "apps"),
                ("release", "fit"),
                ("release", "check"),
            ]
        },
        ("release", "publish"): {"contents": "write"},
        # What runs a pull request's code writes nothing, and what writes is let into no cloud.
        ("preview", "plan"): into,
        ("bake", "bake"): into,
        ("preview", "comment"): {"contents": "read", "pull-requests": "write"},
        ("deploy", "dev"): into,
        ("deploy", "prod"): into,
        ("update", "up"): into,
        ("update", "approve"): {},
    }
