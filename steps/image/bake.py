"""Finds the image that git describes, or has Packer bake it from the vendor's base image.

An image of this account with the same fingerprint saves the bake, unless it is older than --max-age-days. One that
somebody else is baking at this moment is waited for. --image names one that must exist: then nothing is baked.

Packer is given the very bytes that were hashed: they are written into a folder of their own in .packer/, which holds
nothing else, and where its relative paths lead. Its whole output is kept beside it.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core import base_images, images, kms, vulnerabilities
from core.base_images import BaseImage
from core.errors import StepError
from core.fingerprint import Files
from core.git import Commit
from core.images import Image
from core.release_events import Release
from steps.image import ancestry, package_listing, packer, reuse, scan, signing, upload
from steps.image.packer import Packer
from steps.image.packer_output import PackerOutput
from steps.image.reuse import WantedImage
from steps.runtime import command as common
from steps.runtime import notices, parsers, polling
from steps.runtime.command import Context
from steps.runtime.options import option

# Scripts, a stopped instance and an encrypted snapshot usually take 10 minutes.
BAKE_SECONDS = 3600.0
INSTANCE_TYPES = {"x86_64": "t3.small", "arm64": "t4g.small"}
# What decides which image this is: the user's own Packer variables don't.
RESERVED = ("ami_name", "image_dir", "manifest", "packages", "region", "source_ami", "tags")


def _architecture(text: str) -> str:
    if text not in INSTANCE_TYPES:
        raise ValueError("neither x86_64 nor arm64")
    return text


def _variables(text: str) -> str:
    reserved = sorted(set(parsers.json_object(text)) & set(RESERVED))
    if reserved:
        raise ValueError(f"the bake itself decides {', '.join(reserved)}")
    return text


def _who(text: str) -> str:
    # What a tag of EC2's may be made of.
    return (
        text
        if not text
        else parsers.matching(text, r"[\w .:/@+-]{1,100}", "not 1 to 100 letters, digits, spaces and . : / @ + - _")
    )


@dataclass(frozen=True, kw_only=True)
class Options(WantedImage):
    image_dir: str = option("folder of the Packer template", parse=parsers.non_empty, default="image")
    base_image: str = option(
        f"{', '.join(base_images.VENDORS)}, an SSM parameter (/...) or ami-...", parse=base_images.parse_name
    )
    architecture: str = option("x86_64 or arm64", parse=_architecture, default="x86_64")
    packer_variables: str = option("JSON object of variables for the template", parse=_variables, default="{}")
    image: str = option("fingerprint or ami-... of an image that must exist; no bake", default="")
    subnet_id: str = option("where the build instance runs; empty: the default VPC", default="")
    instance_type: str = option("of the build instance; empty: t3.small or t4g.small", default="")
    kms_key: str = option(
        "ARN of the key that encrypts the image; none: not encrypted; empty: the account's own default",
        default="",
        parse=kms.parse_key,
        foreign=True,
    )
    baked_by: str = option(
        "who bakes it ahead of the update that finds it, as in `pull request 42`; empty: an update does",
        parse=_who,
        default="",
    )


def bake(options: Options, context: Context) -> Mapping[str, object]:
    with notices.refusing(context, Release(stack=options.stack), why=False):
        return _bake(options, context)


def _bake(options: Options, context: Context) -> Mapping[str, object]:
    ec2 = context.aws.ec2
    trust = reuse.trust(options, context)
    if options.image:
        return reuse.result(options, context, reuse.pinned(options, context, options.image, trust), baked=False)
    found = reuse.find_existing(
        options, context, otherwise="baked", seconds=BAKE_SECONDS, key=options.kms_key, trust=trust
    )
    if found is not None and not _outdated(options, context, found):
        return reuse.result(options, context, found, baked=False)
    # What can be wrong without AWS is told before anything is asked of it.
    program = packer.installed()
    upload.refuse_unseen(os.environ)
    files, source = upload.read_hashed_files(
        Path(options.image_dir),
        fingerprint=options.fingerprint,
        base_image=options.base_image,
        architecture=options.architecture,
        variables=parsers.json_object(options.packer_variables),
    )
    templates = upload.templates(files)
    packer.refuse_other(program, templates)
    upload.refuse_undeclared(files, parsers.json_object(options.packer_variables))
    packer.refuse_without_sessions(
        str(parsers.json_object(options.packer_variables).get("session_manager_profile", ""))
    )
    base = base_images.find_base_image(
        ec2, context.aws.ssm, options.base_image, account=options.account, architecture=options.architecture
    )
    refuse_key(options, context)
    signing.refuse_key(trust, account=options.account)
    ancestry.refuse_ours(context, base.id)
    made = baked(options, context, program, base, files, source)
    ancestry.refuse_other_base(context, made, base=base.id)
    # With its list, which is signed, and of which a refusal tells versions.
    made = signing.signed(trust, package_listing.attach_list(context, made, service=options.service), context)
    scan.let_through(context, made, scan.judge(context, made, options), options)
    return reuse.result(options, context, made, baked=True)


def _outdated(options: Options, context: Context, image: Image) -> bool:
    """Whether a bake of the same scripts may mend what an image is refused for. Raises StepError when it can't."""
    found = scan.judge(context, image, options)
    bad = scan.refused(found, options)
    if bad and vulnerabilities.bake_helps(image, context.clock.utc()):
        context.progress.line(f"an image is baked: {image.id} has {len(bad)} vulnerabilities that there is a fix of")
        return True
    scan.let_through(context, image, found, options)
    return False


