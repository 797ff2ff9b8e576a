"""An older commit than production was made from does not change production without a word."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.errors import UserError
from plan import lineage
from plan.checks.known_failures import KnownFailureError, UpdateFacts, checked_plan
from plan.group_key import GroupKey
from plan.image_source import ImageSource
from plan.lineage import Lineage
from plan.readers.account_limits import AccountLimits
from plan.readers.live_state import LiveState
from plan.rollout_plan import decide_rollout
from tests.support.factories import NOW, group, live, recipe, settings
from tests.support.repositories import Repository

OLD, NEW = "111111111111", "222222222222"
OLDER = Lineage("a" * 40, "b" * 40, "3 commits after aaaaaaaaaaaa, which is checked out here")


def made_from(commit: str, launched: str = "") -> LiveState:
    return replace(live(group("blue", OLD, launch_commit=launched)), commit=commit)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    return Repository.begun(tmp_path / "shop")


def test_a_newer_commit_and_the_same_one_may_change_production(shop: Repository) -> None:
    first = shop.commit()
    assert lineage.read_lineage(live(), shop.folder) == Lineage(first)
    assert lineage.read_lineage(made_from(first, first), shop.folder) == Lineage(first)
    second = shop.commit()
    assert lineage.read_lineage(made_from(first, first), shop.folder) == Lineage(second)
    # Moved by the second, launched long before: a kept group that production went back to.
    assert lineage.read_lineage(made_from(second, first), shop.folder) == Lineage(second)


def test_an_older_commit_is_known_and_a_revert_is_none(shop: Repository) -> None:
    first = shop.commit()
    shop.write("a", "x")
    second = shop.commit()
    shop.git("checkout", "-q", first)
    said = lineage.read_lineage(made_from(second), shop.folder)
    assert (said.newer, said.how) == (second, f"1 commit after {first[:12]}, which is checked out here")
    # An update that was killed after production had moved: its rule says the commit before.
    assert lineage.read_lineage(made_from(first, second), shop.folder).newer == second
    shop.git("checkout", "-q", "-")
    shop.git("revert", "--no-edit", "HEAD")
    assert lineage.read_lineage(made_from(second), shop.folder).newer == ""


def test_a_clone_that_nobody_has_pulled_is_older(shop: Repository, tmp_path: Path) -> None:
    first = shop.commit()
    shop.git("clone", "-q", ".", str(tmp_path / "there"))
    second = shop.commit()
    said = lineage.read_lineage(made_from(second), tmp_path / "there")
    assert (said.newer, said.how) == (second, "which this clone does not have: others have committed since")
    assert said.forward.startswith("git fetch --all, git pull")
    # Only what production was last changed from must be known.
    assert lineage.read_lineage(made_from(first, second), tmp_path / "there") == Lineage(first)


def test_a_shallow_clone_says_that_it_can_not_know(shop: Repository, tmp_path: Path) -> None:
    first = shop.commit()
    second = shop.commit()
    shop.git("clone", "-q", "--depth", "1", f"file://{shop.folder}", str(tmp_path / "there"))
    said = lineage.read_lineage(made_from(first), tmp_path / "there")
    assert (said.head, said.newer) == (second, "")
    assert said.unknown_because.startswith(
        f"production was made from commit {first[:12]}, and git can't say here whether"
    )
    assert "git fetch --unshallow, and in CI fetch-depth: 0" in said.unknown_because
    assert lineage.read_lineage(made_from(second), tmp_path / "there") == Lineage(second)


def test_another_branch_is_told(shop: Repository) -> None:
    shop.commit()
    shop.git("checkout", "-q", "-b", "side")
    theirs = shop.commit("Theirs")
    shop.git("checkout", "-q", "-")
    mine = shop.commit("Mine")
    said = lineage.read_lineage(made_from(theirs), shop.folder)
    assert said.newer == ""
    assert said.unknown_because == (
        f"production was made from commit {theirs[:12]}, of another branch: 1 of its commits are not in {mine[:12]}"
    )


def test_where_nobody_can_say_it_is_told_why(shop: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = shop.commit()
    (tmp_path / "archive").mkdir()
    assert (
        "this folder is no git checkout" in lineage.read_lineage(made_from(first), tmp_path / "archive").unknown_because
    )
    assert lineage.read_lineage(live(), tmp_path / "archive") == Lineage()
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    said = lineage.read_lineage(made_from(first), shop.folder).unknown_because
    assert "git says: fatal: detected dubious ownership" in said
    assert f"type: git config --global --add safe.directory {shop.folder}" in said


def flown(descent: Lineage, image: str = NEW, **said: Any) -> Any:
    source = ImageSource(image, "", needs_bake=True, image_ids=(f"ami-{OLD}", f"ami-{NEW}"))
    return checked_plan(
        UpdateFacts(
            settings=settings(**said),
            spec=recipe(image),
            live=live(group("blue", OLD)),
            limits=AccountLimits(),
            source=source,
            now=NOW,
            ancestry=descent,
        )
    )


@pytest.mark.parametrize("said", [{"active": "auto"}, {"active": "green"}, {"active": "green", "traffic": 0}])
def test_an_older_commit_needs_a_word_to_change_servers_or_weights(said: dict[str, Any]) -> None:
    with pytest.raises(KnownFailureError) as error:
        flown(OLDER, **said)
    assert (
        "allowOlder = 'false': must be true before an older commit changes production: it was made from"
        f" {'b' * 12}, 3 commits after aaaaaaaaaaaa, which is checked out here" in str(error.value)
    )
    assert "type: git pull (in CI: run the newest pipeline instead), then pulumi up" in str(error.value)
    assert "pulumi up --config allowOlder=true" in str(error.value)
    assert flown(OLDER, **said, allow_older=True).active.color == "green"
    assert flown(replace(OLDER, newer="", unknown_because="shallow"), **said).active.color == "green"


def test_where_nothing_changes_it_needs_none() -> None:
    plan = flown(OLDER, OLD, active="blue")
    assert lineage.rows(settings(), plan, OLDER) == [
        (
            "older",
            "production was made from bbbbbbbbbbbb, 3 commits after aaaaaaaaaaaa, which is checked out here;"
            " nothing of production changes",
        )
    ]


def test_an_older_commit_is_said_before_the_flag_that_it_asks_for() -> None:
    """What to type about the flag would take production back."""
    with pytest.raises(KnownFailureError) as error:
        flown(OLDER, active="blue")
    said = str(error.value)
    assert said.index("allowOlder = 'false'") < said.index("type: pulumi config set active green")
    with pytest.raises(UserError):
        flown(Lineage("a" * 40), active="blue")


def test_the_plan_says_it_first_and_that_the_word_is_still_there() -> None:
    changing = flown(OLDER, active="green", allow_older=True)
    [(key, text)] = lineage.rows(settings(allow_older=True), changing, OLDER)
    assert key == "older" and text.endswith("; allowOlder lets it be")
    [(key, text)] = lineage.rows(settings(allow_older=True), changing, Lineage("a" * 40))
    assert key == "note" and "pulumi config rm allowOlder" in text
    assert lineage.rows(settings(), changing, replace(OLDER, newer="", unknown_because="shallow")) == [
        ("note", "shallow")
    ]
    assert lineage.rows(settings(), changing, Lineage("a" * 40)) == []


def test_production_and_its_servers_are_marked_once() -> None:
    alive = made_from("c" * 40, "d" * 40)
    head = Lineage("a" * 40)
    still = decide_rollout(settings(active="blue"), recipe(OLD), alive, now=NOW)
    assert lineage.production_tags(still, alive, head) == {"phoenix:commit": "c" * 40}
    assert lineage.launch_tags(still.active, still, alive, head) == {"launch_commit": "d" * 40}
    flips = decide_rollout(settings(active="green", traffic=10), recipe(NEW), alive, now=NOW)
    assert lineage.production_tags(flips, alive, head) == {"phoenix:commit": "a" * 40}
    assert [lineage.launch_tags(color, flips, alive, head) for color in flips.groups] == [
        {"launch_commit": "a" * 40},
        {"launch_commit": "d" * 40},
    ]
    # A group from before there were such marks stays without one, and an archive has none to give.
    before = live(group("blue", OLD))
    assert lineage.launch_tags(GroupKey("phoenix/dev", "blue", "x"), still, before, head) == {}
    assert lineage.production_tags(flips, alive, Lineage()) == {}
