"""Whoever asks twice for the same thing, since an answer was lost, gets it once.

Source: "Ensuring idempotency in Amazon EC2 API requests" (a client token), and CreateTargetGroup in the ELB API
reference ("if you attempt to create multiple target groups with the same settings, each call succeeds").
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import BaseResponse
from moto.elbv2.models import ELBv2Backend

from rehearsal.cloud.moto_patches import serialized_calls  # noqa: F401 - whose correction is inside this one
from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import CloudState


@around(BaseResponse, "call_action")
def a_client_token_counts_once(cloud: CloudState, original: Correction, response: Any) -> Any:
    token = response._get_param("ClientToken")
    if response.service_name != "ec2" or not token:
        return original(response)
    key = f"{response._get_action()} {token}"
    if key not in cloud.idempotent_answers:
        answer = original(response)
        if answer[0] >= 300:
            return answer
        cloud.idempotent_answers[key] = answer
    return cloud.idempotent_answers[key]


@around(ELBv2Backend, "create_target_group")
def the_same_target_group_is_made_once(
    cloud: CloudState, original: Correction, backend: Any, name: str, **settings: Any
) -> Any:
    there = next((group for group in backend.target_groups.values() if group.name == name), None)
    if there is not None and cloud.idempotent_answers.get(there.arn) == settings:
        return there
    made = original(backend, name, **settings)
    cloud.idempotent_answers[made.arn] = settings
    return made
