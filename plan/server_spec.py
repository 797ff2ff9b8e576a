"""What makes a server, as two hashes: the fingerprint of its image, and the generation of the whole.

Git alone decides both: no clock, no account and no newest base image takes part, so that equal commits and settings
have one fingerprint everywhere. Pure.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from core.fingerprint import Files
from core.fingerprint import fingerprint as of_image
from core.names import shown
from plan.config.egress import EVERYWHERE
from plan.config.settings import Settings
from plan.config.user_data import user_data

# As many hex digits has a generation.
GENERATION_DIGITS = 12
# Parts that a tag has only when they are set.
OPTIONAL = {"allowedEgress", "volumeKmsKey", "spotPercent"}
# The characters that the types of servers may take in a tag; more are told by the preferred one and a hash.
TYPES_ROOM = 40


@dataclass(frozen=True)
class ServerSpec:
    """Everything that makes a server. Two servers with equal server specs are the same server launched twice."""

    image: str  # the image's fingerprint
    instance_type: str  # several with + between, the preferred one first
    root_volume_gib: int
    port: int
    health: str  # the health check's path: a wrong one would kill the live servers one by one
    user_data: str  # hash of the user data, but for color and generation
    role: str  # hash of what the servers' role may do
    network: str  # hash of where the servers are
    egress: str = ""  # hash of where they may go; empty for everywhere
    disk_key: str = ""  # hash of the key of their disks; empty for the account's own
    spot: str = ""  # percent of Spot above how many on demand, as 50/1; empty for none

    @property
    def generation(self) -> str:
        """12 hex digits that change when any part does."""
        return _hash(f"{self.tag} {self.image}")

    @property
    def tag(self) -> str:
        """The parts in words, for the tag `phoenix:recipe`: at most 256 characters that a tag may have."""
        room = 32 if self.egress or self.disk_key or self.spot or "+" in self.instance_type else 64
        health = self.health if len(self.health) <= room and _taggable(self.health) else _hash(self.health)
        return (
            f"image={shown(self.image)} instanceType={self.instance_type} rootVolumeGiB={self.root_volume_gib}"
            f" appPort={self.port} healthCheckPath={health} environment={self.user_data[:8]}"
            f" role={self.role[:8]} network={self.network[:8]}"
            + (f" allowedEgress={self.egress[:8]}" if self.egress else "")
            + (f" volumeKmsKey={self.disk_key[:8]}" if self.disk_key else "")
            + (f" spotPercent={self.spot}" if self.spot else "")
        )


def server_spec(settings: Settings, fingerprint: str) -> ServerSpec:
    """What makes a server with these settings and this image."""
    return ServerSpec(
        image=fingerprint,
        instance_type=types_in_words(settings.instance_types),
        root_volume_gib=settings.root_volume_gib,
        port=settings.app_port,
        health=settings.health_check_path,
        user_data=_hash(user_data(settings, color="", generation="")),
        role=_hash(
            json.dumps(
                [
                    *settings.references,
                    *filter(None, [settings.permissions_boundary]),
                    *sorted(settings.policy_arns),
                    *settings.policy_statements,
                ]
            )
        ),
        egress="" if settings.allowed_egress == (EVERYWHERE,) else _hash(json.dumps(sorted(settings.allowed_egress))),
        disk_key=settings.volume_kms_key and _hash(settings.volume_kms_key),
        spot=f"{settings.spot_percent}/{settings.on_demand_base}" if settings.spot_percent else "",
        network=_hash(json.dumps([settings.vpc_id or settings.vpc_cidr, sorted(settings.server_subnet_ids)])),
    )


def types_in_words(types: Sequence[str]) -> str:
    """The types of servers as a tag has them."""
    every = "+".join(types)
    return every if len(every) <= TYPES_ROOM or len(types) == 1 else f"{types[0]}+{_hash(every)[:8]}"


def spec_changes(before: str, now: ServerSpec) -> list[str]:
    """What differs between a live group's tag and a spec: `["instanceType: t3.small -> t3.large"]`."""
    old = dict(part.split("=", 1) for part in before.split(" ") if "=" in part)
    new = dict(part.split("=", 1) for part in now.tag.split(" "))
    return [
        f"{key}: {old.get(key, 'none')} -> {new.get(key, 'none')}"
        for key in dict.fromkeys([*new, *(old.keys() & OPTIONAL)])
        if old.get(key) != new.get(key)
    ]


def image_fingerprint(files: Files, settings: Settings) -> str:
    """The fingerprint of the image that these settings ask for, over its files and the settings that a bake reads."""
    return of_image(
        files,
        base_image=settings.base_image,
        architecture=settings.architecture,
        variables=settings.packer_variables,
        travels=bool(settings.image_from or settings.image_shared_with),
    )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:GENERATION_DIGITS]


def _taggable(text: str) -> bool:
    return all(character.isalnum() or character in "+-._:/@" for character in text)
