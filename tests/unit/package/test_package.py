"""The Pulumi package: its inputs are the keys of the configuration, and its schema is what Pulumi itself reads."""

from __future__ import annotations

import ast
import json
import os
import re
import runpy
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml  # type: ignore[import-untyped]  # it comes with pulumi
from moto import mock_aws

from components.step_command import ROOT
from package.service import Service
from plan.config.settings import camel
from rehearsal.scenario.project_copy import REQUIREMENTS
from tests.support.account import moto_only
from tests.support.factories import TOKEN
from tests.support.recorder import Recorded, record

TOOL: dict[str, Any] = runpy.run_path(str(ROOT / "tools" / "describe_package.py"))
PROJECT: dict[str, Any] = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
SCHEMA: dict[str, Any] = json.loads(TOOL["SCHEMA"].read_text())
COMPONENT: dict[str, Any] = SCHEMA["resources"]["phoenix:index:Service"]


def test_the_inputs_and_the_schema_are_those_of_pulumi_yaml_and_the_component() -> None:
    do = "do: PYTHONPATH=. .venv/bin/python tools/describe_package.py"
    assert TOOL["ARGUMENTS"].read_text() == TOOL["arguments"](PROJECT), do
    assert json.loads(TOOL["schema"]()) == SCHEMA, do


def test_every_key_is_an_input_of_its_type_with_its_words() -> None:
    inputs = COMPONENT["inputProperties"]
    assert inputs.keys() == PROJECT["config"].keys()
    for key, said in PROJECT["config"].items():
        items = "string" if key in TOOL["TEXTS"] else said.get("items", {}).get("type")
        assert (inputs[key]["type"], inputs[key].get("items", {}).get("type")) == (said["type"], items), key
        assert inputs[key]["description"].startswith(said["description"]), key
    assert COMPONENT["requiredInputs"] == ["previewToken", "service"]
    assert [key for key, said in inputs.items() if not said.get("plain")] == ["previewToken"]


def test_its_outputs_are_those_of_the_program() -> None:
    assert {key: said["type"] for key, said in COMPONENT["properties"].items()} == {
        "url": "string",
        "live": "object",
        "releases": "object",
        "history": "array",
        "summary": "string",
    }
    assert set(COMPONENT["required"]) == set(COMPONENT["properties"])


