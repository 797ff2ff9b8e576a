"""The rollout plan's comment on a pull request: written once, and edited in place after that."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.standins import Bench

PLAN = "<!-- phoenix rollout plan of dev -->\nblue is launched\n"
# Answers the list as `gh` does with that filter: ids of the comments that begin with $mark.
GH = """case "$*" in
  *--paginate*) [ "$mark" = "<!-- phoenix rollout plan of dev -->" ] && printf '%s' "$FOUND" ;;
esac
exit 0"""


@pytest.mark.parametrize(
    ("found", "written"),
    [
        ("", "--method POST repos/shop/phoenix/issues/7/comments"),
        ("41\n42\n", "--method PATCH repos/shop/phoenix/issues/comments/41"),
    ],
)
def test_a_plan_is_one_comment(found: str, written: str, tmp_path: Path) -> None:
    bench, plan = Bench(tmp_path), tmp_path / "plan.md"
    bench.stand_in("gh", GH)
    plan.write_text(PLAN)
    done = bench.run("sh", "tools/comment.sh", str(plan), "7", GITHUB_REPOSITORY="shop/phoenix", FOUND=found)
    assert done.returncode == 0, done.stderr
    assert bench.calls[1:] == [f"gh api --silent {written} --field body=@{plan}"]


def test_a_preview_without_a_plan_is_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.stand_in("gh")
    done = bench.run("sh", "tools/comment.sh", str(tmp_path / "plan.md"), "7", GITHUB_REPOSITORY="shop/phoenix")
    assert done.returncode == 1
    assert "ended before its rollout plan" in done.stderr
    assert bench.calls == []
