"""An application's folder: it takes the place of app/ in the image that it names, and git answers for both."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core import image_base, image_files
from core.image_base import ImageFilesError
from plan.report import changelog
from plan.server_spec import image_fingerprint
from tests.support.factories import settings
from tests.support.repositories import Repository


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository with an image, and an application that is laid over it."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    made = Repository.begun(tmp_path / "shop")
    for path in ("phoenix.pkr.hcl", "provision/10-base.sh", "app/provision.sh", "app/ROOT/index.jsp"):
        made.write(f"image/{path}", f"sample {path}\n")
    made.write("apps/shop/base", "../../image\n")
    made.write("apps/shop/provision.sh", "shop\n")
    made.write("apps/shop/site/index.html", "hello\n")
    made.commit("Everything")
    return made


def digest(shop: Repository) -> str:
    return image_fingerprint(image_files.read_image_files(shop.folder / "apps/shop"), settings())


def test_the_application_takes_the_place_of_the_samples_and_nothing_else_of_the_image(shop: Repository) -> None:
    files = image_files.read_image_files(shop.folder / "apps/shop")
    assert sorted(files) == [
        "app/base",
        "app/provision.sh",
        "app/site/index.html",
        "phoenix.pkr.hcl",
        "provision/10-base.sh",
    ]
    assert files["app/provision.sh"][1] == b"shop\n"
    assert "app/ROOT/index.jsp" in image_files.read_image_files(shop.folder / "image")


def test_the_fingerprint_is_of_what_is_baked_wherever_it_stands(shop: Repository) -> None:
    before = digest(shop)
    shop.write("image/app/provision.sh", "another sample\n")
    assert digest(shop) == before, "what is not baked does not count"
    shop.write("image/provision/10-base.sh", "changed\n")
    changed = digest(shop)
    assert changed != before
    shop.write("apps/shop/site/index.html", "changed\n")
    assert digest(shop) != changed


@pytest.mark.parametrize("path", ["apps/shop/provision.sh", "image/provision/10-base.sh", "apps/shop/new"])
def test_an_image_is_clean_only_when_both_folders_are_as_committed(shop: Repository, path: str) -> None:
    folder = shop.folder / "apps/shop"

    def tree() -> str:
        return image_files.image_commit(folder, image_files.read_image_files(folder)).tree

    assert tree() == "clean"
    shop.write(path, "changed\n")
    assert tree() == "dirty"


def test_what_git_does_not_answer_for_is_refused_in_either_folder(shop: Repository) -> None:
    shop.write(".gitignore", "*.key\n")
    for place in ("image/provision", "apps/shop"):
        shop.write(f"{place}/a.key", "x")
        with pytest.raises(ImageFilesError, match=r"a\.key.*must not be ignored by git"):
            image_files.read_image_files(shop.folder / "apps/shop")
        (shop.folder / place / "a.key").unlink()


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ("", "must be the way to an image's folder: there is no phoenix.pkr.hcl in it."),
        ("../../nowhere", "must be the way to an image's folder"),
        ("../other", "must be the way to an image's folder"),
        (".", "must be the way to an image's folder"),
        ("../../../away", "must be the way to an image's folder: it is of another repository"),
    ],
)
def test_a_base_that_is_no_image_is_refused_with_what_to_type(shop: Repository, said: str, rule: str) -> None:
    shop.write("apps/other/base", "../shop\n")
    away = Repository.begun(shop.folder.parent / "away")
    away.write("phoenix.pkr.hcl", "")
    shop.write("apps/shop/base", said + "\n")
    with pytest.raises(ImageFilesError) as refused:
        image_files.read_image_files(shop.folder / "apps/shop")
    [found] = refused.value.problems
    assert found.code == "PHX-176" and found.what.startswith(f"base in imageDir = {said!r}: {rule}")
    assert found.fix.startswith("echo ../../image >")


def test_an_image_inside_its_application_is_refused(shop: Repository) -> None:
    shop.write("apps/shop/image/phoenix.pkr.hcl", "")
    shop.write("apps/shop/base", "image\n")
    with pytest.raises(ImageFilesError, match="one of the two is in the other"):
        image_base.find_base(shop.folder / "apps/shop")


def test_what_changed_is_told_of_both_folders_but_the_samples(shop: Repository) -> None:
    before = shop.git("rev-parse", "HEAD").strip()
    shop.write("image/app/provision.sh", "not ours\n")
    shop.commit("The sample alone")
    shop.write("image/provision/10-base.sh", "changed\n")
    shop.commit("The base")
    shop.write("apps/shop/provision.sh", "changed\n")
    shop.write("apps/shop/new.sh", "new\n")
    found = changelog.since(before, shop.folder / "apps/shop")
    assert [line.split("|")[0].strip() for line in found.files[:2]] == [
        "apps/shop/provision.sh",
        "image/provision/10-base.sh",
    ]
    assert " new.sh is new, in no commit yet" in found.files
    assert [line.split(" ", 1)[1] for line in found.commits] == ["The base"]
