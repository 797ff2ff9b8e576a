"""An application's folder: its files take the place of app/ in an image's folder, which its file `base` names.

So several applications share the template and the scripts of one image, and each has a fingerprint of its own: that is
of all the files that are baked, wherever they stand.
"""

from __future__ import annotations

from pathlib import Path

from core import git
from core.errors import UserError, problem
from core.fingerprint import Files

BASE = "base"
APP = "app/"
TEMPLATE = "phoenix.pkr.hcl"


class ImageFilesError(UserError):
    """What stands in an image's folder and can't be of it."""


def find_base(folder: Path) -> Path | None:
    """The image's folder that an application's folder names; None for an image's folder itself.

    Raises `ImageFilesError` when there is no such, `GitError` when git can't be asked.
    """
    file = folder / BASE
    if not file.is_file():
        return None
    said = file.read_text(encoding="utf-8", errors="replace").strip()
    base = (folder.resolve() / said).resolve()
    if why := _broken(folder.resolve(), said, base):
        raise ImageFilesError(
            problem(
                "PHX-176",
                f"{BASE} in imageDir",
                said,
                f"must be the way to an image's folder: {why}",
                f"echo ../../image >{file}   (the way from {folder.name} to the folder with {TEMPLATE})",
            )
        )
    return base


def application(folder: Path) -> Path:
    """Where the application's files are, for an image's folder and for an application's."""
    return folder if (folder / BASE).is_file() else folder / APP


def laid_over(base: Files, own: Files) -> Files:
    """The files of an image whose application is another."""
    kept = {path: file for path, file in base.items() if not path.startswith(APP)}
    return {**kept, **{APP + path: file for path, file in own.items()}}


def _broken(folder: Path, said: str, base: Path) -> str:
    if not said or not (base / TEMPLATE).is_file() or (base / BASE).exists():
        return f"there is no {TEMPLATE} in it"
    if base.is_relative_to(folder) or folder.is_relative_to(base):
        return "one of the two is in the other"
    if git.checkout(base) != git.checkout(folder):
        return "it is of another repository, and one commit says what is in an image"
    return ""
