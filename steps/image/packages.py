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
from steps.runtime import command, parsers
from steps.runtime.command import Context
from steps.runtime.options import CommonOptions, option


@dataclass(frozen=True, kw_only=True)
class Options(CommonOptions):
    service: str = option("the service whose images they are", parse=parsers.non_empty)
    image: str = option("fingerprint or ami-... of an image", parse=parsers.non_empty)
    compared_with: str = option("fingerprint or ami-... of an older image; empty: all packages are told", default="")


def packages(options: Options, context: Context) -> dict[str, object]:
    ours = images.of_service(context.aws.ec2, options.service)
    image = images.select_pinned(ours, options.image, service=options.service)
    packages = _packages(options, context, image)
    if not options.compared_with:
        return {"image": image.id, "packages": {name: " and ".join(found) for name, found in packages.items()}}
    older = images.select_pinned(ours, options.compared_with, service=options.service)
    found = inventory.difference(_packages(options, context, older), packages)
    return {"image": image.id, "comparedWith": older.id, "difference": list(found.entries)}


def _packages(options: Options, context: Context, image: Image) -> Packages:
    try:
        return package_store.read(
            context.aws.ssm, service=options.service, image=image.id, hashed=image.tags.get(TAG, "")
        )
    except UnknownPackages as unknown:
        raise StepError(str(unknown), do="the next bake of this image's scripts makes one") from unknown


if __name__ == "__main__":
    sys.exit(command.run_step("packages", __doc__, Options, packages))
