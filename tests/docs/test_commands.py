"""What pages tell to type works: blocks that are marked `sh run` run, and so do commands within sentences.

`aws`, `make` and what of Pulumi needs an account are judged and not run (tests/support/page_commands.py). Commands of
Pulumi's need its CLI: without it, what names them is skipped here, and the workflow `check` runs it.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from plan.config.parsing import parse_settings
from rehearsal import PROJECT
from tests.docs.test_links import PAGES
from tests.support import iam
from tests.support.factories import TOKEN
from tests.support.page_commands import COMMANDS, Desk, blocks

# The changelog has what was typed then.
NOW = [page for page in PAGES if page != "CHANGELOG.md"]
MARKED = [page for page in NOW if blocks(PROJECT / page, "sh run")]
# What a page says to leave, or shows the form of.
NO_COMMANDS = {
    "pulumi config set environment.NAME VALUE",  # of a message that says it makes no such key
    "pulumi config set KEY VALUE",
    "pulumi config set KEY VALUE --stack STACK",
    "pulumi config rm KEY",
    "pulumi stack init",
}


def filled(text: str) -> str:
    return iam.filled(text, service="shop", stack="dev").replace(
        "ORGANIZATION/", "organization/"
    )  # as a file backend has it


def within_sentences(page: str) -> list[str]:
    text = re.sub(r"^ *```.*?^ *```", "", (PROJECT / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`((?:pulumi (?:config (?:set|rm|get)|up|stack|deployment)|aws \w+|make) [^`…]+)`", text)
    spans = [span.replace(r"\|", "|") for span in spans]
    return [one for one in dict.fromkeys(spans) if one not in NO_COMMANDS and not re.search(r"\.\.\.|--path$", one)]


SAID = [page for page in NOW if within_sentences(page)]


def folder_of(page: str, desk: Desk) -> Path:
    if page.startswith("examples/"):
        return desk.project / Path(page).parent
    if page == "docs/package.md":
        [program] = blocks(PROJECT / page, "yaml")
        (desk.consumer / "Pulumi.yaml").write_text(program)
        return desk.consumer
    return desk.project


def begin(page: str, text: str, tmp_path: Path) -> tuple[Desk, Path]:
    """Where they are typed; with the stacks that they are about, where pulumi is asked at all."""
    of_pulumi = re.search(r"\bpulumi ", text) is not None
    if of_pulumi and shutil.which("pulumi") is None:
        pytest.skip("pulumi is not on PATH")
    desk = Desk(tmp_path)
    folder = folder_of(page, desk)
    if of_pulumi:
        made = {name.rpartition("/")[2] for name in re.findall(r"pulumi stack init (\S+)", text)}
        inits = "\n".join(f"pulumi stack init {stack}" for stack in ("prod", "dev") if stack not in made)
        done = desk.type(inits, folder=folder)
        assert done.returncode == 0, done.stderr
    return desk, folder


def is_taken(desk: Desk, stack: str) -> None:
    """The plan takes what was set."""
    said = {
        key.partition(":")[2]: value if isinstance(value, str) else json.dumps(value)
        for key, value in desk.settings(stack).items()
        if key.startswith("phoenix:")
    }
    parse_settings(
        {"service": "shop", **said, "previewToken": TOKEN},
        stack=stack,
        aws={"region": "eu-west-1"},
        secret_keys={"previewToken"},
    )


@pytest.mark.parametrize("page", MARKED)
def test_what_a_page_says_to_type_works(page: str, tmp_path: Path) -> None:
    texts = [filled(text) for text in blocks(PROJECT / page, "sh run")]
    desk, folder = begin(page, "\n".join(texts), tmp_path)
    for text in texts:
        done = desk.type(text, folder=folder)
        assert done.returncode == 0, f"{page}:\n{text}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    for stack in ("dev", "prod"):
        is_taken(desk, stack)


@pytest.mark.parametrize("page", SAID)
def test_a_command_within_a_sentence_works(page: str, tmp_path: Path) -> None:
    commands = [filled(one) for one in within_sentences(page)]
    desk, folder = begin(page, "\n".join(commands), tmp_path)
    for command in commands:
        done = desk.type(command, folder=folder)
        assert done.returncode == 0, f"{page}: {command}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"


@pytest.mark.parametrize("page", PAGES)
def test_a_block_of_commands_says_that_it_is_one(page: str) -> None:
    """What has no mark is a program's output, and nobody runs it."""
    lines = [text.lstrip() for text in blocks(PROJECT / page, "")]
    assert [text for text in lines if COMMANDS.match(text)] == []


def test_a_wrong_command_is_found(tmp_path: Path) -> None:
    """The judges themselves: each refuses what its tool would."""
    desk = Desk(tmp_path)
    for wrong in (
        "make no-such-target",
        "aws sns make-topic --name releases",
        "aws sns create-topic --nam releases",
        "aws sns create-topic",
        "sh steps/run no_such_step --help",
        "false | cat",
        "cp no/such/file .",
    ):
        assert desk.type(wrong, folder=desk.project).returncode != 0, wrong


@pytest.mark.skipif(shutil.which("pulumi") is None, reason="pulumi is not on PATH")
@pytest.mark.parametrize(
    "wrong",
    [
        "pulumi upp",
        "pulumi up --no-such-flag",
        "pulumi config set",
        # Pulumi takes it for a secret by its name and looks (pkg/cmd/pulumi/config/config.go, looksLikeSecret).
        "pulumi config set --stack dev --path environment.DB_PASSWORD ssm:/shop/dev/DB_PASSWORD",
    ],
)
def test_a_wrong_command_of_pulumis_is_found(wrong: str, tmp_path: Path) -> None:
    desk, folder = begin("README.md", wrong, tmp_path)
    assert desk.type(wrong, folder=folder).returncode != 0
