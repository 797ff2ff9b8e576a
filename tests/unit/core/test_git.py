"""What git is asked, and what is said when it does not answer."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from core import git, image_files
from core.git import GitError
from tests.support.repositories import Repository


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    made = Repository.begun(tmp_path / "shop")
    made.write("image/script.sh", "true\n")
    return made


def source(repository: Repository) -> git.Commit:
    folder = repository.folder / "image"
    return git.image_commit(folder, image_files.read_image_files(folder))


def test_git_says_which_commit_the_scripts_are_of(repository: Repository) -> None:
    first = repository.commit()
    assert source(repository) == git.Commit(commit=first, tree="clean")
    repository.write("elsewhere", "not part of the image\n")
    assert source(repository).tree == "clean"


@pytest.mark.parametrize("name", ["script.sh", "another.sh"])
def test_scripts_that_no_commit_has_are_dirty(repository: Repository, name: str) -> None:
    first = repository.commit()
    repository.write(f"image/{name}", "false\n")
    assert source(repository) == git.Commit(commit=first, tree="dirty")
    repository.git("add", "-A")
    assert source(repository) == git.Commit(commit=first, tree="dirty")


def test_a_script_that_is_missing_is_dirty(repository: Repository) -> None:
    repository.write("image/more.sh", "true\n")
    repository.commit()
    (repository.folder / "image" / "more.sh").unlink()
    assert source(repository).tree == "dirty"


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_what_git_was_told_not_to_look_at_is_looked_at(repository: Repository, flag: str) -> None:
    """`git status` calls such a tree clean."""
    repository.commit()
    repository.git("update-index", flag, "image/script.sh")
    repository.write("image/script.sh", "curl evil\n")
    assert repository.git("status", "--porcelain") == ""
    assert source(repository).tree == "dirty"


def test_a_file_that_lfs_has_fetched_is_that_of_its_commit(repository: Repository) -> None:
    content = b"a big file\n"
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256(content).hexdigest()}\nsize 11\n"
    repository.write("image/big", pointer)
    repository.commit()
    repository.write("image/big", content)
    assert source(repository).tree == "clean"
    repository.write("image/big", b"a bad file\n")
    assert source(repository).tree == "dirty"


def test_without_git_nobody_knows_the_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git.image_commit(tmp_path, {}) == git.Commit(commit="none", tree="dirty")
    assert git.checkout(tmp_path / "not there") is None


def test_above_a_ceiling_nobody_looks_as_git_does_not(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(repository.folder)
    assert git.checkout(repository.folder / "image") == repository.folder
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path / "link"))
    assert git.checkout(repository.folder / "image") is None
    assert git.checkout(repository.folder) == repository.folder


def test_before_the_first_commit_there_is_none(repository: Repository) -> None:
    assert source(repository) == git.Commit(commit="none", tree="dirty")


@pytest.mark.parametrize(
    ("spoil", "words", "do"),
    [
        ("owner", "fatal: detected dubious ownership in repository at", "git config --global --add safe.directory"),
        ("missing", "git is not installed", "install git"),
        ("broken", "fatal: ", "git -C "),
    ],
)
def test_a_repository_that_git_can_not_read_is_told_in_its_own_words(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, spoil: str, words: str, do: str
) -> None:
    repository.commit()
    if spoil == "owner":
        monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    elif spoil == "missing":
        monkeypatch.setenv("PATH", str(repository.folder))
    else:
        (repository.folder / ".git" / "HEAD").write_text("nonsense")
    for ask in (git.head, image_files.read_image_files):
        with pytest.raises(GitError) as error:
            ask(repository.folder / "image")
        assert words in error.value.what and do in error.value.do


def test_a_worktree_whose_repository_is_gone_is_told(repository: Repository, tmp_path: Path) -> None:
    repository.commit()
    repository.git("worktree", "add", "-q", str(tmp_path / "there"))
    (repository.folder / ".git").rename(tmp_path / "gone")
    with pytest.raises(GitError, match="not a git repository"):
        git.head(tmp_path / "there")