def baked(options: Options, context: Context, program: Packer, base: BaseImage, files: Files, source: Commit) -> Image:
    """Has Packer bake it, and looks at what came out. Raises StepError with the end of Packer's log's name."""
    work = Path.cwd() / ".packer"
    work.mkdir(exist_ok=True)
    clock = context.clock
    name, log = packer.claimed(work, lambda: images.name(options.service, options.fingerprint, clock.utc()), clock)
    tags = images.tags(
        service=options.service,
        stack=options.stack,
        fingerprint=options.fingerprint,
        base=base.id,
        base_name=base.name,
        base_date=base.created,
        commit=source.commit,
        tree=source.tree,
        baked_at=images.named_time(name),
        kms_key=options.kms_key,
        baked_by=options.baked_by,
    )
    manifest = work / f"{name}.manifest.json"
    staged, given = work / name, work / f"{name}.pkrvars.json"
    variables = packer_variables(options, base, name=name, tags=tags, manifest=manifest, folder=staged)

    progress = context.progress.bounded(BAKE_SECONDS)
    progress.line(f"{program} bakes {name} from {base.id} ({base.name}); its log is {log}")
    try:
        upload.stage(files, staged)
        packer.write_variables(variables, given)
        _packer([program.program, "init", str(staged)], staged, log, context)
        _packer(
            [program.program, "build", "-color=false", f"-var-file={given}", str(staged)],
            staged,
            log,
            context,
        )
    finally:
        shutil.rmtree(staged, ignore_errors=True)
        given.unlink(missing_ok=True)

    image_id = packer.built_image(manifest, region=options.region)

    def right() -> Image:
        found = images.find_images(context.aws.ec2, {"image-id": image_id})
        if problem := images.image_problem(found, image_id, tags):
            raise StepError("PHX-418", "Packer ended well, but its image is not right", why=problem, do=f"read {log}")
        progress.line(f"{image_id} is baked")
        return found[0]

    return polling.retry_until_visible(right, progress)


def _packer(command: list[str], folder: Path, log: Path, context: Context) -> None:
    what = f"packer {command[1]}"
    do = f"read {log}; mend the scripts and run `pulumi up` again (nothing that serves was touched)"
    output = PackerOutput(str(folder))
    try:
        code = packer.run(
            command, folder=folder, log=log, progress=context.progress.bounded(BAKE_SECONDS), output=output
        )
    except TimeoutError as error:
        raise StepError("PHX-414", f"{what} took too long", why=str(error), do=do) from error
    if code != 0:
        raise StepError("PHX-413", f"{what} failed with exit code {code}", why=output.failure()[:2000], do=do)


def packer_variables(
    options: Options,
    base: BaseImage,
    *,
    name: str,
    tags: Mapping[str, str],
    manifest: Path,
    folder: Path,
) -> dict[str, object]:
    """All variables of the template; the user's own win, but for the reserved ones (see `_variables`).

    `folder`: of the image's files, where Packer runs.
    """
    theirs = parsers.json_object(options.packer_variables)
    user = base_images.ssh_username(base, base_image=options.base_image)
    if user is None and "ssh_username" not in theirs:
        raise StepError(
            "PHX-412",
            f"nobody knows whom the base image {base.id} ({base.name}) lets in",
            do="say it: pulumi config set --path packerVariables.ssh_username NAME",
        )
    return {
        "ssh_username": user or "",
        "instance_type": options.instance_type or INSTANCE_TYPES[options.architecture],
        "subnet_id": options.subnet_id,
        "root_device": base.root_device,
        **({"root_gib": base.root_gib} if base.root_gib else {}),
        **theirs,
        **_encryption(options.kms_key),
        "region": options.region,
        "source_ami": base.id,
        "ami_name": name,
        "tags": dict(sorted(tags.items())),
        "manifest": str(manifest),
        "packages": str(package_listing.file(name)),
        "image_dir": str(folder.absolute()),
    }


def _encryption(key: str) -> dict[str, object]:
    if not key:
        return {}
    return {"encrypted": False} if key == kms.NONE else {"kms_key_id": key}


def refuse_key(options: Options, context: Context) -> None:
    """Raises StepError for a key that the image can't be encrypted with: AWS would end the build instance for it."""
    if options.kms_key in ("", kms.NONE):
        return
    problem = kms.key_problem(context.aws.kms, options.kms_key, chosen=True)
    if problem:
        raise StepError(
            "PHX-416",
            f"the image can't be encrypted with {options.kms_key}",
            why=problem,
            do=f"let account {options.account} use the key ({', '.join(kms.ACTIONS)}), or name another as imageKmsKey",
        )


if __name__ == "__main__":
    sys.exit(common.run_step("bake", __doc__, Options, bake))
