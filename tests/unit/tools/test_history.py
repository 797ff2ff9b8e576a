"""`make history`: what a stack's outputs and pulumi's history become as tables, and what it says without them."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from core.release_record import decode_history_line, decode_record, encode_history_line
from tests.support.standins import Bench
from tests.unit.plan.test_history import TAGS

PAST = decode_history_line(
    encode_history_line(
        {
            **TAGS,
            "color": "green",
            "generation": "aaaaaaaaaaaa",
            "born": "at=2026-11-20T08:00:00Z servers=3",
            "weights": "20261120T080500Z=100 20261124T121302Z=0",
        }
    )
)
OUTPUTS = {"releases": {"blue": decode_record(TAGS)}, "history": [PAST]}
HISTORY = [
    {
        "version": 2,
        "kind": "update",
        "startTime": "2026-11-24T12:00:00.000Z",
        "endTime": "2026-11-24T12:14:00.000Z",
        "result": "failed",
        "environment": {"git.head": "0b0eaebf2f6265a58abb13d6e77c1e7b36aee1ed", "git.dirty": "true"},
        "config": {"phoenix:active": {"value": "blue", "secret": False}, "phoenix:previewToken": {"secret": True}},
        "resourceChanges": {"create": 17, "same": 23},
    },
    {
        "version": 1,
        "kind": "update",
        "startTime": "2026-11-20T08:00:00.000Z",
        "result": "succeeded",
        "environment": {},
        "config": {},
        "resourceChanges": {"same": 40},
    },
]


def told(folder: Path, outputs: Any = OUTPUTS, history: Any = HISTORY) -> Any:
    on = Bench(folder)
    on.stand_in(
        "pulumi",
        f'case "$*" in "stack output"*) echo {shlex.quote(json.dumps(outputs))} ;;'
        f' "stack history"*) echo {shlex.quote(json.dumps(history))} ;; esac',
    )
    return on.run("sh", "tools/stack.sh", "history", "dev", PYTHON=sys.executable), on


def columns(text: str, head: str) -> list[dict[str, str]]:
    """Rows of the table whose head begins so, by column."""
    lines = text.splitlines()
    at = next(number for number, said in enumerate(lines) if said.startswith(f" {head}"))
    starts = [
        number
        for number in range(1, len(lines[at]))
        if lines[at][number - 1 : number + 1].lstrip(" ")
        and lines[at][number] != " "
        and (number == 1 or lines[at][number - 2 : number] == "  ")
    ]
    cells = [*zip(starts, [*starts[1:], None], strict=True)]
    found = []
    for said in lines[at + 1 :]:
        if not said.strip():
            break
        found.append({lines[at][a:b].strip(): said[a:b].strip() for a, b in cells})
    return found


def test_generations_come_youngest_first_those_that_stand_and_those_that_died(tmp_path: Path) -> None:
    done, on = told(tmp_path)
    assert done.returncode == 0, done.stderr
    assert on.calls == [
        "pulumi stack output --stack dev --json",
        "pulumi stack history --stack dev --page-size 10 --json",
    ]
    standing, died = columns(done.stdout, "generation")
    assert standing == {
        "generation": "51c9954607e0",
        "color": "blue",
        "born": "2026-11-24 12:09",
        "production": "0 % since 2026-11-25 13:04",
        "verify": "41 s",
        "promote": "217 s",
        "requests (failed)": "999,999,999 (123,456)",
        "image": "a3344f910d6f",
        "commit": "0b0eaeb+",
    }
    assert (died["generation"], died["color"]) == ("aaaaaaaaaaaa", "green")
    assert died["production"] == "100 %, 2026-11-20 08:05 to 11-24 12:13"


def test_no_line_is_wider_than_a_terminal(tmp_path: Path) -> None:
    busy = "at=2026-11-24T12:14:00Z seconds=217 servers=2 looks=40 requests=9999999 errors=12345"
    standing = decode_record({**TAGS, "gate-promote": busy})
    outputs = {"releases": {"blue": standing}, "history": [{**PAST, "requests": 9_999_999, "errors": 12_345}]}
    done, _ = told(tmp_path, outputs=outputs)
    assert max(map(len, done.stdout.splitlines())) <= 140


def test_a_span_within_a_day_names_its_day_once(tmp_path: Path) -> None:
    short = {**PAST, "from": "2026-11-20T08:05:00Z", "until": "2026-11-20T09:30:00Z"}
    done, _ = told(tmp_path, outputs={**OUTPUTS, "history": [short]})
    assert columns(done.stdout, "generation")[1]["production"] == "100 %, 2026-11-20 08:05 to 09:30"


def test_updates_come_newest_first_with_those_that_failed(tmp_path: Path) -> None:
    failed, first = columns(told(tmp_path)[0].stdout, "when")
    assert failed == {
        "when": "2026-11-24 12:00",
        "what": "update",
        "result": "failed",
        "took": "840 s",
        "active": "blue",
        "commit": "0b0eaeb+",
        "resources": "17 create",
    }
    assert (first["result"], first["resources"]) == ("succeeded", "none changed")


def test_a_stack_without_a_certificate_says_how_it_gets_one_and_shows_its_updates(tmp_path: Path) -> None:
    done, _ = told(tmp_path, outputs={})
    assert done.returncode == 1
    assert "make up STACK=dev" in done.stderr
    assert len(columns(done.stdout, "when")) == 2


def test_a_stack_that_is_not_there_is_told_in_pulumis_words(tmp_path: Path) -> None:
    on = Bench(tmp_path)
    on.stand_in("pulumi", "echo \"error: no stack named 'nope' found\" >&2; exit 255")
    done = on.run("sh", "tools/stack.sh", "history", "nope", PYTHON=sys.executable)
    assert done.returncode == 1
    assert done.stderr.startswith("error: no stack named 'nope' found\nDo: pulumi stack ls")


@pytest.mark.parametrize("script", ["tools/stack.sh history dev", "tools/history.py dev"])
def test_without_pulumi_it_says_how_to_get_it(script: str, tmp_path: Path) -> None:
    interpreter = sys.executable if script.startswith("tools/history") else "sh"
    done = Bench(tmp_path).run(interpreter, *script.split())
    assert done.returncode == 1
    assert done.stderr.endswith("Do: make pulumi\n")
