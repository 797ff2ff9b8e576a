"""The stacks' files: each is a configuration that a plan would take, before it is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plan.config.parsing import parse_settings
from tests.apps.folders import PROJECT, STACKS, project, said
from tests.support.factories import TOKEN


def text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@pytest.mark.parametrize("stack", STACKS, ids=lambda file: file.name)
def test_its_keys_are_known_and_its_image_is_here(stack: Path) -> None:
    keys = {
        name: text(value)
        for name, value in said(stack).items()
        if not isinstance(value, dict) or value.keys() != {"secure"}
    }
    own = f"{project()}:"
    mine = {name.removeprefix(own): value for name, value in keys.items() if name.startswith(own)}
    aws = {name.removeprefix("aws:"): value for name, value in keys.items() if name.startswith("aws:")}
    settings = parse_settings(
        {**mine, "previewToken": TOKEN}, stack=stack.suffixes[0][1:], aws=aws, secret_keys={"previewToken"}
    )
    assert (PROJECT / settings.image_dir).is_dir()
