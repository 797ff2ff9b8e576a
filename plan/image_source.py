"""The images of a service, and which of them servers are launched from: reused, pinned, or yet to be baked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from core import image_files, images, revocation
from core.errors import Problem, StepError, UserError, problem
from core.fingerprint import Files
from core.git import GitError
from core.image_trust import Trust
from core.images import Image
from core.names import AMI, TYPED_FINGERPRINT, shown
from plan import estimates, vendor_support
from plan.config.settings import Settings
from plan.readers import findings
from plan.readers.reads import Reads
from plan.server_spec import image_fingerprint


@dataclass(frozen=True)
class ImageSource:
    """Where the image of the servers comes from."""

    fingerprint: str
    description: str  # for the rollout plan
    needs_bake: bool = False
    image_ids: tuple[str, ...] = ()  # ids of the images of the service that are there
    image: str = ""  # its id; empty when it is yet to be baked or copied
    is_shared: bool = False  # whether this stack shares any of the known with other accounts
    problems: tuple[Problem, ...] = ()  # why nobody can be launched from it
    gib: int = 0  # size of the image that is there, or is copied; 0: not known
    notes: tuple[str, ...] = ()  # what whoever chose it must know of what it is made of
    revoked: Mapping[str, str] = field(default_factory=dict, hash=False)  # of the images that are there: id -> in words


def known_images(reads: Reads, service: str) -> list[Image]:
    """The available images of a service in this account, newest first."""
    return images.list_available(reads.client("ec2"), service=service)


def select_source(reads: Reads, settings: Settings, folder: Path, *, trust: Trust, now: datetime) -> ImageSource:
    """The image that these settings ask for; `folder` is the project's. Raises `UserError`."""
    known = reads.ask(known_images, settings.service)
    return replace(
        _wanted(reads, known, settings, folder, trust=trust, now=now),
        image_ids=tuple(image.id for image in known),
        is_shared=any(image.shared_by == settings.identity for image in known),
        revoked={image.id: revocation.words(image) for image in known if image.revoked},
    )


def _wanted(
    reads: Reads, known: Sequence[Image], settings: Settings, folder: Path, *, trust: Trust, now: datetime
) -> ImageSource:
    if settings.image:
        return pinned_source(known, settings, trust)
    files = _files(settings, folder)
    # A copy is as good with any key; what is baked here may have to be shared.
    key = "" if settings.image_from else settings.image_kms_key
    wanted = image_fingerprint(files, settings)
    if revoked := images.find_revoked(known, wanted):
        return _revoked(revoked, settings)
    try:
        named = trust.judge(image for image in known if image.fingerprint == wanted)
    except StepError as error:
        unknown = "not known: nobody says which images are trusted"
        return ImageSource(wanted, unknown, problems=(_unproven(settings, error),))
    chosen = choose_source(named, wanted, settings.max_age_days, now, key=key)
    if why := findings.reason_to_bake(reads, settings, (one for one in known if one.id == chosen.image), now=now):
        chosen = ImageSource(wanted, f"baked from scratch: {why}", needs_bake=True)
    return replace(chosen, notes=vendor_support.notes(files, settings.base_image))


def _unproven(settings: Settings, error: StepError) -> Problem:
    """Why no server can be launched while images can't be proved, or the one that is named is not."""
    return problem(
        "PHX-170",
        "imageSigningKey",
        settings.image_signing_key,
        f"must prove the image that servers are launched from: {error.what}; {error.why}",
        error.do,
    )


def _files(settings: Settings, folder: Path) -> Files:
    try:
        return image_files.read_image_files(folder / settings.image_dir)
    except FileNotFoundError as missing:
        raise UserError(
            problem(
                "PHX-144",
                "imageDir",
                settings.image_dir,
                f"must hold the Packer template and its scripts; {missing}",
                "pulumi config set imageDir image",
            )
        ) from None
    except GitError as error:
        raise UserError(
            problem(
                "PHX-145",
                "imageDir",
                settings.image_dir,
                "must be a folder about which git can be asked, since its files decide"
                f" which image it is; {error.what}",
                error.do,
            )
        ) from None


def pinned_source(known: Sequence[Image], settings: Settings, trust: Trust) -> ImageSource:
    """The image that `image` names. Raises `UserError` when this service has none such."""
    try:
        image = images.find_pinned(known, settings.image)
    except StepError as ambiguous:
        raise UserError(
            problem(
                "PHX-161",
                "image",
                settings.image,
                f"must name one image; {ambiguous.what}: {ambiguous.why}",
                ambiguous.do,
            )
        ) from None
    if image is None and settings.image_from and TYPED_FINGERPRINT.fullmatch(settings.image):
        return ImageSource(settings.image, f"there is none with fingerprint {shown(settings.image)}", needs_bake=True)
    if image is None:
        there = ", ".join(f"{shown(image.fingerprint)} ({image.id})" for image in known[:5]) or "none"
        raise UserError(
            problem(
                "PHX-158",
                "image",
                settings.image,
                f"must be an image of the service {settings.service!r} in {settings.region} that is available;"
                f" there are: {there}",
                "pulumi config rm image   (bakes it from git; git revert brings old scripts back)",
            )
        )
    if revoked := images.find_revoked(known, image.fingerprint):
        return replace(_revoked(revoked, settings), image=image.id)
    refused: tuple[Problem, ...] = ()
    try:
        trust.require(image)
    except StepError as error:
        refused = (_unproven(settings, error),)
    how = "by its id" if AMI.fullmatch(settings.image) else "by its fingerprint"
    return ImageSource(
        image.fingerprint,
        f"{image.id}, pinned {how}, fingerprint {shown(image.fingerprint)}; nothing is baked",
        image=image.id,
        gib=image.root_gib,
        problems=refused,
    )


def _revoked(image: Image, settings: Settings) -> ImageSource:
    """No error yet: what serves with this fingerprint may go on, only a launch is refused."""
    key, value = ("image", settings.image) if settings.image else ("imageDir", settings.image_dir)
    why = revocation.error(image, stack=settings.stack, pinned=bool(settings.image))
    return ImageSource(
        image.fingerprint,
        f"{revocation.words(image)}; nobody is launched from it",
        problems=(
            problem(
                "PHX-162",
                key,
                value,
                f"must lead to an image that is not revoked: {revocation.words(image)}",
                why.do,
            ),
        ),
        gib=image.root_gib,
    )


def age(image: Image, now: datetime) -> str:
    """How old an image is, and who baked it ahead of the update that finds it."""
    seconds = max(0, round((now - image.baked_at).total_seconds()))
    by = f" by {image.baked_by}" if image.baked_by else ""
    if seconds < 86400:
        return f"baked {estimates.format_duration(seconds)} ago{by}"
    return f"{image.days(now):.1f} days old{by and f', baked{by}'}"


def choose_source(
    known: Sequence[Image], wanted: str, max_age_days: int, now: datetime, *, key: str = ""
) -> ImageSource:
    """Reuse of the newest image with the fingerprint that git gives, or a bake, and why. `key`: none other will do."""
    choice = images.choose_image(known, fingerprint=wanted, now=now, max_age_days=max_age_days, key=key)
    if isinstance(choice, images.Bake):
        return ImageSource(wanted, f"baked from scratch: {choice.why}", needs_bake=True)
    found = choice.image
    return ImageSource(
        wanted,
        f"{found.id} is reused: fingerprint {shown(wanted)}, {age(found, now)}; nothing is baked",
        image=found.id,
        gib=found.root_gib,
    )
