"""EC2's filters: how many values one call may name, which moto does not count.

Source: "Filter resources" in EC2's user guide; the words are those of DescribeInstances.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.responses._base_response import EC2BaseResponse

from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import CloudState

VALUES = 200


@around(EC2BaseResponse, "_filters_from_querystring")
def within_limits(cloud: CloudState, original: Correction, response: Any) -> Any:
    filters = original(response)
    if sum(len(values) for values in filters.values()) > VALUES:
        raise EC2ClientError(
            "FilterLimitExceeded", f"The maximum number of filter values specified on a single call is {VALUES}"
        )
    return filters
