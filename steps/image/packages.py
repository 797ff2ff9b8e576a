"""Tells which packages an image has, or what differs from another image. By hand only: no update runs it.

    sh steps/run packages --stack shop/dev --account 123456789012 --region eu-west-1 --service shop \\
        --image FINGERPRINT --compared-with ami-0123456789abcdef0
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from core import images, package_store
from core import packages as inventory
from core.errors import StepError
from core.images import Image
from core.package_store import TAG, UnknownPackages
from core.packages import Packages
from steps.runtime import command, options
from steps.runtime.command import Context
from steps.runtime.options import option


@dataclass(frozen=True, kw_only=True)
class Given(options.Common):
    service: str = option("the service whose images they are", parse=options.named)
    image: str = option("fingerprint or ami-... of an image", parse=options.named)
    compared_with: str = option("fingerprint or ami-... of an older image; empty: all packages are told", default="")


def told(given: Given, context: Context) -> dict[str, object]:
    ours = images.of_service(context.aws.ec2, given.service)
    image = images.pinned(ours, given.image, service=given.service)
    packages = _packages(given, context, image)
    if not given.compared_with:
        return {"image": image.id, "packages": {name: " and ".join(found) for name, found in packages.items()}}
    older = images.pinned(ours, given.compared_with, service=given.service)
    found = inventory.difference(_packages(given, context, older), packages)
    return {"image": image.id, "comparedWith": older.id, "difference": list(found.entries)}


def _packages(given: Given, context: Context, image: Image) -> Packages:
    try:
        return package_store.read(
            context.aws.ssm, service=given.service, image=image.id, hashed=image.tags.get(TAG, "")
        )
    except UnknownPackages as unknown:
        raise StepError(str(unknown), do="the next bake of this image's scripts makes one") from unknown


if __name__ == "__main__":
    sys.exit(command.main("packages", __doc__, Given, told))
