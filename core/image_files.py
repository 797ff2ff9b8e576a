"""Which files are the image: what git answers for below its folder. Both the fingerprint and the upload are of these.

In a checkout they are what git tracks, and what it would track (new files that it does not ignore): contents as they
are in the folder, and the executable bit as git has it, since not every file system has one. Outside of any checkout,
in an exported archive, they are all files. What git does not answer for is refused by its name: it would be uploaded
without a commit that says what it is, or change without a new fingerprint.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from core import git, image_base
from core.errors import Problem, problem
from core.fingerprint import Files
from core.image_base import ImageFilesError

# What systems and editors leave behind. Where git ignores it, it is no image's file.
LITTER = (".DS_Store", "Thumbs.db", "desktop.ini", "*~", "*.swp", "*.pyc")
# How files begin that are not here themselves, and what brings them.
POINTERS = {
    b"version https://git-lfs.github.com/spec/v1": "git lfs pull   (in CI: lfs: true in GitHub's checkout)",
    b"\0GITCRYPT\0": "git-crypt unlock",
}
SCRIPTS = (".sh", ".hcl")
NAMES = 10  # that a refusal tells; more are counted


@dataclass(frozen=True)
class Entry:
    """A line of git's index. `lines`: how its lines end in the index and in the folder, as `ls-files --eol` says."""

    mode: str
    stage: str
    sparse: bool
    lines: tuple[str, str]


@dataclass
class Folder:
    """What stands below a folder: regular files, and what is none."""

    files: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    repositories: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)


def read_image_files(folder: Path) -> Files:
    """The files of the image, whose folder this is, or its application's. It may be a link, what is in it may not.

    Raises `FileNotFoundError` when there are none, `ImageFilesError` with everything that is refused, `GitError` when
    git can't be asked about its own checkout.
    """
    base = image_base.find_base(folder)
    return _read(folder) if base is None else image_base.laid_over(_read(base), _read(folder))


def image_commit(folder: Path, files: Files) -> git.Commit:
    """The commit of the image's files, and whether all are as it has them. Raises as `read_image_files` does."""
    base = image_base.find_base(folder)
    if base is None:
        return git.image_commit(folder, files)
    parts = [git.image_commit(one, _read(one)) for one in (base, folder)]
    clean = all(part.tree == "clean" for part in parts)
    return git.Commit(commit=parts[0].commit, tree="clean" if clean else "dirty")


def _read(folder: Path) -> Files:
    """What git answers for below one folder. Raises as `read_image_files` does."""
    root = folder.resolve()
    there = _walked(root)
    tracked: Mapping[str, Entry] = {}
    fresh, has_modes = there.files, True
    if git.checkout(root):
        tracked = _tracked(root)
        fresh = _paths(git.answer(root, "ls-files", "-z", "--others", "--exclude-standard", "--", "."))
        has_modes = git.ask(root, "config", "--type=bool", "core.fileMode") != "false"
    here, unreadable = _contents(root, there.files & (tracked.keys() | fresh), has_modes=has_modes)
    files = {
        path: (tracked[path].mode == "100755" if path in tracked else executable, content)
        for path, (executable, content) in here.items()
    }
    unset = {path for path in files if has_modes and files[path][0] != here[path][0]}
    refusals = [
        *_no_files(folder, there, tracked, unreadable),
        *_no_answer(folder, there, tracked, fresh, unset),
        *_other_contents(folder, files, tracked),
    ]
    if refusals:
        raise ImageFilesError(
            *refusals, head=f"what is in imageDir ({_near(folder)}) can't be baked; nothing was changed:"
        )
    if not files:
        raise FileNotFoundError(f"there are no files in {folder}")
    return files


def _walked(root: Path) -> Folder:
    found = Folder()
    for place, folders, names in os.walk(root):
        here = Path(place)
        for name in [*folders, *names]:
            path = here / name
            below = path.relative_to(root).as_posix()
            if below == ".git":
                _leave(folders, name)
            elif path.is_symlink():
                found.links.add(below)
                _leave(folders, name)
            elif path.is_dir():
                if (path / ".git").exists():
                    found.repositories.add(below)
                    _leave(folders, name)
            else:
                (found.files if path.is_file() else found.others).add(below)
    return found


def _leave(folders: list[str], name: str) -> None:
    """What is taken out of the list is not walked."""
    if name in folders:
        folders[:] = [one for one in folders if one != name]


def _contents(root: Path, paths: Iterable[str], *, has_modes: bool) -> tuple[Files, set[str]]:
    """Whether each file is executable, and what is in it; and those that can't be read."""
    found, unreadable = {}, set()
    for path in sorted(paths):
        try:
            with (root / path).open("rb") as opened:
                found[path] = (has_modes and bool(os.fstat(opened.fileno()).st_mode & 0o100), opened.read())
        except OSError:
            unreadable.add(path)
    return found, unreadable


