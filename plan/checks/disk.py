"""A server's disk against the image that it is made from: EC2 launches nothing on a disk that is smaller. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from core.errors import Problem, problem
from plan.config.settings import Settings
from plan.image_source import ImageSource
from plan.readers.account_limits import AccountLimits


def problems(s: Settings, source: ImageSource, limits: AccountLimits) -> Iterator[Problem]:
    """What a launch would fail of; a size that is not known fails nothing."""
    size, whose = source.gib, f"the image {source.image}" if source.image else "the image that is copied"
    if source.needs_bake:
        base, said = limits.base or 0, s.packer_variables.get("root_gib", "")
        asked = int(said) if isinstance(said, str) and said.isdigit() else 0
        if 0 < asked < base:
            yield problem(
                "PHX-309",
                "packerVariables.root_gib",
                asked,
                f"must be at least {base} GiB, the size of baseImage ({s.base_image})",
                "pulumi config rm --path packerVariables.root_gib   (then it is that)",
            )
        size, whose = max(asked, base), "the image that is baked"
    if size > s.root_volume_gib:
        yield problem(
            "PHX-308",
            "rootVolumeGiB",
            s.root_volume_gib,
            f"must be at least {size} GiB, the size of {whose}: no disk can be smaller than its image",
            f"pulumi config set rootVolumeGiB {size}",
        )


def key_problems(s: Settings, limits: AccountLimits) -> Iterator[Problem]:
    """A key that Auto Scaling can't use launches no server: each ends at once (Client.InvalidKMSKey.InvalidState)."""
    if limits.volume_key:
        yield problem(
            "PHX-357",
            "volumeKmsKey",
            s.volume_kms_key,
            f"must be a key under which Auto Scaling can launch servers; {limits.volume_key}",
            'let its policy say so (EC2 Auto Scaling user guide, "Required AWS KMS key policy for use with encrypted'
            ' volumes"), or pulumi config set volumeKmsKey ANOTHER',
        )