@pytest.mark.skipif(shutil.which("pulumi") is None, reason="pulumi is not on PATH")
def test_pulumi_reads_the_same_schema(tmp_path: Path) -> None:
    """As whoever adds the package has it: Pulumi makes it a Python environment of its own, by its requirements."""
    for name in ("components", "plan", "core", "steps", "package"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", ".venv"))
    for name in REQUIREMENTS:
        shutil.copy(ROOT / name, tmp_path)
    done = subprocess.run(
        ["pulumi", "package", "get-schema", str(tmp_path / "package")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["name"] == "phoenix"
    assert said["resources"] == bound(SCHEMA["resources"])


def bound(said: Any, *, within: str = "") -> Any:
    """A schema as the CLI prints it: of an item of a list or a map it keeps the type, not the words."""
    if not isinstance(said, dict):
        return said
    return {
        key: bound(value, within=key)
        for key, value in said.items()
        if key != "description" or within not in ("items", "additionalProperties")
    }


def service(project: Path, **inputs: Any) -> Recorded:
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        moto_only(patch)
        patch.chdir(project)

        def program() -> None:
            given: Any = {"service": "shop", "previewToken": pulumi.Output.secret(TOKEN), **inputs}
            Service("shop", given)

        return record(program, project="theirs", config={"aws:region": "eu-west-1"})


def test_another_programs_service_stands_below_the_component_and_its_steps_are_found(tmp_path: Path) -> None:
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "phoenix.pkr.hcl").write_text("# theirs\n")
    done = service(tmp_path, minSize=3.0, maxSize=6.0, canarySteps=[20.0], environment={"A": "b"})
    assert done.one("phoenix:index:Service").name == "shop"
    for kind in ("Network", "LoadBalancer", "MachineImage", "AutoScalingGroup", "Rollout"):
        assert done.one(f"phoenix:index:{kind}").parent == "shop"
    assert done.one("aws:autoscaling/group:Group").inputs["minSize"] == 3
    promote = done.one("command:local:Command", "promote").inputs
    assert promote["create"].endswith('; PHOENIX_PROJECT="$PWD" sh .phoenix/run promote; exit $?')
    assert promote["environment"]["PHOENIX_CANARY_STEPS"] == "20"
    [condition] = done.one("aws:lb/listenerRule:ListenerRule", "preview").inputs["conditions"]["secret"]
    assert condition["httpHeader"]["values"] == [TOKEN]
    assert (tmp_path / ".phoenix" / "run").read_text() == f'exec sh {ROOT / "steps" / "run"} "$@"\n'


def test_a_wrong_input_is_refused_with_the_service_that_it_is_about(tmp_path: Path) -> None:
    with pytest.raises(pulumi.RunError) as error:
        service(tmp_path, minSize=9)
    assert str(error.value).startswith("service shop (its keys are inputs of shop):\n")
    assert "minSize = 9: must not be above maxSize (4)" in str(error.value)


PAGE = (ROOT / "docs" / "package.md").read_text()


def block(language: str) -> str:
    [text] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    return str(text)


def in_yaml() -> tuple[dict[str, Any], set[str]]:
    program = yaml.safe_load(block("yaml"))
    [resource] = program["resources"].values()
    return resource["properties"], {value.strip("${}").partition(".")[2] for value in program["outputs"].values()}


def in_typescript() -> tuple[dict[str, Any], set[str]]:
    said = dict(re.findall(r"^    (\w+): (.+?),(?: //.*)?$", block("typescript"), flags=re.MULTILINE))
    return said, set(re.findall(r"= shop\.(\w+);", block("typescript")))


def in_go() -> tuple[dict[str, Any], set[str]]:
    """What is plain and may be left out is a pointer; a map and what must be given is not (pkg/codegen/go/gen.go)."""
    text = block("go")
    said = dict(re.findall(r"^\t{3}(\w+): +(.+),$", text, flags=re.MULTILINE))
    inputs = {_lower(name): value for name, value in said.items()}
    for key, value in inputs.items():
        kind = COMPONENT["inputProperties"][key]["type"]
        pointer = COMPONENT["inputProperties"][key].get("plain") and key not in COMPONENT["requiredInputs"]
        wanted = {"string": "pulumi.StringRef(", "integer": "pulumi.IntRef("}.get(kind) if pointer else None
        assert value.startswith(wanted or ("map[string]string{" if kind == "object" else "")), key
        assert wanted or "Ref(" not in value, key
    return inputs, {_lower(name) for name in re.findall(r"shop\.(\w+)\)", text)}


def in_python() -> tuple[dict[str, Any], set[str]]:
    tree = ast.parse(block("python"))
    [call] = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "phoenix.Service"
    ]
    outputs = re.findall(r", shop\.(\w+)\)", block("python"))
    return {camel(word.arg or ""): word.value for word in call.keywords}, set(outputs)


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]


@pytest.mark.parametrize("consumer", [in_yaml, in_typescript, in_go, in_python])
def test_what_the_page_says_to_type_are_inputs_and_outputs(
    consumer: Callable[[], tuple[dict[str, Any], set[str]]],
) -> None:
    """The same program in each language."""
    inputs, outputs = consumer()
    assert set(COMPONENT["requiredInputs"]) <= inputs.keys() <= COMPONENT["inputProperties"].keys()
    assert inputs.keys() == in_yaml()[0].keys()
    assert outputs == {"url", "live"} <= COMPONENT["properties"].keys()
