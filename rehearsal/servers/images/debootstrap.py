"""The vendor's base image, made once with debootstrap and kept in the user's cache by what it is made from."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import json
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from aiohttp import web

from rehearsal.servers import debs, runs
from rehearsal.servers.container.container import Container, Spec
from rehearsal.servers.container.sockets import EventLoopThread
from rehearsal.servers.images import base_images
from rehearsal.servers.images.profiles import PROFILES, Profile
from rehearsal.servers.network.archive_proxy import ArchiveProxy

Say = Callable[[str], None]
_HERE = Path(__file__).parent
_SCRIPT = _HERE / "vendor.sh"
MIRROR, SECURITY = "http://deb.debian.org/debian", "http://deb.debian.org/debian-security"


class BaseImageError(Exception):
    """The base image could not be made; the text says why, and where the log is."""


@dataclass(frozen=True, kw_only=True)
class BaseImageSpec:
    """What a base image is made from. `mirror` and `security` are http:// URIs; an image has updates of both."""

    base_image: str = "debian-12"
    mirror: str = MIRROR
    security: str = SECURITY
    packages: tuple[str, ...] = ()
    """Instead of those of the profile."""

    @property
    def profile(self) -> Profile:
        return PROFILES[self.base_image]

    @property
    def key(self) -> str:
        digest = hashlib.sha256(json.dumps([asdict(self), asdict(self.profile), _SCRIPT.read_text()]).encode())
        for file in sorted(path for folder in _folders(self.profile) for path in folder.rglob("*") if path.is_file()):
            digest.update(json.dumps([str(file.relative_to(_HERE)), file.stat().st_mode & 0o100]).encode())
            digest.update(file.read_bytes())
        return digest.hexdigest()[:16]

    @property
    def image(self) -> base_images.BaseImage:
        """The vendor's image that it plays."""
        return next(
            image
            for image in base_images.IMAGES
            if image.name.startswith(self.profile.image) and image.architecture == "x86_64"
        )


def _folders(profile: Profile) -> list[Path]:
    return [_HERE / "vendor" / profile.tree, *(_HERE / "packages" / name for name in profile.own_packages)]


def base_image_spec(*, base_image: str = "debian-12", mirror: str = "") -> BaseImageSpec:
    """With this host's own mirrors, where its apt has the suite; a given mirror wins. Raises BaseImageError."""
    if base_image not in PROFILES:
        raise BaseImageError(f"--base-image {base_image} is none of {', '.join(PROFILES)}")
    if mirror and not mirror.startswith("http://"):
        raise BaseImageError(f"--mirror {mirror} is not http://...: what is fetched is signed, and kept between runs")
    known, suite = _mirrors_of_this_host(), PROFILES[base_image].suite
    return BaseImageSpec(
        base_image=base_image,
        mirror=mirror or known.get(suite, MIRROR),
        security=known.get(f"{suite}-security", SECURITY),
    )