def _tracked(root: Path) -> dict[str, Entry]:
    found = {}
    for line in (git.answer(root, "ls-files", "-z", "-t", "--stage", "--eol", "--", ".") or b"").split(b"\0"):
        if line:
            kept, lines, path = line.split(b"\t", 2)
            tag, mode, _, stage = kept.decode().split()
            index, here, *_ = lines.decode().split()
            found[os.fsdecode(path)] = Entry(mode, stage, tag == "S", (index[2:], here[2:]))
    return found


def _paths(said: bytes | None) -> set[str]:
    return {os.fsdecode(path) for path in (said or b"").split(b"\0") if path}


def _no_files(folder: Path, there: Folder, tracked: Mapping[str, Entry], unreadable: set[str]) -> Iterator[Problem]:
    yield from _forbidden(
        "PHX-149",
        folder,
        there.repositories | {path for path, one in tracked.items() if one.mode == "160000"},
        "must not be another repository: this one's commits do not say what is in it",
        "git rm -r --cached {}, delete the .git in it, and git add {}   (or fetch what it holds in a script of"
        " provision/, by its exact version)",
    )
    yield from _forbidden(
        "PHX-148",
        folder,
        there.links | {path for path, one in tracked.items() if one.mode == "120000"},
        "must not be a symbolic link: what it leads to would change unseen",
        "rm {}, and put the files themselves there   (or make the link on the server, in a script of provision/)",
    )
    yield from _forbidden("PHX-150", folder, there.others, "must be a file (no socket, pipe or device)", "rm {}")
    yield from _forbidden("PHX-151", folder, unreadable, "must be a file that may be read", "chmod u+r {}")


def _no_answer(
    folder: Path, there: Folder, tracked: Mapping[str, Entry], fresh: set[str], unset: set[str]
) -> Iterator[Problem]:
    yield from _forbidden(
        "PHX-147",
        folder,
        {
            path
            for path in there.files - tracked.keys() - fresh
            if not any(fnmatch(path.rpartition("/")[2], one) for one in LITTER)
        },
        "must not be ignored by git: no commit says what is in it, and a change of it would go unnoticed",
        "git add --force {}   (or delete it; git check-ignore -v {} tells what ignores it)",
    )
    yield from _forbidden(
        "PHX-152",
        folder,
        {path for path, one in tracked.items() if one.stage != "0"},
        "must not be in a conflict",
        "git status   (resolve it, then git add {})",
    )
    yield from _forbidden(
        "PHX-153",
        folder,
        {path for path, one in tracked.items() if one.sparse} - there.files,
        "must be checked out: git was told to leave it out",
        "git sparse-checkout disable",
    )
    yield from _forbidden(
        "PHX-154",
        folder,
        {path for path in unset if path in tracked},
        "must be executable as git's index says, and is otherwise here",
        "git add {}   (where the file system has no such bit: git config core.fileMode false)",
    )


def _other_contents(folder: Path, files: Files, tracked: Mapping[str, Entry]) -> Iterator[Problem]:
    """Contents that depend on the checkout: one commit would have several fingerprints."""
    for begin, fix in POINTERS.items():
        yield from _forbidden(
            "PHX-155",
            folder,
            {path for path, (_, content) in files.items() if content.startswith(begin)},
            "must be the file itself, and only what stands for it is here",
            fix,
        )
    cr = ("crlf", "mixed")
    converted = {
        path for path in files if path in tracked and tracked[path].lines[1] in cr and tracked[path].lines[0] not in cr
    }
    yield from _forbidden(
        "PHX-156",
        folder,
        converted,
        "must have the ends of lines that git has (LF), and has CRLF here",
        "put `* text=auto eol=lf` into .gitattributes, commit it, then git rm -r -q --cached . && git reset --hard"
        "   (which throws away what is not committed)",
    )
    yield from _forbidden(
        "PHX-157",
        folder,
        {
            path
            for path, (_, content) in files.items()
            if path not in converted and b"\r\n" in content and (path.endswith(SCRIPTS) or content.startswith(b"#!"))
        },
        "must have lines that end with LF: a shell takes a CR for part of a word",
        "sed -i 's/\\r$//' {}",
    )


def _forbidden(code: str, folder: Path, paths: Iterable[str], rule: str, fix: str) -> Iterator[Problem]:
    """`{}` in what to type: the files' way from where the user stands."""
    found = sorted(paths)
    if not found:
        return
    place = _near(folder)
    named = [place / path for path in found] if len(found) <= NAMES else [place]
    shown = found if len(found) <= NAMES else [*found[:NAMES], f"... and {len(found) - NAMES} more"]
    typed = fix.replace("{}", " ".join(shlex.quote(str(path)) for path in named))
    yield problem(code, "imageDir", shown, rule, typed)


def _near(folder: Path) -> Path:
    """The way to a folder from where the user stands; where it would lead up, the whole path."""
    near = Path(os.path.relpath(folder))
    return folder if near.parts[:1] == ("..",) else near
