"""Git's words about the image since the live one was baked."""

from __future__ import annotations

from pathlib import Path

import pytest

from plan.report import changelog
from plan.rollout_plan import decide_rollout
from tests.support.factories import NOW, group, live, recipe, settings
from tests.support.repositories import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository.begun(tmp_path)
    made.write("image/10-base.sh", "echo base\n")
    return made


def test_files_and_subjects_since_the_live_commit_and_what_is_not_committed(repository: Repository) -> None:
    first = repository.commit("Begin")
    repository.write("README", "elsewhere")
    repository.commit("Not of the image")
    repository.write("image/20-tomcat.sh", "echo tomcat\n")
    repository.commit("Tomcat | from the archive")
    repository.write("image/10-base.sh", "echo other\n")
    repository.write("image/30-new.sh", "echo new\n")
    found = changelog.since(first, repository.folder / "image")
    assert [line.split("|")[0].strip() for line in found.files[:2]] == ["10-base.sh", "20-tomcat.sh"]
    assert found.files[2] == " 30-new.sh is new, in no commit yet"
    assert "2 files changed" in found.files[3]
    assert [line.split(" ", 1)[1] for line in found.commits] == ["Tomcat | from the archive"]


def test_a_long_story_is_counted_not_told(repository: Repository) -> None:
    first = repository.commit("Begin")
    for number in range(25):
        repository.write(f"image/{number}.sh", "x\n")
    for number in range(12):
        repository.write("image/0.sh", f"{number}\n")
        repository.commit(f"Change {number}")
    found = changelog.since(first, repository.folder / "image")
    assert found.files[-2:][0] == "... and 5 more files"
    assert found.commits[0].endswith("Change 11")
    assert found.commits[-1] == "... and 2 more commits"


@pytest.mark.parametrize(
    ("commit", "words"),
    [
        ("", "does not say which commit"),
        ("none", "does not say which commit"),
        ("--output=/tmp/x", "does not say which commit"),
        ("a" * 40, "git does not know aaaaaaaaaaaa, the live image's commit, here (git fetch brings"),
    ],
)
def test_a_commit_that_is_not_here_is_no_error(repository: Repository, commit: str, words: str) -> None:
    repository.commit("Begin")
    assert words in changelog.since(commit, repository.folder / "image").problem


def test_a_shallow_clone_says_that_it_is_one(repository: Repository, tmp_path: Path) -> None:
    first = repository.commit("Begin")
    repository.commit("More")
    repository.git("clone", "-q", "--depth", "1", f"file://{repository.folder}", str(tmp_path / "there"))
    said = changelog.since(first, tmp_path / "there" / "image").problem
    assert "this clone is shallow: git fetch --unshallow, and in CI fetch-depth: 0" in said


def test_git_that_fails_says_why(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    first = repository.commit("Begin")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    said = changelog.since(first, repository.folder / "image").problem
    assert said.startswith("git says: fatal: detected dubious ownership")
    assert f"type: git config --global --add safe.directory {repository.folder}" in said


def test_outside_of_git_there_are_no_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert "this is no git checkout" in changelog.since("a" * 40, tmp_path).problem


def test_an_image_of_a_branch_that_is_gone_is_known_by_the_commit_that_found_it(repository: Repository) -> None:
    merged = repository.commit("The pull request, squashed")
    repository.write("image/20-tomcat.sh", "echo tomcat\n")
    repository.commit("Tomcat")
    baked_before = group("blue", commit="a" * 40, launch_commit=merged)
    found = changelog.group_changelog(baked_before, settings(), repository.folder)
    assert found is not None and (found.since, found.problem) == (merged[:12], "")
    assert [line.split(" ", 1)[1] for line in found.commits] == ["Tomcat"]
    lost = changelog.group_changelog(group("blue", commit="a" * 40, launch_commit=""), settings(), repository.folder)
    assert lost is not None and "git does not know aaaaaaaaaaaa" in lost.problem


def test_only_a_newborn_from_git_has_a_changelog(repository: Repository) -> None:
    first = repository.commit("Begin")
    alive = live(group("blue", commit=first, tree="dirty"))

    def of(**said: object) -> changelog.Changelog | None:
        given = settings(**said)
        return changelog.image_changelog(
            decide_rollout(
                given, recipe("222222222222" if given.active == "green" else "111111111111"), alive, now=NOW
            ),
            given,
            repository.folder,
        )

    born = of(active="green")
    assert born is not None
    assert "files that differed from its commit's" in born.files[0]
    assert of() is None
    assert of(active="green", image="222222222222") is None
