"""DescribeImageReferences, which moto does not know: instances and launch templates that name an image.

Sources: EC2 API reference, DescribeImageReferences and ResourceTypeOption; "Identify your resources referencing
specified AMIs" in EC2's user guide.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.responses.amis import AmisResponse

IMAGES = 10  # of one call
DEPTH = 10  # versions of a launch template, the newest first, that are looked at unless the caller says how many
KINDS = {
    "ec2:Instance",
    "ec2:LaunchTemplate",
    "ssm:Parameter",
    "imagebuilder:ImageRecipe",
    "imagebuilder:ContainerRecipe",
}


def describe_image_references(self: Any) -> Any:
    images, asked = self._get_param("ImageIds", []), self._get_param("ResourceTypes", [])
    kinds = {one["ResourceType"]: one.get("ResourceTypeOptions", []) for one in asked}
    if not 0 < len(images) <= IMAGES or not kinds or not kinds.keys() <= KINDS:
        raise EC2ClientError("InvalidParameterValue", f"images: {len(images)} of 1 to {IMAGES}; types: {list(kinds)}")
    found = [
        {"ImageId": image, "ResourceType": kind, "Arn": f"arn:aws:ec2:{self.region}:{self.current_account}:{name}"}
        for kind, options in kinds.items()
        for name, image in _named(self.ec2_backend, kind, options)
        if image in images
    ]
    return ActionResult({"ImageReferences": found})


def _named(backend: Any, kind: str, options: list[Any]) -> Iterator[tuple[str, str]]:
    """What names an image, and which. A terminated instance is seen for a while, as in DescribeInstances."""
    said = {one["OptionName"]: one["OptionValues"] for one in options}
    if kind == "ec2:Instance":
        for reservation in backend.all_reservations():
            for one in reservation.instances:
                if one.state in said.get("state-name", [one.state]):
                    yield f"instance/{one.id}", one.image_id
    if kind == "ec2:LaunchTemplate":
        depth = int(said.get("version-depth", [DEPTH])[0])
        for template in backend.launch_templates.values():
            for version in template.versions[-depth:]:
                yield f"launch-template/{template.id}", version.data.get("ImageId", "")


if not hasattr(AmisResponse, "describe_image_references"):
    AmisResponse.describe_image_references = describe_image_references
