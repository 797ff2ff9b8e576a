"""The rollout plan's comment on a pull request: written once, and edited in place after that.

The file is made by the pull request's own code, so nothing in it decides which comment that is.
"""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest

from plan.report.report import refusal_markdown
from tests.support.standins import Bench

MARK = "<!-- phoenix rollout plan of dev -->"
PLAN = f"{MARK}\nblue is launched\n"
BOT, SOMEBODY = "github-actions[bot]", "mallory"


def github(folder: Path, *comments: tuple[int, str, str]) -> Bench:
    """A `gh` whose pull request has these comments (id, author, text); it filters as gh does, by jq."""
    if (jq := shutil.which("jq")) is None:
        pytest.skip("jq is not installed")
    held = folder / "comments.json"
    held.write_text(
        json.dumps([{"id": number, "user": {"login": who}, "body": body} for number, who, body in comments])
    )
    bench = Bench(folder)
    bench.stand_in("gh", f'if [ "$2" = --paginate ]; then {jq} -r "$5" {shlex.quote(str(held))}; fi')
    return bench


def commented(bench: Bench, plan: Path, text: str = PLAN, *, stack: str = "dev") -> tuple[int, str, list[str]]:
    plan.write_text(text)
    done = bench.run("sh", "tools/comment.sh", str(plan), "7", stack, GITHUB_REPOSITORY="shop/phoenix")
    return done.returncode, done.stderr, [call for call in bench.calls if "--method" in call]


def test_a_first_plan_is_a_new_comment(tmp_path: Path) -> None:
    bench, plan = github(tmp_path), tmp_path / "plan.md"
    code, said, written = commented(bench, plan)
    assert code == 0, said
    assert written == [f"gh api --silent --method POST repos/shop/phoenix/issues/7/comments --field body=@{plan}"]


def test_the_next_one_is_written_over_its_own_and_nobody_elses(tmp_path: Path) -> None:
    bench = github(
        tmp_path,
        (39, SOMEBODY, PLAN),
        (40, SOMEBODY, "looks good to me"),
        (41, BOT, "<!-- phoenix rollout plan of dev-eu -->\nx"),
        (42, BOT, f"quoted: {PLAN}"),
        (43, BOT, refusal_markdown("dev", "why")),
        (44, BOT, PLAN),
    )
    code, said, written = commented(bench, plan := tmp_path / "plan.md")
    assert code == 0, said
    assert written == [f"gh api --silent --method PATCH repos/shop/phoenix/issues/comments/43 --field body=@{plan}"]


@pytest.mark.parametrize(
    "text",
    [
        "\nblue is launched\n",
        "looks\n",
        "<!-- phoenix rollout plan of prod -->\nblue is launched\n",
        f" {PLAN}",
        f"{MARK} and more\n",
    ],
)
def test_what_begins_otherwise_is_no_comment_and_finds_none(text: str, tmp_path: Path) -> None:
    """An empty first line is how every comment of the pull request begins."""
    bench = github(tmp_path, (40, SOMEBODY, "looks good to me"), (41, BOT, "another check's"))
    code, said, written = commented(bench, tmp_path / "plan.md", text)
    assert (code, written) == (1, []) and "does not begin as a rollout plan of dev does" in said


@pytest.mark.parametrize("stack", ["", "dev -->", "a b"])
def test_a_stack_has_a_name(stack: str, tmp_path: Path) -> None:
    code, said, written = commented(github(tmp_path), tmp_path / "plan.md", stack=stack)
    assert (code, written) == (1, []) and "is no name of a stack" in said


def test_what_github_would_not_take_is_told(tmp_path: Path) -> None:
    code, said, written = commented(github(tmp_path), tmp_path / "plan.md", PLAN + "x" * 65536)
    assert (code, written) == (1, []) and "longer than a comment may be" in said


def test_a_preview_without_a_plan_is_told(tmp_path: Path) -> None:
    code, said, written = commented(github(tmp_path), tmp_path / "plan.md", "")
    assert (code, written) == (1, []) and "ended before its rollout plan" in said
