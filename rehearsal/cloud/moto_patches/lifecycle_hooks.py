"""Lifecycle hooks and scaling policies answer with what they were given, not with placeholders of moto's.

Without these a provider sees a difference in every plan.
"""

from __future__ import annotations

from typing import Any

from moto.autoscaling.models import FakeScalingPolicy, LifecycleHook

from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import CloudState


@around(LifecycleHook, "__init__")
def notifies_nobody_unasked(cloud: CloudState, original: Correction, hook: Any, *args: Any, **kwargs: Any) -> None:
    original(hook, *args, **kwargs)
    hook.role_arn = None
    hook.notification_target_arn = None


@around(FakeScalingPolicy, "__init__")
def is_enabled(cloud: CloudState, original: Correction, policy: Any, *args: Any, **kwargs: Any) -> None:
    original(policy, *args, **kwargs)
    policy.enabled = True
    policy.predictive_scaling_configuration = policy.predictive_scaling_configuration or None
