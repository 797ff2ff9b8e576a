"""Which files are the image: one commit is one fingerprint in every checkout, and what git does not answer for is
refused by its name."""

from __future__ import annotations

import os
import shutil
import socket
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from core import git, image_files
from core.errors import UserError
from core.git import GitError
from core.image_base import ImageFilesError
from core.image_trust import Trust
from plan.image_source import select_source
from plan.server_spec import image_fingerprint
from rehearsal import PROJECT
from tests.support.factories import NOW, reads, settings
from tests.support.repositories import Repository


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository with the project's own image."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    made = Repository.begun(tmp_path / "shop")
    shutil.copytree(PROJECT / "image", made.folder / "image")
    for name in (".gitattributes", ".gitignore"):
        shutil.copy(PROJECT / name, made.folder)
    made.write("image/app/bin/start", "#!/bin/sh\n", executable=True)
    made.write("image/app/logo.png", b"\x89PNG\r\n\x1a\n\0\r\n")
    made.commit()
    return made


def digest(folder: Path) -> str:
    return image_fingerprint(image_files.read_image_files(folder / "image"), settings())


def worktree(shop: Repository, there: Path) -> None:
    shop.git("worktree", "add", "-q", str(there))


def shallow(shop: Repository, there: Path) -> None:
    shop.commit("One more")
    shop.git("clone", "-q", "--depth", "1", f"file://{shop.folder}", str(there))


def archive(shop: Repository, there: Path) -> None:
    there.mkdir()
    shop.git("archive", "-o", str(there / "a.tar"), "HEAD")
    with tarfile.open(there / "a.tar") as opened:
        opened.extractall(there, filter="data")


def windows(shop: Repository, there: Path) -> None:
    shop.git("clone", "-q", "-c", "core.autocrlf=true", ".", str(there))


def without_modes(shop: Repository, there: Path) -> None:
    shop.git("clone", "-q", "-c", "core.fileMode=false", ".", str(there))
    for path in (there / "image").rglob("*"):
        path.chmod(0o777)


def sha256(shop: Repository, there: Path) -> None:
    shutil.copytree(shop.folder, there, ignore=shutil.ignore_patterns(".git"))
    other = Repository(there)
    other.git("init", "-q", "--object-format=sha256")
    other.commit()


@pytest.mark.parametrize("kind", [worktree, shallow, archive, windows, without_modes, sha256])
def test_a_commit_has_one_fingerprint_in_every_checkout(
    shop: Repository, tmp_path: Path, kind: Callable[[Repository, Path], None]
) -> None:
    there = tmp_path / "there"
    kind(shop, there)
    assert digest(there) == digest(shop.folder)
    said = git.image_commit(there / "image", image_files.read_image_files(there / "image"))
    assert said.tree == ("dirty" if kind is archive else "clean")


