"""One API call at a time: moto's records are not made for threads, and the reconciler changes them too."""

from __future__ import annotations

from typing import Any

from moto.core.responses import BaseResponse

from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import CloudState

_READING = ("Describe", "Get", "List")


@around(BaseResponse, "call_action")
def serialize(cloud: CloudState, original: Correction, response: Any) -> Any:
    with cloud.lock:
        answer = original(response)
    if not response._get_action().startswith(_READING):
        cloud.changed.set()
    return answer
