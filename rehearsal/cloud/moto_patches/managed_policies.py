"""AWS's own managed policies exist in every account; moto leaves them out unless an environment variable asks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, IAMBackend

from rehearsal.cloud.moto_patches.patch import around
from rehearsal.state.cloud_state import CloudState


@around(IAMBackend, "_init_aws_policies")
def _all_of_them(cloud: CloudState, original: Callable[..., Any], backend: IAMBackend) -> list[Any]:
    policies = json.loads(aws_managed_policies_data)
    return [
        AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, policy)
        for name, policy in policies.items()
    ]
