"""Tells which packages an image has, or what differs from another image. By hand only: no update runs it.

    sh steps/run packages --stack shop/dev --account 123456789012 --region eu-west-1 --service shop \\
        --image FINGERPRINT --compared-with ami-0123456789abcdef0

--format cyclonedx writes them as a software bill of materials (SBOM) instead, for scanners and whoever asks for one.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from core import images, package_store
from core import packages as inventory
from core.errors import StepError
from core.images import Image
from core.package_store import TAG, UnknownPackages
from core.packages import PackageList, Packages
from steps.image import sbom
from steps.runtime import command, parsers
from steps.runtime.command import Context
from steps.runtime.options import CommonOptions, option


def _format(text: str) -> str:
    return parsers.matching(text, "json|cyclonedx", "neither json nor cyclonedx")


@dataclass(frozen=True, kw_only=True)
class Options(CommonOptions):
    service: str = option("the service whose images they are", parse=parsers.non_empty)
    image: str = option("fingerprint or ami-... of an image", parse=parsers.non_empty)
    compared_with: str = option("fingerprint or ami-... of an older image; empty: all packages are told", default="")
    format: str = option("json, or cyclonedx", parse=_format, default="json")


def packages(options: Options, context: Context) -> dict[str, object]:
    ours = images.of_service(context.aws.ec2, options.service)
    image = images.select_pinned(ours, options.image, service=options.service)
    if options.format == "cyclonedx":
        return _bill(options, context, image)
    packages = _packages(options, context, image)
    if not options.compared_with:
        return {"image": image.id, "packages": {name: " and ".join(found) for name, found in packages.items()}}
    older = images.select_pinned(ours, options.compared_with, service=options.service)
    found = inventory.difference(_packages(options, context, older), packages)
    return {"image": image.id, "comparedWith": older.id, "difference": list(found.entries)}


def _bill(options: Options, context: Context, image: Image) -> dict[str, object]:
    if options.compared_with:
        raise StepError(
            "PHX-908",
            "a bill of materials is of one image",
            why="--compared-with names another",
            do="leave --compared-with out",
        )
    text = _text(options, context, image)
    return sbom.bill_of_materials(_named_system(image, inventory.parse_list(text)), image, text=text)


def _named_system(image: Image, listed: PackageList) -> PackageList:
    if not listed.kind:
        raise StepError(
            "PHX-909",
            f"the list of packages of {image.id} does not say of which system they are",
            why="it was baked by an older version of this program",
            do="the next bake of this image's scripts makes one that does",
        )
    return listed


def _packages(options: Options, context: Context, image: Image) -> Packages:
    return inventory.parse_packages(_text(options, context, image))


def _text(options: Options, context: Context, image: Image) -> str:
    try:
        return package_store.read_text(
            context.aws.ssm, service=options.service, image=image.id, hashed=image.tags.get(TAG, "")
        )
    except UnknownPackages as unknown:
        raise StepError(unknown.code, unknown.what, do="the next bake of this image's scripts makes one") from unknown


if __name__ == "__main__":
    sys.exit(command.run_step("packages", __doc__, Options, packages))
