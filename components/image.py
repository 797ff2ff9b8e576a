"""The machine image of one color: found by its fingerprint, baked from the vendor's base by the scripts in git, or
copied from the account and region that bake."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_command as command

from components.step_command import step_command
from core.names import TYPED_FINGERPRINT
from core.release_record import taggable
from plan.config.settings import Settings
from plan.group_key import GroupKey
from plan.image_source import ImageSource
from plan.readers.live_state import Account


@dataclass(frozen=True, kw_only=True)
class ImageArgs:
    """Which image, and how it comes to be.

    `service` whose image it is; `fingerprint` (of what git says the image is) and `pinned` (a
    fingerprint or ami- id that must exist, or empty); `folder` of the Packer template; `base_image`; `architecture`
    (x86_64 or arm64); `packer_variables`; `copied_from` (ACCOUNT or ACCOUNT/REGION: it is copied, never baked here);
    `kms_key` (its ARN; none: not encrypted; empty: the account's default key); `signing_key` (the ARN of the key that
    proves images; empty: their tags do); `max_age_days` (an older image is baked anew; 0: no limit); `live_image`
    (ami-, or empty) that packages are compared with; `max_severity` (the highest of a vulnerability with a fix that is
    launched; off: nobody looks); `notify_topic` (the ARN of a topic of SNS that is told; empty: none).
    """

    service: str
    fingerprint: str
    pinned: str = ""
    folder: str = "image"
    base_image: str
    architecture: str
    packer_variables: Mapping[str, str | Sequence[str]]
    copied_from: str = ""
    kms_key: str = ""
    signing_key: str = ""
    max_age_days: int
    live_image: str = ""
    max_severity: str = "off"
    notify_topic: str = ""

    @classmethod
    def wanted(cls, settings: Settings, source: ImageSource, *, live_image: str = "") -> ImageArgs:
        """What settings ask for. A pinned fingerprint is the one with all its digits, as the plan has found it."""
        pinned = source.fingerprint if TYPED_FINGERPRINT.fullmatch(settings.image) else settings.image
        return cls(
            service=settings.service,
            fingerprint=source.fingerprint,
            pinned=pinned,
            folder=settings.image_dir,
            base_image=settings.base_image,
            architecture=settings.architecture,
            packer_variables=settings.packer_variables,
            copied_from=settings.image_from,
            kms_key=settings.image_kms_key,
            signing_key=settings.image_signing_key,
            max_age_days=settings.max_age_days,
            live_image=live_image,
            max_severity=settings.severity_limit,
            notify_topic=settings.notify_topic_arn,
        )

    @property
    def step(self) -> str:
        """The step that finds it, or makes it: `bake` or `copy`."""
        return "copy" if self.copied_from else "bake"

    def environment(self, subnet_id: pulumi.Input[str]) -> dict[str, pulumi.Input[str]]:
        """As options of the step that finds, bakes or copies it."""
        wanted: dict[str, pulumi.Input[str]] = {
            "fingerprint": self.fingerprint,
            "image": self.pinned,
            "kms_key": self.kms_key,
            "signing_key": self.signing_key,
            "max_age_days": str(self.max_age_days),
            "live_image": self.live_image,
            "max_severity": self.max_severity,
            **({"notify_topic": self.notify_topic} if self.notify_topic else {}),
        }
        if self.copied_from:
            return {**wanted, "image_from": self.copied_from}
        return {
            **wanted,
            "image_dir": self.folder,
            "base_image": self.base_image,
            "architecture": self.architecture,
            "subnet_id": subnet_id,
            "packer_variables": json.dumps(dict(sorted(self.packer_variables.items()))),
        }


class MachineImage(pulumi.ComponentResource):
    """The step `bake` or `copy` as a resource; it runs once for each attempt at a generation's launch.

    Inputs: `color`; `image`; `subnet_id` for Packer's build instance, with a way to the internet.

    Outputs: `id` (ami-), `root_device` (its name), `baked_at` (ISO 8601, UTC), `commit`, `base` (ami-); `said`, all of
    that and more, and `tags`, the same for what is made from it; `packages` (how many there are, the hash of their
    list, and the difference to what was live when it was baked or found).
    """

    def __init__(
        self,
        name: str,
        *,
        color: GroupKey,
        account: Account,
        image: ImageArgs,
        subnet_id: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("phoenix:index:MachineImage", name, {"generation": color.generation}, opts)
        self._name, self._about, self._account = name, {"stack": color.stack, "service": image.service}, account
        # Frozen: a command whose inputs change in place loses its recorded output. Its replacement takes what the
        # program says then. Its name is the same for every generation: with `--target` the engine leaves a new one
        # unmade, and writes it down nevertheless for what hangs on it, in a state that it refuses from then on.
        bake = step_command(
            f"{name}-bake",
            run=image.step,
            account=account,
            environment={**self._about, **image.environment(subnet_id)},
            triggers=[],
            # Each attempt at a launch looks again: what an earlier one found may be deregistered since.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["*"], replacement_trigger=color.trigger),
        )
        self._read(bake.stdout.apply(json.loads))
        self.register_outputs({"id": self.id, "bakedAt": self.baked_at, "commit": self.commit, "base": self.base})

    def _read(self, result: pulumi.Output[dict[str, Any]]) -> None:
        """The outputs, from what the step said."""
        self.id: pulumi.Output[str] = result["image"]
        self.root_device: pulumi.Output[str] = result["rootDevice"]
        self.baked_at: pulumi.Output[str] = result["bakedAt"]
        self.commit: pulumi.Output[str] = result["commit"]
        self.base: pulumi.Output[str] = result["base"]
        # A bake that an older version of this program recorded says nothing about packages.
        self.packages: pulumi.Output[dict[str, Any]] = result.apply(lambda said: said.get("packages", {}))
        # An image that was baked before its date was noted has none.
        self.baked: pulumi.Output[dict[str, str]] = result.apply(
            lambda said: {
                "image": said["image"],
                "baked_at": said["bakedAt"],
                "commit": said["commit"],
                "tree": said["tree"],
                "base": said["base"],
                "base_name": taggable(said["baseName"]),
                "base_date": said.get("baseDate", ""),
            }
        )
        self.tags = {
            key: self.baked[key] for key in ("image", "baked_at", "commit", "tree", "base", "base_name", "base_date")
        }

    def share(self, accounts: Sequence[str], *, after: Sequence[pulumi.Resource]) -> command.local.Command:
        """Lets other accounts copy this image, and those that were shared before; with no account, takes it back."""
        return step_command(
            f"{self._name}-share",
            run="share",
            account=self._account,
            environment={**self._about, "image": self.id, "shared_with": json.dumps(list(accounts))},
            triggers=[self.id, json.dumps(list(accounts))],
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
        )
