"""Load balancers, target groups, listeners and rules carry up to 50 tags each; moto stops at 10, Classic's old limit.
And tags of what does not exist are an error, also beside others that do; moto answers that it has none.

Sources: "Tags for your listeners and rules" (and its sisters), User Guide for Application Load Balancers; DescribeTags
("Errors") in the Elastic Load Balancing API reference.
"""

from __future__ import annotations

from typing import Any

from moto.elbv2.exceptions import TooManyTagsError
from moto.elbv2.models import ELBv2Backend

from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import CloudState

TAGS = 50


@around(ELBv2Backend, "add_tags")
def up_to_fifty(
    cloud: CloudState, original: Correction, backend: Any, resource_arns: list[str], tags: list[dict[str, str]]
) -> None:
    for arn in resource_arns:
        backend._get_resource_by_arn(arn)
        held = backend.tagging_service.get_tag_dict_for_resource(arn)
        if len({*held, *(tag["Key"] for tag in tags)}) > TAGS:
            raise TooManyTagsError()
        backend.tagging_service.tag_resource(arn, tags)


@around(ELBv2Backend, "describe_tags")
def of_what_exists(cloud: CloudState, original: Correction, backend: Any, resource_arns: list[str]) -> Any:
    for arn in resource_arns:
        backend._get_resource_by_arn(arn)
    return original(backend, resource_arns)
