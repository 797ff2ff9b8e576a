"""Configuration, secrets, and what commands and programs are given, by the stand-in and the real `pulumi` alike."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from plan.config import namespaces, secret_values, yaml_changes
from plan.config.settings import default_values
from plan.config.typed import TypedWords
from rehearsal.engine import choose
from tests.rehearsal.engine.projects import Project, engine_for
from tests.unit.plan.config.test_yaml_scalars import READ

SCHEMA = """
config:
  color: {type: string, default: blue}
  size: {type: integer, default: 2}
  steps: {type: array, items: {type: integer}, default: [10, 50]}
  keep: {type: boolean, default: false}
  more: {type: object, default: {}}
"""
SHOW = 'pulumi.export("all", {key: config.get(key) for key in ("color", "size", "steps", "keep", "more")})'


def shown(project: Project) -> dict[str, Any]:
    project.up(SHOW, SCHEMA)
    return dict(project.engine.outputs()["all"])


def test_defaults_of_the_project_reach_the_program(project: Project) -> None:
    assert shown(project) == {"color": "blue", "size": "2", "steps": "[10,50]", "keep": "false", "more": "{}"}


def test_values_of_the_stack_win(project: Project) -> None:
    project.program("", SCHEMA)
    engine = project.engine
    engine.config_set("color", "green")
    engine.config_set("size", "3")
    engine.config_set("keep", "true")
    engine.config_set("steps[0]", "25", path=True)
    engine.config_set("more.NAME", "value", path=True)
    assert shown(project) == {
        "color": "green",
        "size": "3",
        "steps": "[25]",
        "keep": "true",
        "more": '{"NAME":"value"}',
    }


@pytest.mark.parametrize(
    ("key", "value", "type_name"),
    [
        ("size", "many", "integer"),
        ("keep", "yes", "boolean"),
        ("steps", "[1, 2]", "array<integer>"),
        ("more", "text", "object"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(project: Project, key: str, value: str, type_name: str) -> None:
    project.program('run("a")', SCHEMA).engine.config_set(key, value)
    result = project.engine.up()
    assert not result.ok
    assert f"configuration key '{key}' must be of type '{type_name}'" in result.text
    assert project.log() == []


def test_a_value_that_must_be_given_is_asked_for(project: Project) -> None:
    result = project.program("", "config:\n  needed: {type: string}\n").engine.preview()
    assert not result.ok
    assert "missing configuration value 'needed'" in result.text


def test_secrets_are_in_no_file_in_plain_text(project: Project, tmp_path: Path) -> None:
    text = (
        'token = config.require_secret("token")\n'
        'a = run("a", environment={"TOKEN": token}, create="echo $TOKEN",'
        ' opts=Options(additional_secret_outputs=["stdout"]))\n'
        'pulumi.export("token", token)\npulumi.export("said", a.stdout)'
    )
    project.program(text).engine.config_set("token", "opensesame", secret=True)
    first = project.engine.up()
    assert first.ok, first.text
    assert project.engine.outputs() == {"token": "opensesame", "said": "opensesame"}
    assert project.engine.up().changes == {"same": 2}
    # Neither state nor configuration, history, backups or event log.
    holding = [path for path in tmp_path.rglob("*") if path.is_file() and b"opensesame" in path.read_bytes()]
    assert holding == []
    assert "opensesame" not in first.text


def test_a_commands_messages_stream_as_its_logging_says(project: Project) -> None:
    result = project.up(
        'a = run("a", create="echo out; echo err >&2", logging=local.Logging.STDERR)\n'
        'pulumi.export("both", [a.stdout, a.stderr])'
    )
    assert "a creating" in result.text.replace("Command a err", "Command a creating err")
    assert any(line.rstrip().endswith("err") and "Command a" in line for line in result.text.splitlines())
    assert not any(line.rstrip().endswith(" out") and "Command a" in line for line in result.text.splitlines())
    assert project.engine.outputs()["both"] == ["out", "err"]


def test_lines_come_while_the_update_runs(project: Project) -> None:
    lines: list[str] = []
    seen: list[bool] = []

    def on_line(line: str) -> None:
        lines.append(line)
        if line.rstrip().endswith("hello"):
            seen.append((project.folder / "done").exists())
            (project.folder / "go").write_text("")

    project.program('run("a", create="echo hello; while [ ! -e go ]; do sleep 0.05; done; touch done")')
    assert project.engine.up(on_line).ok
    assert seen[0] is False
    assert lines


def test_messages_of_the_program_are_shown(project: Project) -> None:
    result = project.up('pulumi.log.info("a plan")\npulumi.log.warn("beware")')
    assert "a plan" in result.text
    assert "warning: beware" in result.text


def test_environment_reaches_program_and_commands_and_foreign_credentials_do_not(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project: Project
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    kind = request.node.callspec.params["project"]
    mine = Project(tmp_path / "other", engine_for(kind, tmp_path / "otherwork", {"AWS_REGION": "eu-west-1"}))
    mine.up(
        'import os\nseen = run("a", create="echo $AWS_REGION,$AWS_PROFILE,$AWS_SECRET_ACCESS_KEY")\n'
        'pulumi.export("command", seen.stdout)\n'
        'pulumi.export("program", [os.environ.get("AWS_REGION"), os.environ.get("AWS_PROFILE", "")])'
    )
    assert mine.engine.outputs() == {"command": "eu-west-1,,", "program": ["eu-west-1", ""]}


@pytest.mark.parametrize("link", [False, True])
def test_a_copy_without_its_virtual_environment_runs_and_gets_none(project: Project, link: bool) -> None:
    place = project.folder / ".venv"
    if link:
        place.symlink_to(sys.prefix)
    schema = "\n".join(["", "description: a copy"])
    project.program('run("a")', schema)
    (project.folder / "Pulumi.yaml").write_text(
        "name: small\nruntime:\n  name: python\n  options:\n    toolchain: pip\n    virtualenv: .venv\n"
    )
    result = project.engine.up()
    assert result.ok, result.text
    assert place.is_symlink() is link


def test_choose_sets_the_configuration_it_is_given(
    request: pytest.FixtureRequest, project: Project, tmp_path: Path
) -> None:
    kind = request.node.callspec.params["project"]
    project.program(SHOW + '\npulumi.export("token", config.require_secret("token"))', SCHEMA)
    engine = choose(
        project.folder,
        "dev",
        tmp_path / "work2",
        {},
        {"color": "red", "size": 4, "steps": [5, 10], "keep": True, "more": {"A": "1x", "b c": "2x"}},
        secrets={"token": "opensesame"},
        stand_in=kind == "stand-in",
    )
    result = engine.up()
    assert result.ok, result.text
    outputs = engine.outputs()
    assert outputs["token"] == "opensesame"
    assert json.loads(outputs["all"]["more"]) == {"A": "1x", "b c": "2x"}
    assert outputs["all"]["steps"] == "[5,10]"
    assert (outputs["all"]["keep"], outputs["all"]["size"]) == ("true", "4")


WORDS = {f"W{number}": word for number, (word, _) in enumerate(READ)}


def test_a_bare_word_arrives_as_pulumi_reads_it(project: Project) -> None:
    project.program(SHOW, SCHEMA)
    lines = "".join(f"    {name}: {word}\n" for name, word in WORDS.items())
    (project.folder / "Pulumi.dev.yaml").write_text(
        f"config:\n  color: 0755\n  small:more:\n{lines}    QUOTED: '0755'\n  small:steps: [1e1, '010']\n"
    )
    done = project.engine.up()
    assert done.ok, done.text
    arrived = project.engine.outputs()["all"]
    assert (arrived["color"], arrived["steps"]) == ("493", '[10,"010"]')
    assert json.loads(arrived["more"]) == {
        **{name: json.loads(arrives) for name, (_, arrives) in zip(WORDS, READ, strict=True)},
        "QUOTED": "0755",
    }


@pytest.mark.parametrize(
    ("line", "type_name"), [("names: [7]", "array<string>"), ("steps: [x]", "array<integer>"), ("keep: yes", "boolean")]
)
def test_a_bare_word_of_the_wrong_type_is_refused(project: Project, line: str, type_name: str) -> None:
    schema = SCHEMA + "  names: {type: array, items: {type: string}, default: []}\n"
    project.program("", schema)
    (project.folder / "Pulumi.dev.yaml").write_text(f"config:\n  small:{line}\n")
    done = project.engine.up()
    assert not done.ok
    assert f"must be of type '{type_name}'" in done.text


def test_texts_that_look_like_something_else_are_stored_as_texts(project: Project) -> None:
    project.program(SHOW, SCHEMA)
    engine = project.engine
    for number, word in enumerate(("1.10", "0755", "2024-01-02", "yes", "1e3", "1_000", "0888")):
        engine.config_set(f"more.W{number}", word, path=True)
    engine.config_set("more.NUMBER", "222222222222", path=True)
    assert json.loads(shown(project)["more"]) == {
        "W0": "1.10",
        "W1": "0755",
        "W2": "2024-01-02",
        "W3": "yes",
        "W4": "1e3",
        "W5": "1_000",
        "W6": "0888",
        "NUMBER": 222222222222,
    }


@pytest.mark.skipif(shutil.which("pulumi") is None, reason="pulumi is not on PATH")
def test_the_commands_that_messages_give_do_what_they_say(tmp_path: Path) -> None:
    """Keys of another namespace are moved, a text stays one, an account may be a number, a secret becomes plain."""
    schema = "".join(
        f"  {key}\n"
        for key in (
            "minSize: {type: integer, default: 2}",
            "smokeCommand: {type: string, default: ''}",
            "canarySteps: {type: array, items: {type: integer}, default: [10]}",
            "alarms: {type: array, items: {type: string}, default: []}",
            "environment: {type: object, default: {}}",
            "hostname: {type: string, default: ''}",
            "imageSharedWith: {type: array, items: {type: integer}, default: []}",
            "previewToken: {type: string}",
        )
    )
    project = Project(tmp_path / "project", engine_for("pulumi", tmp_path / "work"))
    project.program(
        'pulumi.export("all", {key: config.get(key) for key in ("minSize", "smokeCommand", "canarySteps",'
        ' "alarms", "environment", "hostname", "imageSharedWith", "previewToken")})',
        f"config:\n{schema}",
    )
    engine = project.engine

    def typed(command: str) -> None:
        by = engine.invocation("preview")
        done = subprocess.run(
            ["sh", "-ec", command], cwd=by.folder, env=dict(by.environment), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    engine.config_set("phoenix:previewToken", "opensesame", secret=True)
    engine.config_set("hostname", "shop.example.com", secret=True)
    texts = {
        "phoenix:minSize": "3",
        "phoenix:smokeCommand": 'curl -d \'{"a": 1}\' "$PHOENIX_URL"',
        "phoenix:canarySteps": "[5,25]",
        "phoenix:alarms": "[]",
        "phoenix:environment": '{"A":"it\'s"}',
        "phoenix:previewToken": "opensesame",
    }
    found = namespaces.misplaced_keys(
        texts,
        project="small",
        names=[key.split(":")[1] for key in texts],
        secret_keys={"phoenix:previewToken"},
        provider=lambda _: False,
    )
    said = [
        *namespaces.problems(found, project="small", there=(), defaults=default_values()),
        *secret_values.problems("hostname", TypedWords(file="Pulumi.dev.yaml")),
    ]
    for problem in said:
        typed(problem.fix)
    words = ("1.10", "+5", "true", "-010", "", "2024-01-02", "a b", "0755")
    for number, word in enumerate(words):
        typed(yaml_changes.command(("environment", f"V{number}"), word, TypedWords(file="Pulumi.dev.yaml")))
    typed("pulumi config set --path 'imageSharedWith[0]' 222222222222")
    typed("pulumi config set --path 'imageSharedWith[1]' 012345678901")
    done = engine.up()
    assert done.ok, done.text
    arrived = engine.outputs()["all"]
    assert {key: arrived[key] for key in ("minSize", "smokeCommand", "canarySteps", "alarms", "hostname")} == {
        "minSize": "3",
        "smokeCommand": texts["phoenix:smokeCommand"],
        "canarySteps": "[5,25]",
        "alarms": "[]",
        "hostname": "shop.example.com",
    }
    assert arrived["previewToken"] == "opensesame"
    assert json.loads(arrived["environment"]) == {
        "A": "it's",
        **{f"V{number}": word for number, word in enumerate(words)},
    }
    assert arrived["imageSharedWith"] == '[222222222222,"012345678901"]'
    assert "phoenix:" not in (project.folder / "Pulumi.dev.yaml").read_text()
