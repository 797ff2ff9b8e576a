"""Where the image of the servers comes from: it is here, is baked here, or is copied from whoever bakes.

The look-up in another account or region and its words are the step's own (core/image_sharing.py); here they become a
part of the rollout plan, or say before a launch why there is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from core import aws, image_base, image_sharing
from core.errors import Problem, StepError, UserError, problem
from core.image_sharing import AccountRegion
from core.images import Image
from core.names import shown
from plan import image_source
from plan.checks import encryption, packer_template, signing
from plan.config import user_data
from plan.config.settings import Settings
from plan.image_source import ImageSource
from plan.readers.live_state import Account
from plan.readers.reads import QUICK, Reads


def find_image_source(
    reads: Reads, settings: Settings, account: Account, folder: Path, *, now: datetime
) -> ImageSource:
    """The image that these settings ask for; `folder` is the project's. Raises `UserError`.

    What a launch alone would fail of is no error: `problems` says it.
    """
    if account.id in settings.image_shared_with:
        position = settings.image_shared_with.index(account.id)
        raise UserError(
            problem(
                "PHX-142",
                "imageSharedWith",
                list(settings.image_shared_with),
                f"must not name {account.id}: it is the stack's own account, which needs no sharing",
                f"pulumi config rm --path 'imageSharedWith[{position}]'",
            )
        )
    trust = signing.trust(reads, settings, region=account.region)
    found = image_source.select_source(reads, settings, folder, trust=trust, now=now)
    # A pinned image is of another commit, whose files are not here.
    image = folder / settings.image_dir
    names = [] if settings.image else list(unread_references(settings, image))
    if not found.needs_bake:
        return replace(found, problems=(*names, *found.problems))
    made = resolve_missing_image(reads, settings, found, account, now=now)
    variables = (
        list(packer_template.problems(settings, packer_template.read_template(image_base.find_base(image) or image)))
        if made.needs_bake
        else []
    )
    return replace(made, problems=(*names, *variables, *made.problems))


def unread_references(settings: Settings, folder: Path) -> Iterator[Problem]:
    """Names of secrets that nothing in the image's folder reads: the application would start without their values."""
    if not settings.references or not folder.is_dir():
        return
    name = user_data.SECRETS_PATH.encode()
    parts = [folder, *([base] if (base := image_base.find_base(folder)) else [])]
    if any(name in file.read_bytes() for part in parts for file in part.rglob("*") if file.is_file()):
        return
    variable, value = next(one for one in sorted(settings.environment.items()) if one[1] in settings.references)
    yield problem(
        "PHX-138",
        f"environment.{variable}",
        value,
        f"must be read by something in {settings.image_dir}: user data writes the"
        f" names of secrets to {user_data.SECRETS_PATH}, and no file there speaks of it",
        "take resolve_secrets.py and phoenix-secrets.service over from image/common (image/provision/35-secrets.sh)",
    )


def resolve_missing_image(
    reads: Reads, settings: Settings, found: ImageSource, account: Account, *, now: datetime
) -> ImageSource:
    """An image that is not here: how it is baked, or from where it is copied; `problems` say why it can't be."""
    made = copied_source(reads, settings, found, account, now=now) if settings.image_from else found
    if made.problems:
        return made
    refused = [encryption.key_problem(reads, settings, account), signing.key_problem(reads, settings)]
    return replace(made, problems=tuple(one for one in refused if one))


def copied_source(
    reads: Reads, settings: Settings, found: ImageSource, account: Account, *, now: datetime
) -> ImageSource:
    """From where it is copied."""
    place = image_sharing.parse_account_region(settings.image_from, region=settings.region)
    if (place.account, place.region) == (account.id, account.region):
        return _refused(
            found,
            problem(
                "PHX-327",
                "imageFrom",
                settings.image_from,
                f"must lead elsewhere: it is this stack's own {place}, where images are found by their tags",
                "pulumi config rm imageFrom",
            ),
        )
    try:
        image = _original(reads, settings, found, place, account, now=now)
    except StepError as error:
        return _refused(
            found,
            problem(
                "PHX-326",
                "imageFrom",
                settings.image_from,
                f"must lead to an image that can be copied: {error.title}; {error.why}",
                error.do,
            ),
        )
    except (BotoCoreError, ClientError) as error:
        return _refused(
            found,
            problem(
                "PHX-330",
                "imageFrom",
                settings.image_from,
                f"must be a place that can be asked for its images: {aws.error_reason(error)}",
                "allow ec2:DescribeImages and ec2:DescribeSnapshots there to whoever deploys",
            ),
        )
    return replace(
        found,
        fingerprint=image.fingerprint,
        needs_bake=False,
        gib=image.root_gib,
        description=f"{image.id} is copied from {place}: fingerprint {shown(image.fingerprint)},"
        f" {image_source.age(image, now)}; nothing is baked",
    )


def _original(
    reads: Reads,
    settings: Settings,
    found: ImageSource,
    place: AccountRegion,
    account: Account,
    *,
    now: datetime,
) -> Image:
    ec2 = reads.client("ec2", region_name=place.region, config=QUICK)
    image = image_sharing.select(
        signing.trust(reads, settings, region=place.region).judge_originals(
            image_sharing.list_shared(ec2, place, service=settings.service), found.fingerprint
        ),
        place,
        service=settings.service,
        fingerprint=found.fingerprint,
        account=account.id,
        max_age_days=0 if settings.image else settings.max_age_days,
        now=now,
    )
    image_sharing.check_copyable(
        ec2, reads.client("kms", region_name=place.region, config=QUICK), image, place, account=account.id
    )
    return image


def _refused(found: ImageSource, why: Problem) -> ImageSource:
    return replace(
        found,
        needs_bake=False,
        description="there is none, and nothing is baked here (imageFrom)",
        problems=(why,),
    )
