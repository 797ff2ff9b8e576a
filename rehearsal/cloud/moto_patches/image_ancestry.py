"""GetImageAncestry, which moto does not know, and of which image and server an image says that it was made.

Sources: EC2 API reference, GetImageAncestry and Image; EC2 user guide, "Use AMI ancestry to trace the origin of an
AMI": CreateImage, CopyImage and CreateRestoreImageTask leave a source, RegisterImage none; the list ends at a public
image of amazon or aws-marketplace, and after 50 images.
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import InvalidAMIIdError
from moto.ec2.models import ec2_backends
from moto.ec2.models.amis import AmiBackend
from moto.ec2.responses.amis import AmisResponse

from rehearsal.cloud.moto_patches import (
    images,  # noqa: F401 - whose correction of CreateImage is inside this one
)
from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import CloudState

MOST = 50


@around(AmiBackend, "create_image")
def from_a_server(
    cloud: CloudState, original: Correction, backend: Any, instance_id: str, *more: Any, **named: Any
) -> Any:
    image = original(backend, instance_id, *more, **named)
    image.source_image_id = backend.get_instance(instance_id).image_id
    image.source_image_region = backend.region_name
    return image


def get_image_ancestry(self: Any) -> Any:
    self.error_on_dryrun()
    image = _find(self.region, self._get_param("ImageId"))
    if image is None:
        raise InvalidAMIIdError(self._get_param("ImageId"))
    found: list[dict[str, Any]] = []
    while image is not None and len(found) < MOST:
        source, region = getattr(image, "source_image_id", None), getattr(image, "source_image_region", None)
        owner = image.owner_alias if image.is_public else None
        ends = owner in ("amazon", "aws-marketplace")
        found.append(
            {
                "ImageId": image.id,
                "CreationDate": image.creation_date,
                "ImageOwnerAlias": owner,
                **({} if ends or not source else {"SourceImageId": source, "SourceImageRegion": region}),
            }
        )
        image = None if ends or not source else _find(region, source)
    return ActionResult({"ImageAncestryEntries": found})


def _find(region: Any, image: str) -> Any:
    """In whichever account it is."""
    return next(
        (one[region].amis[image] for one in ec2_backends.values() if region in one and image in one[region].amis), None
    )


if not hasattr(AmisResponse, "get_image_ancestry"):
    AmisResponse.get_image_ancestry = get_image_ancestry