def _mirrors_of_this_host() -> dict[str, str]:
    """http:// URI by suite, of what the host's apt is configured to use."""
    try:
        said = subprocess.run(
            ["apt-get", "indextargets", "--format", "$(CREATED_BY) $(CODENAME) $(REPO_URI)"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return {}
    rows = [line.split(" ") for line in said.splitlines()]
    return {
        row[1]: row[2].rstrip("/")
        for row in rows
        if len(row) == 3 and row[0] == "Packages" and row[2].startswith("http://")
    }


def archive_folder() -> Path:
    return runs.cache() / "archive"


def _folder_of(recipe: BaseImageSpec) -> Path:
    return runs.cache() / "bases" / recipe.key


def root_folder(recipe: BaseImageSpec) -> Path:
    """The base image's root folder, whether it is there or not."""
    return _folder_of(recipe) / "root"


def is_cached(recipe: BaseImageSpec) -> bool:
    """Whether the cache has the base image."""
    return (_folder_of(recipe) / "recipe.json").is_file()


def ensure_cached(recipe: BaseImageSpec, say: Say) -> None:
    """Makes the base image when the cache lacks it. Raises BaseImageError and UnsafeFolderError."""
    runs.own_folder(runs.cache())
    place = _folder_of(recipe)
    place.parent.mkdir(parents=True, exist_ok=True)
    with _locked(place.parent / ".lock"):
        if not is_cached(recipe):
            say(f"base image: {recipe.base_image} is installed with debootstrap (once; kept in {place})")
            _build(recipe, place)


@contextlib.contextmanager
def _locked(lock: Path) -> Iterator[None]:
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _build(recipe: BaseImageSpec, place: Path) -> None:
    with runs.Run(runs.disks()) as run:
        folders = {name: run.folder / name for name in ("root", "work", "merged", "nothing")}
        for folder in folders.values():
            folder.mkdir()
            folder.chmod(0o755)
        tree = _tree(recipe, run.folder / "tree")
        log = run.folder / "log"
        profile = recipe.profile
        with serve_archive(archive_folder()) as proxy:
            command = [
                "env",
                f"http_proxy={proxy}",
                "sh",
                str(_SCRIPT),
                str(folders["merged"]),
                profile.suite,
                recipe.mirror,
                str(tree),
                " ".join(recipe.packages or profile.packages),
                " ".join(profile.enable),
                " ".join(profile.disable),
            ]
            container = Container(
                Spec(
                    lower=[str(folders["nothing"])],
                    upper=str(folders["root"]),
                    work=str(folders["work"]),
                    merged=str(folders["merged"]),
                    command=command,
                    console=str(log),
                    network=False,
                )
            )
            try:
                code = container.wait()
            finally:
                container.kill()
        if code != 0:
            kept = Path(tempfile.mkdtemp(prefix="phoenix-base-")) / "log"
            shutil.copy(log, kept)
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
            raise BaseImageError(f"the base image could not be made:\n{tail}\nread {kept}")
        # Left over by a run that was killed between the two renames.
        shutil.rmtree(place, ignore_errors=True)
        partial = run.folder / "done"
        partial.mkdir()
        folders["root"].rename(partial / "root")
        (partial / "recipe.json").write_text(json.dumps(asdict(recipe), indent=1))
        partial.rename(place)


def _tree(recipe: BaseImageSpec, folder: Path) -> Path:
    """The vendor's own files with this recipe's archives in them, and its own packages."""
    values = {"@SUITE@": recipe.profile.suite, "@MIRROR@": recipe.mirror, "@SECURITY@": recipe.security}
    shutil.copytree(_HERE / "vendor" / recipe.profile.tree, folder / "files")
    for file in (path for path in (folder / "files").rglob("*") if path.is_file()):
        text = file.read_text()
        for mark, value in values.items():
            text = text.replace(mark, value)
        file.write_text(text)
    (folder / "packages").mkdir()
    for name in recipe.profile.own_packages:
        (folder / "packages" / f"{name}.deb").write_bytes(debs.build_deb(_HERE / "packages" / name))
    return folder


@contextlib.contextmanager
def serve_archive(folder: Path) -> Iterator[str]:
    """The archive's cache as a proxy on this host's loopback, for what is installed without a machine."""
    loop, archive = EventLoopThread("archive"), ArchiveProxy(folder)
    listener = socket.create_server(("127.0.0.1", 0))

    async def begin() -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(web.Server(archive.handle), sock=listener)

    try:
        loop.run(begin())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        loop.run(archive.close())
    finally:
        listener.close()
        loop.close()


def clear_cache() -> list[str]:
    """Takes away everything that is kept in the cache; its folders' names."""
    found = [folder for folder in (runs.cache() / "bases", archive_folder()) if folder.exists()]
    for folder in found:
        shutil.rmtree(folder)
    return [str(folder) for folder in found]