def test_a_hook_of_another_repository_does_not_decide_which_files_they_are(
    shop: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Repository.begun(tmp_path / "other")
    other.commit()
    before = digest(shop.folder)
    monkeypatch.setenv("GIT_DIR", str(other.folder / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.folder / ".git" / "index"))
    assert digest(shop.folder) == before


def test_the_folder_itself_may_be_a_link(shop: Repository) -> None:
    (shop.folder / "here").mkdir()
    (shop.folder / "here" / "image").symlink_to("../image")
    assert digest(shop.folder / "here") == digest(shop.folder)


def test_new_files_count_and_deleted_ones_do_not_before_they_are_committed(shop: Repository) -> None:
    before = image_files.read_image_files(shop.folder / "image")
    shop.write("image/provision/30-logs.sh", "#!/bin/sh\n", executable=True)
    (shop.folder / "image" / "provision" / "35-secrets.sh").unlink()
    now = image_files.read_image_files(shop.folder / "image")
    assert (now.keys() - before.keys(), before.keys() - now.keys()) == (
        {"provision/30-logs.sh"},
        {"provision/35-secrets.sh"},
    )
    shop.commit()
    assert image_files.read_image_files(shop.folder / "image") == now


def test_what_a_desktop_leaves_behind_is_no_file_of_the_image_where_git_ignores_it(shop: Repository) -> None:
    before = digest(shop.folder)
    shop.write(".gitignore", ".DS_Store\n*.swp\n")
    shop.write("image/app/.DS_Store", "x")
    shop.write("image/.10-os.sh.swp", "x")
    assert digest(shop.folder) == before


# What is refused. Each of these was once uploaded, or hashed, and not the other.


def ignored(shop: Repository) -> None:
    shop.write(".gitignore", "*.local\nextra/\n")
    shop.write("image/app/key.local", "secret")
    shop.write("image/provision/extra/15-more.sh", "#!/bin/sh\n")


def ignored_by_the_developer(shop: Repository) -> None:
    shop.write(".git/info/exclude", "15-mine.sh\n")
    shop.write("image/provision/15-mine.sh", "#!/bin/sh\n")


def folder_link(shop: Repository) -> None:
    shop.write("elsewhere/index.jsp", "x")
    (shop.folder / "image" / "app" / "more").symlink_to("../../elsewhere")
    shop.commit()


def file_link(shop: Repository) -> None:
    (shop.folder / "image" / "provision" / "15-it.sh").symlink_to("/etc/hostname")


def nested(shop: Repository) -> None:
    Repository.begun(shop.folder / "image" / "app" / "vendor").write("a", "x")


def nested_and_tracked(shop: Repository) -> None:
    shop.write("image/app/vendor/a", "x")
    shop.commit()
    Repository.begun(shop.folder / "image" / "app" / "vendor")


def gitlink(shop: Repository) -> None:
    other = Repository.begun(shop.folder.parent / "other")
    other.write("a", "x")
    other.commit()
    shop.git("submodule", "--quiet", "add", str(other.folder), "image/app/vendor")
    shop.commit()
    shop.git("submodule", "deinit", "-f", "image/app/vendor")


def lfs(shop: Repository) -> None:
    shop.write("image/app/big.war", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    shop.commit()


def locked(shop: Repository) -> None:
    shop.write("image/app/key", b"\0GITCRYPT\0\x01\x02")


def crlf(shop: Repository) -> None:
    (shop.folder / ".gitattributes").unlink()
    shop.commit()
    shop.git("config", "core.autocrlf", "true")
    for path in ("image/common/application.conf", "image/provision/35-secrets.sh"):
        (shop.folder / path).unlink()
    shop.git("checkout", "--", ".")


def crlf_and_changed(shop: Repository) -> None:
    crlf(shop)
    shop.write("image/common/application.conf", "<Server/>\r\n")


def new_crlf(shop: Repository) -> None:
    (shop.folder / ".gitattributes").unlink()
    shop.write("image/provision/30-mine.sh", "#!/bin/sh\r\ntrue\r\n")
    shop.write("image/app/run", "#!/bin/sh\r\n")
    shop.commit()


def sparse(shop: Repository) -> None:
    shop.git("sparse-checkout", "set", "--no-cone", "/*", "!/image/app/")


def conflict(shop: Repository) -> None:
    shop.git("checkout", "-q", "-b", "side")
    shop.write("image/app/page", "side")
    shop.commit()
    shop.git("checkout", "-q", "-")
    shop.write("image/app/page", "main")
    shop.commit()
    with pytest.raises(Exception, match="merge"):
        shop.git("merge", "side")


def made_executable(shop: Repository) -> None:
    (shop.folder / "image" / "common" / "application.conf").chmod(0o755)
    (shop.folder / "image" / "app" / "bin" / "start").chmod(0o644)


def no_file(shop: Repository) -> None:
    os.mkfifo(shop.folder / "image" / "app" / "pipe")
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(os.path.relpath(shop.folder / "image" / "s"))


@pytest.mark.parametrize(
    ("spoil", "names", "rule", "fix"),
    [
        (ignored, ["app/key.local", "provision/extra/15-more.sh"], "must not be ignored by git", "git add --force {}"),
        (ignored_by_the_developer, ["provision/15-mine.sh"], "must not be ignored by git", "git check-ignore -v {}"),
        (folder_link, ["app/more"], "must not be a symbolic link", "rm {}"),
        (file_link, ["provision/15-it.sh"], "must not be a symbolic link", "rm {}"),
        (nested, ["app/vendor"], "must not be another repository", "git add {}"),
        (nested_and_tracked, ["app/vendor"], "must not be another repository", "git add {}"),
        (gitlink, ["app/vendor"], "must not be another repository", "git rm -r --cached {}"),
        (lfs, ["app/big.war"], "must be the file itself", "git lfs pull"),
        (locked, ["app/key"], "must be the file itself", "git-crypt unlock"),
        (crlf, ["common/application.conf", "provision/35-secrets.sh"], "has CRLF here", "* text=auto eol=lf"),
        (
            crlf_and_changed,
            ["common/application.conf", "provision/35-secrets.sh"],
            "has CRLF here",
            "* text=auto eol=lf",
        ),
        (new_crlf, ["app/run", "provision/30-mine.sh"], "must have lines that end with LF", "sed -i 's/\\r$//' {}"),
        (conflict, ["app/page"], "must not be in a conflict", "git add {}"),
        (
            made_executable,
            ["app/bin/start", "common/application.conf"],
            "must be executable as git's index says",
            "git add {}",
        ),
        (no_file, ["app/pipe", "s"], "must be a file", "rm {}"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_git_does_not_answer_for_is_refused_by_its_name(
    shop: Repository,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Repository], None],
    names: list[str],
    rule: str,
    fix: str,
) -> None:
    monkeypatch.chdir(shop.folder)
    spoil(shop)
    with pytest.raises(ImageFilesError) as error:
        image_files.read_image_files(shop.folder / "image")
    [found] = error.value.problems
    assert found.what.startswith(f"imageDir = {names!r}: ") and rule in found.what
    assert fix.replace("{}", " ".join(f"image/{name}" for name in names)) in found.fix


def test_what_was_left_out_of_a_sparse_checkout_is_missed(shop: Repository) -> None:
    sparse(shop)
    with pytest.raises(ImageFilesError, match=r"app/bin/start.* must be checked out: git was told to leave it out"):
        image_files.read_image_files(shop.folder / "image")


def test_outside_of_git_links_and_repositories_are_refused_too(shop: Repository, tmp_path: Path) -> None:
    there = tmp_path / "there"
    archive(shop, there)
    (there / "image" / "link").symlink_to("/etc")
    nested(Repository(there))
    with pytest.raises(ImageFilesError) as error:
        image_files.read_image_files(there / "image")
    assert [one.what.partition(":")[0] for one in error.value.problems] == [
        "imageDir = ['app/vendor']",
        "imageDir = ['link']",
    ]


def test_a_plan_refuses_all_of_it_at_once_with_what_to_type(shop: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop.folder)
    ignored(shop)
    for number in range(14):
        (shop.folder / "image" / f"link-{number:02d}").symlink_to("app")
    with pytest.raises(UserError) as error:
        select_source(reads(NoImages()), settings(), shop.folder, trust=Trust(region="eu-west-1"), now=NOW)
    said = str(error.value)
    assert "what is in imageDir (image) can't be baked; nothing was changed:" in said
    assert "imageDir = ['app/key.local', 'provision/extra/15-more.sh']: must not be ignored by git" in said
    assert "'link-09', '... and 4 more']: must not be a symbolic link" in said
    assert "type: git add --force image/app/key.local image/provision/extra/15-more.sh" in said


class NoImages:
    """An account without any image."""

    def get_paginator(self, _: str) -> NoImages:
        return self

    def paginate(self, **_: object) -> list[dict[str, list[object]]]:
        return [{"Images": []}]


def test_where_git_fails_the_plan_says_its_own_words(shop: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(UserError) as error:
        select_source(reads(NoImages()), settings(), shop.folder, trust=Trust(region="eu-west-1"), now=NOW)
    assert "git says: fatal: detected dubious ownership in repository at" in str(error.value)
    assert f"type: git config --global --add safe.directory {shop.folder}" in str(error.value)


def test_where_git_is_not_installed_a_checkout_is_refused_and_an_archive_is_not(
    shop: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = digest(shop.folder)
    archive(shop, tmp_path / "there")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(GitError, match="git is not installed"):
        image_files.read_image_files(shop.folder / "image")
    assert digest(tmp_path / "there") == wanted


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        image_files.read_image_files(tmp_path)
    with pytest.raises(FileNotFoundError):
        image_files.read_image_files(tmp_path / "missing")
