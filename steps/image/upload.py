"""What a bake uploads: the very bytes that were hashed, and nothing beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from core import fingerprint as hashing
from core import git, image_files
from core.errors import StepError
from core.fingerprint import Files
from core.image_base import ImageFilesError
from core.names import shown
from steps.image import packer

# How a variable is declared in HCL.
DECLARED = re.compile(r'^\s*variable\s+"?([\w-]+)"?\s*\{', re.MULTILINE)


def read_hashed_files(
    folder: Path, *, fingerprint: str, base_image: str, architecture: str, variables: Mapping[str, object]
) -> tuple[Files, git.Commit]:
    """The files of an image with this fingerprint, and which commit they are of.

    Raises StepError when `folder` holds others than the plan has seen, or what can't be baked.
    """
    try:
        files = image_files.read_image_files(folder)
        source = image_files.image_commit(folder, files)
    except FileNotFoundError as missing:
        raise StepError(
            "PHX-407", "there is nothing to bake", why=str(missing), do="pulumi config set imageDir FOLDER"
        ) from missing
    except git.GitError as error:
        raise StepError(
            "PHX-408", f"git can't be asked which files of {folder} are the image", why=error.title, do=error.do
        ) from error
    except ImageFilesError as error:
        raise StepError(
            "PHX-409",
            f"what is in {folder} can't be baked",
            why="\n".join(one.title for one in error.problems),
            do="\n".join(one.fix for one in error.problems),
        ) from error
    if packer.TEMPLATE not in files:
        raise StepError(
            "PHX-406",
            f"there is no Packer template {folder / packer.TEMPLATE}",
            do="pulumi config set imageDir FOLDER (the default is image)",
        )
    # Nobody says here whether the image goes to another account; either way each byte of the files counts.
    known = [
        hashing.fingerprint(
            files, base_image=base_image, architecture=architecture, variables=variables, travels=travels
        )
        for travels in (False, True)
    ]
    if fingerprint not in known:
        raise StepError(
            "PHX-410",
            f"the files of {folder} are not those of the fingerprint {shown(fingerprint)}",
            why=f"theirs is {shown(known[0])}: a file, the base image, the architecture or a Packer variable changed"
            " since then",
            do="run `pulumi up` again: its plan reads them anew",
        )
    return files, source


def templates(files: Files) -> str:
    """The text of an image's Packer templates."""
    return "\n".join(
        content.decode("utf-8", "replace")
        for path, (_, content) in sorted(files.items())
        if "/" not in path and path.endswith(".pkr.hcl")
    )


def refuse_unseen(environment: Mapping[str, str]) -> None:
    """Raises StepError for variables of the template that come past the configuration, and so past the fingerprint."""
    names = sorted(name.removeprefix(packer.UNSEEN) for name in environment if name.startswith(packer.UNSEEN))
    if names:
        unseen = [packer.UNSEEN + name for name in names]
        raise StepError(
            "PHX-411",
            f"{', '.join(unseen)} in the environment would change the image, and not its fingerprint",
            do=f"unset {' '.join(unseen)}\n"
            + "\n".join(f"pulumi config set --path packerVariables.{name} VALUE" for name in names),
        )


def refuse_undeclared(files: Files, variables: Iterable[str]) -> None:
    """Raises StepError for variables that no template declares: Packer only warns of those in a file.

    Templates in JSON are not read; there may be more in them.
    """
    if any(path.endswith(".pkr.json") for path in files):
        return
    declared = set(DECLARED.findall(templates(files)))
    if unknown := sorted(set(variables) - declared):
        raise StepError(
            "PHX-429",
            f"the image's templates have no variable {', '.join(unknown)}",
            why=f"they declare {', '.join(sorted(declared)) or 'none'}",
            do="\n".join(f"pulumi config rm --path packerVariables.{name}   (or declare it there)" for name in unknown),
        )


def stage(files: Files, folder: Path) -> None:
    """Writes an image's files below a new folder, with modes that no umask has a say in."""
    folder.mkdir()
    for path, (executable, content) in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(0o755 if executable else 0o644)
    for place in (folder, *(one for one in folder.rglob("*") if one.is_dir())):
        place.chmod(0o755)
