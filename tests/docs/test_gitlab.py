"""What GitLab's example promises: plans on merge requests, one update at a time, approval of prod, no stored keys."""

from __future__ import annotations

import re
from typing import Any

import yaml  # type: ignore[import-untyped]  # it comes with pulumi

from rehearsal import PROJECT

FILE = PROJECT / "examples" / "gitlab" / ".gitlab-ci.yml"
PAGE = (PROJECT / "docs" / "gitlab.md").read_text()
SAID: dict[str, Any] = yaml.safe_load(FILE.read_text())
KEYWORDS = {"stages", "workflow", "default", "variables"}


def job(name: str) -> dict[str, Any]:
    """As GitLab makes it of what it extends: objects are merged, anything else is replaced."""
    own = dict(SAID[name])
    return merged(job(own.pop("extends")), own) if "extends" in own else own


def merged(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    both = {key: merged(base[key], own[key]) for key in base.keys() & own.keys() if isinstance(own[key], dict)}
    return {**base, **own, **both}


JOBS = {name: job(name) for name in SAID if name not in KEYWORDS and not name.startswith(".")}


def test_every_job_has_a_stage_a_script_and_an_end() -> None:
    assert JOBS.keys() == {"apps", "preview dev", "preview prod", "dev", "prod"}
    assert [JOBS[name]["stage"] for name in ("apps", "preview dev", "dev", "prod")] == SAID["stages"]
    for name, said in JOBS.items():
        assert all(isinstance(line, str) for line in [*said.get("before_script", []), *said["script"]]), name
        assert int(said["timeout"].split()[0]) * 60 <= 10800


def test_no_key_is_stored_and_every_variable_is_told() -> None:
    text = FILE.read_text()
    given = set(re.findall(r"^    ([A-Z_]+):", text, re.MULTILINE)) | {"CI", "GIT_DEPTH"}
    asked = {name for name in re.findall(r"\$\{?([A-Z][A-Z_]+)", text) if not name.startswith("CI_")} - given
    assert asked == {
        "AWS_DEPLOY_ROLE_DEV",
        "AWS_DEPLOY_ROLE_PROD",
        "AWS_PREVIEW_ROLE_DEV",
        "AWS_PREVIEW_ROLE_PROD",
        "PULUMI_BACKEND",
        "PULUMI_ORGANIZATION",
        "PULUMI_PREVIEW_TEAM",
    }
    for name in asked:
        assert f"`{name}`" in PAGE, name


def test_everything_is_downloaded_before_there_are_credentials_and_no_token_stays() -> None:
    for name in ("preview dev", "preview prod", "dev", "prod"):
        lines = JOBS[name]["before_script"]
        downloads = [n for n, line in enumerate(lines) if re.search(r"pip install|install_\w+\.|packer init", line)]
        [taken] = [n for n, line in enumerate(lines) if "tools.web_identity" in line]
        assert max(downloads) < taken < len(lines) - 1
        # In an argument of eval its failure would be nobody's.
        assert lines[taken].startswith("credentials=$(") and lines[taken + 1] == 'eval "$credentials"'
        assert lines[-1].startswith("unset ") and set(JOBS[name]["id_tokens"]) < set(lines[-1].split())


def test_a_merge_request_of_the_projects_own_shows_the_plan_of_each_stack() -> None:
    for stack in ("dev", "prod"):
        said = JOBS[f"preview {stack}"]
        [rule] = said["rules"]
        assert "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID" in rule["if"]
        assert said["artifacts"]["paths"] == [said["variables"]["PHOENIX_PLAN_MARKDOWN"].replace("$STACK", stack)]
        # What GitLab takes for a name of one.
        assert re.fullmatch(r"[\w\s-]{1,100}", said["artifacts"]["expose_as"])
        assert said["artifacts"]["when"] == "always"
        assert said["variables"]["STACK"] == stack
        assert said["variables"]["AWS_ROLE"] == f"$AWS_PREVIEW_ROLE_{stack.upper()}"


def test_an_update_is_of_the_default_branch_alone_one_at_a_time_and_prods_is_asked_for() -> None:
    for stack in ("dev", "prod"):
        said = JOBS[stack]
        [rule] = said["rules"]
        assert rule["if"] == "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"
        assert (rule.get("when") == "manual") is (stack == "prod")
        assert (said["resource_group"], said["environment"]["name"]) == (f"update-{stack}", stack)
        assert said["variables"]["STACK"] == stack
        assert said["variables"]["AWS_ROLE"] == f"$AWS_DEPLOY_ROLE_{stack.upper()}"
        assert said["variables"]["SECONDS_OF_CREDENTIALS"] == "10800" and said["variables"]["BAKES"]
    assert not JOBS["prod"].get("interruptible", SAID["default"]["interruptible"])
    assert (SAID["stages"].index("dev"), SAID["stages"].index("prod")) == (2, 3)


def test_the_program_knows_which_commit_is_older() -> None:
    assert SAID["variables"]["GIT_DEPTH"] == "0"
